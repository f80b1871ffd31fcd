import { SendError } from '../contracts/effect.js';
import { ProblemError } from '../contracts/problem.js';
import type { ApprovedAction, Sent, Skill } from '../contracts/skill.js';
import type { EffectInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import { newApprovalId } from '../engine/approvals.js';
import { askAfresh, askWhatBecame } from '../engine/effect-questions.js';
import { JOURNAL } from '../engine/journaled.js';
import { type Failure, recordAbsent, recordFailure, recordSent } from '../engine/effect-outcomes.js';
import { postpone, probeLater, takeOver } from '../engine/effect-takeover.js';
import { startEffect } from '../engine/effects.js';
import { endPaced, paceOf } from '../engine/pace.js';
import { type LedgerEntry, readLesson, readReady } from '../engine/ledger.js';
import { userActor } from '../spaces/principal.js';
import { requirePermission, spaceOfRole } from '../spaces/spaces.js';
import { trustedAccess } from '../spaces/trusted.js';
import type { ActivityDeps } from './deps.js';
import { outwardOf } from './outward.js';
import { makeProposal, outsideContext } from './proposer.js';
import { secretsOfRun } from './secret-access.js';
import { withinLimit } from './time-limit.js';
import { transactionContext } from './transaction-context.js';
import { runApprovedInTransaction } from './transaction-effect.js';

/** A look outside before or after the sending may take this long. */
const LOOK_MS = 10_000;
/** The whole of an attempt once begun; the activity's own limit is a little longer. */
const SEND_MS = 25_000;

const DECISION_LOST =
  'The machine stopped before it was sent, and the decision about it was lost with the last seconds.';
const NOT_APPROVED = 'What is stored is not what was approved. Nothing was sent.';

type ActingSkill = Exclude<Skill, { runs: 'question' }>;

/**
 * One attempt of an approved action. It sends at most once, only what was approved, only while it owns the entry of the
 * ledger. However it ends, the ledger knows what is known; nothing is thrown for what the ledger can tell.
 */
export async function sendEffect(deps: ActivityDeps, input: EffectInput): Promise<void> {
  const ready = await readReady(deps.engine, input);
  if (ready === undefined) return;
  const skill = deps.skills.get(ready.skill);
  if (skill === undefined || skill.runs === 'question') return fail(deps, input, rejected(`${ready.skill} is gone.`));
  if (!ready.intact) return fail(deps, input, rejected(NOT_APPROVED));
  if (skill.runs === 'transaction' && skill.outward === undefined)
    return runApprovedInTransaction(deps, input, ready, skill);
  const difference = await lookForDifference(deps, input, ready, skill);
  if (difference !== undefined) return;
  await deps.inFlight.during(input.key, () => attempt(deps, input, skill));
  if (skill.outward?.learn !== undefined) await teach(deps, input);
}

/** True difference, or a failed look: either way this attempt is over and the ledger knows. */
async function lookForDifference(
  deps: ActivityDeps,
  input: EffectInput,
  entry: LedgerEntry,
  skill: ActingSkill,
): Promise<'over' | undefined> {
  const outward = outwardOf(skill);
  if (outward?.difference === undefined) return undefined;
  const { access, scrubber } = secretsOfRun(deps, entry.caller, skill, entry.payload);
  try {
    const difference = await withinLimit(LOOK_MS, async (signal) =>
      outward.difference?.(actionOf(entry), outsideContext(deps, entry.caller, signal, access)),
    );
    if (difference === undefined) return undefined;
    await proposeAfresh(deps, input, entry, skill, scrubber.scrub(difference));
  } catch (caught) {
    const error = scrubber.error(caught);
    await fail(deps, input, { failure: 'refused', message: messageOf(error) }, error);
  }
  return 'over';
}

async function proposeAfresh(
  deps: ActivityDeps,
  input: EffectInput,
  entry: LedgerEntry,
  skill: ActingSkill,
  difference: string,
): Promise<void> {
  const id = newApprovalId();
  try {
    const proposal = await withinLimit(LOOK_MS, (signal) =>
      makeProposal(skill, entry.payload, id, outsideContext(deps, entry.caller, signal), deps.engine.db),
    );
    await askAfresh(deps.engine, input, entry, { id, proposal, difference });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.type === 'unavailable') throw error;
    const failure = rejected(`${difference} It could not be proposed again: ${error.message}`);
    await fail(deps, input, { ...failure, taints: ['private', 'untrusted'] });
  }
}

