import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { requestWorkflowId } from '../contracts/ids.js';
import type { Engine } from '../engine/deps.js';
import { claimSilent, reconcileSilent } from '../engine/janitor.js';
import { pause } from '../store/pause.js';
import { fateOf } from './temporal.js';

const ROUND_MS = 60_000;
const SILENT_SECONDS = 300;
const A_ROUND = 200;

/** Looks at silent requests at the start and every minute, until stopped. Resolves after its last round. */
export async function keepHouse(
  engine: Engine,
  client: Client,
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    try {
      for (const ref of await claimSilent(engine, SILENT_SECONDS, A_ROUND)) {
        if (stop.aborted) return;
        await reconcileSilent(engine, ref, await fateOf(client, requestWorkflowId(ref.request)));
      }
    } catch (error) {
      log.warn({ err: error }, 'silent requests could not be looked at; trying again in a minute');
    }
    await pause(ROUND_MS, stop);
  }
}
