import { Temporal } from 'temporal-polyfill';
import { atWallClock, wallClock } from './wall-clock.js';

/** A part of every day in which nobody wants to be disturbed, on a wall clock: `22:00` to `07:00`. */
export interface QuietHours {
  readonly from: string;
  readonly to: string;
}

/**
 * The first moment from `at` on (milliseconds since 1970) that is not in the quiet hours of a zone. Hours that begin and
 * end at the same time are none.
 */
export function afterQuietHours(at: number, hours: QuietHours | undefined, zone: string): number {
  if (hours === undefined) return at;
  const [from, to] = [Temporal.PlainTime.from(hours.from), Temporal.PlainTime.from(hours.to)];
  const shown = wallClock(at, zone);
  const time = shown.toPlainTime();
  const isPastFrom = Temporal.PlainTime.compare(time, from) >= 0;
  const isBeforeTo = Temporal.PlainTime.compare(time, to) < 0;
  const order = Temporal.PlainTime.compare(from, to);
  const spansMidnight = order > 0;
  const isQuiet = order !== 0 && (spansMidnight ? isPastFrom || isBeforeTo : isPastFrom && isBeforeTo);
  if (!isQuiet) return at;
  const day = spansMidnight && isPastFrom ? shown.toPlainDate().add({ days: 1 }) : shown.toPlainDate();
  // Where the clocks go back an end that came before is still to come a second time.
  return Math.max(at, atWallClock(day.toPlainDateTime(to), zone).at);
}
