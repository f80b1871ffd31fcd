import type { ApprovalEffect, ApprovalStatus, Effect } from '../contracts/approval.js';
import type { Label, Verdict } from '../contracts/effect-class.js';
import type { AssistantBlock, ModelUsage, StopReason } from '../contracts/model.js';
import { ProblemError } from '../contracts/problem.js';
import type { Output, RequestStatus, WaitingFor } from '../contracts/request.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';

/** What was asked for with a request, besides its words. */
export interface RequestSettings {
  readonly timeZone: string;
  /** When it was said; relative times refer to it. */
  readonly occurredAt: string;
  readonly priority: number;
  readonly budgetUsd: string;
  readonly agent: string;
  readonly deliverTo?: string;
}

export interface RequestRow {
  id: string;
  user_id: string;
  conversation_id: string;
  agent_id: string;
  status: RequestStatus;
  waiting_for: WaitingFor[];
  settings: RequestSettings;
  result: { text: string; outputs: Output[] } | null;
  error: { type: string; message: string } | null;
  deadline_at: string;
  created_at: string;
  ended_at: string | null;
}

export type CallStatus = 'pending' | 'waiting' | 'delegated' | 'done' | 'failed' | 'undoing' | 'undone' | 'cancelled';

export interface CallRow {
  id: string;
  request_id: string;
  agent_id: string;
  turn: number;
  position: number;
  skill: string;
  input: unknown;
  summary: string;
  verdict: Verdict;
  timeout_ms: number;
  quick: boolean;
  first: boolean;
  delegates: boolean;
  /** The agent whose answer it waits for. */
  child: string | null;
  status: CallStatus;
  output: JsonValue | null;
  error: string | null;
  undo: JsonValue | null;
  outputs: Output[];
  attempts: number;
  started_at: string | null;
  ended_at: string | null;
}

export interface AgentRow {
  id: string;
  /** Null for the first agent of a request. */
  parent_id: string | null;
  /** What it was spawned for. */
  task: string | null;
  label: string;
  model: string;
  instructions: string;
  skills: string[] | null;
  labels: Label[];
  status: 'idle' | 'queued' | 'running' | 'waiting' | 'ended';
  turns: number;
  attempts: number;
  context_share: number;
  /** Bound by its own grants, besides those of its user. */
  confined: boolean;
  created_at: string;
  ended_at: string | null;
}

export interface TurnRow {
  number: number;
  content: AssistantBlock[];
  stop_reason: StopReason;
  model: string;
  usage: ModelUsage;
  attempt: number;
  started_at: string;
  ended_at: string;
}

export const REQUEST_COLUMNS = sql`id, user_id, conversation_id, agent_id, status, waiting_for, settings, result, error, deadline_at, created_at, ended_at`;

/** An approval of an agent that is not told of yet, or whose effect is still open; times are compared by the database. */
export interface WaitRow {
  id: string;
  effect: ApprovalEffect;
  skill: string;
  title: string;
  /** `expired` also where nobody has written that down yet. */
  status: ApprovalStatus;
  /** Still `pending` in its row although its time is over. */
  overdue: boolean;
  expires_at: string;
  /** Key of the effect that a question is about. */
  about: string | null;
  /** The ledger's entry, where there is one. */
  ledger: {
    status: Effect['status'];
    fence: number;
    open: boolean;
    /** The next thing about it may be done now. */
    due: boolean;
    due_at: string;
  } | null;
}

/** An upper bound of what one attempt of a step may cost; see `reservations.ts` for its life. */
export interface Reservation {
  step: string;
  attempt: number;
  agent: string;
  kind: 'model' | 'skill';
  /** Model or skill. */
  name: string;
  /** USD as a decimal string. */
  usd: string;
}

/** Every open reservation of a request, as JSON inside a larger statement. */
export function reservedColumn(request: string): RawBuilder<unknown> {
  return sql`(select coalesce(json_agg(v order by v.step, v.attempt), '[]') from (
    select step, attempt, agent_id as agent, kind, name, trim_scale(usd)::text as usd from reservations where request_id = ${request}) v)`;
}

export type OpenCall = Pick<
  CallRow,
  'id' | 'skill' | 'summary' | 'verdict' | 'timeout_ms' | 'quick' | 'first' | 'delegates' | 'child' | 'status'
