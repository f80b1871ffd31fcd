import { Temporal } from 'temporal-polyfill';
import { ProblemError } from '../../contracts/problem.js';
import type { OutsideContext } from '../../contracts/skill.js';
import type { CalendarEvent, NewCalendarEvent, VersionedEvent } from '../../contracts/services.js';
import { isDate, startOf } from './calendar-time.js';

/** Fields of an event and the values they are to have; an empty description takes it away. */
export type EventFields = Partial<NewCalendarEvent>;

// Calendars keep no control characters other than tab and line break.
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g;

/** The event of this id, or undefined where there is none. */
export async function findEvent(
  { calendar, user }: Pick<OutsideContext, 'calendar' | 'user'>,
  id: string,
): Promise<VersionedEvent | undefined> {
  try {
    return await calendar.get(user.id, id);
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'not-found') return undefined;
    throw error;
  }
}

/** Whether an event has these values, however its calendar writes them down. */
export function holds(event: CalendarEvent, fields: EventFields): boolean {
  const { title, start, end, timeZone, attendees, description } = fields;
  return (
    (title === undefined || sameText(title, event.title)) &&
    (description === undefined || sameText(description, event.description ?? '')) &&
    (start === undefined || sameTime(start, event.start)) &&
    (end === undefined || sameTime(end, event.end)) &&
    (timeZone === undefined || timeZone === event.timeZone) &&
    (attendees === undefined || samePeople(attendees, event.attendees))
  );
}

/** The event with the new values; throws `ProblemError` `invalid-body` where its times would not fit together. */
export function changedEvent(event: CalendarEvent, fields: EventFields): CalendarEvent {
  const { description = '', ...changed } = { ...event, ...fields };
  for (const field of ['start', 'end'] as const) requireSameKind(event, changed, field);
  const [from, to] = [startOf(changed.start, changed.timeZone), startOf(changed.end, changed.timeZone)];
  const moved = fields.start !== undefined || fields.end !== undefined;
  if (moved && Temporal.Instant.compare(from, to) >= 0) {
    throw badTime('end', `must be after start (${changed.start}); to move an event name both`);
  }
  return { ...changed, ...(description === '' ? {} : { description }) };
}

/** The fields that have a value, as an input or a stored change names them. */
export function namedFields(fields: { [Name in keyof EventFields]: EventFields[Name] | undefined }): EventFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The present values of the fields that a change names. */
export function formerFields(event: CalendarEvent, fields: EventFields): Record<string, string | string[]> {
  const former = { ...event, attendees: [...event.attendees], description: event.description ?? '' };
  const names = Object.keys(fields) as (keyof EventFields)[];
  return Object.fromEntries(names.map((name) => [name, former[name]]));
}

function requireSameKind(event: CalendarEvent, changed: CalendarEvent, field: 'start' | 'end'): void {
  if (isDate(changed[field]) === isDate(event.start)) return;
  throw badTime(
    field,
    isDate(event.start)
      ? 'must be a date, because the event lasts whole days'
      : 'must be a date-time with offset, because the event does not last whole days',
  );
}

function badTime(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', 'The event cannot be changed like this.', { errors: [{ path, message }] });
}

function sameText(a: string, b: string): boolean {
  return asKept(a) === asKept(b);
}

function asKept(text: string): string {
  return text.replace(CONTROL, '').replace(/\r\n?/g, '\n');
}

/** Calendars keep whole seconds. */
function sameTime(a: string, b: string): boolean {
  if (isDate(a) || isDate(b)) return a === b;
  return Math.floor(Date.parse(a) / 1000) === Math.floor(Date.parse(b) / 1000);
}

function samePeople(a: readonly string[], b: readonly string[]): boolean {
  const sorted = (people: readonly string[]): string => JSON.stringify(people.map((one) => one.toLowerCase()).sort());
  return sorted(a) === sorted(b);
}
