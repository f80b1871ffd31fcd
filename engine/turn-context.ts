import type { ApprovalStatus, Effect } from '../contracts/approval.js';
import type { RequestStatus } from '../contracts/request.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { expireOverdue } from './approvals.js';
import { moveOut, takePlace } from './agents/admission.js';
import { endAgent, endOverdue } from './agents/agent-ending.js';
import type { NoteKind } from './agents/notes.js';
import { SKILLS_NOW } from './agents/rights.js';
import { stopWaiting } from './agents/stop-waiting.js';
import { refreshAtEnd } from './agents/team-status.js';
import { askForBudget } from './budget.js';
import { labelsAdded } from './calls.js';
import { turnStep } from './charge-rows.js';
import { type OccasionRow, openOccasion } from './clock/opening.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { changeRequest, statusEvent } from './events.js';
import {
  CHOSEN_ATOMS,
  chooseInjection,
  type ConnectedSpace,
  hasInjectable,
  type InjectedAtom,
  mayStillRead,
  spaceColumns,
} from './injection.js';
import { parkOnQuestions, pendingApprovals } from './parking.js';
import { BUDGET_REFUSED, bookEstimated, MoneyHeld, reserve, type Wish } from './reservations.js';
import {
  type AgentRow,
  type CallRow,
  heldColumns,
  type HeldRequest,
  holdRequest,
  narrowed,
  noRequest,
  REQUEST_COLUMNS,
  type RequestRow,
  type TurnRow,
} from './rows.js';
import { shareSpent } from './shares.js';
import { stepFor } from './steps.js';
import { handStyles, hasStyles, type StyleRow } from './styles.js';

export interface MessageRow {
  id: string;
  seq: number;
  text: string;
  files: MessageFile[];
  seen_in_turn: number | null;
}

/** A file of a message, as the model is told of it. */
export interface MessageFile {
  id: string;
  name: string;
  mediaType: string;
  seconds: number | null;
  forwarded: boolean;
}

/** An earlier request of the conversation, as the model is told of it. */
export interface EarlierExchange {
  id: string;
  status: RequestStatus;
  said: string;
  /** The user has said it; otherwise it came due, and nobody typed it. */
  spoken: boolean;
  reply: string | null;
  /** What its agent wrote to the user while it worked. */
  posted: string[];
}

/** Everything a turn's model input is made of; read in one statement, kept in memory of one activity only. */
export interface TurnContext {
  readonly turn: number;
  /** Counts the calls of the model for this turn, crashes included. */
  readonly attempt: number;
  /** Answers for this turn that came whole, were paid for and could not be used. */
  readonly useless: number;
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
  /** What became of proposals, in the order they were made; with the turn that was told of it. */
  readonly outcomes: readonly OutcomeRow[];
  /** What the user has allowed beforehand. */
  readonly policies: readonly { skill: string; recipient: string }[];
  /** The spaces the model is told of. */
  readonly spaces: readonly ConnectedSpace[];
  /** What other agents, and the user through them, have told this one. */
  readonly notes: readonly NoteRow[];
  /** What is always in the agent's context, the most important first. */
  readonly injected: readonly InjectedAtom[];
  /** How the user writes to whom this turn may be about, the most specific first. */
  readonly styles: readonly StyleRow[];
  /** Why the request was made where no person has written it, with all that belongs to it. */
  readonly opening: string | undefined;
}

/** A note as the model is told of it. */
export interface NoteRow {
  id: string;
  seq: number;
  kind: NoteKind;
  text: string;
  /** Label and id of the agent that it comes from. */
  from: string | null;
  from_id: string | null;
  seen_in_turn: number | null;
}

/** A decided proposal as the model is told of it. */
export interface OutcomeRow {
  id: string;
  skill: string;
  title: string;
  decision: ApprovalStatus;
  reason: string | null;
  /** The payload as the user has changed it. */
  payload: JsonValue | null;
  status: Effect['status'] | null;
  result: JsonValue | null;
  error: string | null;
  reported_in_turn: number | null;
}

/** What the caller means to ask the model, and what that may cost; without a wish it costs nothing. */
export interface TurnPlan {
  readonly wish: Wish | undefined;
}

