import type { Verdict } from '../contracts/effect-class.js';
import type { AssistantBlock, ModelReply } from '../contracts/model.js';
import type { WaitingFor } from '../contracts/request.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { endRequest, resultOf } from './ending.js';
import { appendEvents, type NewEvent } from './events.js';
import { lockRequest } from './rows.js';
import { stepFor, thinkStep } from './steps.js';

/** One call the model chose, already judged: what may run, and what was wrong with it when nothing may. */
export interface ChosenCall {
  readonly skill: string;
  readonly input: unknown;
  readonly summary: string;
  readonly verdict: Verdict;
  readonly timeoutMs: number;
  readonly quick: boolean;
  /** A question to the user: the call waits for the answer. */
  readonly question?: string;
  /** Why it must not run; goes back to the model as an error result. */
  readonly refusal?: string;
}

export interface NewTurn {
  readonly turn: number;
  readonly attempt: number;
  readonly startedAt: Date;
  readonly reply: ModelReply;
  readonly calls: readonly ChosenCall[];
  /** Last message the model's input contained. */
  readonly lastMessageSeq: number;
  readonly usd: string;
  /** The turn ends the request even though the model did not finish, with this error. */
  readonly error?: { readonly type: string; readonly message: string };
}

/**
 * Stores a turn once, with its calls, its charge and its events, and says what comes next. A turn that is stored
 * already stays as it is. A last turn ends the request in the same transaction, unless messages came meanwhile.
 */
export async function storeTurn(engine: Engine, ref: AgentRef, turn: NewTurn): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    if (request.ended_at !== null) return stepFor(tx, ref, request);
    const calls = turn.calls.map((call) => ({ ...call, id: newId('call') }));
    if (!(await insertTurn(tx, ref, turn, calls))) return stepFor(tx, ref, request);
    const events = turnEvents(ref, turn, calls);
    if (calls.length > 0) return afterCalls(tx, ref, turn, calls, events);
    if (turn.error !== undefined) return endRequest(tx, ref, { status: 'failed', text: textOf(turn.reply.content), error: turn.error }, events);
    const unfinished = turn.reply.stopReason === 'pause_turn' || (await hasUnseen(tx, ref, turn.lastMessageSeq));
    if (!unfinished) return endRequest(tx, ref, { status: 'completed', text: textOf(turn.reply.content) }, events);
    await clearTrouble(tx, ref);
    await appendEvents(tx, ref.request, ref.user, events);
    return thinkStep(turn.turn + 1);
  });
}

type StoredCall = ChosenCall & { readonly id: string };

/** False when another attempt stored this turn first. */
async function insertTurn(tx: Tx, ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[]): Promise<boolean> {
  const { reply } = turn;
  const content = withCallIds(reply.content, calls);
  const stored = await tx.run(sql`
    insert into turns (agent_id, number, user_id, request_id, attempt, model, content, stop_reason, usage, started_at)
    values (${ref.agent}, ${turn.turn}, ${ref.user}, ${ref.request}, ${turn.attempt}, ${reply.model}, ${json(content)}, ${reply.stopReason}, ${json(reply.usage)}, ${turn.startedAt.toISOString()})
    on conflict do nothing`);
  if (stored === 0) return false;
  await tx.run(sql`
    with seen as (
      update messages set seen_in_turn = ${turn.turn} where request_id = ${ref.request} and seq <= ${turn.lastMessageSeq} and seen_in_turn is null),
    charge as (
      insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd)
      values (${newId('chg')}, ${ref.user}, ${ref.request}, ${ref.agent}, ${`turn:${ref.agent}:${turn.turn}`}, 'model', ${reply.model}, ${tokensOf(turn)}, 'tokens', ${turn.usd})),
    chosen as (
      insert into calls (id, user_id, request_id, agent_id, turn, position, skill, input, summary, verdict, timeout_ms, quick, status, error, ended_at)
      select c.item->>'id', ${ref.user}, ${ref.request}, ${ref.agent}, ${turn.turn}, c.place, c.item->>'skill', coalesce(c.item->'input', 'null'::jsonb),
        c.item->>'summary', c.item->>'verdict', (c.item->>'timeoutMs')::int, (c.item->>'quick')::boolean,
        case when c.item ? 'refusal' then 'failed' when c.item ? 'question' then 'waiting' else 'pending' end,
        c.item->>'refusal', case when c.item ? 'refusal' then now() end
      from jsonb_array_elements(${json(calls)}) with ordinality as c(item, place))
    update agents set turns = ${turn.turn}, attempts = 0 where id = ${ref.agent}`);
  return true;
}

/** Stored blocks carry our call ids: unique whatever the model named them, and safe on the wire. */
function withCallIds(content: readonly AssistantBlock[], calls: readonly StoredCall[]): AssistantBlock[] {
  let next = 0;
  return content.map((block) => {
    if (block.type !== 'tool_use') return block;
    const call = calls[next];
    next += 1;
    return { ...block, id: call?.id ?? block.id };
  });
}

function tokensOf(turn: NewTurn): number {
  const { usage } = turn.reply;
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

function turnEvents(ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[]): NewEvent[] {
  const text = textOf(turn.reply.content);
  const events: NewEvent[] = [];
  if (text !== '') events.push({ type: 'text', agent: ref.agent, data: { agent: ref.agent, turn: turn.turn, attempt: turn.attempt, offset: 0, delta: text } });
  events.push({ type: 'charge', agent: ref.agent, data: { charge: { kind: 'model', name: turn.reply.model, quantity: tokensOf(turn), unit: 'tokens', usd: turn.usd } } });
  for (const call of calls) {
    if (call.refusal !== undefined) events.push({ type: 'skill.finished', agent: ref.agent, data: { call: call.id, skill: call.skill, outcome: 'failed' } });
    if (call.question !== undefined) events.push({ type: 'skill.started', agent: ref.agent, data: { call: call.id, skill: call.skill, summary: call.summary } });
  }
  return events;
}

/** Calls that can run go first; with nothing but questions left the request waits for the user. */
async function afterCalls(tx: Tx, ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[], events: readonly NewEvent[]): Promise<Step> {
  const waitingFor = calls.flatMap((call): WaitingFor[] => (call.question === undefined || call.refusal !== undefined ? [] : [{ kind: 'user', id: call.id, text: call.question }]));
  if (waitingFor.length === 0) {
    await clearTrouble(tx, ref);
    await appendEvents(tx, ref.request, ref.user, events);
  } else {
    await tx.run(sql`
      update requests set status = 'waiting_user', waiting_for = ${json(waitingFor)}, result = ${resultOf(ref.request, textOf(turn.reply.content))} where id = ${ref.request}`);
    await tx.run(sql`update agents set status = 'waiting' where id = ${ref.agent}`);
    await appendEvents(tx, ref.request, ref.user, [...events, { type: 'status', data: { status: 'waiting_user', waitingFor } }]);
  }
  return stepFor(tx, ref, await lockRequest(tx, ref));
}

/** The model answered, so nothing waits for it any more. */
async function clearTrouble(tx: Tx, ref: AgentRef): Promise<void> {
  await tx.run(sql`update requests set waiting_for = '[]' where id = ${ref.request} and waiting_for <> '[]' and status = 'running'`);
}

async function hasUnseen(tx: Tx, ref: AgentRef, lastSeq: number): Promise<boolean> {
  return (await tx.maybe(sql`select 1 from messages where request_id = ${ref.request} and role = 'user' and answers_call is null and seq > ${lastSeq} limit 1`)) !== undefined;
}

export function textOf(content: readonly AssistantBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
}