async function attempt(deps: ActivityDeps, input: EffectInput, skill: ActingSkill): Promise<void> {
  const claimedAt = performance.now();
  const pace = paceOf(skill.manifest);
  const entry = await startEffect(deps.engine, input, {
    owner: deps.bootId,
    priceUsd: skill.manifest.priceUsd,
    pace,
  });
  if (entry === undefined) return;
  try {
    await sendOnce(deps, input, skill, { entry, claimedAt });
  } finally {
    if (pace !== undefined)
      await deps.engine.db.as(input.user, (tx) => endPaced(tx, pace, { user: input.user, work: input.key }));
  }
}

/** An attempt that owns the entry; `claimedAt` is read from the process's own clock. */
interface Claimed {
  readonly entry: LedgerEntry;
  readonly claimedAt: number;
}

async function sendOnce(
  deps: ActivityDeps,
  input: EffectInput,
  skill: ActingSkill,
  { entry, claimedAt }: Claimed,
): Promise<void> {
  const latest = claimedAt + deps.engine.effects.sendMs;
  let isSending = false;
  const beforeSend = (): void => {
    if (performance.now() > latest) throw new SendError('refused', 'It was too late to send this attempt.');
    isSending = true;
  };
  const { access, scrubber } = secretsOfRun(deps, entry.caller, skill, entry.payload);
  try {
    if (!entry.intact) throw new SendError('rejected', NOT_APPROVED);
    await deps.journal?.append(input.key, input.fence);
    const outward = outwardOf(skill);
    if (outward === undefined) throw new SendError('rejected', `${entry.skill} cannot be carried out.`);
    const sent = await withinLimit(SEND_MS, (signal) =>
      outward.send(actionOf(entry), { ...outsideContext(deps, entry.caller, signal, access), beforeSend }),
    );
    await recordSent(deps.engine, input, entry, successOf(skill, scrubber.scrub(sent)));
  } catch (error) {
    await afterFailure(deps, input, entry, skill, scrubber.error(error), isSending);
  }
}

async function afterFailure(
  deps: ActivityDeps,
  input: EffectInput,
  entry: LedgerEntry,
  skill: ActingSkill,
  error: unknown,
  isSending: boolean,
): Promise<void> {
  // The store is away: the ledger says "started", and whoever looks later finds out.
  if (error instanceof ProblemError && error.type === 'unavailable') throw error;
  const failure = error instanceof SendError ? error.failure : isSending ? 'ambiguous' : 'refused';
  if (failure === 'stale') return proposeAfresh(deps, input, entry, skill, messageOf(error));
  const retryAfterMs = error instanceof SendError ? error.retryAfterMs : undefined;
  await fail(deps, input, { failure, message: messageOf(error), retryAfterMs }, error);
}

/**
 * Finds out what became of an attempt: it happened, it surely did not and is made again, or only a person can tell. Safe
 * to call at any time and any number of times.
 */
export async function settleEffect(deps: ActivityDeps, input: EffectInput): Promise<void> {
  // Clocks may jump: an attempt of this very process is not over while it runs.
  if (deps.inFlight.has(input.key)) return postpone(deps.engine, input);
  const taken = await takeOver(deps.engine, input);
  // It may have been recorded by an attempt that ended before it was learned from.
  if (taken.kind === 'nothing') return teach(deps, input);
  if (taken.kind !== 'probe') return;
  const { entry } = taken;
  const now: EffectInput = { ...input, fence: entry.fence };
  const skill = deps.skills.get(entry.skill);
  if (skill === undefined || skill.runs === 'question') return askWhatBecame(deps.engine, now, entry);
  const found = await look(deps, entry, skill);
  if (typeof found === 'object') {
    await recordSent(deps.engine, now, entry, successOf(skill, found));
    return teach(deps, now);
  }
  // The decision itself was lost: what was really decided nobody knows any more.
  if (found === 'absent' && entry.decidedBy === JOURNAL) return proposeAfresh(deps, now, entry, skill, DECISION_LOST);
  if (found === 'absent') return recordAbsent(deps.engine, now);
  if (found === 'unsure' && (await probeLater(deps.engine, now, entry.probes))) return;
  await askWhatBecame(deps.engine, now, entry);
}

