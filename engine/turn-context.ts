import type { RequestStatus } from '../contracts/request.js';
import type { SpaceRole } from '../contracts/space.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { appendEvents } from './events.js';
import type { AgentRow, CallRow, RequestRow, TurnRow } from './rows.js';
import { lockRequest } from './rows.js';
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
}

/** Everything a turn's model input is made of; read in one statement, kept in memory of one activity only. */
export interface TurnContext {
  readonly turn: number;
  /** Counts the calls of the model for this turn, crashes included. */
  readonly attempt: number;
  readonly request: RequestRow;
  readonly user: { id: string; name: string };
  readonly agent: AgentRow;
  readonly turns: readonly Pick<TurnRow, 'number' | 'content' | 'stop_reason'>[];
  readonly calls: readonly Pick<CallRow, 'id' | 'turn' | 'position' | 'skill' | 'input' | 'status' | 'output' | 'error'>[];
  readonly messages: readonly MessageRow[];
  readonly earlier: readonly EarlierExchange[];
  readonly spaces: readonly { id: string; name: string; role: SpaceRole | null; description: string }[];
}

export type BegunTurn = { readonly kind: 'ask'; readonly context: TurnContext } | { readonly kind: 'step'; readonly step: Step };

type Facts = Omit<TurnContext, 'turn' | 'attempt' | 'request'> & { spent: string };

/**
 * Claims the next call of the model for this turn, or says what to do instead: the turn is stored already, a call is
 * open, the request has ended, or a limit ends it now.
 */
export async function beginTurn(engine: Engine, ref: AgentRef, turn: number): Promise<BegunTurn> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const step = await stepFor(tx, ref, request);
    if (step.kind !== 'think' || step.turn !== turn) return { kind: 'step', step };
    const facts = await readFacts(tx, engine, ref, request);
    const limit = limitReached(engine, request, facts, turn);
    if (limit !== undefined) return { kind: 'step', step: await endRequest(tx, ref, { status: 'failed', error: limit }) };
    const attempt = facts.agent.attempts + 1;
    await tx.run(sql`update agents set attempts = ${attempt}, status = 'running' where id = ${ref.agent}`);
    if (request.status === 'queued') await setRunning(tx, ref);
    return { kind: 'ask', context: { ...facts, request, turn, attempt } };
  });
}

async function setRunning(tx: Tx, ref: AgentRef): Promise<void> {
  await tx.run(sql`update requests set status = 'running' where id = ${ref.request}`);
  await appendEvents(tx, ref.request, ref.user, [{ type: 'status', data: { status: 'running', waitingFor: [] } }]);
}

/** One statement for the whole context: a round trip to the database costs more than its size. */
async function readFacts(tx: Tx, engine: Engine, ref: AgentRef, request: RequestRow): Promise<Facts> {
  const tail = engine.limits.conversationTail;
  return tx.one<Facts>(sql`
    select
      (select json_build_object('id', u.id, 'name', u.name) from users u where u.id = ${ref.user}) as "user",
      (select row_to_json(a) from (
        select id, label, model, instructions, skills, labels, status, turns, attempts, context_share, created_at, ended_at
        from agents where id = ${ref.agent}) a) as agent,
      (select coalesce(json_agg(t order by t.number), '[]') from (
        select number, content, stop_reason from turns where agent_id = ${ref.agent}) t) as turns,
      (select coalesce(json_agg(c order by c.turn, c.position), '[]') from (
        select id, turn, position, skill, input, status, output, error from calls where agent_id = ${ref.agent}) c) as calls,
      (select coalesce(json_agg(m order by m.seq), '[]') from (
        select id, seq, text, files, seen_in_turn from messages where request_id = ${ref.request} and role = 'user' and answers_call is null) m) as messages,
      (select coalesce(json_agg(e order by e.created_at, e.id), '[]') from (
        select r.id, r.status, r.result->>'text' as reply, r.created_at,
          (select m.text from messages m where m.request_id = r.id and m.role = 'user' order by m.seq limit 1) as said
        from requests r where r.conversation_id = ${request.conversation_id} and r.id <> ${ref.request} and r.created_at <= ${request.created_at}::timestamptz
        order by r.created_at desc limit ${tail}) e) as earlier,
      (select coalesce(json_agg(s order by s.role), '[]') from (
        select id, name, role, description from spaces where owner_id = ${ref.user} and role is not null) s) as spaces,
      (select coalesce(sum(usd), 0)::text from charges where request_id = ${ref.request}) as spent`);
}

function limitReached(engine: Engine, request: RequestRow, facts: Facts, turn: number): { type: string; message: string } | undefined {
  if (Date.parse(request.deadline_at) <= Date.now()) return DEADLINE;
  if (turn > engine.limits.turns) {
    return { type: 'turn-limit', message: `The request was stopped after ${engine.limits.turns} turns without an answer. What was done so far is listed in its trace; ask again with a narrower task.` };
  }
  if (Number(facts.spent) > 0 && Number(facts.spent) >= Number(request.settings.budgetUsd)) {
    return { type: 'budget', message: `The request has used its budget of $${request.settings.budgetUsd}. Send it again with a higher budgetUsd to go on.` };
  }
  return undefined;
}

export const DEADLINE = { type: 'deadline', message: 'The request was not finished before its deadline and was stopped. Send it again to start over.' } as const;

/** Tells the user that the model is waited for; removed again by the turn that is stored. */
export async function noteModelTrouble(engine: Engine, ref: AgentRef, text: string): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const [waiting] = request.waiting_for;
    if (request.ended_at !== null || waiting?.text === text) return;
    const waitingFor = [{ kind: 'model', text }];
    await tx.run(sql`update requests set waiting_for = ${json(waitingFor)} where id = ${ref.request}`);
    await appendEvents(tx, ref.request, ref.user, [{ type: 'status', data: { status: request.status, waitingFor } }]);
  });
}

/** Gives later turns a smaller share of the context, after the model found it too large. False when there is nothing left to drop. */
export async function shrinkContext(engine: Engine, ref: AgentRef): Promise<boolean> {
  const changed = await engine.db.as(ref.user, (tx) =>
    tx.run(sql`update agents set context_share = context_share / 2 where id = ${ref.agent} and context_share > 6`),
  );
  return changed > 0;
}

/** Ends a request that cannot go on, unless it ended already. */
export async function failRequest(engine: Engine, ref: AgentRef, error: { type: string; message: string }): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    if (request.ended_at !== null) return stepFor(tx, ref, request);
    return endRequest(tx, ref, { status: 'failed', error });
  });
}
