import type { Verdict } from '../contracts/effect-class.js';
import type { AssistantBlock, ModelReply } from '../contracts/model.js';
import type { Charge, WaitingFor } from '../contracts/request.js';
import { type AgentRef, type Step, thinkStep } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { takePlace } from './agents/admission.js';
import { endAgent, endOverdue } from './agents/agent-ending.js';
import { refreshAtEnd } from './agents/team-status.js';
import { chargeEvent, chargeRow, newCharge, turnStep } from './charge-rows.js';
import type { Engine } from './deps.js';
import { endRequest, resultOf } from './ending.js';
import { changeRequest, type NewEvent, statusEvent } from './events.js';
import { pendingApprovals } from './parking.js';
import { bookEstimated, settled } from './reservations.js';
import { type HeldRequest, holdRequest, type OpenCall, type Reservation } from './rows.js';
import { inTime, stepFor } from './steps.js';

/** One call the model chose, already judged: what may run, and what was wrong with it when nothing may. */
export interface ChosenCall {
  readonly skill: string;
  readonly input: unknown;
  readonly summary: string;
  readonly verdict: Verdict;
  readonly timeoutMs: number;
  readonly quick: boolean;
  /** Runs before the other calls of its turn. */
  readonly first: boolean;
  /** It leaves work to other agents. */
  readonly delegates: boolean;
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
  /** Last note it contained. */
  readonly lastNoteSeq: number;
  readonly usd: string;
  /** Money was set aside for this attempt. */
  readonly isReserved: boolean;
  /** Approvals whose outcome the model's input told of. */
  readonly outcomes: readonly string[];
  /** The turn ends the request even though the model did not finish, with this error. */
  readonly error?: { readonly type: string; readonly message: string };
}

/**
 * Stores a turn once, with its calls, its charge and its events, and says what comes next. A turn that is stored
 * already stays as it is. A last turn ends the request in the same transaction, unless messages came meanwhile.
 */
export async function storeTurn(engine: Engine, ref: AgentRef, turn: NewTurn): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await holdRequest(tx, ref);
    if (request.ended_at !== null || request.turns >= turn.turn) return takePlace(tx, ref, request, stepFor(request));
    const over = await endOverdue(tx, engine, ref, request);
    if (over !== undefined) return over;
    const calls = turn.calls.map((call): StoredCall => ({ ...call, id: newId('call'), status: statusOf(call) }));
    const { own, others } = await endDeadAttempts(tx, ref, request, turn);
    // A reservation that has ended meanwhile was charged at its bound: the attempt is paid for.
    const usd = turn.isReserved && own.length === 0 ? '0' : turn.usd;
    const charge = chargeOf(ref, turn, usd);
    const paid = settled(ref.user, own, usd === '0' ? [] : [usd]);
    const rows = [...turnRows(ref, turn, calls, charge), ...paid];
    const events = turnEvents(ref, turn, calls, charge);
    if (calls.length > 0)
      return takePlace(tx, ref, request, await afterCalls(tx, ref, request, turn, calls, { events, rows }));
    const text = textOf(turn.reply.content);
    const spent = sumOfUsd(request.usd, Number(usd));
    const ending = { text, usd: spent, turns: turn.turn, waits: request.waits, reserved: others };
    const isFirst = request.self.parent === null;
    const left = { ...request, reserved: others };
    if (turn.error !== undefined)
      return isFirst
        ? endRequest(tx, ref, { ...ending, status: 'failed', error: turn.error }, events, rows)
        : endAgent(
            tx,
            engine,
            ref,
            left,
            { outcome: 'failed', error: turn.error, text, turns: turn.turn },
            events,
            rows,
          );
    const unheard = request.last_message > turn.lastMessageSeq || request.last_note > turn.lastNoteSeq;
    const unfinished = turn.reply.stopReason === 'pause_turn' || unheard;
    const waits = request.waits.filter((wait) => !turn.outcomes.includes(wait.id));
    const isWaiting = waits.length > 0 || request.live > 0 || request.asking;
    if (!unfinished && isWaiting)
      return takePlace(tx, ref, request, await parkTurn(tx, ref, { ...request, waits }, turn, { events, rows }));
    if (!unfinished)
      return isFirst
        ? endRequest(tx, ref, { ...ending, status: 'completed' }, events, rows)
        : endAgent(
            tx,
            engine,
            ref,
            { ...left, waits },
            { outcome: 'completed', text, turns: turn.turn, lastUsd: usd },
            events,
            rows,
          );
    await changeRequest(tx, ref, isFirst ? { waitingFor: [] } : {}, events, [
      ...rows,
      countedTurn(ref, turn, 'running'),
    ]);
    return inTime(thinkStep(turn.turn + 1), request);
  });
}

