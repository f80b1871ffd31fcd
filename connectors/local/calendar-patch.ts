import type { CalendarEvent } from '../../contracts/services.js';
import {
  type IcsComponent,
  type IcsDocument,
  type IcsProperty,
  parseCalendarText,
  propertyOf,
  type TextChange,
  unescapeText,
} from './calendar-text.js';
import { ATTENDEE_PROPERTY, eventBlock, TIME_ZONE_PROPERTY } from './calendar-write.js';

/** What of an event stands in which properties; some hold the same in a form of other programs. */
const FIELDS: readonly { readonly names: readonly string[]; readonly valueOf: (event: CalendarEvent) => string }[] = [
  { names: ['SUMMARY'], valueOf: ({ title }) => title },
  { names: ['DESCRIPTION', 'X-ALT-DESC'], valueOf: ({ description }) => description ?? '' },
  {
    names: [
      'DTSTART',
      'DTEND',
      'DURATION',
      TIME_ZONE_PROPERTY,
      'X-MICROSOFT-CDO-ALLDAYEVENT',
      'X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT',
    ],
    valueOf: timesOf,
  },
  { names: ['ATTENDEE', ATTENDEE_PROPERTY], valueOf: ({ attendees }) => JSON.stringify(attendees) },
];

/** Times that any event can be written with, for one whose own are not rewritten. */
const SOME_DAY = { start: '2000-01-01', end: '2000-01-02', timeZone: 'UTC' };

/**
 * Rewrites the lines of the fields that differ and marks the event as revised (SEQUENCE, DTSTAMP, LAST-MODIFIED); empty
 * when none differs. People who stay keep their lines, with all that other programs know about them. Throws
 * `ProblemError` `invalid-body` for times or a zone that cannot be written.
 */
export function changedLines(
  document: IcsDocument,
  component: IcsComponent,
  before: CalendarEvent,
  after: CalendarEvent,
  now: Date,
): TextChange[] {
  const names = FIELDS.filter(({ valueOf }) => valueOf(before) !== valueOf(after)).flatMap((field) => field.names);
  if (names.length === 0) return [];
  const fresh = freshLines(timesOf(before) === timesOf(after) ? { ...after, ...SOME_DAY } : after, now);
  const lines = [
    ...revision(component, fresh),
    ...fresh.filter(({ name }) => names.includes(name) && name !== 'ATTENDEE').map(({ raw }) => raw),
    ...(names.includes('ATTENDEE') ? peopleLines(document, component, after.attendees, fresh) : []),
  ];
  const old = component.properties.filter(({ name }) => names.includes(name) || REVISION.includes(name));
  const place = propertyOf(component.properties, 'UID')?.start ?? component.lastLine;
  const insert = lines.join('').replaceAll(/\r?\n/g, document.lineBreak);
  return [...old.map(({ start, end }) => ({ start, end, insert: '' })), { start: place, end: place, insert }];
}

const REVISION: readonly string[] = ['SEQUENCE', 'DTSTAMP', 'LAST-MODIFIED'];

function timesOf({ start, end, timeZone }: CalendarEvent): string {
  return JSON.stringify([start, end, timeZone]);
}

interface FreshLine extends IcsProperty {
  readonly raw: string;
}

/** The properties that a new event with these fields would be written with. */
function freshLines({ description, ...event }: CalendarEvent, now: Date): FreshLine[] {
  const described = description === undefined || description === '' ? {} : { description };
  const block = eventBlock('event', { ...event, ...described }, now);
  const text = `BEGIN:VCALENDAR\r\n${block}END:VCALENDAR\r\n`;
  const properties = parseCalendarText(text).components[0]?.properties ?? [];
  return properties.map((property) => ({ ...property, raw: text.slice(property.start, property.end) }));
}

function revision(component: IcsComponent, fresh: readonly IcsProperty[]): string[] {
  const sequence = Number(propertyOf(component.properties, 'SEQUENCE')?.value ?? 0) || 0;
  const stamp = propertyOf(fresh, 'DTSTAMP')?.value ?? '';
  return [`SEQUENCE:${sequence + 1}\r\n`, `DTSTAMP:${stamp}\r\n`, `LAST-MODIFIED:${stamp}\r\n`];
}

/** One line for each person who has one, in order. */
function peopleLines(
  document: IcsDocument,
  component: IcsComponent,
  attendees: readonly string[],
  fresh: readonly FreshLine[],
): string[] {
  return attendees.flatMap((attendee) => {
    const old = component.properties.find((line) => isLineOf(line, attendee));
    if (old !== undefined) return [document.text.slice(old.start, old.end)];
    return fresh.find((line) => isLineOf(line, attendee))?.raw ?? [];
  });
}

function isLineOf({ name, value }: IcsProperty, attendee: string): boolean {
  const address = unescapeText(value.trim()).replace(/^mailto:/i, '');
  return name === 'ATTENDEE' && address.toLowerCase() === attendee.toLowerCase();
}
