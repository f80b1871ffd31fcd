import {
  type AgentRef,
  type AgentStart,
  type CallStep,
  type EffectStep,
  type Step,
  thinkStep,
} from '../contracts/step.js';
import { cutText } from '../contracts/text.js';
import { moveOut, takePlace } from './agents/admission.js';
import { endOverdue } from './agents/agent-ending.js';
import type { Engine } from './deps.js';
import { parkOnQuestions } from './parking.js';
import { type HeldRequest, holdRequest, type OpenCall, type WaitRow } from './rows.js';

/** Temporal shows at most this much of a summary. */
const SUMMARY_BYTES = 200;

/** What the agent does next, read from the rows alone. May be asked at any time. */
export function nextStep(engine: Engine, ref: AgentRef): Promise<Step> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await holdRequest(tx, ref);
    const over = (await endOverdue(tx, engine, ref, request)) ?? (await moveOut(tx, ref, request));
    if (over !== undefined) return over;
    await parkOnQuestions(tx, ref, request);
    return takePlace(tx, ref, request, stepFor(request));
  });
}

type StepFacts = Pick<
  HeldRequest,
  | 'status'
  | 'ended_at'
  | 'deadline_at'
  | 'waiting_for'
  | 'turns'
  | 'open'
  | 'usd'
  | 'waits'
  | 'unseen'
  | 'resting'
  | 'self'
  | 'starts'
  | 'live'
  | 'asking'
>;

/** As `nextStep`, for a caller that holds the request's row. */
export function stepFor(request: StepFacts): Step {
  const { self, starts } = request;
  const start = starts.map(
    ({ id, inline, priority, turns, deadline_at }): AgentStart => ({
      agent: id,
      key: `${id}:${turns}`,
      inline,
      priority,
      summary: `subagent ${id}`,
      ...(deadline_at === null ? {} : { deadline: new Date(deadline_at).toISOString() }),
    }),
  );
  return {
    ...inTime(ownStep(request), { self, deadline_at: request.deadline_at }),
    ...(start.length === 0 ? {} : { start }),
  };
}

/** The step of an agent that is bound by less time than its request has. */
export function inTime(step: Step, { self, deadline_at }: Pick<HeldRequest, 'self' | 'deadline_at'>): Step {
  return self.parent === null || self.deadline_at === null ? step : { ...step, deadline: deadline_at };
}

function ownStep(request: StepFacts): Step {
  const undoing = request.open.filter((call) => call.status === 'undoing');
  if (undoing.length > 0) return callsStep(undoing, request.turns);
  const { waits } = request;
  const money = waits.filter((wait) => wait.effect === 'budget' && wait.status === 'pending');
  // What is only ready to be sent may be what the money is asked for.
  const due = waits.filter(
    ({ ledger }) => ledger?.open && ledger.due && (money.length === 0 || ledger.status !== 'ready'),
  );
  if (due.length > 0) return effectsStep(due);
  if (request.ended_at !== null) return afterTheEnd(request);
  // Nobody is waited for past the deadline, nor for money that was not given: the next turn finds it and ends the request.
  const inTime = Date.parse(request.deadline_at) > Date.now();
  const isRefused = waits.some((wait) => wait.effect === 'budget' && wait.overdue);
  if (!inTime || isRefused) return thinkStep(request.turns + 1);
  const left = waits.filter(
    (wait) => wait.status === 'pending' || (money.length === 0 && isUnderWay(wait, waits)) || isProbed(wait, waits),
  );
  if (money.length > 0) return approvalStep(request, left);
  const pending = request.open.filter((call) => call.status === 'pending');
  const leading = pending.filter((call) => call.first);
  if (pending.length > 0) return callsStep(leading.length > 0 ? leading : pending, request.turns);
  if (request.open.some((call) => call.status === 'waiting')) return questionStep(request, waits);
  // Whoever has something to hear stops waiting for others; they go on.
  if (request.open.length > 0) return request.unseen ? thinkStep(request.turns + 1) : teamStep(request);
  // An agent at work waits for what is being sent, so that it need not be told in a turn of its own.
  const held = request.resting ? left : left.filter(isBeingSent);
  if (!request.unseen && held.length > 0) return approvalStep(request, held);
  if (!request.unseen && request.resting && (request.live > 0 || request.asking)) return teamStep(request);
  return thinkStep(request.turns + 1);
}

