import type { Logger } from 'pino';
import { createWait } from '../engine/wait.js';
import { deliverDue } from '../spaces/dispatch.js';
import type { Db } from '../store/db.js';
import type { EventBus } from '../store/event-bus.js';

/** Finds what the bus lost, and debounces that are over. */
const SWEEP_MS = 1_000;

/**
 * Tells subscribers of changes as soon as they are committed, until stopped; `besides` is done in each round. What fails is
 * tried again at the next round.
 */
export async function dispatchChanges(
  store: { readonly db: Db; readonly bus: EventBus },
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
  besides: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const round = createWait();
  stop.addEventListener('abort', round.wake);
  const failed = (error: unknown, place: object): void =>
    log.warn({ err: error, ...place }, 'a subscriber was not told of changes; trying again in a minute');
  const unsubscribe = store.bus.onSpace(null, round.wake);
  try {
    while (!stop.aborted) {
      try {
        while ((await deliverDue(store.db, failed)) > 0 && !stop.aborted);
        await besides();
      } catch (error) {
        log.warn({ err: error }, 'subscribers were not told of changes; trying again in a second');
      }
      await round.next(SWEEP_MS);
    }
  } finally {
    unsubscribe();
  }
}
