import type { Reminder } from '../../contracts/reminder.js';
import type { History, Seen } from './watched-rows.js';

/** What a person does to a reminder. */
export type Act = 'cancel' | 'edit' | 'text' | 'snooze' | 'pause' | 'resume';

/** What was counted, so that nobody takes a run for a proof in which nothing happened. */
export type Outcome = 'fired' | 'missed' | 'changed' | 'refused' | 'cancelled while due' | 'moved while due';

export interface Change {
  readonly reminder: string;
  readonly act: Act;
  /** The new time of an edit, in milliseconds since 1970. */
  readonly wanted: number;
  /** When it was said. */
  readonly at: number;
  /** The transaction that did it. */
  tx: string;
  /** Undefined where it was refused. */
  answer: Reminder | undefined;
}

/** Everything that is known of one reminder. */
export interface Told extends History {
  readonly changes: readonly Change[];
  /** Moments that somebody claimed for. */
  readonly claims: ReadonlySet<number>;
}

const DAY_MS = 86_400_000;

/**
 * Which rules the history of a reminder breaks. Each state follows from the one before it, by a change that says so in its
 * answer or by a claim that delivers what stood there; nothing follows a cancel; what was confirmed has happened once.
 */
export function brokenRules(told: Told, done: Record<Outcome, number>): string[] {
  const wrong: string[] = [];
  const confirmed = new Map(
    told.changes.flatMap((change) => (change.answer === undefined ? [] : [[change.tx, change]])),
  );
  for (const [index, after] of told.states.entries()) {
    const before = told.states[index - 1];
    if (after.version !== index + 1) wrong.push(`version ${after.version} in place ${index + 1}`);
    wrong.push(...inconsistent(after));
    if (before === undefined) continue;
    if (before.status === 'cancelled') wrong.push(`version ${after.version} after a cancel`);
    const change = confirmed.get(after.tx);
    const problems = change === undefined ? wrongClaim(told, before, after) : wrongChange(change, after);
    wrong.push(...problems.map((problem) => `version ${after.version}: ${problem}`));
    count(done, change, before, told, after);
  }
  for (const change of told.changes) {
    if (change.answer === undefined) done.refused += 1;
    wrong.push(...lostOrLeft(change, told));
  }
  return [...wrong, ...notOneEach(told)];
}

function inconsistent({ status, due, snoozed, next }: Seen): string[] {
  const expected = status === 'pending' ? Math.min(due, snoozed ?? due) : null;
  return next === expected ? [] : [`${status}, and looked at ${next} instead of ${expected}`];
}

/** The rows are as the answer says, and the answer is what was asked for. */
function wrongChange({ act, wanted, answer }: Change, after: Seen): string[] {
  if (answer === undefined) return [];
  const said = [answer.status, answer.text, Date.parse(answer.dueAt), answer.nextAt ?? null];
  const is = [after.status, after.text, after.due, after.next === null ? null : new Date(after.next).toISOString()];
  const asked: Readonly<Record<Act, boolean>> = {
    cancel: after.status === 'cancelled',
    edit: after.due === wanted && after.snoozed === null,
    text: after.text === `words of ${new Date(wanted).toISOString()}`,
    snooze: after.status === 'paused' || after.next !== null,
    pause: after.status === 'paused',
    resume: after.status === 'pending',
  };
  return [
    ...(JSON.stringify(said) === JSON.stringify(is) ? [] : [`it was answered ${said.join()} and is ${is.join()}`]),
    ...(asked[act] ? [] : [`${act} has not done what it is for`]),
  ];
}

/** Nobody but the clock changes a row without being asked: it delivers, once, what stood there, and nothing early. */
function wrongClaim({ occurrences, claims }: Told, before: Seen, after: Seen): string[] {
  if (before.status !== 'pending') return [`a ${before.status} one was claimed`];
  const own = occurrences.filter(({ tx }) => tx === after.tx);
  const [occurred] = own;
  const wrong = [
    ...(claims.has(after.at) ? [] : [`nobody claimed for ${after.at}`]),
    ...((before.next ?? Number.NaN) <= after.at ? [] : ['it was claimed early']),
    ...(after.text === before.text ? [] : ['its words were changed']),
  ];
  if (occurred === undefined || own.length > 1) return [...wrong, `it came to ${own.length} times at once`];
  const { due, claimed, text, request } = occurred;
  const isOwn = due === before.snoozed || due === before.due || isLaterDay(before, due);
  return [
    ...wrong,
    ...(isOwn ? [] : [`${due} was delivered where ${before.due} or ${before.snoozed} stood`]),
    ...(due <= after.at ? [] : ['it was delivered early']),
    ...(claimed === after.at && text === before.text && after.request === request ? [] : ['its request is another']),
  ];
}

/** Of a daily one the latest of several that have passed. */
function isLaterDay({ recurs, due: from }: Seen, due: number): boolean {
  return recurs && due > from && (due - from) % DAY_MS === 0;
}

/** What was confirmed stands among the states once; what was refused left nothing, and was refused for a reason. */
function lostOrLeft({ act, tx, answer }: Change, { states }: Told): string[] {
  const left = states.filter((state) => state.tx === tx);
  if (answer === undefined)
    return [
      ...(left.length === 0 ? [] : [`${act} was refused and has left something`]),
      ...(states.some(({ status }) => status !== 'pending') ? [] : [`${act} was refused for no reason`]),
    ];
  if (left.length === 1) return [];
  const wasCancelled = act === 'cancel' && left.length === 0 && states.at(-1)?.status === 'cancelled';
  return wasCancelled ? [] : [`${act} was confirmed and stands there ${left.length} times`];
}

/** Every request belongs to one time, and every time to one claim. */
function notOneEach({ occurrences, requests, states }: Told): string[] {
  const named = occurrences.flatMap(({ request }) => (request === null ? [] : [request]));
  const claims = new Set(states.map(({ tx }) => tx));
  return [
    ...(named.length === occurrences.length ? [] : ['a time has no request']),
    ...(JSON.stringify(named.toSorted()) === JSON.stringify(requests.toSorted()) ? [] : ['requests without a time']),
    ...occurrences.flatMap(({ tx, occurrence }) =>
      claims.has(tx) ? [] : [`${occurrence} was delivered and forgotten`],
    ),
  ];
}

function count(
  done: Record<Outcome, number>,
  change: Change | undefined,
  before: Seen,
  { occurrences }: Told,
  after: Seen,
): void {
  const wasDue = change !== undefined && before.next !== null && before.next <= change.at;
  if (change !== undefined) done.changed += 1;
  if (wasDue && change.act === 'cancel') done['cancelled while due'] += 1;
  if (wasDue && change.act === 'edit') done['moved while due'] += 1;
  for (const { tx, outcome } of occurrences) if (tx === after.tx) done[outcome === 'fired' ? 'fired' : 'missed'] += 1;
}
