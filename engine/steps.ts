import { type AgentRef, type CallStep, type Step, thinkStep } from '../contracts/step.js';
import { cutText } from '../contracts/text.js';
import type { Engine } from './deps.js';
import { type HeldRequest, holdRequest, type OpenCall } from './rows.js';

/** Temporal shows at most this much of a summary. */
const SUMMARY_BYTES = 200;

/** What the agent does next, read from the rows alone. Changes nothing, so it may be asked at any time. */
export function nextStep(engine: Engine, ref: AgentRef): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => stepFor(await holdRequest(tx, ref)));
}

/** As `nextStep`, for a caller that holds the request's row. */
export function stepFor(
  request: Pick<HeldRequest, 'status' | 'ended_at' | 'deadline_at' | 'waiting_for' | 'turns' | 'open' | 'usd'>,
): Step {
  const undoing = request.open.filter((call) => call.status === 'undoing');
  if (undoing.length > 0) return callsStep(undoing, request.turns);
  if (request.ended_at !== null)
    return { kind: 'done', status: request.status, usd: request.usd, summary: request.status };
  const pending = request.open.filter((call) => call.status === 'pending');
  if (pending.length > 0) return callsStep(pending, request.turns);
  // Nobody is waited for past the deadline: the next turn finds it and ends the request.
  if (request.open.length > 0 && Date.parse(request.deadline_at) > Date.now()) return waitStep(request);
  return thinkStep(request.turns + 1);
}

function waitStep(request: Pick<HeldRequest, 'deadline_at' | 'waiting_for' | 'open'>): Step {
  const kinds = [...new Set(request.waiting_for.map((item) => item.kind))];
  return {
    kind: 'wait',
    until: request.deadline_at,
    waitingFor: kinds.join(',') || 'user',
    summary: `waiting for the user's answer to ${request.open.length === 1 ? 'a question' : `${request.open.length} questions`}`,
  };
}

function callsStep(calls: readonly OpenCall[], turn: number): Step {
  return {
    kind: 'calls',
    calls: calls.map(callStep),
    turn,
    summary: `turn ${turn}: ${cutText(calls.map((call) => call.skill).join(', '), SUMMARY_BYTES)}`,
  };
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