/** Amounts have at most twelve decimals; what a sum of doubles has beyond them is noise. */
function sumOfUsd(one: number, other: number): number {
  return Number((one + other).toFixed(12));
}

/** Sorts what is reserved for the request; other attempts of this turn come too late and end at their bound. */
async function endDeadAttempts(tx: Tx, ref: AgentRef, { reserved }: HeldRequest, turn: NewTurn) {
  const step = turnStep(ref.agent, turn.turn);
  const ofTurn = reserved.filter((row) => row.step === step);
  const isOwn = (row: Reservation): boolean => row.attempt === turn.attempt;
  await bookEstimated(
    tx,
    ref,
    ofTurn.filter((row) => !isOwn(row)),
  );
  return { own: ofTurn.filter(isOwn), others: reserved.filter((row) => row.step !== step) };
}

function chargeOf(ref: AgentRef, turn: NewTurn, usd: string): Charge {
  const step = turnStep(ref.agent, turn.turn);
  return newCharge(ref, { kind: 'model', name: turn.reply.model, quantity: tokensOf(turn), unit: 'tokens', usd, step });
}

/** The agent has had its say while people or actions are still waited for: what it said is the result so far. */
async function parkTurn(
  tx: Tx,
  ref: AgentRef,
  request: HeldRequest,
  turn: NewTurn,
  write: { events: readonly NewEvent[]; rows: readonly RawBuilder<unknown>[] },
): Promise<Step> {
  const rested = { ...request, turns: turn.turn, open: [], unseen: false, resting: true };
  if (request.team) {
    const isFirst = request.self.parent === null;
    const result = isFirst ? { result: resultOf(ref.request, textOf(turn.reply.content)) } : {};
    await changeRequest(tx, ref, result, write.events, [...write.rows, countedTurn(ref, turn, 'running')]);
    refreshAtEnd(tx, ref);
    return stepFor(rested);
  }
  const waitingFor = pendingApprovals(request.waits);
  const status = waitingFor.length > 0 ? 'waiting_approval' : 'running';
  const isNew = status !== request.status || waitingFor.length > 0;
  await changeRequest(
    tx,
    ref,
    { status, waitingFor, result: resultOf(ref.request, textOf(turn.reply.content)) },
    [...write.events, ...(isNew ? [statusEvent(status, waitingFor)] : [])],
    [...write.rows, countedTurn(ref, turn, status === 'running' ? 'running' : 'waiting')],
  );
  return stepFor({ ...rested, status, waiting_for: waitingFor });
}

type StoredCall = ChosenCall & { readonly id: string; readonly status: OpenCall['status'] };

/** The rows of a turn, to be written in one statement with what it changes. */
function turnRows(ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[], charge: Charge): RawBuilder<unknown>[] {
  const { reply } = turn;
  return [
    sql`insert into turns (agent_id, number, user_id, request_id, attempt, model, content, stop_reason, usage, started_at)
      values (${ref.agent}, ${turn.turn}, ${ref.user}, ${ref.request}, ${turn.attempt}, ${reply.model}, ${json(withCallIds(reply.content, calls))},
        ${reply.stopReason}, ${json(reply.usage)}, ${turn.startedAt.toISOString()})`,
    ...(turn.lastMessageSeq === 0
      ? []
      : [
          sql`update messages set seen_in_turn = ${turn.turn} where request_id = ${ref.request} and seq <= ${turn.lastMessageSeq} and seen_in_turn is null`,
        ]),
    ...(turn.lastNoteSeq === 0
      ? []
      : [
          sql`update agent_notes set seen_in_turn = ${turn.turn} where agent_id = ${ref.agent} and seq <= ${turn.lastNoteSeq} and seen_in_turn is null`,
        ]),
    ...(turn.outcomes.length === 0
      ? []
      : [
          sql`update approvals set reported_in_turn = ${turn.turn} where id = any(${[...turn.outcomes]}::text[]) and reported_in_turn is null`,
        ]),
    chargeRow(ref.user, turnStep(ref.agent, turn.turn), charge),
    ...(calls.length === 0 ? [] : [callRows(ref, turn, calls)]),
  ];
}

function callRows(ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[]): RawBuilder<unknown> {
  return sql`
    insert into calls (id, user_id, request_id, agent_id, turn, position, skill, input, summary, verdict, timeout_ms, quick, first, delegates, status, error, ended_at)
    select c.item->>'id', ${ref.user}, ${ref.request}, ${ref.agent}, ${turn.turn}, c.place, c.item->>'skill', coalesce(c.item->'input', 'null'::jsonb),
      c.item->>'summary', c.item->>'verdict', (c.item->>'timeoutMs')::int, (c.item->>'quick')::boolean, (c.item->>'first')::boolean, (c.item->>'delegates')::boolean, c.item->>'status',
      c.item->>'refusal', case when c.item->>'status' = 'failed' then now() end
    from jsonb_array_elements(${json(calls)}) with ordinality as c(item, place)`;
}

