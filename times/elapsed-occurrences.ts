import { Temporal } from 'temporal-polyfill';
import { isMonthDay } from './calendar-times.js';
import type { Rule } from './rule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How many moments without a match are looked at before the search is given up. */
const MOST_MISSES = 6_000;

/**
 * Occurrences of an hourly or minutely rule after a moment: every so many elapsed hours or minutes from its start on,
 * where the wall clock of the zone fits the rule's lists. All in milliseconds since 1970.
 */
export function* elapsedOccurrences(
  rule: Rule,
  start: number,
  zone: string,
  after: number,
): Generator<number, undefined> {
  const step = rule.interval * (rule.freq === 'HOURLY' ? HOUR : MINUTE);
  const skipped = rule.count === undefined ? Math.max(0, Math.floor((after - start) / step)) : 0;
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  let misses = 0;
  for (let at = start + skipped * step; left > 0 && misses < MOST_MISSES; ) {
    const miss = missAt(rule, at, zone);
    if (miss === undefined) {
      if (at > after) yield at;
      misses = 0;
      left -= 1;
      at += step;
    } else {
      misses += 1;
      at += Math.max(1, Math.ceil((miss - at) / step)) * step;
    }
  }
  return undefined;
}

/** The earliest moment at which a time that does not fit the rule may fit it; undefined where it fits. */
function missAt(rule: Rule, at: number, zone: string): number | undefined {
  const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const date = shown.toPlainDate();
  if (rule.byMonth.length > 0 && !rule.byMonth.includes(date.month))
    return date.with({ day: 1 }).add({ months: 1 }).toZonedDateTime(zone).epochMilliseconds;
  if (!dayFits(rule, date)) return date.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds;
  if (rule.byHour.length > 0 && !rule.byHour.includes(shown.hour)) {
    return at + HOUR - (shown.minute * MINUTE + shown.second * 1000);
  }
  if (rule.byMinute.length === 0 || rule.byMinute.includes(shown.minute)) return undefined;
  const nextMinute = rule.byMinute.find((minute) => minute > shown.minute) ?? 60;
  return at + (nextMinute - shown.minute) * MINUTE - shown.second * 1000;
}

function dayFits(rule: Rule, date: Temporal.PlainDate): boolean {
  return (
    isMonthDay(rule, date) && (rule.byDay.length === 0 || rule.byDay.some((day) => day.weekday === date.dayOfWeek))
  );
}
