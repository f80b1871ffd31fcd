import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { OutsideSkill, SkillResult, TransactionSkill } from '../contracts/skill.js';
import { secretsNamedIn } from '../contracts/secret.js';
import type { CallInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import { payForCall, reserveCall } from '../engine/budget.js';
import {
  beginCall,
  type BegunCall,
  type CallOutcome,
  type CallRef,
  delegateCalls,
  holdCall,
  holdCalls,
  type PendingOutcome,
  settleCall,
  settleUndo,
  startedEvents,
} from '../engine/calls.js';
import type { NewEvent } from '../engine/events.js';
import { meaningsOfCall } from '../engine/meanings.js';
import { beginPacedCall, endPaced, paceOf, withdrawPaced } from '../engine/pace.js';
import { repeatedOutcome } from '../engine/repeats.js';
import { MoneyHeld } from '../engine/reservations.js';
import type { Meaning } from '../spaces/search.js';
import type { Tx } from '../store/db.js';
import type { ActivityDeps } from './deps.js';
import { explained, MOST_ATTEMPTS, retryOrExplain, SkillRefusal, storeOutcome } from './call-failures.js';
import { retryIn } from './failure.js';
import { mustPropose, proposeInstead } from './propose-call.js';
import { outsideContext } from './proposer.js';
import { secretsOfRun } from './secret-access.js';
import { classInStore } from './shared-writes.js';
import { transactionContext } from './transaction-context.js';
import { withinTime } from './within-time.js';

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
  const { together = [], ...alone } = input;
  if (together.length > 0) return runTogether(deps, alone, together, attempt, abortSignal);
  if (input.quick && (await inTransaction(deps, input, attempt))) return;
  const begun = await beginCall(deps.engine, input, input.mode);
  if (begun === undefined) return;
  const skill = deps.skills.get(begun.call.skill);
  if (input.mode === 'run' && (await resume(deps, input, begun, abortSignal))) return;
  if (input.mode === 'run' && (await proposeInstead(deps, input, begun, abortSignal))) return;
  if (skill?.runs !== 'outside') await inTransaction(deps, input, attempt);
  else if (input.mode === 'undo') await undoOutside(deps, input, begun, skill, abortSignal);
  else if (await answerAsBefore(deps, input, begun, skill)) return;
  else await inItsTurn(deps, input, begun, skill, () => payAndRun(deps, input, begun, skill, abortSignal));
}

/** False where the call was not run, because its money is not there. */
async function payAndRun(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  skill: OutsideSkill,
  abortSignal: AbortSignal,
): Promise<boolean> {
  if (!(await payForCall(deps.engine, input, begun.call.skill, skill.manifest.priceUsd))) return false;
  await storeOutcome(deps, input, begun, await runOutside(deps, begun, skill, abortSignal));
  return true;
}

/**
 * Keeps the pace of the skill: a call whose turn has not come is tried again then, as often as it takes, and holds nothing
 * meanwhile but what any call holds that is tried again.
 */
async function inItsTurn(
  deps: ActivityDeps,
  input: CallInput,
  { call }: BegunCall,
  { manifest }: OutsideSkill,
  run: () => Promise<boolean>,
): Promise<void> {
  const pace = paceOf(manifest);
  if (pace === undefined) return void (await run());
  const waitMs = await beginPacedCall(deps.engine, input, pace, call.timeout_ms);
  if (waitMs !== undefined) throw retryIn('ToKeepPace', waitMs);
  let hasRun = true;
  try {
    hasRun = await run();
  } catch (error) {
    hasRun = !(error instanceof MoneyHeld);
    throw error;
  } finally {
    const end = hasRun ? endPaced : withdrawPaced;
    await deps.engine.db.as(input.user, (tx) => end(tx, pace, { user: input.user, work: input.callId }));
  }
}

/** Calls that leave work to other agents run in one transaction; where one of them cannot, each runs by itself. */
async function runTogether(
  deps: ActivityDeps,
  input: CallInput,
  others: readonly string[],
  attempt: number,
  abortSignal: AbortSignal,
): Promise<void> {
  const calls = [input.callId, ...others];
  try {
    await deps.engine.db.as(input.user, (tx) => delegateTogether(tx, deps, input, calls));
  } catch (error) {
    if (!(error instanceof NotHere) && !(error instanceof SkillRefusal)) throw error;
    for (const callId of calls) await runSkillCall(deps, { ...input, callId }, attempt, abortSignal);
  }
}