/** Others are at work for this agent, or have to answer it. */
function teamStep(request: Pick<StepFacts, 'deadline_at' | 'live'>): Step {
  const summary = request.live > 0 ? `waiting for ${request.live} of its agents` : 'waiting for another agent';
  return { kind: 'wait', until: request.deadline_at, waitingFor: 'agents', summary };
}

/** What was begun outside is seen to its end; a question about it can be answered without a workflow. */
function afterTheEnd(request: StepFacts): Step {
  const left = request.waits.filter((wait) => isUnderWay(wait, request.waits));
  if (left.length > 0) return approvalStep({ ...request, deadline_at: LATEST }, left);
  const status = request.self.outcome ?? request.status;
  return { kind: 'done', status, usd: request.usd, summary: status, ...(request.self.hosted ? { rouses: true } : {}) };
}

const LATEST = '9999-01-01T00:00:00Z';

function isBeingSent(wait: WaitRow): boolean {
  return wait.ledger?.open === true && (wait.ledger.status === 'ready' || wait.ledger.status === 'started');
}

/** Its attempt has ended and is looked into, whatever else is waited for. */
function isProbed(wait: WaitRow, waits: readonly WaitRow[]): boolean {
  return wait.ledger?.status !== 'ready' && isUnderWay(wait, waits);
}

/** Neither over nor left to a person. */
function isUnderWay(wait: WaitRow, waits: readonly WaitRow[]): boolean {
  return wait.ledger?.open === true && !waits.some((other) => other.about === wait.id && other.status === 'pending');
}

function effectsStep(due: readonly WaitRow[]): Step {
  const effects = due.map(
    (wait): EffectStep => ({
      key: wait.id,
      fence: wait.ledger?.fence ?? 0,
      mode: wait.ledger?.status === 'ready' ? 'send' : 'settle',
      summary: `${wait.ledger?.status === 'ready' ? 'send' : 'find out about'} ${wait.skill}`,
    }),
  );
  const skills = [...new Set(due.map((wait) => wait.skill))].join(', ');
  return { kind: 'effects', effects, summary: cutText(`carry out ${skills}`, SUMMARY_BYTES) };
}

/** Waits for a decision, or for the moment something that is under way can be looked at again. */
function approvalStep(request: Pick<StepFacts, 'deadline_at'>, left: readonly WaitRow[]): Step {
  const times = left.map((wait) => (wait.status === 'pending' ? wait.expires_at : (wait.ledger?.due_at ?? '')));
  const until = Math.min(Date.parse(request.deadline_at), ...times.map((time) => Date.parse(time)));
  const asked = left.filter((wait) => wait.status === 'pending');
  const what = (asked.length > 0 ? asked : left).map((wait) => wait.skill).join(', ');
  return {
    kind: 'wait',
    until: new Date(until).toISOString(),
    waitingFor: 'approval',
    summary: cutText(asked.length > 0 ? `waiting for approval: ${what}` : `under way: ${what}`, SUMMARY_BYTES),
  };
}

function questionStep(
  request: Pick<StepFacts, 'deadline_at' | 'waiting_for' | 'open'>,
  waits: readonly WaitRow[],
): Step {
  const kinds = [...new Set(request.waiting_for.map((item) => item.kind))];
  const times = waits.flatMap((wait) => (wait.ledger?.open === true ? [Date.parse(wait.ledger.due_at)] : []));
  return {
    kind: 'wait',
    until: new Date(Math.min(Date.parse(request.deadline_at), ...times)).toISOString(),
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
    ...(call.delegates ? { delegates: true } : {}),
    summary: mode === 'undo' ? `take back ${call.skill}` : call.skill,
  };
}