export type BegunTurn<P extends TurnPlan> =
  /** `reservedUsd` is the most that this attempt may cost; undefined when it costs nothing. */
  | { readonly kind: 'ask'; readonly context: TurnContext; readonly plan: P; readonly reservedUsd: string | undefined }
  | { readonly kind: 'step'; readonly step: Step };

interface ClaimedTurn extends HeldRequest, Omit<TurnContext, 'turn' | 'attempt' | 'request' | 'styles' | 'opening'> {
  occasion: OccasionRow | null;
  has_styles: boolean;
  has_injectable: boolean;
  /** This attempt is counted: the agent may think now. */
  is_claimed: boolean;
  /** Status before: the first turn takes the request out of the queue. */
  was: RequestStatus;
  seq: number;
}

/**
 * Claims the next call of the model for this turn and sets aside what it may cost, or says what to do instead: the turn is
 * stored already, a call is open, the request has ended, a limit ends it now, or the user is asked for more budget.
 * `planFor` runs inside the transaction, so it awaits nothing. Throws `MoneyHeld`.
 */
export async function beginTurn<P extends TurnPlan>(
  engine: Engine,
  ref: AgentRef,
  turn: number,
  planFor: (context: TurnContext) => P,
): Promise<BegunTurn<P>> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await claimTurn(tx, engine, ref, turn);
    const over = (await endOverdue(tx, engine, ref, request)) ?? (await moveOut(tx, ref, request));
    if (over !== undefined) return { kind: 'step', step: over };
    const step = stepFor(request);
    const limit = step.kind === 'think' && step.turn === turn ? limitReached(engine, request, turn) : undefined;
    if (step.kind !== 'think' || step.turn !== turn || !(request.is_claimed || limit !== undefined)) {
      if (request.is_claimed && (step.kind === 'effects' || step.kind === 'wait')) await tx.run(unclaimed(ref));
      await parkOnQuestions(tx, ref, request);
      return { kind: 'step', step: await takePlace(tx, ref, request, step) };
    }
    const calls = await stopWaiting(tx, ref.agent, request);
    if (request.waits.some((wait) => wait.overdue)) await expireOverdue(tx, ref);
    if (limit !== undefined) return { kind: 'step', step: await failIn(tx, engine, ref, request, limit) };
    if (request.team && request.was !== 'running') refreshAtEnd(tx, ref);
    else if (request.was === 'waiting_approval') await leavePark(tx, ref);
    if (request.was === 'queued') tx.announce({ request: ref.request, seq: request.seq, status: 'running' });
    const { styles, labels } = request.has_styles
      ? await handStyles(tx, ref, request, request.occasion === null ? engine.limits.conversationTail : 0)
      : { styles: [], labels: request.agent.labels };
    const injection = request.has_injectable
      ? await chooseInjection(tx, ref, request.agent, request.messages[0]?.text ?? '', engine.limits.injectedTokens)
      : { atoms: request.injected, spaces: request.spaces, labels: [] };
    const occasion = request.occasion === null ? undefined : await openOccasion(tx, ref, request, request.occasion);
    if (occasion !== undefined && occasion.labels.length > 0) await tx.run(labelsAdded(ref, occasion.labels));
    const agent = {
      ...request.agent,
      labels: [...new Set([...labels, ...injection.labels, ...(occasion?.labels ?? [])])],
    };
    const { atoms: injected, spaces } = injection;
    const opening = occasion?.text;
    const context = {
      ...request,
      calls,
      request,
      turn,
      attempt: agent.attempts,
      agent,
      styles,
      injected,
      spaces,
      opening,
    };
    return payFor(tx, engine, ref, context, planFor(context));
  });
}

