import { ProblemError } from '../../contracts/problem.js';
import type { AskBack } from '../../contracts/schedule-access.js';
import type { TriggerSpecs } from '../../contracts/trigger.js';
import { resolveTime } from '../../times/resolve-time.js';
import { wallTextAt } from '../../times/wall-clock.js';
import { ONCE } from './schedule-view.js';

/** When work is to be done, as it was given. */
export interface WorkTime {
  readonly when?: string | undefined;
  readonly dueAt?: string | undefined;
  readonly recurrence?: string | undefined;
  readonly timeZone?: string | undefined;
}

/** The times of a schedule; `zone` is the one whose clock people read them on. */
export interface WorkTimes {
  readonly kind: 'times';
  readonly spec: Pick<TriggerSpecs['cron'], 'rrule' | 'timeZone' | 'start'>;
  readonly zone: string;
}

/** Local date and time, without the offset that some rules count from. */
const LOCAL_CHARACTERS = 19;

/**
 * Words, a moment or a rule as the rule of a schedule; a single time is a rule that comes round once. `now` is when it was
 * said, RFC 3339. Throws `invalid-body` where nothing says when.
 */
export function workTimes(given: WorkTime, spoken: { now: string; timeZone: string }): WorkTimes | AskBack {
  const zone = given.timeZone ?? spoken.timeZone;
  const { when, dueAt, recurrence } = given;
  if (when !== undefined && dueAt !== undefined)
    throw new ProblemError('invalid-body', 'Give when or dueAt, not both.');
  if (when !== undefined) return ofWords(when, recurrence, { now: Date.parse(spoken.now), timeZone: zone });
  if (dueAt !== undefined && recurrence === undefined) return once(Date.parse(dueAt), zone);
  if (recurrence === undefined) throw new ProblemError('invalid-body', 'Say when: give when or recurrence.');
  const start = dueAt === undefined ? {} : { start: wallTextAt(Date.parse(dueAt), zone) };
  return { kind: 'times', spec: { rrule: recurrence, timeZone: zone, ...start }, zone };
}

function ofWords(
  words: string,
  recurrence: string | undefined,
  spoken: { now: number; timeZone: string },
): WorkTimes | AskBack {
  const meant = resolveTime(words, spoken);
  if (meant.kind === 'ask') return { kind: 'ask', question: meant.question };
  const { zone } = meant;
  if (meant.kind === 'recurring') {
    const start = meant.start.slice(0, LOCAL_CHARACTERS);
    return { kind: 'times', spec: { rrule: recurrence ?? meant.rrule, timeZone: zone, start }, zone };
  }
  if (recurrence === undefined && meant.isElapsed) return once(meant.due, zone);
  return { kind: 'times', spec: { rrule: recurrence ?? ONCE, timeZone: zone, start: meant.local }, zone };
}

/** A moment is counted in UTC, where no clock change can move it. */
function once(due: number, zone: string): WorkTimes {
  return { kind: 'times', spec: { rrule: ONCE, timeZone: 'UTC', start: wallTextAt(due, 'UTC') }, zone };
}
