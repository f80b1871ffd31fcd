import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { requestWorkflowId } from '../contracts/ids.js';
import type { Engine } from '../engine/deps.js';
import { sweepBlobs } from '../engine/files.js';
import { claimSilent, reconcileSilent } from '../engine/janitor.js';
import { nudge } from '../engine/nudges.js';
import { pause } from '../store/pause.js';
import { fateOf } from './temporal.js';

const ROUND_MS = 60_000;
const SILENT_SECONDS = 300;
const A_ROUND = 200;
const ROUNDS_AN_HOUR = 60;

/** Looks at silent requests and at what people were asked long ago every minute, for leftover files every hour, until stopped. */
export async function keepHouse(
  engine: Engine,
  client: Client,
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
): Promise<void> {
  for (let round = 0; !stop.aborted; round += 1) {
    try {
      await lookAtSilent(engine, client, stop);
      await nudge(engine, A_ROUND);
      if (round % ROUNDS_AN_HOUR === 0) await sweepBlobs(engine);
    } catch (error) {
      log.warn({ err: error }, 'the house could not be kept; trying again in a minute');
    }
    await pause(ROUND_MS, stop);
  }
}

async function lookAtSilent(engine: Engine, client: Client, stop: AbortSignal): Promise<void> {
  for (const ref of await claimSilent(engine, SILENT_SECONDS, A_ROUND)) {
    if (stop.aborted) return;
    await reconcileSilent(engine, ref, await fateOf(client, requestWorkflowId(ref.request)));
  }
}
