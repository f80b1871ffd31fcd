import type { RequestStatus, WaitingFor } from '../contracts/request.js';
import type { SpaceRole } from '../contracts/space.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { changeRequest, statusEvent } from './events.js';
import {
  type AgentRow,
  type CallRow,
  heldColumns,
  type HeldRequest,
  holdRequest,
  lockRequest,
  noRequest,
  REQUEST_COLUMNS,
  type RequestRow,
  type TurnRow,
} from './rows.js';
import { stepFor } from './steps.js';

export interface MessageRow {
  id: string;
  seq: number;
  text: string;
  files: string[];
  seen_in_turn: number | null;
}

/** An earlier request of the conversation, as the model is told of it. */
export interface EarlierExchange {
  id: string;
  status: RequestStatus;
  said: string;
  reply: string | null;
  /** What its agent wrote to the user while it worked. */
  posted: string[];
}

/** Everything a turn's model input is made of; read in one statement, kept in memory of one activity only. */
export interface TurnContext {
  readonly turn: number;
  /** Counts the calls of the model for this turn, crashes included. */
  readonly attempt: number;
  readonly request: RequestRow;
  readonly user: { id: string; name: string };
  readonly agent: AgentRow;
  readonly exchanges: readonly Pick<TurnRow, 'number' | 'content' | 'stop_reason'>[];
  readonly calls: readonly Pick<
    CallRow,
    'id' | 'turn' | 'position' | 'skill' | 'input' | 'status' | 'output' | 'error'
  >[];
  readonly messages: readonly MessageRow[];
  readonly earlier: readonly EarlierExchange[];
  readonly spaces: readonly { id: string; name: string; role: SpaceRole | null; description: string }[];
}

export type BegunTurn =
  | { readonly kind: 'ask'; readonly context: TurnContext }
  | { readonly kind: 'step'; readonly step: Step };

interface ClaimedTurn extends HeldRequest, Omit<TurnContext, 'turn' | 'attempt' | 'request'> {
  /** Status before: the first turn takes the request out of the queue. */
  was: RequestStatus;
  seq: number;
}

/**
 * Claims the next call of the model for this turn, or says what to do instead: the turn is stored already, a call is
 * open, the request has ended, or a limit ends it now.
 */
export async function beginTurn(engine: Engine, ref: AgentRef, turn: number): Promise<BegunTurn> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await claimTurn(tx, engine, ref, turn);
    const step = stepFor(request);
    if (step.kind !== 'think' || step.turn !== turn) return { kind: 'step', step };
    const limit = limitReached(engine, request, turn);
    if (limit !== undefined)
      return { kind: 'step', step: await endRequest(tx, ref, { status: 'failed', error: limit, usd: request.usd }) };
    if (request.was === 'queued') tx.announce({ request: ref.request, seq: request.seq, status: 'running' });
    return { kind: 'ask', context: { ...request, request, turn, attempt: request.agent.attempts } };
  });
}

/** Messages of one earlier request that the model is told of. */
const MOST_POSTED = 20;

/**
 * One statement for the lock, the claim and the whole context: a round trip to the database costs more than its size.
 * The agent takes over the labels of those whose words its context contains.
 */