async function delegateTogether(tx: Tx, deps: ActivityDeps, input: CallInput, calls: readonly string[]): Promise<void> {
  const delegated: { call: string; agent: string }[] = [];
  const events: NewEvent[] = [];
  for (const begun of await holdCalls(tx, input, calls, input.mode)) {
    const ref = { ...input, callId: begun.call.id };
    const outcome = await outcomeInside(tx, deps, ref, begun);
    if (outcome === undefined) continue;
    const started = startedEvents(input, begun.call, 'run');
    if (outcome.awaits === undefined) await settleCall(tx, ref, begun.call.skill, outcome, started);
    else {
      delegated.push({ call: begun.call.id, agent: outcome.awaits });
      events.push(...started);
    }
  }
  if (delegated.length > 0) await delegateCalls(tx, input, delegated, events);
}

/** Looks for what an interrupted attempt has done already, before asking whether it may be done. */
async function resume(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const skill = deps.skills.get(begun.call.skill);
  if (skill?.runs !== 'outside' || skill.reconcile === undefined) return false;
  if (begun.call.attempts === 1 || begun.call.verdict !== 'run') return false;
  const secrets = secretsOfRun(deps, begun.caller, skill, begun.call.input);
  try {
    const found = await withinTime(begun.call.timeout_ms, abortSignal, async (signal) =>
      skill.reconcile?.(begun.call.input as never, outsideContext(deps, begun.caller, signal, secrets.access)),
    );
    if (found === undefined) return false;
    await storeOutcome(deps, input, begun, storing(deps, begun, skill, secrets.scrubber.scrub(found)));
  } catch (error) {
    await storeOutcome(deps, input, begun, { error: retryOrExplain(deps, begun, secrets.scrubber.error(error)) });
  }
  return true;
}

/**
 * Gives a call that repeats an earlier one of the request the same answer. Never where a secret opens the answer: which
 * agent may use it is asked while the skill runs.
 */
async function answerAsBefore(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  { manifest }: OutsideSkill,
): Promise<boolean> {
  if (manifest.repeats !== 'request') return false;
  if ((manifest.secrets ?? []).length > 0 || secretsNamedIn(begun.call.input).length > 0) return false;
  const before = await repeatedOutcome(deps.engine, input);
  if (before === undefined) return false;
  await storeOutcome(deps, input, begun, before);
  return true;
}

/** One transaction for skills of the store: claim, work and result together. False when it is another kind. */
async function inTransaction(deps: ActivityDeps, input: CallInput, attempt: number): Promise<boolean> {
  try {
    const meanings = await searchedMeanings(deps, input);
    await deps.engine.db.as(input.user, (tx) => runQuickly(tx, deps, input, meanings));
    return true;
  } catch (error) {
    if (error instanceof NotHere) return false;
    await storeRefusal(deps, input, refusalText(error, attempt));
    return true;
  }
}

/** Claims and runs a call in the caller's transaction; throws `NotHere` where it is of another kind. */
async function runQuickly(
  tx: Tx,
  deps: ActivityDeps,
  input: CallInput,
  meanings: ReadonlyMap<string, Meaning>,
): Promise<void> {
  const begun = await holdCall(tx, input, input.mode);
  if (begun === undefined) return;
  if (input.mode === 'undo') return undoInside(tx, deps, input, begun);
  const outcome = await outcomeInside(tx, deps, input, begun, meanings);
  if (outcome !== undefined)
    await settleCall(tx, input, begun.call.skill, outcome, startedEvents(input, begun.call, 'run'));
}

/** What is looked up outside before the transaction: only the database may be awaited in it. */
async function searchedMeanings(deps: ActivityDeps, input: CallInput): Promise<ReadonlyMap<string, Meaning>> {
  if (input.mode === 'undo') return new Map();
  return meaningsOfCall(deps.engine, input, (call) => {
    const skill = deps.skills.get(call.skill);
    return skill?.runs === 'transaction' ? (skill.searches?.(call.input as never) ?? []) : [];
  });
}

/** What the model is told; throws on what may pass by itself. */
function refusalText(error: unknown, attempt: number): string {
  if (error instanceof SkillRefusal) return error.message;
  if (error instanceof ProblemError || attempt < MOST_ATTEMPTS) throw error;
  return `The skill failed ${attempt} times. Go on without it and tell the user.`;
}

/** Leaves the transaction as if it had not begun. */
class NotHere extends Error {}

