import { CancelledFailure } from '@temporalio/activity';
import type { Label } from '../contracts/effect-class.js';
import { stricter } from '../contracts/gate.js';
import { ProblemError } from '../contracts/problem.js';
import type { OutsideSkill, Skill, SkillResult, TransactionContext, TransactionSkill } from '../contracts/skill.js';
import type { CallInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import {
  beginCall,
  type BegunCall,
  type CallOutcome,
  type CallRef,
  finishCall,
  holdCall,
  postToConversation,
  settleCall,
  settleUndo,
  startedEvents,
} from '../engine/calls.js';
import { spaceAccess } from '../spaces/access.js';
import type { Tx } from '../store/db.js';
import type { ActivityDeps } from './deps.js';
import { retryIn } from './failure.js';
import { NEEDS_APPROVAL, verdictFor } from './judge.js';
import { noticing } from './noticing.js';

/** Attempts of one call before its failure is handed to the model. */
const MOST_ATTEMPTS = 4;

/** A skill's refusal, carried out of a transaction that must leave nothing behind. */
class SkillRefusal extends Error {}

/**
 * Runs or takes back one call. Its outcome is stored, never returned: the history holds no content.
 * `attempt` is Temporal's: it bounds repeats of a transaction that leaves no count behind when it fails.
 */
export async function runSkillCall(
  deps: ActivityDeps,
  input: CallInput,
  attempt: number,
  abortSignal: AbortSignal,
): Promise<void> {
  if (input.quick && (await inTransaction(deps, input, attempt))) return;
  const begun = await beginCall(deps.engine, input, input.mode);
  if (begun === undefined) return;
  const skill = deps.skills.get(begun.call.skill);
  if (skill?.runs !== 'outside') await inTransaction(deps, input, attempt);
  else if (input.mode === 'undo') await undoOutside(deps, input, begun, skill, abortSignal);
  else await storeOutcome(deps, input, begun, await runOutside(deps, begun, skill, abortSignal));
}

/** What cannot be stored however often it is tried becomes an error that the model is told of. */
async function storeOutcome(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  outcome: CallOutcome,
): Promise<void> {
  try {
    await finishCall(deps.engine, input, outcome);
  } catch (error) {
    if (error instanceof ProblemError || begun.call.attempts < MOST_ATTEMPTS) throw error;
    deps.log.error({ err: error, skill: begun.call.skill, call: begun.call.id }, 'a result cannot be stored');
    const message = `${begun.call.skill} ran, but its result could not be stored. Go on without it and tell the user.`;
    await finishCall(deps.engine, input, { error: message });
  }
}

/** One transaction for skills of the store: claim, work and result together. False when it is another kind. */
async function inTransaction(deps: ActivityDeps, input: CallInput, attempt: number): Promise<boolean> {
  try {
    await deps.engine.db.as(input.user, async (tx) => {
      const begun = await holdCall(tx, input, input.mode);
      if (begun === undefined) return;
      const skill = deps.skills.get(begun.call.skill);
      if (skill?.runs === 'outside') throw new NotHere();
      await runInside(tx, input, begun, skill);
    });
    return true;
  } catch (error) {
    if (error instanceof NotHere) return false;
    await storeRefusal(deps, input, refusalText(error, attempt));
    return true;
  }
}

/** What the model is told; throws on what may pass by itself. */
function refusalText(error: unknown, attempt: number): string {
  if (error instanceof SkillRefusal) return error.message;
  if (error instanceof ProblemError || attempt < MOST_ATTEMPTS) throw error;
  return `The skill failed ${attempt} times. Go on without it and tell the user.`;
}

/** Leaves the transaction as if it had not begun. */
class NotHere extends Error {}

async function runInside(
  tx: Tx,
  ref: CallRef & { mode: CallInput['mode'] },
  begun: BegunCall,
  skill: TransactionSkill | Exclude<Skill, OutsideSkill> | undefined,
): Promise<void> {
  if (skill?.runs !== 'transaction') throw new SkillRefusal(`The skill ${begun.call.skill} is not installed any more.`);
  const noticed = new Set<Label>();
  const context = transactionContext(tx, begun, noticed);
  if (ref.mode === 'undo') {
    await refusing(async () => skill.undo?.(begun.call.undo, context));
    await settleUndo(tx, ref, skill.manifest.name, undefined);
    return;
  }
  refuseUnlessAllowed(skill, begun);
  const result = await refusing(() => skill.run(begun.call.input as never, context));
  const outcome = outcomeOf(skill, result, noticed);
  await settleCall(tx, ref, skill.manifest.name, outcome, startedEvents(ref, begun.call, 'run'));
}

function transactionContext(tx: Tx, begun: BegunCall, noticed: Set<Label>): TransactionContext {
  const { caller } = begun;
  const origin = begun.labels.includes('untrusted') ? 'untrusted' : 'agent';
  const actor = { user: caller.user.id, author: `agent:${caller.agentId}`, origin, callId: caller.callId } as const;
  return {
    ...caller,
    spaces: noticing(spaceAccess(tx, actor), noticed),
    conversation: { post: (text, files) => postToConversation(tx, caller, text, files) },
  };
}

/** Turns a refusal of the skill into one that also takes its writes back. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProblemError && error.type !== 'unavailable')
      throw new SkillRefusal(explained(error), { cause: error });
    throw error;
  }
}

function explained(error: ProblemError): string {
  return wellFormed([error.message, ...error.errors.map((field) => `${field.path}: ${field.message}`)].join('\n'));
}

/** What the agent may use and the gate, again with today's rules: a call judged yesterday may have to wait today. */
function refuseUnlessAllowed(skill: Skill, begun: BegunCall): void {
  const { name } = skill.manifest;
  if (begun.skills !== null && !begun.skills.includes(name))
    throw new SkillRefusal(`You may not use ${name} any more; it was not run.`);
  const today = verdictFor(skill, begun.call.input, {
    labels: begun.labels,
    conversationId: begun.caller.conversationId,
  });
  if (stricter(begun.call.verdict, today) !== 'run') throw new SkillRefusal(NEEDS_APPROVAL);
}

function outcomeOf(
  skill: TransactionSkill | OutsideSkill,
  result: SkillResult<unknown>,
  noticed: Iterable<Label> = [],
): CallOutcome {
  const output = skill.manifest.output.parse(result.output);
  return wellFormed({
    output: output as NonNullable<CallOutcome['output']>,
    taints: [...new Set([...skill.manifest.taints, ...(result.taints ?? []), ...noticed])],
    ...(result.undo === undefined ? {} : { undo: result.undo }),
    ...(result.outputs === undefined ? {} : { outputs: result.outputs }),
    ...(skill.manifest.priceUsd === undefined ? {} : { usd: skill.manifest.priceUsd }),
  });
}

async function storeRefusal(deps: ActivityDeps, input: CallInput, message: string): Promise<void> {
  await deps.engine.db.as(input.user, async (tx) => {
    const begun = await holdCall(tx, input, input.mode);
    if (begun === undefined) return;
    if (input.mode === 'undo') await settleUndo(tx, input, begun.call.skill, message);
    else await settleCall(tx, input, begun.call.skill, { error: message }, startedEvents(input, begun.call, 'run'));
  });
}

async function runOutside(
  deps: ActivityDeps,
  begun: BegunCall,
  skill: OutsideSkill,
  abortSignal: AbortSignal,
): Promise<CallOutcome> {
  try {
    const result = await withinTime(begun.call.timeout_ms, abortSignal, async (signal) => {
      const context = outsideContext(deps, begun, signal);
      const found = begun.call.attempts > 1 ? await skill.reconcile?.(begun.call.input as never, context) : undefined;
      if (found !== undefined) return found;
      refuseUnlessAllowed(skill, begun);
      return skill.run(begun.call.input as never, context);
    });
    return outcomeOf(skill, result);
  } catch (error) {
    return { error: retryOrExplain(deps, begun, error) };
  }
}

async function undoOutside(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  skill: OutsideSkill,
  abortSignal: AbortSignal,
): Promise<void> {
  let problem: string | undefined;
  try {
    await withinTime(begun.call.timeout_ms, abortSignal, async (signal) =>
      skill.undo?.(begun.call.undo, outsideContext(deps, begun, signal)),
    );
  } catch (error) {
    problem = retryOrExplain(deps, begun, error);
  }
  await deps.engine.db.as(input.user, (tx) => settleUndo(tx, input, begun.call.skill, problem));
}

function outsideContext(deps: ActivityDeps, begun: BegunCall, abortSignal: AbortSignal) {
  return { ...begun.caller, calendar: deps.calendar, workspace: deps.workspace, abortSignal };
}

/** A refusal is the model's to handle at once; anything else is tried again a few times first. */
function retryOrExplain(deps: ActivityDeps, begun: BegunCall, error: unknown): string {
  if (error instanceof SkillRefusal) return error.message;
  if (error instanceof ProblemError && error.type !== 'unavailable') return explained(error);
  deps.log.warn({ err: error, skill: begun.call.skill, call: begun.call.id }, 'a skill failed');
  if (begun.call.attempts < MOST_ATTEMPTS) throw retryIn('SkillFailed', 200 * 2 ** begun.call.attempts);
  return error instanceof OutOfTime
    ? error.message
    : `${begun.call.skill} failed ${begun.call.attempts} times. Go on without it and tell the user.`;
}

class OutOfTime extends Error {}

/**
 * Waits for the work until its time is over. Work that is told to stop may still come to its end, because what it has
 * done by then must be known; only a process that shuts down leaves it, to be run again.
 */
async function withinTime<T>(
  timeoutMs: number,
  abortSignal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (abortSignal.aborted) throw new OutOfTime('The skill was stopped before it began.');
  const timeout = AbortSignal.timeout(timeoutMs);
  const listening = new AbortController();
  const once = { once: true, signal: listening.signal };
  const over = new Promise<never>((_, reject) => {
    const outOfTime = `The skill took longer than ${timeoutMs / 1000} s and was stopped.`;
    const onShutdown = (): void => {
      if (isShutdown(abortSignal.reason)) reject(new OutOfTime('The skill was stopped by a shutdown.'));
    };
    timeout.addEventListener('abort', () => reject(new OutOfTime(outOfTime)), once);
    abortSignal.addEventListener('abort', onShutdown, once);
  });
  try {
    return await Promise.race([work(AbortSignal.any([abortSignal, timeout])), over]);
  } finally {
    listening.abort();
  }
}

function isShutdown(reason: unknown): boolean {
  return reason instanceof CancelledFailure && reason.message === 'WORKER_SHUTDOWN';
}
