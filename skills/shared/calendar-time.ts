import { Temporal } from 'temporal-polyfill';
import { ProblemError } from '../../contracts/problem.js';

/** A span of time, the end excluded. */
export interface TimeRange {
  readonly from: Temporal.Instant;
  readonly to: Temporal.Instant;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** A whole day, rather than a moment. */
export function isDate(value: string): boolean {
  return DATE.test(value);
}

/**
 * The span a caller named. Dates are days of the request's time zone, and a date as end includes that day.
 * Throws `invalid-body` where the end is not after the start or the span is longer than `maxDays`.
 */
export function toTimeRange(named: { from: string; to: string }, timeZone: string, maxDays: number): TimeRange {
  const from = startOf(named.from, timeZone);
  const to = isDate(named.to)
    ? startOfDay(Temporal.PlainDate.from(named.to).add({ days: 1 }), timeZone)
    : startOf(named.to, timeZone);
  if (Temporal.Instant.compare(from, to) >= 0) throw badRange('must be after from');
  const latest = from.toZonedDateTimeISO(timeZone).add({ days: maxDays }).toInstant();
  if (Temporal.Instant.compare(to, latest) > 0) throw badRange(`must be at most ${maxDays} days after from`);
  return { from, to };
}

/** The moment a date (its first moment in this zone) or a date-time stands for. */
export function startOf(value: string, timeZone: string): Temporal.Instant {
  return isDate(value) ? startOfDay(Temporal.PlainDate.from(value), timeZone) : Temporal.Instant.from(value);
}

/** RFC 3339 with the offset that this zone has at that moment, in whole seconds. */
export function localTime(instant: Temporal.Instant, timeZone: string): string {
  return instant.toZonedDateTimeISO(timeZone).toString({ timeZoneName: 'never', smallestUnit: 'second' });
}

function startOfDay(date: Temporal.PlainDate, timeZone: string): Temporal.Instant {
  return date.toZonedDateTime({ timeZone }).toInstant();
}

function badRange(problem: string): ProblemError {
  return new ProblemError('invalid-body', `to: ${problem}`, { errors: [{ path: 'to', message: problem }] });
}
