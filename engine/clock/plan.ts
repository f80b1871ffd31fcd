import type { CatchUp } from '../../contracts/reminder.js';
import { nextOccurrence, occurrencesBetween, type Recurrence } from '../../times/occurrences.js';

/** Something that comes due, once or again and again. Times are milliseconds since 1970. */
export interface Timed {
  /** The next of its own times, one of the rule's where there is a rule. */
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

/** Decides about something whose time has come. Nothing happens before its time. Pure; throws a `RuleError` for a broken rule. */
export function planDue(timed: Timed, now: number): Plan {
  const { snoozedTo, due } = timed;
  if (snoozedTo !== undefined && snoozedTo <= now && (snoozedTo <= due || due > now))
    return { ...once(timed, snoozedTo, now), next: due, endsSnooze: true };
  if (due > now) return { next: due, endsSnooze: false };
  if (timed.recurrence === undefined) return { ...once(timed, due, now), next: undefined, endsSnooze: false };
  return { ...again(timed, timed.recurrence, now), endsSnooze: false };
}

function once({ windowMs }: Timed, due: number, now: number): Pick<Plan, 'fires' | 'missed'> {
  const late = now - due;
  if (late > windowMs) return { missed: { count: 1, first: due, last: due } };
  return { fires: { due, isLate: late > LATE_MS } };
}

type Chosen = Pick<Plan, 'fires' | 'missed' | 'next'>;

/** Walks through what has passed: the last that is not too late happens, of `all` the first, and the rest before it is missed. */
function again(timed: Timed, recurrence: Recurrence, now: number): Chosen {
  const open = now - timed.windowMs;
  const passed: number[] = [];
  for (const at of occurrencesBetween(recurrence, timed.due, Number.POSITIVE_INFINITY)) {
    const isSettled = timed.catchUp === 'all' && (passed.at(-1) ?? open - 1) >= open;
    if (at > now || isSettled) return chosen(passed, open, now, at);
    if (passed.length === MOST_COUNTED) return farBehind(timed, recurrence, now, passed);
    passed.push(at);
  }
  return chosen(passed, open, now, undefined);
}

function chosen(passed: readonly number[], open: number, now: number, next: number | undefined): Chosen {
  const newest = passed.at(-1);
  const happens = newest !== undefined && newest >= open;
  const gone = happens ? passed.slice(0, -1) : passed;
  const [first, last] = [gone[0], gone.at(-1)];
  return {
    ...(happens ? { fires: firesAt(newest, now) } : {}),
    ...(first === undefined || last === undefined ? {} : { missed: { count: gone.length, first, last } }),
    next,
  };
}

/** As `chosen`, where more has passed than is counted. */
function farBehind(timed: Timed, recurrence: Recurrence, now: number, passed: readonly number[]): Chosen {
  const open = now - timed.windowMs;
  const [first = timed.due, counted = timed.due] = [passed[0], passed.at(-1)];
  const newest = lastUpTo(recurrence, counted, now);
  const isAll = timed.catchUp === 'all';
  const happens = newest < open ? undefined : isAll ? nextOccurrence(recurrence, open - 1) : newest;
  const last = happens === undefined ? newest : lastUpTo(recurrence, counted, happens - 1);
  return {
    ...(happens === undefined ? {} : { fires: firesAt(happens, now) }),
    missed: { count: MOST_COUNTED, first, last },
    next: nextOccurrence(recurrence, happens !== undefined && isAll ? happens : now),
  };
}

function firesAt(due: number, now: number): NonNullable<Plan['fires']> {
  return { due, isLate: now - due > LATE_MS };
}

/** The last time up to and with a moment, found by halving; `known` is one of them. */
function lastUpTo(recurrence: Recurrence, known: number, upto: number): number {
  let [last, end] = [known, upto];
  while (last < end) {
    const middle = Math.floor((last + end) / 2);
    const found = nextOccurrence(recurrence, middle);
    if (found !== undefined && found <= end) last = found;
    else end = middle;
  }
  return last;
}