>;

export type AgentOutcome = 'completed' | 'failed' | 'cancelled' | 'timed_out';

/** How an agent was spawned, as far as it matters later. */
export interface Spawning {
  readonly onFailure?: 'degrade' | 'ask';
  readonly fallback?: { readonly model?: string; readonly instructions?: string };
  /** It keeps the label `private` off, as long as it reads nothing private itself. */
  readonly isDiode?: boolean;
  /** What its instructions have brought with them. */
  readonly labels?: readonly Label[];
  /** It had answered already and was asked again. */
  readonly reopened?: true;
  /** Who is told its answer, besides whoever waits for it. */
  readonly reportTo?: string;
}

/** The agent itself, in a locked request. */
export interface HeldAgent {
  parent: string | null;
  label: string;
  status: AgentRow['status'];
  turns: number;
  labels: Label[];
  spawning: Spawning;
  tries: number;
  /** Its loop runs in the workflow of another agent. */
  hosted: boolean;
  outcome: AgentOutcome | null;
  deadline_at: string | null;
  ended_at: string | null;
  /** Calls that wait for its answer; with each, how many other calls its agent waits for. */
  waiters: { call: string; agent: string; skill: string; others: number }[];
}

/** A locked request with what the next step of one of its agents depends on. For an agent that was spawned, `ended_at` and `deadline_at` are its own where they come first. */
export interface HeldRequest extends RequestRow {
  self: HeldAgent;
  /** Agents it has spawned that were let in and not begun yet. */
  starts: { id: string; inline: boolean; priority: number; turns: number; deadline_at: string | null }[];
  /** Agents it has spawned that have not ended. */
  live: number;
  /** It has asked for access and nobody has answered. */
  asking: boolean;
  /** Number of the newest note to it. */
  last_note: number;
  /** The request has agents besides its first one. */
  team: boolean;
  /** Turns the agent has stored. */
  turns: number;
  /** Calls that are not settled, in order. */
  open: OpenCall[];
  usd: number;
  /** What the agent waits for, in the order it was asked. */
  waits: WaitRow[];
  /** A message has come that no turn has seen. */
  unseen: boolean;
  /** The last stored turn wanted nothing more: the agent has had its say. */
  resting: boolean;
  /** Number of the newest message the agent has to see. */
  last_message: number;
  /** Money that is set aside for steps of the request. */
  reserved: Reservation[];
}

