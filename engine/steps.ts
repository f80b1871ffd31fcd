import type { AgentRef, CallStep, Step } from '../contracts/step.js';
import { cutText } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { spentUsd } from './ending.js';
import type { CallRow, RequestRow } from './rows.js';
import { lockRequest } from './rows.js';

/** Temporal shows at most this much of a summary. */
const SUMMARY_BYTES = 200;

/** What the agent does next, read from the rows alone. Changes nothing, so it may be asked at any time. */
export function nextStep(engine: Engine, ref: AgentRef): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => stepFor(tx, ref, await lockRequest(tx, ref)));
}

type OpenCall = Pick<CallRow, 'id' | 'skill' | 'summary' | 'verdict' | 'timeout_ms' | 'quick' | 'status'>;

/** As `nextStep`, for a caller that holds the request's row. */
export async function stepFor(tx: Tx, ref: AgentRef, request: Pick<RequestRow, 'status' | 'ended_at' | 'deadline_at' | 'waiting_for'>): Promise<Step> {
  const open = await tx.rows<OpenCall>(sql`
    select id, skill, summary, verdict, timeout_ms, quick, status from calls
    where agent_id = ${ref.agent} and status in ('pending', 'waiting', 'undoing') order by turn, position`);
  const turns = (await tx.one<{ turns: number }>(sql`select turns from agents where id = ${ref.agent} and request_id = ${ref.request}`)).turns;
  const undoing = open.filter((call) => call.status === 'undoing');
  if (undoing.length > 0) return callsStep(undoing, turns);
  if (request.ended_at !== null) return { kind: 'done', status: request.status, usd: await spentBy(tx, ref), summary: request.status };
  const pending = open.filter((call) => call.status === 'pending');
  if (pending.length > 0) return callsStep(pending, turns);
  if (open.length > 0) return waitStep(request, open);
  return thinkStep(turns + 1);
}

async function spentBy(tx: Tx, ref: AgentRef): Promise<number> {
  return (await tx.one<{ usd: number }>(sql`select ${spentUsd(ref.request)} as usd`)).usd;
}

export function thinkStep(turn: number): Step {
  return { kind: 'think', turn, summary: `turn ${turn}: ask the model` };
}

function waitStep(request: Pick<RequestRow, 'deadline_at' | 'waiting_for'>, open: readonly OpenCall[]): Step {
  const kinds = [...new Set(request.waiting_for.map((item) => item.kind))];
  return {
    kind: 'wait',
    until: request.deadline_at,
    waitingFor: kinds.join(',') || 'user',
    summary: `waiting for the user's answer to ${open.length === 1 ? 'a question' : `${open.length} questions`}`,
  };
}

function callsStep(calls: readonly OpenCall[], turn: number): Step {
  return { kind: 'calls', calls: calls.map(callStep), turn, summary: `turn ${turn}: ${cutText(calls.map((call) => call.skill).join(', '), SUMMARY_BYTES)}` };
}

/** Summaries name the skill only: what a call is about is content and stays in the store. */
function callStep(call: OpenCall): CallStep {
  const mode = call.status === 'undoing' ? 'undo' : 'run';
  return {
    callId: call.id,
    skill: call.skill,
    verdict: call.verdict,
    mode,
    timeoutMs: call.timeout_ms,
    quick: call.quick,
    summary: mode === 'undo' ? `take back ${call.skill}` : call.skill,
  };
}
