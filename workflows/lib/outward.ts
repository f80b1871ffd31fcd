import { CancellationScope, log, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import type { AgentRef, EffectInput, EffectStep } from '../../contracts/step.js';
import type { Wakes } from './wakes.js';

/** One attempt, however it ends: the ledger decides about another. */
const { sendEffect } = proxyActivities<Activities>({ startToCloseTimeout: '30s', retry: { maximumAttempts: 1 } });
const { settleEffect } = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** What is being carried out beside the agent's work: a service that hangs holds up neither the agent nor other actions. */
export class Outward {
  readonly #agent: AgentRef;
  readonly #wakes: Wakes;
  readonly #running = new Set<string>();

  constructor({ user, request, agent }: AgentRef, wakes: Wakes) {
    this.#agent = { user, request, agent };
    this.#wakes = wakes;
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Begins what is not being carried out yet; a wake comes when it is over. False when there is nothing new. */
  begin(effects: readonly EffectStep[]): boolean {
    const fresh = effects.filter(({ key }) => !this.#running.has(key));
    for (const effect of fresh) {
      this.#running.add(effect.key);
      void this.#carryOut(effect)
        .catch((error: unknown) => log.warn('an action could not be looked into', { error: String(error) }))
        .finally(() => {
          this.#running.delete(effect.key);
          this.#wakes.rouse();
        });
    }
    return fresh.length > 0;
  }

  /** What was approved is carried out whatever else happens; an attempt that has begun is never cancelled. */
  async #carryOut({ key, fence, mode, summary }: EffectStep): Promise<void> {
    const work: EffectInput = { ...this.#agent, key, fence };
    await CancellationScope.nonCancellable(async () => {
      if (mode === 'send') {
        try {
          return await sendEffect.executeWithOptions({ summary }, [work]);
        } catch (error) {
          log.warn('an attempt ended without a word; the ledger is asked', { error: String(error) });
        }
      }
      await settleEffect.executeWithOptions({ summary }, [work]);
    });
  }
}