/**
 * Lets the skill learn from what a person has let happen. In a transaction of its own after the one that records the
 * success, because a success is a fact: whatever a lesson meets (a lock, a refused statement, a lost connection), it can
 * neither undo the record nor keep it waiting. What a crash leaves between the two is made up for by `settleEffect`, and
 * a skill learns from one key once.
 */
async function teach(deps: ActivityDeps, input: EffectInput): Promise<void> {
  const actor = userActor(input.user);
  try {
    await deps.engine.db.as(input.user, async (tx) => {
      const lesson = await readLesson(tx, input);
      const skill = lesson === undefined ? undefined : deps.skills.get(lesson.skill);
      if (lesson === undefined || skill === undefined || skill.runs === 'question') return;
      if (skill.outward?.learn === undefined) return;
      // Held for the rest of the transaction: two lessons at once would each begin the same atom.
      await requirePermission(tx, actor, (await spaceOfRole(tx, actor, 'memory')).id, 'write');
      const { caller, skill: _skill, input: sent, ...rest } = lesson;
      const done = { ...rest, input: sent as never };
      // The user's own choice, so it is written in their name and not in the agent's, over what a trusted hand has left.
      const context = {
        ...(await transactionContext(tx, deps.engine, { caller, labels: [] }, new Set())),
        spaces: trustedAccess(tx, actor),
      };
      await skill.outward.learn(done, context);
    });
  } catch (error) {
    deps.log.warn({ err: error, effect: input.key }, 'nothing was learned from an effect; its record stands');
  }
}

/** What the service says; `blind` where it has no way to tell at all. */
async function look(
  deps: ActivityDeps,
  entry: LedgerEntry,
  skill: ActingSkill,
): Promise<Sent | 'absent' | 'unsure' | 'blind'> {
  const outward = outwardOf(skill);
  if (outward?.probe === undefined) return 'blind';
  const { access, scrubber } = secretsOfRun(deps, entry.caller, skill, entry.payload);
  try {
    const found = await withinLimit(LOOK_MS, async (signal) =>
      outward.probe?.(actionOf(entry), outsideContext(deps, entry.caller, signal, access)),
    );
    return found === undefined ? 'blind' : scrubber.scrub(found);
  } catch (error) {
    deps.log.warn(
      { err: scrubber.error(error), effect: entry.key, skill: entry.skill },
      'the outcome of an effect cannot be looked up',
    );
    return 'unsure';
  }
}

function actionOf(entry: LedgerEntry): ApprovedAction<never> {
  return {
    key: entry.key,
    // Checked by the skill's own schema when it was proposed or edited.
    input: entry.payload as never,
    ...(entry.frozen === null ? {} : { frozen: entry.frozen }),
    ...(entry.precondition === null ? {} : { precondition: entry.precondition }),
  };
}

function successOf(skill: Skill, sent: Sent) {
  const { priceUsd, taints } = skill.manifest;
  return {
    ...wellFormed(sent),
    taints: [...new Set([...taints, ...(sent.taints ?? [])])],
    ...(priceUsd === undefined ? {} : { usd: priceUsd }),
  };
}

function rejected(message: string): Failure {
  return { failure: 'rejected', message };
}

async function fail(deps: ActivityDeps, input: EffectInput, failure: Failure, error?: unknown): Promise<void> {
  deps.log.warn({ err: error, effect: input.key, failure: failure.failure }, 'an effect was not carried out');
  await recordFailure(deps.engine, input, failure);
}

function messageOf(error: unknown): string {
  if (error instanceof SendError || error instanceof ProblemError) return error.message;
  return 'The service failed without saying why.';
}