function countedTurn(ref: AgentRef, turn: NewTurn, status: 'running' | 'waiting'): RawBuilder<unknown> {
  return sql`update agents set turns = ${turn.turn}, attempts = 0, status = case when parent_id is null then ${status} else status end where id = ${ref.agent}`;
}

function statusOf(call: ChosenCall): OpenCall['status'] {
  if (call.refusal !== undefined) return 'failed';
  return call.question === undefined ? 'pending' : 'waiting';
}

/** Stored blocks go back to the model: our call ids are unique whatever it named them, and no name breaks the wire's rules. */
function withCallIds(content: readonly AssistantBlock[], calls: readonly StoredCall[]): AssistantBlock[] {
  let next = 0;
  return content.map((block) => {
    if (block.type !== 'tool_use') return block;
    const call = calls[next];
    next += 1;
    return {
      ...block,
      id: call?.id ?? block.id,
      name: block.name.replaceAll(/[^\w-]/g, '_').slice(0, 128) || 'unnamed',
    };
  });
}

function tokensOf(turn: NewTurn): number {
  const { usage } = turn.reply;
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

function turnEvents(ref: AgentRef, turn: NewTurn, calls: readonly StoredCall[], charge: Charge): NewEvent[] {
  const text = textOf(turn.reply.content);
  const events: NewEvent[] = [];
  if (text !== '')
    events.push({
      type: 'text',
      agent: ref.agent,
      data: { agent: ref.agent, turn: turn.turn, attempt: turn.attempt, offset: 0, delta: text },
    });
  events.push(chargeEvent(charge));
  for (const call of calls) {
    if (call.refusal !== undefined)
      events.push({
        type: 'skill.finished',
        agent: ref.agent,
        data: { call: call.id, skill: call.skill, outcome: 'failed' },
      });
    if (call.question !== undefined)
      events.push({
        type: 'skill.started',
        agent: ref.agent,
        data: { call: call.id, skill: call.skill, summary: call.summary },
      });
  }
  return events;
}

/** Calls that can run go first; with nothing but questions left the request waits for the user. */
async function afterCalls(
  tx: Tx,
  ref: AgentRef,
  request: HeldRequest,
  turn: NewTurn,
  calls: readonly StoredCall[],
  write: { events: readonly NewEvent[]; rows: readonly RawBuilder<unknown>[] },
): Promise<Step> {
  const questions = calls.flatMap((call): WaitingFor[] =>
    call.status === 'waiting' ? [{ kind: 'user', id: call.id, text: call.question ?? '' }] : [],
  );
  // The user may answer at once, but is waited for only when nothing else is left to do.
  const isWaiting = questions.length > 0 && calls.every((call) => call.status !== 'pending');
  const status = isWaiting ? 'waiting_user' : 'running';
  const waitingFor = questions.length === 0 ? [] : [...questions, ...pendingApprovals(request.waits)];
  const counted = [...write.rows, countedTurn(ref, turn, isWaiting ? 'waiting' : 'running')];
  const isNews = request.status !== status || questions.length > 0;
  const events = [...write.events, ...(isNews ? [statusEvent(status, waitingFor)] : [])];
  const result = questions.length === 0 ? {} : { result: resultOf(ref.request, textOf(turn.reply.content)) };
  if (request.team && (questions.length > 0 || request.status !== 'running' || request.self.parent !== null)) {
    await changeRequest(tx, ref, request.self.parent === null ? result : {}, write.events, counted);
    if (questions.length > 0 || request.status !== 'running' || request.waiting_for.length > 0) refreshAtEnd(tx, ref);
  } else await changeRequest(tx, ref, { ...(isNews ? { status } : {}), waitingFor, ...result }, events, counted);
  const open = calls
    .filter((call) => call.refusal === undefined)
    .map(
      (call): OpenCall => ({
        id: call.id,
        skill: call.skill,
        summary: call.summary,
        verdict: call.verdict,
        timeout_ms: call.timeoutMs,
        quick: call.quick,
        first: call.first,
        delegates: call.delegates,
        child: null,
        status: call.status,
      }),
    );
  return stepFor({ ...request, status, waiting_for: waitingFor, turns: turn.turn, open, resting: false });
}

export function textOf(content: readonly AssistantBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
}