/**
 * Runs a claimed call in the caller's transaction; what it came to is not stored yet. Undefined when its price is not
 * there: the user is asked for it. Throws `NotHere` where the call cannot run in a transaction, or not without a person.
 */
async function outcomeInside(
  tx: Tx,
  deps: ActivityDeps,
  ref: CallRef,
  begun: BegunCall,
  meanings?: ReadonlyMap<string, Meaning>,
): Promise<CallOutcome | undefined> {
  const skill = skillInside(deps, begun);
  if (mustPropose(skill, begun, await classInStore(tx, skill, begun))) throw new NotHere();
  const noticed = new Set<Label>();
  const context = await transactionContext(tx, deps.engine, begun, noticed, 'run', meanings);
  const { name, priceUsd } = skill.manifest;
  if (!(await reserveCall(tx, deps.engine, ref, name, priceUsd))) return undefined;
  return outcomeOf(skill, await refusing(() => skill.run(begun.call.input as never, context)), noticed);
}

async function undoInside(tx: Tx, deps: ActivityDeps, ref: CallRef, begun: BegunCall): Promise<void> {
  const skill = skillInside(deps, begun);
  const context = await transactionContext(tx, deps.engine, begun, new Set<Label>(), 'undo');
  await refusing(async () => skill.undo?.(begun.call.undo, context));
  await settleUndo(tx, ref, skill.manifest.name, undefined);
}

/** The skill of a call that runs in a transaction; throws `NotHere` for one that works outside. */
function skillInside({ skills }: ActivityDeps, { call }: BegunCall): TransactionSkill {
  const skill = skills.get(call.skill);
  if (skill?.runs === 'outside') throw new NotHere();
  if (skill?.runs !== 'transaction') throw new SkillRefusal(`The skill ${call.skill} is not installed any more.`);
  return skill;
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

function outcomeOf(
  skill: TransactionSkill | OutsideSkill,
  result: SkillResult<unknown>,
  noticed: Iterable<Label> = [],
): CallOutcome {
  if (result.awaits !== undefined) return { awaits: result.awaits };
  const output = skill.manifest.output.parse(result.output);
  return wellFormed({
    output: output as NonNullable<CallOutcome['output']>,
    taints: [...new Set([...skill.manifest.taints, ...(result.taints ?? []), ...noticed])],
    wrote: result.wrote ?? [],
    read: result.read ?? [],
    ...(result.undo === undefined ? {} : { undo: result.undo }),
    ...(result.outputs === undefined ? {} : { outputs: result.outputs }),
    ...(skill.manifest.priceUsd === undefined ? {} : { usd: skill.manifest.priceUsd }),
  });
}

/** The outcome of a result, with what the skill writes into the store beside it. */
function storing(
  deps: ActivityDeps,
  begun: BegunCall,
  skill: OutsideSkill,
  found: SkillResult<unknown>,
): PendingOutcome {
  if (skill.store === undefined) return outcomeOf(skill, found);
  const labels = [...begun.labels, ...(found.taints ?? [])];
  return async (tx) => {
    const noticed = new Set<Label>();
    const context = await transactionContext(tx, deps.engine, { ...begun, labels }, noticed);
    const kept = await refusing(async () => (await skill.store?.(found, begun.call.input as never, context)) ?? found);
    return outcomeOf(skill, kept, noticed);
  };
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
): Promise<PendingOutcome> {
  const secrets = secretsOfRun(deps, begun.caller, skill, begun.call.input);
  try {
    const result = await withinTime(begun.call.timeout_ms, abortSignal, async (signal) => {
      const context = outsideContext(deps, begun.caller, signal, secrets.access);
      return skill.run(begun.call.input as never, context);
    });
    return storing(deps, begun, skill, secrets.scrubber.scrub(result));
  } catch (error) {
    return { error: retryOrExplain(deps, begun, secrets.scrubber.error(error)) };
  }
}

async function undoOutside(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  skill: OutsideSkill,
  abortSignal: AbortSignal,
): Promise<void> {
  const secrets = secretsOfRun(deps, begun.caller, skill, begun.call.input, begun.call.undo);
  let problem: string | undefined;
  try {
    await withinTime(begun.call.timeout_ms, abortSignal, async (signal) =>
      skill.undo?.(begun.call.undo, outsideContext(deps, begun.caller, signal, secrets.access)),
    );
  } catch (error) {
    problem = retryOrExplain(deps, begun, secrets.scrubber.error(error));
  }
  await deps.engine.db.as(input.user, (tx) => settleUndo(tx, input, begun.call.skill, problem));
}
