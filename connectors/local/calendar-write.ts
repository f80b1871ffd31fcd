import ical, { type ICalEventData } from 'ical-generator';
import { ProblemError } from '../../contracts/problem.js';
import type { NewCalendarEvent } from '../../contracts/services.js';
import { addDays, type CalendarTime, dayAsUtc, isTimeZone, parseCalendarTime } from './calendar-time.js';

/** Holds the IANA zone of an event whose times are written in UTC, which every calendar program understands. */
export const TIME_ZONE_PROPERTY = 'X-RETINUE-TIME-ZONE';
/** One for each person invited, in order, as soon as one of them is known without a mail address. */
export const ATTENDEE_PROPERTY = 'X-RETINUE-ATTENDEE';

const PRODUCT = { company: 'Retinue', product: 'Retinue local calendar', language: 'EN' };
const ADDRESS = /^[^\s@<>"\\;,:]+@[^\s@<>"\\;,:]+$/;
// iCalendar text has no place for control characters other than tab and line break.
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g;

/** A calendar file without events. */
export function emptyCalendar(): string {
  return `${ical({ prodId: PRODUCT }).toString().trimEnd()}\r\n`;
}

/**
 * One VEVENT, folded, with CRLF line breaks and one at the end. Throws `ProblemError` `invalid-body` for times, a zone or an
 * id that cannot be written.
 */
export function eventBlock(id: string, event: NewCalendarEvent, now: Date): string {
  requireWritable(id, event.timeZone);
  const calendar = ical({ prodId: PRODUCT, events: [eventData(id, event, now)] });
  const text = calendar.toString();
  const end = 'END:VEVENT\r\n';
  return text.slice(text.indexOf('BEGIN:VEVENT\r\n'), text.lastIndexOf(end) + end.length);
}

/** An `EXDATE` line that takes one occurrence out of a repeating event; `stamp` is `YYYYMMDD` or `YYYYMMDDTHHMMSSZ`. */
export function exclusionLine(stamp: string, lineBreak: string): string {
  return `EXDATE${stamp.includes('T') ? '' : ';VALUE=DATE'}:${stamp}${lineBreak}`;
}

/** Whether an invited person is given as a plain mail address. */
export function isAddress(attendee: string): boolean {
  return ADDRESS.test(attendee);
}

function requireWritable(id: string, timeZone: string): void {
  if (!/^[\x21-\x7e]{1,200}$/.test(id) || /[\\,;#]/.test(id)) {
    throw new ProblemError('invalid-body', 'an event id must be printable ASCII without \\ , ; # and blanks');
  }
  if (!isTimeZone(timeZone)) {
    const message = 'must be an IANA time zone such as Europe/Berlin';
    throw new ProblemError('invalid-body', `timeZone ${message}`, { errors: [{ path: 'timeZone', message }] });
  }
}

function eventData(id: string, event: NewCalendarEvent, now: Date): ICalEventData {
  const names = event.attendees.some((attendee) => !isAddress(attendee)) ? event.attendees : [];
  return {
    id,
    stamp: now,
    summary: clean(event.title),
    ...times(parseCalendarTime(event.start, 'start'), parseCalendarTime(event.end, 'end')),
    ...(event.description === undefined ? {} : { description: clean(event.description) }),
    attendees: event.attendees.filter(isAddress).map((email) => ({ email })),
    x: [
      { key: TIME_ZONE_PROPERTY, value: event.timeZone },
      ...names.map((name) => ({ key: ATTENDEE_PROPERTY, value: clean(name) })),
    ],
  };
}

/** Whole days end on the first day after, as in iCalendar and Google Calendar; an end on the first day means that one day. */
function times(start: CalendarTime, end: CalendarTime): { start: Date; end: Date; allDay: boolean } {
  if (start.kind === 'day' && end.kind === 'day') {
    const last = end.date === start.date ? addDays(start.date, 1) : end.date;
    return inOrder({ start: dayAsUtc(start.date), end: dayAsUtc(last), allDay: true });
  }
  if (start.kind === 'instant' && end.kind === 'instant') {
    return inOrder({ start: new Date(start.epochMs), end: new Date(end.epochMs), allDay: false });
  }
  throw endProblem('must be a date exactly if start is one');
}

function inOrder<T extends { start: Date; end: Date }>(range: T): T {
  if (range.end < range.start) throw endProblem('must not be before start');
  return range;
}

function endProblem(message: string): ProblemError {
  return new ProblemError('invalid-body', `end ${message}`, { errors: [{ path: 'end', message }] });
}

function clean(text: string): string {
  return text.replace(CONTROL, '');
}
