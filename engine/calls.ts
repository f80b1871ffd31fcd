import type { Label } from '../contracts/effect-class.js';
import type { AgentRef } from '../contracts/step.js';
import type { Output } from '../contracts/request.js';
import { ProblemError } from '../contracts/problem.js';
import type { SkillCaller } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { callStep, chargeEvent, chargeRow, newCharge } from './charge-rows.js';
import { SKILLS_NOW } from './agents/rights.js';
import { resultOf } from './ending.js';
import { appendEvents, changeRequest, type NewEvent, type RequestChange } from './events.js';
import { settledCall } from './reservations.js';
import { type CallRow, lockRequest, noRequest, REQUEST_COLUMNS, type RequestRow } from './rows.js';

/** A call as it stands in an attempt. */
interface AttemptedCall extends CallRow {
  /** Nobody was told before that it was started. */
  is_new: boolean;
}

export interface BegunCall {
  readonly call: AttemptedCall;
  readonly caller: SkillCaller;
  readonly labels: readonly Label[];
  /** Names the agent may use now; null means every skill. */
  readonly skills: readonly string[] | null;
  /** Hosts it may reach outside; null means those that the gate allows. */
  readonly hosts: readonly string[] | null;
  /** Recipients that a policy of the user covers for the call's skill. */
  readonly covered: readonly string[];
  /** The agent may use no more than its own grants on spaces. */
  readonly confined: boolean;
  /** How many notifications, one from another, led to what the agent does. */
  readonly hop: number;
}

export interface CallOutcome {
  readonly output?: JsonValue;
  readonly error?: string;
  readonly undo?: JsonValue;
  readonly outputs?: readonly Output[];
  readonly taints?: readonly Label[];
  /** The agent whose answer is waited for instead. */
  readonly awaits?: string;
  /** References to what was written and read outside the store. */
  readonly wrote?: readonly string[];
  readonly read?: readonly string[];
  /** USD as a decimal string, when the skill has a price. */
  readonly usd?: string;
}

/** An outcome, or what comes to it while it is stored and may write more in the same transaction. */
export type PendingOutcome = CallOutcome | ((tx: Tx) => Promise<CallOutcome>);

export interface CallRef extends AgentRef {
  readonly callId: string;
}

const CALL_COLUMNS = sql`
  calls.id, calls.request_id, calls.agent_id, calls.turn, calls.position, calls.skill, calls.input, calls.summary, calls.verdict, calls.timeout_ms, calls.quick, calls.first, calls.delegates, calls.child,
  calls.status, calls.output, calls.error, calls.undo, calls.outputs, calls.attempts, calls.started_at, calls.ended_at`;

/** Starts an attempt of a call; undefined when it is done, was dropped, or its request has ended (an undo runs all the same). */
export async function beginCall(engine: Engine, ref: CallRef, mode: 'run' | 'undo'): Promise<BegunCall | undefined> {
  return engine.db.as(ref.user, async (tx) => {
    const begun = await holdCall(tx, ref, mode);
    if (begun === undefined) return undefined;
    await appendEvents(tx, ref.request, ref.user, startedEvents(ref, begun.call, mode));
    return begun;
  });
}

interface HeldCall extends RequestRow {
  calls: AttemptedCall[];
  labels: Label[];
  skills: string[] | null;
  hosts: string[] | null;
  user_name: string;
  covered: string[];
  confined: boolean;
  hop: number;
}

/** Locks request and call for this transaction and counts the attempt, in one statement. */
export async function holdCall(tx: Tx, ref: CallRef, mode: 'run' | 'undo'): Promise<BegunCall | undefined> {
  return (await holdCalls(tx, ref, [ref.callId], mode))[0];
}

/** As `holdCall`, for several calls of one skill; those that are not to run are left out. */
export async function holdCalls(
  tx: Tx,
  ref: AgentRef,
  ids: readonly string[],
  mode: 'run' | 'undo',
): Promise<BegunCall[]> {
  const expected = mode === 'run' ? 'pending' : 'undoing';
  const held = await tx.maybe<HeldCall>(sql`
    with r as materialized (select ${REQUEST_COLUMNS} from requests where id = ${ref.request} and user_id = ${ref.user} for update),
    c as (
      update calls set attempts = attempts + 1, started_at = coalesce(started_at, now()) from r
      where calls.id = any(${[...ids]}::text[]) and calls.request_id = r.id and calls.status = ${expected} and (${mode === 'undo'} or r.ended_at is null)
      returning ${CALL_COLUMNS}, calls.started_at = now()::timestamptz(3) as is_new)
    select r.*, (select coalesce(json_agg(c order by c.turn, c.position), '[]') from c) as calls, a.labels, ${SKILLS_NOW} as skills, retinue_held(a.id, 'host') as hosts, a.confined, a.hop, u.name as user_name,
      (select coalesce(array_agg(p.recipient), '{}') from policies p where p.user_id = ${ref.user} and p.skill in (select skill from c)) as covered
    from r join agents a on a.id = ${ref.agent} join users u on u.id = ${ref.user}`);
  if (held === undefined) throw noRequest(ref.request);
  const { labels, skills, hosts, covered, confined, hop } = held;
  return held.calls.map((call) => {
    const caller = callerOf(ref, call, held, held.user_name);
    return { call, labels, skills, hosts, covered, confined, hop, caller };
  });
}

