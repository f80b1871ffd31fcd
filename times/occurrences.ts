import { Temporal } from 'temporal-polyfill';
import { calendarTimes } from './calendar-times.js';
import { elapsedOccurrences } from './elapsed-occurrences.js';
import { countsElapsed, parseRule, type Rule, RuleError } from './rule.js';
import { atWallClock, wallClock } from './wall-clock.js';

/** A rule with the time it is counted from. */
export interface Recurrence {
  /** RFC 5545, without DTSTART: `FREQ=WEEKLY;BYDAY=MO,TU`. UNTIL without a Z is wall-clock time, a bare date includes that day. */
  readonly rrule: string;
  /**
   * Wall-clock time in the zone, `2026-12-07T08:45:00`, from which the rule counts; it gives the time of day, and the day
   * where the rule names none. It is an occurrence only where it fits the rule. Hourly and minutely rules count from a
   * moment: there an offset may follow, which tells the two hours apart when clocks go back.
   */
  readonly start: string;
  /** IANA zone. */
  readonly zone: string;
}

/** How much a clock change can move a time at most, in hours: a zone may skip a whole day. */
const LONGEST_CHANGE = 25;
/** Rules with a COUNT are counted through from their start. */
const EARLIEST_START = Date.UTC(1900, 0, 1);

/**
 * What keeps a recurrence from being followed, as a sentence for people; undefined where nothing does. Refused are
 * rules that are no RFC 5545, come round more often than once a minute, or never.
 */
export function ruleProblem(recurrence: Recurrence): string | undefined {
  try {
    const first = nextOccurrence(recurrence, startOf(recurrence) - 1);
    return first === undefined ? 'The rule never comes round: change its days or its end.' : undefined;
  } catch (error) {
    if (error instanceof RuleError) return error.message;
    throw error;
  }
}

/**
 * The first occurrence after a moment, both in milliseconds since 1970; undefined where none follows.
 * Throws a `RuleError` for a rule that cannot be followed.
 */
export function nextOccurrence(recurrence: Recurrence, after: number): number | undefined {
  return occurrencesAfter(recurrence, after).next().value;
}

/** The occurrences from a moment on and before another, ascending, each moment once; all in milliseconds since 1970. */
export function* occurrencesBetween(
  recurrence: Recurrence,
  from: number,
  before: number,
): Generator<number, undefined> {
  for (const at of occurrencesAfter(recurrence, from - 1)) {
    if (at >= before) return undefined;
    yield at;
  }
  return undefined;
}

/** The moment from which a recurrence counts. Throws a `RuleError` where `start` or `zone` cannot be read, or is too long ago. */
function startOf(recurrence: Recurrence): number {
  const start = readStart(recurrence);
  if (start < EARLIEST_START)
    throw new RuleError(`“${recurrence.start}” is too long ago to count from: give a start from the year 1900 on.`);
  return start;
}

function readStart(recurrence: Recurrence): number {
  try {
    if (/(?:Z|[+-]\d\d:\d\d)$/.test(recurrence.start)) return Temporal.Instant.from(recurrence.start).epochMilliseconds;
    return atWallClock(Temporal.PlainDateTime.from(recurrence.start), recurrence.zone).at;
  } catch (error) {
    throw new RuleError(
      `“${recurrence.start}” in “${recurrence.zone}” is no time to count from: give a local time and an IANA zone.`,
      { cause: error },
    );
  }
}

function* occurrencesAfter(recurrence: Recurrence, after: number): Generator<number, undefined> {
  const rule = parseRule(recurrence.rrule);
  const start = startOf(recurrence);
  const end = endOf(rule, recurrence.zone);
  const all = countsElapsed(rule)
    ? elapsedOccurrences(rule, start, recurrence.zone, after)
    : wallClockOccurrences(rule, recurrence, after);
  for (const at of all) {
    if (at > end) return undefined;
    yield at;
  }
  return undefined;
}

function endOf(rule: Rule, zone: string): number {
  if (rule.until === undefined) return Number.POSITIVE_INFINITY;
  try {
    if (rule.until.endsWith('Z')) return Temporal.Instant.from(rule.until).epochMilliseconds;
    if (rule.until.includes('T')) return atWallClock(Temporal.PlainDateTime.from(rule.until), zone).at;
    return Temporal.PlainDate.from(rule.until).add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds - 1;
  } catch (error) {
    throw new RuleError(`UNTIL=${rule.until} is no day or time that exists.`, { cause: error });
  }
}

/**
 * Occurrences of a rule that keeps to the wall clock. The rule is unfolded on a calendar without zone and each time
 * then looked up in the zone, so that no clock change can drop a time or carry over to the next day. Two times that a
 * skipped hour brings to the same moment are one; moved times are put back in order.
 */
function* wallClockOccurrences(rule: Rule, recurrence: Recurrence, after: number): Generator<number, undefined> {
  const start = Temporal.PlainDateTime.from(recurrence.start);
  const waiting: { at: number; shown: Temporal.PlainDateTime }[] = [];
  let last = after;
  for (const shown of calendarTimes(
    rule,
    start,
    wallClock(after, recurrence.zone).toPlainDate().subtract({ days: 2 }),
  )) {
    const settled = shown.subtract({ hours: LONGEST_CHANGE });
    while (waiting[0] !== undefined && Temporal.PlainDateTime.compare(waiting[0].shown, settled) < 0) {
      const { at } = waiting[0];
      waiting.shift();
      if (at > last) yield (last = at);
    }
    const at = atWallClock(shown, recurrence.zone).at;
    const latest = waiting.at(-1)?.at ?? at;
    waiting.push({ at, shown });
    if (latest > at) waiting.sort((a, b) => a.at - b.at);
  }
  for (const { at } of waiting) if (at > last) yield (last = at);
  return undefined;
}
