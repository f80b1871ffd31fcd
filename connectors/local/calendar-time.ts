import { Temporal } from 'temporal-polyfill';
import { ProblemError } from '../../contracts/problem.js';
import { InstantSchema, TimeZoneSchema } from '../../contracts/text.js';

/** A point in a calendar: an instant in epoch milliseconds, or a whole day. */
export type CalendarTime =
  | { readonly kind: 'instant'; readonly epochMs: number }
  | { readonly kind: 'day'; readonly date: string };

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const validZones = new Map<string, boolean>();

/** Whether this platform knows the IANA time zone; remembered, because asking is slow. */
export function isTimeZone(name: string): boolean {
  const known = validZones.get(name);
  if (known !== undefined) return known;
  const valid = TimeZoneSchema.safeParse(name).success;
  // Names come from foreign files: do not remember without end.
  if (validZones.size < 2000) validZones.set(name, valid);
  return valid;
}

/** Reads RFC 3339 with offset, or a date; anything else is a `ProblemError` `invalid-body` for `field`. */
export function parseCalendarTime(text: string, field: string): CalendarTime {
  if (DAY.test(text) && isRealDate(text)) return { kind: 'day', date: text };
  return { kind: 'instant', epochMs: parseInstant(text, field) };
}

/** Epoch milliseconds of an RFC 3339 time with offset; anything else is a `ProblemError` `invalid-body` for `field`. */
export function parseInstant(text: string, field: string): number {
  if (!InstantSchema.safeParse(text).success) {
    const message = 'must be RFC 3339 with offset, such as 2026-12-01T10:00:00+01:00';
    throw new ProblemError('invalid-body', `${field} ${message}`, { errors: [{ path: field, message }] });
  }
  return Date.parse(text);
}

/** RFC 3339 in the zone's offset at that moment, to the second. */
export function formatInstant(epochMs: number, timeZone: string): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timeZone);
  return zoned.toString({ timeZoneName: 'never', smallestUnit: 'second', fractionalSecondDigits: 0 });
}

/** Epoch milliseconds of the beginning of a day in a zone. */
export function startOfDay(date: string, timeZone: string): number {
  return Temporal.PlainDate.from(date).toZonedDateTime(timeZone).epochMilliseconds;
}

/** The date `days` later. */
export function addDays(date: string, days: number): string {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** Milliseconds since 1970 of a date at midnight UTC: the form in which iCalendar libraries take whole days. */
export function dayAsUtc(date: string): Date {
  return new Date(`${date}T00:00:00Z`);
}

function isRealDate(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}
