import type { CatchUp } from '../../contracts/reminder.js';
import { nextOccurrence, occurrencesBetween, type Recurrence } from '../../times/occurrences.js';

/** Something that comes due, once or again and again. Times are milliseconds since 1970. */
export interface Timed {
  /** The next of its own times. */
  readonly due: number;
  /** One further time, put in by hand. */
  readonly snoozedTo?: number | undefined;
  readonly recurrence?: Recurrence | undefined;
  readonly catchUp: CatchUp;
  /** How late it may still happen. */
  readonly windowMs: number;
}

/** Times that passed and do not happen any more. */
export interface Missed {
  /** Counted up to a thousand. */
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** What becomes of something whose time has come. */
export interface Plan {
  /** The time that happens now. */
  readonly fires?: { readonly due: number; readonly isLate: boolean };
  readonly missed?: Missed;
  /** The next of its own times after this; undefined where there is none. */
  readonly next: number | undefined;
  /** The time put in by hand is over. */
  readonly endsSnooze: boolean;
}

/** From here on a person notices. */
const LATE_MS = 30_000;
const MOST_COUNTED = 1_000;

/** Decides about something of which at least one time is not after `now`. Pure; throws a `RuleError` for a broken rule. */
export function planDue(timed: Timed, now: number): Plan {
  const { snoozedTo, due } = timed;
  if (snoozedTo !== undefined && snoozedTo <= now && (snoozedTo <= due || due > now))
    return { ...once(timed, snoozedTo, now), next: due, endsSnooze: true };
  if (timed.recurrence === undefined) return { ...once(timed, due, now), next: undefined, endsSnooze: false };
  return { ...again(timed, timed.recurrence, now), endsSnooze: false };
}

function once({ windowMs }: Timed, due: number, now: number): Pick<Plan, 'fires' | 'missed'> {
  const late = now - due;
  if (late > windowMs) return { missed: { count: 1, first: due, last: due } };
  return { fires: { due, isLate: late > LATE_MS } };
}

function again(timed: Timed, recurrence: Recurrence, now: number): Pick<Plan, 'fires' | 'missed' | 'next'> {
  const { due, windowMs, catchUp } = timed;
  const open = Math.max(due, now - windowMs);
  const past = gone(recurrence, due, open);
  const [first, ...others] = firstAndLast(recurrence, open, now);
  if (first === undefined) return { ...missedOf(past), next: nextOccurrence(recurrence, now) };
  if (catchUp === 'all')
    return { fires: firesAt(first, now), ...missedOf(past), next: nextOccurrence(recurrence, first) };
  const newest = others.at(-1) ?? first;
  const left = gone(recurrence, due, newest);
  return { fires: firesAt(newest, now), ...missedOf(left), next: nextOccurrence(recurrence, now) };
}

function firesAt(due: number, now: number): NonNullable<Plan['fires']> {
  return { due, isLate: now - due > LATE_MS };
}

/** The first and the last of the times from one moment up to and with another. */
function firstAndLast(recurrence: Recurrence, from: number, upto: number): number[] {
  const first = nextOccurrence(recurrence, from - 1);
  if (first === undefined || first > upto) return [];
  let last = first;
  for (const at of occurrencesBetween(recurrence, first, upto + 1)) last = at;
  return last === first ? [first] : [first, last];
}

/** The times from one moment on and before another. */
function gone(recurrence: Recurrence, from: number, before: number): Missed | undefined {
  let count = 0;
  let [first, last] = [from, from];
  for (const at of occurrencesBetween(recurrence, from, before)) {
    if (count === 0) first = at;
    last = at;
    count += 1;
    if (count === MOST_COUNTED) break;
  }
  return count === 0 ? undefined : { count, first, last };
}

function missedOf(missed: Missed | undefined): Pick<Plan, 'missed'> {
  return missed === undefined ? {} : { missed };
}
