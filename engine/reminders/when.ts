import { ProblemError } from '../../contracts/problem.js';
import { nextOccurrence, type Recurrence, ruleProblem } from '../../times/occurrences.js';
import { atOtherTimeOfDay } from '../../times/other-time-of-day.js';
import { type ResolvedTime, resolveTime } from '../../times/resolve-time.js';
import { momentAt, wallTextAt } from '../../times/wall-clock.js';

/** What says when something is due, as it was given. */
export interface When {
  readonly dueAt?: string | undefined;
  readonly when?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly recurrence?: string | undefined;
}

/** When it was said, in milliseconds since 1970, and on whose clock. */
export interface Spoken {
  readonly now: number;
  readonly timeZone: string;
}

/** A time that something is due at. */
export interface DueTime {
  readonly kind: 'due';
  /** Milliseconds since 1970. */
  readonly due: number;
  readonly zone: string;
  /** The wall-clock time that was meant; undefined where the moment itself was. */
  readonly localStart: string | undefined;
  readonly recurrence: string | undefined;
}

/** What has to be asked before anything is set. */
export interface Unclear {
  readonly kind: 'ask';
  readonly question: string;
}

/** Throws `invalid-body` with the path of the field that cannot be meant. */
export function resolveWhen(given: When, spoken: Spoken): DueTime | Unclear {
  const zone = given.timeZone ?? spoken.timeZone;
  if (given.dueAt !== undefined && given.when !== undefined) throw wrong('when', 'Give dueAt or when, not both.');
  if (given.when !== undefined)
    return ofWords(resolveTime(given.when, { now: spoken.now, timeZone: zone }), given, spoken);
  if (given.dueAt !== undefined) return ofMoment(Date.parse(given.dueAt), zone, given.recurrence, spoken);
  if (given.recurrence !== undefined) return ofRule(given.recurrence, wallTextAt(spoken.now, zone), zone, spoken.now);
  throw wrong('dueAt', 'Say when: give dueAt, when or recurrence.');
}

/**
 * What comes round, at the time of day that words name: its rule and its days stay. Undefined for words that name a day,
 * a length of time or a rule of their own. Throws `invalid-body` where the rule does not come round at that time.
 */
export function resolveTimeOfDay(words: string, former: Recurrence, spoken: Spoken): DueTime | undefined {
  const meant = resolveTime(words, spoken);
  if (meant.kind !== 'at' || !meant.isTimeOfDay) return undefined;
  const { rrule, start, zone } = atOtherTimeOfDay(former, meant);
  return ofRule(rrule, start, zone, spoken.now);
}

function ofWords(meant: ResolvedTime, given: When, spoken: Spoken): DueTime | Unclear {
  if (meant.kind === 'ask') return { kind: 'ask', question: meant.question };
  if (meant.kind === 'recurring') return ofRule(given.recurrence ?? meant.rrule, meant.start, meant.zone, spoken.now);
  if (given.recurrence !== undefined) return ofRule(given.recurrence, meant.local, meant.zone, spoken.now);
  const localStart = meant.isElapsed ? undefined : meant.local;
  return { kind: 'due', due: meant.due, zone: meant.zone, localStart, recurrence: undefined };
}

function ofMoment(due: number, zone: string, rule: string | undefined, spoken: Spoken): DueTime {
  if (rule !== undefined) return ofRule(rule, wallTextAt(due, zone), zone, spoken.now);
  if (due <= spoken.now) throw wrong('dueAt', 'That time has passed: give one that is still to come.');
  return { kind: 'due', due, zone, localStart: undefined, recurrence: undefined };
}

function ofRule(rrule: string, start: string, zone: string, now: number): DueTime {
  const recurrence: Recurrence = { rrule, start, zone };
  const problem = ruleProblem(recurrence);
  if (problem !== undefined) throw wrong('recurrence', problem);
  const due = nextOccurrence(recurrence, now);
  if (due === undefined) throw wrong('recurrence', 'It has come round for the last time: change its end.');
  return { kind: 'due', due, zone, localStart: start, recurrence: rrule };
}

/** The moment of a wall-clock time, of a rule the next one after `after`; undefined where none follows. */
export function dueAgain(
  time: { readonly localStart: string; readonly zone: string; readonly recurrence?: string | undefined },
  after: number,
): number | undefined {
  const { localStart, zone, recurrence } = time;
  if (recurrence === undefined) return momentAt(localStart, zone);
  return nextOccurrence({ rrule: recurrence, start: localStart, zone }, after);
}

function wrong(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', message, { status: 422, errors: [{ path, message }] });
}