/** Columns of `HeldRequest` beside those of the locked row `r`. */
export function heldColumns(ref: Pick<AgentRef, 'request' | 'agent'>): RawBuilder<unknown> {
  return sql`
    (select turns from agents where id = ${ref.agent} and request_id = ${ref.request}) as turns,
    (select json_build_object('parent', s.parent_id, 'label', s.label, 'status', s.status, 'turns', s.turns, 'labels', s.labels, 'spawning', s.spawning, 'tries', s.tries,
      'hosted', s.hosted_by is not null, 'outcome', s.outcome, 'deadline_at', s.deadline_at, 'ended_at', s.ended_at,
      'waiters', (select coalesce(json_agg(json_build_object('call', w.id, 'agent', w.agent_id, 'skill', w.skill, 'others', (select count(*)::int from calls o
        where o.agent_id = w.agent_id and o.status in ('pending', 'delegated') and o.child is distinct from s.id))), '[]') from calls w where w.child = s.id and w.status = 'delegated')
      ) from agents s where s.id = ${ref.agent}) as self,
    (select coalesce(json_agg(json_build_object('id', s.id, 'inline', s.hosted_by is not null, 'priority', s.priority, 'turns', s.turns, 'deadline_at', s.deadline_at) order by s.born), '[]') from agents s
      where s.parent_id = ${ref.agent} and s.ended_at is null and s.started_at is null and s.status in ('running', 'waiting')) as starts,
    (select count(*)::int from agents s where s.parent_id = ${ref.agent} and s.ended_at is null) as live,
    exists (select from agents s where s.request_id = ${ref.request} and s.parent_id is not null) as team,
    exists (select from access_requests q where q.agent_id = ${ref.agent} and (q.status = 'pending' or (q.status = 'asked' and exists (select from approvals p
      where p.request_id = ${ref.request} and p.effect = 'access' and p.payload->>'access' = q.id and p.status = 'pending' and p.expires_at > now())))) as asking,
    (select coalesce(max(seq), 0) from agent_notes where agent_id = ${ref.agent}) as last_note,
    (select coalesce(json_agg(c order by c.turn, c.position), '[]') from (
      select id, skill, summary, verdict, timeout_ms, quick, first, delegates, child, status, turn, position from calls
      where agent_id = ${ref.agent} and status in ('pending', 'waiting', 'delegated', 'undoing')) c) as open,
    (select coalesce(sum(usd), 0)::float8 from charges where request_id = ${ref.request}) as usd,
    (select coalesce(json_agg(w order by w.created_at, w.id), '[]') from (
      select a.id, a.effect, a.skill, a.title, a.expires_at, a.about, a.created_at,
        case when a.status = 'pending' and a.expires_at <= now() then 'expired' else a.status end as status,
        a.status = 'pending' and a.expires_at <= now() as overdue,
        case when e.key is not null then json_build_object('status', e.status, 'fence', e.fence, 'open', e.closed_at is null,
          'due', e.due_at <= now(), 'due_at', e.due_at) end as ledger
      from approvals a left join effects e on e.key = a.id
      where a.request_id = ${ref.request} and (a.agent_id = ${ref.agent} or (a.effect = 'budget' and a.status = 'pending'))
        and (a.reported_in_turn is null or (e.key is not null and e.closed_at is null))) w) as waits,
    exists (select from agent_notes where agent_id = ${ref.agent} and seen_in_turn is null)
      or (r.agent_id = ${ref.agent} and exists (select from messages where request_id = ${ref.request} and role = 'user' and answers_call is null and seen_in_turn is null)) as unseen,
    coalesce((select t.stop_reason <> 'pause_turn' and not exists (select from calls c where c.agent_id = t.agent_id and c.turn = t.number)
      from turns t where t.agent_id = ${ref.agent} order by t.number desc limit 1), false) as resting,
    (select coalesce(max(seq), 0) from messages where r.agent_id = ${ref.agent} and request_id = ${ref.request} and role = 'user' and answers_call is null) as last_message,
    ${reservedColumn(ref.request)} as reserved`;
}

/** Locks the request for this transaction; `not-found` when it is not this user's. */
export async function holdRequest(tx: Tx, ref: AgentRef): Promise<HeldRequest> {
  const row = await tx.maybe<HeldRequest>(sql`
    with r as materialized (select ${REQUEST_COLUMNS} from requests where id = ${ref.request} and user_id = ${ref.user} for update)
    select r.*, ${heldColumns(ref)} from r`);
  if (row === undefined) throw noRequest(ref.request);
  return narrowed(row);
}

/** An agent that was spawned may end before its request does. */
export function narrowed<T extends HeldRequest>(row: T): T {
  const { self } = row;
  if (self.parent === null) return row;
  const own = self.deadline_at === null ? row.deadline_at : earlier(self.deadline_at, row.deadline_at);
  return { ...row, ended_at: self.ended_at ?? row.ended_at, deadline_at: own };
}

function earlier(one: string, other: string): string {
  return Date.parse(one) <= Date.parse(other) ? new Date(one).toISOString() : other;
}

/** Locks the request alone. */
export async function lockRequest(tx: Tx, ref: Pick<AgentRef, 'user' | 'request'>): Promise<RequestRow> {
  const row = await tx.maybe<RequestRow>(
    sql`select ${REQUEST_COLUMNS} from requests where id = ${ref.request} and user_id = ${ref.user} for update`,
  );
  if (row === undefined) throw noRequest(ref.request);
  return row;
}

export async function readRequest(tx: Tx, ref: Pick<AgentRef, 'user' | 'request'>): Promise<RequestRow> {
  const row = await tx.maybe<RequestRow>(
    sql`select ${REQUEST_COLUMNS} from requests where id = ${ref.request} and user_id = ${ref.user}`,
  );
  if (row === undefined) throw noRequest(ref.request);
  return row;
}

export function noRequest(id: string): ProblemError {
  return new ProblemError('not-found', `There is no request ${id.slice(0, 80)}.`);
}