/** Ends what earlier attempts have reserved, and sets aside what this one may cost. */
async function payFor<P extends TurnPlan>(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  context: TurnContext & { readonly request: HeldRequest },
  plan: P,
): Promise<BegunTurn<P>> {
  const { request, attempt } = context;
  const step = turnStep(ref.agent, context.turn);
  await bookEstimated(
    tx,
    ref,
    request.reserved.filter((row) => row.step === step),
  );
  if (plan.wish === undefined) return { kind: 'ask', context, plan, reservedUsd: undefined };
  const money = await reserve(tx, ref, { step, attempt }, plan.wish);
  if (money.kind === 'held') throw new MoneyHeld();
  if (money.kind === 'reserved') return { kind: 'ask', context, plan, reservedUsd: money.usd };
  if (money.kind === 'share')
    return { kind: 'step', step: await failIn(tx, engine, ref, request, shareSpent(money.budgetUsd)) };
  const question = { wish: plan.wish, shortage: money.shortage, others: pendingApprovals(request.waits) };
  return { kind: 'step', step: await askForBudget(tx, engine, ref, request, question, [unclaimed(ref)]) };
}

/** The model was not asked, so this was no attempt. */
function unclaimed(ref: AgentRef): RawBuilder<unknown> {
  return sql`update agents set attempts = greatest(0, attempts - 1), status = case when parent_id is null then 'waiting' else status end where id = ${ref.agent}`;
}

/** A message has come, or everything was decided: the agent goes on. */
async function leavePark(tx: Tx, ref: AgentRef): Promise<void> {
  await changeRequest(tx, ref, { status: 'running', waitingFor: [] }, [statusEvent('running', [])]);
}

