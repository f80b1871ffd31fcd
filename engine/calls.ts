import type { Label } from '../contracts/effect-class.js';
import type { AgentRef } from '../contracts/step.js';
import type { Output } from '../contracts/request.js';
import type { SkillCaller } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { appendEvents, type NewEvent } from './events.js';
import type { AgentRow, CallRow, RequestRow } from './rows.js';
import { lockRequest } from './rows.js';

export interface BegunCall {
  readonly call: CallRow;
  readonly caller: SkillCaller;
  readonly labels: readonly Label[];
}

export interface CallOutcome {
  readonly output?: JsonValue;
  readonly error?: string;
  readonly undo?: JsonValue;
  readonly outputs?: readonly Output[];
  readonly taints?: readonly Label[];
  /** USD as a decimal string, when the skill has a price. */
  readonly usd?: string;
}

export interface CallRef extends AgentRef {
  readonly callId: string;
}

const CALL_COLUMNS = sql`id, request_id, agent_id, turn, position, skill, input, summary, verdict, timeout_ms, quick, status, output, error, undo, outputs, attempts, started_at, ended_at`;

/** Starts an attempt of a call; undefined when it is done, was dropped, or its request has ended (an undo runs all the same). */
export async function beginCall(engine: Engine, ref: CallRef, mode: 'run' | 'undo'): Promise<BegunCall | undefined> {
  return engine.db.as(ref.user, async (tx) => {
    const begun = await holdCall(tx, ref, mode);
    if (begun === undefined) return undefined;
    await appendEvents(tx, ref.request, ref.user, startedEvents(ref, begun.call, mode));
    return begun;
  });
}

/** Locks the call for this transaction and counts the attempt. */
export async function holdCall(tx: Tx, ref: CallRef, mode: 'run' | 'undo'): Promise<BegunCall | undefined> {
  const request = await lockRequest(tx, ref);
  const expected = mode === 'run' ? 'pending' : 'undoing';
  if (mode === 'run' && request.ended_at !== null) return undefined;
  const call = await tx.maybe<CallRow>(sql`
    update calls set attempts = attempts + 1, started_at = coalesce(started_at, now())
    where id = ${ref.callId} and request_id = ${ref.request} and status = ${expected} returning ${CALL_COLUMNS}`);
  if (call === undefined) return undefined;
  const who = await tx.one<Pick<AgentRow, 'labels'> & { name: string }>(sql`
    select a.labels, u.name from agents a join users u on u.id = a.user_id where a.id = ${call.agent_id}`);
  return { call, labels: who.labels, caller: callerOf(ref, call, request, who.name) };
}

function callerOf(ref: CallRef, call: CallRow, request: RequestRow, name: string): SkillCaller {
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

export function startedEvents(ref: CallRef, call: CallRow, mode: 'run' | 'undo'): NewEvent[] {
  if (mode === 'undo' || call.attempts > 1) return [];
  return [{ type: 'skill.started', agent: ref.agent, data: { call: call.id, skill: call.skill, summary: call.summary } }];
}

/** Stores what a call came to, once; later outcomes of the same call are dropped. */
export async function finishCall(engine: Engine, ref: CallRef, outcome: CallOutcome): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    if (request.ended_at === null) await settleCall(tx, ref, outcome, []);
  });
}

/** As `finishCall`, for a caller that holds the request's row and has events of its own to put first. */
export async function settleCall(tx: Tx, ref: CallRef, outcome: CallOutcome, before: readonly NewEvent[]): Promise<void> {
  const status = outcome.error === undefined ? 'done' : 'failed';
  const call = await tx.maybe<Pick<CallRow, 'skill'>>(sql`
    update calls set status = ${status}, output = ${outcome.output === undefined ? null : json(outcome.output)}, error = ${outcome.error ?? null},
      undo = ${outcome.undo === undefined ? null : json(outcome.undo)}, outputs = ${json(outcome.outputs ?? [])}, ended_at = now()
    where id = ${ref.callId} and status = 'pending' returning skill`);
  if (call === undefined) return;
  if ((outcome.taints ?? []).length > 0) await addLabels(tx, ref, outcome.taints ?? []);
  const charged = outcome.usd === undefined ? [] : await chargeCall(tx, ref, call.skill, outcome.usd);
  await appendEvents(tx, ref.request, ref.user, [...before, ...charged, { type: 'skill.finished', agent: ref.agent, data: { call: ref.callId, skill: call.skill, outcome: status } }]);
}

/** Marks a call as taken back and drops what it had added to the result. */
export async function settleUndo(tx: Tx, ref: CallRef, error: string | undefined): Promise<void> {
  const call = await tx.maybe<Pick<CallRow, 'skill'>>(sql`
    update calls set status = ${error === undefined ? 'undone' : 'done'}, outputs = case when ${error === undefined} then '[]'::jsonb else outputs end
    where id = ${ref.callId} and status = 'undoing' returning skill`);
  if (call === undefined) return;
  const data = { call: ref.callId, skill: call.skill, outcome: error === undefined ? 'undone' : 'undo_failed', ...(error === undefined ? {} : { message: error }) };
  await appendEvents(tx, ref.request, ref.user, [{ type: 'skill.finished', agent: ref.agent, data }]);
}

/** Labels are only ever added. */
async function addLabels(tx: Tx, ref: CallRef, labels: readonly Label[]): Promise<void> {
  await tx.run(sql`
    update agents set labels = (select array_agg(distinct l order by l) from unnest(labels || ${[...labels]}::text[]) as l)
    where id = ${ref.agent} and not labels @> ${[...labels]}::text[]`);
}

async function chargeCall(tx: Tx, ref: CallRef, skill: string, usd: string): Promise<NewEvent[]> {
  await tx.run(sql`
    insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd)
    values (${newId('chg')}, ${ref.user}, ${ref.request}, ${ref.agent}, ${`call:${ref.callId}`}, 'skill', ${skill}, 1, 'call', ${usd}) on conflict (step) do nothing`);
  return [{ type: 'charge', agent: ref.agent, data: { charge: { kind: 'skill', name: skill, quantity: 1, unit: 'call', usd } } }];
}

/** Writes an assistant message into the request's conversation, in the call's transaction. */
export async function postToConversation(tx: Tx, caller: SkillCaller, text: string, files: readonly string[]): Promise<{ message: string }> {
  const message = newId('msg');
  await tx.run(sql`
    insert into messages (id, user_id, conversation_id, request_id, role, text, files)
    values (${message}, ${caller.user.id}, ${caller.conversationId}, ${caller.requestId}, 'assistant', ${text}, ${[...files]})`);
  return { message };
}