/** What an agent has read and what binds it. */
export async function boundsOf(tx: Tx, agent: string): Promise<Pick<BegunCall, 'labels' | 'confined' | 'hop'>> {
  return tx.one(sql`select labels, confined, hop from agents where id = ${agent}`);
}

function callerOf(ref: AgentRef, call: CallRow, request: RequestRow, name: string): SkillCaller {
  return {
    callId: call.id,
    requestId: request.id,
    conversationId: request.conversation_id,
    agentId: call.agent_id,
    user: { id: ref.user, name },
    timeZone: request.settings.timeZone,
    now: request.settings.occurredAt,
  };
}

export function startedEvents(ref: AgentRef, call: AttemptedCall, mode: 'run' | 'undo'): NewEvent[] {
  if (mode === 'undo' || !call.is_new) return [];
  return [
    { type: 'skill.started', agent: ref.agent, data: { call: call.id, skill: call.skill, summary: call.summary } },
  ];
}

/**
 * Stores what a call came to, once; later outcomes of the same call are dropped. Work that was done although the request
 * ended meanwhile is stored too, so that it is shown and can be taken back; the request itself stays ended.
 */
export async function finishCall(engine: Engine, ref: CallRef, pending: PendingOutcome): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const isOver = request.ended_at !== null;
    const call = await tx.maybe<Pick<CallRow, 'skill' | 'status'> & { agent_over: boolean }>(sql`
      select c.skill, c.status, a.ended_at is not null as agent_over from calls c join agents a on a.id = c.agent_id where c.id = ${ref.callId} and c.attempts > 0`);
    const isLate = isOver || call?.agent_over === true;
    const isFailed = typeof pending !== 'function' && pending.error !== undefined;
    if (call?.status !== (isLate ? 'cancelled' : 'pending') || (isLate && isFailed)) return;
    const { outputs = [], usd, ...unpriced } = typeof pending === 'function' ? await pending(tx) : pending;
    const change = isOver ? { result: resultOf(ref.request, undefined, { call: ref.callId, outputs }) } : {};
    // What was reserved for it was charged when the request ended.
    const rest = isLate || usd === undefined ? unpriced : { ...unpriced, usd };
    await settleCall(tx, ref, call.skill, { ...rest, outputs }, [], change);
  });
}

/** As `finishCall`, for a caller that holds the open call and may have events to put first. */
export async function settleCall(
  tx: Tx,
  ref: CallRef,
  skill: string,
  outcome: CallOutcome,
  before: readonly NewEvent[],
  change: RequestChange = {},
  also: readonly RawBuilder<unknown>[] = [],
): Promise<void> {
  const status = outcome.error === undefined ? 'done' : 'failed';
  if (outcome.awaits !== undefined)
    return delegateCalls(tx, ref, [{ call: ref.callId, agent: outcome.awaits }], before);
  const taints = await taintsOf(tx, ref, outcome);
  const step = callStep(ref.callId);
  const priced = { kind: 'skill', name: skill, quantity: 1, unit: 'call', step } as const;
  const charge = outcome.usd === undefined ? undefined : newCharge(ref, { ...priced, usd: outcome.usd });
  const finished: NewEvent = {
    type: 'skill.finished',
    agent: ref.agent,
    data: { call: ref.callId, skill, outcome: status },
  };
  await changeRequest(
    tx,
    ref,
    change,
    [...before, ...(charge === undefined ? [] : [chargeEvent(charge)]), finished],
    [
      sql`update calls set status = ${status}, output = ${outcome.output === undefined ? null : json(outcome.output)}, error = ${outcome.error ?? null},
      undo = ${outcome.undo === undefined ? null : json(outcome.undo)}, outputs = ${json(outcome.outputs ?? [])}, taints = ${[...taints]}, ended_at = now()
      where id = ${ref.callId}`,
      ...(taints.length === 0 ? [] : [labelsAdded(ref, taints)]),
      ...markWritten(ref, outcome.wrote ?? [], taints),
      ...(charge === undefined ? [] : [chargeRow(ref.user, step, charge)]),
      ...(charge === undefined && status === 'done' ? [] : settledCall(ref.user, step, charge?.usd ?? '0')),
      ...also,
    ],
  );
}