/** Policies a turn is judged by; those beyond only mean that a person is asked. */
const MOST_POLICIES = 500;
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
    sees as materialized (select retinue_reads_spaces(${ref.agent}) as spaces),
    tail as (
      select p.id, p.agent_id, p.status, p.result->>'text' as reply, p.created_at,
        (select m.text from messages m where m.request_id = p.id and m.role = 'user' order by m.seq limit 1) as said,
        coalesce((select m.spoken from messages m where m.request_id = p.id and m.role = 'user' order by m.seq limit 1), true) as spoken,
        (select coalesce(json_agg(m.text order by m.seq), '[]') from (
          select text, seq from messages where request_id = p.id and role = 'assistant' order by seq desc limit ${MOST_POSTED}) m) as posted
      from requests p, r where r.agent_id = ${ref.agent} and p.conversation_id = r.conversation_id and p.id <> r.id and p.created_at <= r.created_at
        and not exists (select from occasions where request_id = r.id)
      order by p.created_at desc limit ${engine.limits.conversationTail}),
    claimed as (
      update agents set attempts = attempts + 1, status = 'running', started_at = coalesce(started_at, now()), labels = (
        select coalesce(array_agg(distinct label order by label), '{}') from (
          select unnest(agents.labels) as label
          union all select unnest(n.labels) from agent_notes n where n.agent_id = agents.id and n.seen_in_turn is null
          union all select unnest(a.labels) from tail t join agents a on a.id = t.agent_id where t.reply <> '' or json_array_length(t.posted) > 0 or not t.spoken) l)
      from r where agents.id = ${ref.agent} and turns = ${turn - 1} and r.ended_at is null and agents.ended_at is null and (agents.parent_id is null or agents.status = 'running')
        and not exists (select from calls where agent_id = ${ref.agent} and status in ('pending', 'waiting', 'undoing'))
      returning attempts, labels)
    select r.*, ${heldColumns(ref)}, exists (select from claimed) as is_claimed,
      (select count(*)::int from charges where request_id = ${ref.request} and not estimated and step like ${`${turnStep(ref.agent, turn)}#%`}) as useless,
      (select json_build_object('id', u.id, 'name', u.name) from users u where u.id = ${ref.user}) as "user",
      (select row_to_json(a) from (
        select id, parent_id, task, label, model, instructions, ${SKILLS_NOW} as skills, coalesce((select labels from claimed), labels) as labels, status, a.turns, coalesce((select attempts from claimed), attempts) as attempts,
          context_share, confined, created_at, ended_at from agents a where id = ${ref.agent}) a) as agent,
      (select coalesce(json_agg(t order by t.number), '[]') from (
        select number, content, stop_reason from turns where agent_id = ${ref.agent}) t) as exchanges,
      (select coalesce(json_agg(c order by c.turn, c.position), '[]') from (
        select id, turn, position, skill, input, status, output, error from calls where agent_id = ${ref.agent}) c) as calls,
      (select coalesce(json_agg(m order by m.seq), '[]') from (
        select id, seq, text, seen_in_turn, case when files = '{}' then '[]' else (
          select coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'mediaType', f.media_type, 'seconds', f.seconds, 'forwarded', f.id = any(messages.forwarded)) order by w.place), '[]')
          from unnest(files) with ordinality as w(id, place) join files f on f.id = w.id) end as files
        from messages where r.agent_id = ${ref.agent} and request_id = ${ref.request} and role = 'user' and answers_call is null) m) as messages,
      (select coalesce(json_agg(n order by n.seq), '[]') from (
        select n.id, n.seq, n.kind, n.text, n.seen_in_turn, f.label as "from", n.from_agent as from_id from agent_notes n left join agents f on f.id = n.from_agent
        where n.agent_id = ${ref.agent}) n) as notes,
      (select coalesce(json_agg(t order by t.created_at, t.id), '[]') from (
        select id, status, reply, said, spoken, posted, created_at from tail) t) as earlier,
      (select coalesce(json_agg(o order by o.created_at, o.id), '[]') from (
        select p.id, p.skill, p.title, case when p.status = 'pending' then 'expired' else p.status end as decision, p.reason,
          case when p.status = 'edited' then p.payload end as payload, e.status, e.output as result, e.error, p.reported_in_turn, p.created_at
        from approvals p left join effects e on e.key = p.id
        where p.request_id = ${ref.request} and p.agent_id = ${ref.agent} and p.effect not in ('budget', 'unknown') and (p.reported_in_turn is not null
          or ((p.status <> 'pending' or p.expires_at <= now()) and (e.key is null or e.closed_at is not null)))) o) as outcomes,
      (select row_to_json(o) from (
        select source_id, outcome, due_at, late, facts, opening from occasions where request_id = r.id and r.agent_id = ${ref.agent}) o) as occasion,
      (select coalesce(json_agg(p), '[]') from (
        select skill, recipient from policies where user_id = ${ref.user} limit ${MOST_POLICIES}) p) as policies,
      case when (select spaces from sees) then (select coalesce(json_agg(s order by s.role is null, s.role), '[]') from (
        select ${spaceColumns(ref.user)} from agents a, lateral (
            select c.id from jsonb_array_elements_text(a.injected->'spaces') as c(id)
            union all select o.id from spaces o where a.injected is null and o.owner_id = ${ref.user} and o.role is not null) as known
          join spaces s on s.id = known.id
        where a.id = ${ref.agent} and ${mayStillRead(sql`s.id`)}) s) else '[]' end as spaces,
      case when (select spaces from sees) then (select ${CHOSEN_ATOMS} from agents a where a.id = ${ref.agent}) else '[]' end as injected,
      ${
        turn === 1
          ? sql`((select spaces from sees) and exists (select from agents where id = ${ref.agent} and agents.injected is null) and ${hasInjectable(ref)})`
          : sql`false`
      } as has_injectable,
      (r.agent_id = ${ref.agent} and ${hasStyles(ref)}) as has_styles
    from r`);
  if (row === undefined) throw noRequest(ref.request);
  return narrowed(row);
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
  return request.waits.some((wait) => wait.effect === 'budget' && wait.overdue) ? BUDGET_REFUSED : undefined;
}

/** Ends a request, or the agent alone where another one has spawned it. */
async function failIn(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  request: HeldRequest,
  error: { type: string; message: string },
): Promise<Step> {
  const isOwnTime = request.self.deadline_at !== null && Date.parse(request.self.deadline_at) <= Date.now();
  const isWhole = (error === DEADLINE && !isOwnTime) || error === BUDGET_REFUSED;
  if (request.self.parent !== null && !isWhole) return endAgent(tx, engine, ref, request, { outcome: 'failed', error });
  return endRequest(tx, ref, { status: 'failed', error, usd: request.usd, waits: request.waits });
}

export const DEADLINE = {
  type: 'deadline',
  message: 'The request was not finished before its deadline and was stopped. Send it again to start over.',
} as const;

/** Ends a request that cannot go on, unless it ended already. */
export async function failRequest(
  engine: Engine,
  ref: AgentRef,
  error: { type: string; message: string },
): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await holdRequest(tx, ref);
    if (request.ended_at !== null) return stepFor(request);
    return failIn(tx, engine, ref, request, error);
  });
}
