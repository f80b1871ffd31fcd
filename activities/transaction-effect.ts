import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { TransactionSkill } from '../contracts/skill.js';
import type { EffectInput } from '../contracts/step.js';
import { type Failure, recordFailure, recordSentIn } from '../engine/effect-outcomes.js';
import { startEffectIn } from '../engine/effects.js';
import type { LedgerEntry } from '../engine/ledger.js';
import type { ActivityDeps } from './deps.js';
import { sentOf } from './outward.js';
import { transactionContext } from './transaction-context.js';

/** A skill of the store acts in the same transaction that says it is done, so nothing can come between. */
export async function runApprovedInTransaction(
  deps: ActivityDeps,
  input: EffectInput,
  ready: LedgerEntry,
  skill: TransactionSkill,
): Promise<void> {
  try {
    await deps.engine.db.as(input.user, async (tx) => {
      const entry = await startEffectIn(tx, deps.engine, input, {
        owner: deps.bootId,
        priceUsd: skill.manifest.priceUsd,
      });
      if (entry === undefined) return;
      if (!entry.intact)
        throw new ProblemError('conflict', 'What is stored is not what was approved. Nothing was done.');
      const noticed = new Set<Label>();
      const result = await skill.run(entry.payload as never, await transactionContext(tx, deps.engine, entry, noticed));
      await recordSentIn(tx, input, entry, {
        ...sentOf(skill, input.key, result),
        taints: [...new Set([...skill.manifest.taints, ...(result.taints ?? []), ...noticed])],
        ...(skill.manifest.priceUsd === undefined ? {} : { usd: skill.manifest.priceUsd }),
      });
    });
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'unavailable') throw error;
    deps.log.warn({ err: error, effect: ready.key }, 'an approved call was refused by its skill');
    await recordFailure(deps.engine, input, failureOf(error));
  }
}

/** What a skill refuses stays refused; what went wrong in it may pass, but is not tried for ever. */
function failureOf(error: unknown): Failure {
  if (error instanceof ProblemError) return { failure: 'rejected', message: error.message };
  return { failure: 'refused', message: 'The skill failed without saying why.' };
}