/** The calls stay open until the agents have answered; see `agents/agent-ending.ts`. */
export async function delegateCalls(
  tx: Tx,
  ref: AgentRef,
  delegated: readonly { readonly call: string; readonly agent: string }[],
  before: readonly NewEvent[],
): Promise<void> {
  await changeRequest(tx, ref, {}, before, [
    sql`update calls set status = 'delegated', child = d.agent from jsonb_to_recordset(${json(delegated)}) as d(call text, agent text) where calls.id = d.call`,
  ]);
}

/** The labels of a result, with those of what an untrusted agent has written earlier and this one has read. */
async function taintsOf(tx: Tx, ref: CallRef, { taints = [], read = [] }: CallOutcome): Promise<readonly Label[]> {
  if (read.length === 0 || taints.includes('untrusted')) return taints;
  const marked = await tx.maybe(
    sql`select 1 from tainted_refs where user_id = ${ref.user} and ref = any(${[...read]}::text[]) limit 1`,
  );
  return marked === undefined ? taints : [...taints, 'untrusted'];
}

/** What an untrusted agent writes is as untrusted as what it has read; what another writes over it is not. */
function markWritten(ref: CallRef, wrote: readonly string[], taints: readonly Label[]): RawBuilder<unknown>[] {
  if (wrote.length === 0) return [];
  const isUntrusted = sql`(select 'untrusted' = any(labels || ${[...taints]}::text[]) from agents where id = ${ref.agent})`;
  return [
    sql`insert into tainted_refs (user_id, ref) select ${ref.user}, w.ref from unnest(${[...wrote]}::text[]) as w(ref)
        where ${isUntrusted} on conflict do nothing`,
    sql`delete from tainted_refs where user_id = ${ref.user} and ref = any(${[...wrote]}::text[]) and not ${isUntrusted}`,
  ];
}

/** Marks a call as taken back and drops what it had added to the result, also when that was given already. */
export async function settleUndo(tx: Tx, ref: CallRef, skill: string, error: string | undefined): Promise<void> {
  const data = {
    call: ref.callId,
    skill,
    outcome: error === undefined ? 'undone' : 'undo_failed',
    ...(error === undefined ? {} : { message: error }),
  };
  const isUndone = error === undefined;
  const change = isUndone ? sql`status = 'undone', outputs = '[]'` : sql`status = 'done'`;
  const left = resultOf(ref.request, undefined, { call: ref.callId, outputs: [] });
  await changeRequest(
    tx,
    ref,
    isUndone ? { result: sql`case when result is not null then ${left} end` } : {},
    [{ type: 'skill.finished', agent: ref.agent, data }],
    [sql`update calls set ${change} where id = ${ref.callId} and status = 'undoing'`],
  );
}

/** Labels are only ever added. */
export function labelsAdded(ref: AgentRef, labels: readonly Label[]) {
  return sql`
    update agents set labels = (select array_agg(distinct l order by l) from unnest(labels || ${[...labels]}::text[]) as l)
    where id = ${ref.agent} and not labels @> ${[...labels]}::text[]`;
}

/** What the user has typed in the request of this call, in order. */
export async function saidInRequest(tx: Tx, caller: SkillCaller): Promise<string[]> {
  const rows = await tx.rows<{ text: string }>(sql`
    select text from messages where request_id = ${caller.requestId} and role = 'user' and spoken and text <> '' order by seq limit 200`);
  return rows.map((row) => row.text);
}

/** Writes an assistant message into the request's conversation, in the call's transaction. `not-found` for files that are not there. */
export async function postToConversation(
  tx: Tx,
  caller: SkillCaller,
  text: string,
  files: readonly string[],
): Promise<{ message: string }> {
  const message = newId('msg');
  const missing = await tx.rows<{ id: string }>(sql`
    with missing as (
      select wanted.id from unnest(${[...files]}::text[]) as wanted(id)
      where not exists (select from files f where f.id = wanted.id and f.user_id = ${caller.user.id})),
    posted as (
      insert into messages (id, user_id, conversation_id, request_id, role, text, files)
      select ${message}, ${caller.user.id}, ${caller.conversationId}, ${caller.requestId}, 'assistant', ${text}, ${[...files]}
      where not exists (select from missing))
    select id from missing`);
  if (missing.length > 0) {
    const errors = missing.map(({ id }) => ({ path: 'files', message: `there is no file ${id}` }));
    throw new ProblemError('not-found', 'The message was not sent.', { errors });
  }
  return { message };
}
