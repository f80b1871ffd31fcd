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

export type CallStatus = 'pending' | 'waiting' | 'done' | 'failed' | 'undoing' | 'undone' | 'cancelled';

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
  label: string;
  model: string;
  instructions: string;
  skills: string[] | null;
  labels: Label[];
  status: 'idle' | 'queued' | 'running' | 'waiting' | 'ended';
  turns: number;
  attempts: number;
  context_share: number;
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

export type OpenCall = Pick<CallRow, 'id' | 'skill' | 'summary' | 'verdict' | 'timeout_ms' | 'quick' | 'status'>;

/** A locked request with what the next step of one of its agents depends on. */
export interface HeldRequest extends RequestRow {
  /** Turns the agent has stored. */
  turns: number;
  /** Calls that are not settled, in order. */
  open: OpenCall[];
  usd: number;
  /** Number of the newest message the agent has to see. */
  last_message: number;
}

/** Columns of `HeldRequest` beside those of the locked row `r`. */
export function heldColumns(ref: Pick<AgentRef, 'request' | 'agent'>): RawBuilder<unknown> {
  return sql`
    (select turns from agents where id = ${ref.agent} and request_id = ${ref.request}) as turns,
    (select coalesce(json_agg(c order by c.turn, c.position), '[]') from (
      select id, skill, summary, verdict, timeout_ms, quick, status, turn, position from calls
      where agent_id = ${ref.agent} and status in ('pending', 'waiting', 'undoing')) c) as open,
    (select coalesce(sum(usd), 0)::float8 from charges where request_id = ${ref.request}) as usd,
    (select coalesce(max(seq), 0) from messages where request_id = ${ref.request} and role = 'user' and answers_call is null) as last_message`;
}

/** Locks the request for this transaction; `not-found` when it is not this user's. */
export async function holdRequest(tx: Tx, ref: AgentRef): Promise<HeldRequest> {
  const row = await tx.maybe<HeldRequest>(sql`
    with r as materialized (select ${REQUEST_COLUMNS} from requests where id = ${ref.request} and user_id = ${ref.user} for update)
    select r.*, ${heldColumns(ref)} from r`);
  if (row === undefined) throw noRequest(ref.request);
  return row;
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