async function claimTurn(tx: Tx, engine: Engine, ref: AgentRef, turn: number): Promise<ClaimedTurn> {
  const row = await tx.maybe<ClaimedTurn>(sql`
    with before as materialized (select id as same, status as was from requests where id = ${ref.request} and user_id = ${ref.user} for update),
    r as (
      update requests set moved_at = now(), event_seq = event_seq + (was = 'queued')::int, status = case when was = 'queued' then 'running' else status end
      from before where id = same returning ${REQUEST_COLUMNS}, was, event_seq as seq),
    started as (
      insert into request_events (request_id, seq, user_id, type, data)
      select id, seq, user_id, 'status', ${json(statusEvent('running', []).data)} from r where was = 'queued'),
    tail as (
      select p.id, p.agent_id, p.status, p.result->>'text' as reply, p.created_at,
        (select m.text from messages m where m.request_id = p.id and m.role = 'user' order by m.seq limit 1) as said,
        (select coalesce(json_agg(m.text order by m.seq), '[]') from (
          select text, seq from messages where request_id = p.id and role = 'assistant' order by seq desc limit ${MOST_POSTED}) m) as posted
      from requests p, r where p.conversation_id = r.conversation_id and p.id <> r.id and p.created_at <= r.created_at
      order by p.created_at desc limit ${engine.limits.conversationTail}),
    claimed as (
      update agents set attempts = attempts + 1, status = 'running', labels = (
        select coalesce(array_agg(distinct label order by label), '{}') from (
          select unnest(agents.labels) as label
          union all select unnest(a.labels) from tail t join agents a on a.id = t.agent_id where t.reply <> '' or json_array_length(t.posted) > 0) l)
      from r where agents.id = ${ref.agent} and turns = ${turn - 1} and r.ended_at is null
        and not exists (select from calls where agent_id = ${ref.agent} and status in ('pending', 'waiting', 'undoing'))
      returning attempts, labels)
    select r.*, ${heldColumns(ref)},
      (select json_build_object('id', u.id, 'name', u.name) from users u where u.id = ${ref.user}) as "user",
      (select row_to_json(a) from (
        select id, label, model, instructions, skills, coalesce((select labels from claimed), labels) as labels, status, agents.turns, coalesce((select attempts from claimed), attempts) as attempts,
          context_share, created_at, ended_at from agents where id = ${ref.agent}) a) as agent,
      (select coalesce(json_agg(t order by t.number), '[]') from (
        select number, content, stop_reason from turns where agent_id = ${ref.agent}) t) as exchanges,
      (select coalesce(json_agg(c order by c.turn, c.position), '[]') from (
        select id, turn, position, skill, input, status, output, error from calls where agent_id = ${ref.agent}) c) as calls,
      (select coalesce(json_agg(m order by m.seq), '[]') from (
        select id, seq, text, files, seen_in_turn from messages where request_id = ${ref.request} and role = 'user' and answers_call is null) m) as messages,
      (select coalesce(json_agg(t order by t.created_at, t.id), '[]') from (
        select id, status, reply, said, posted, created_at from tail) t) as earlier,
      (select coalesce(json_agg(s order by s.role), '[]') from (
        select id, name, role, description from spaces where owner_id = ${ref.user} and role is not null) s) as spaces
    from r`);
  if (row === undefined) throw noRequest(ref.request);
  return row;
}

function limitReached(
  engine: Engine,
  request: HeldRequest,
  turn: number,
): { type: string; message: string } | undefined {
  if (Date.parse(request.deadline_at) <= Date.now()) return DEADLINE;
  if (turn > engine.limits.turns) {
    return {
      type: 'turn-limit',
      message: `The request was stopped after ${engine.limits.turns} turns without an answer. What was done so far is listed in its trace; ask again with a narrower task.`,
    };
  }
  if (request.usd > 0 && request.usd >= Number(request.settings.budgetUsd)) {
    return {
      type: 'budget',
      message: `The request has used its budget of $${request.settings.budgetUsd}. Send it again with a higher budgetUsd to go on.`,
    };
  }
  return undefined;
}

export const DEADLINE = {
  type: 'deadline',
  message: 'The request was not finished before its deadline and was stopped. Send it again to start over.',
} as const;

/** Tells the user that the model is waited for; removed again by the turn that is stored. */
export async function noteModelTrouble(engine: Engine, ref: AgentRef, text: string): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const [waiting] = request.waiting_for;
    if (request.ended_at !== null || waiting?.text === text) return;
    const waitingFor: WaitingFor[] = [{ kind: 'model', text }];
    await changeRequest(tx, ref, { waitingFor }, [statusEvent(request.status, waitingFor)]);
  });
}

/** As `noteModelTrouble`, for trouble that only a person can mend: however long that takes, the attempts so far do not count. */
export async function noteModelParked(engine: Engine, ref: AgentRef, text: string): Promise<void> {
  await noteModelTrouble(engine, ref, text);
  await engine.db.as(ref.user, (tx) =>
    tx.run(sql`update agents set attempts = 0 where id = ${ref.agent} and ended_at is null`),
  );
}

/** Gives later turns a smaller share of the context, after the model found it too large. False when there is nothing left to drop. */
export async function shrinkContext(engine: Engine, ref: AgentRef): Promise<boolean> {
  const changed = await engine.db.as(ref.user, (tx) =>
    tx.run(sql`update agents set context_share = context_share / 2 where id = ${ref.agent} and context_share > 6`),
  );
  return changed > 0;
}

/** Ends a request that cannot go on, unless it ended already. */
export async function failRequest(
  engine: Engine,
  ref: AgentRef,
  error: { type: string; message: string },
): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await holdRequest(tx, ref);
    if (request.ended_at !== null) return stepFor(request);
    return endRequest(tx, ref, { status: 'failed', error, usd: request.usd });
  });
}
