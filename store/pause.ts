import { setTimeout as delay } from 'node:timers/promises';

/** Waits, or returns early when told to stop. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
