import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { agentWorkflowId, requestWorkflowId } from '../contracts/ids.js';
import { recomputeDue } from '../engine/clock/recompute.js';
import { wakeLost } from '../engine/clock/wake-lost.js';
import type { Engine } from '../engine/deps.js';
import { sweepBlobs } from '../engine/files.js';
import {
  admitWaiting,
  agentsAtWork,
  claimSilent,
  pruneOccasions,
  reconcileAgent,
  reconcileSilent,
} from '../engine/janitor.js';
import { nudge } from '../engine/nudges.js';
import { pruneDeliveries } from '../spaces/dispatch.js';
import { sweepUnfinished } from '../spaces/transfer.js';
import type { Store } from '../store/open.js';
import { pause } from '../store/pause.js';
import { fateOf } from './temporal.js';

const ROUND_MS = 60_000;
const SILENT_SECONDS = 300;
const A_ROUND = 200;
const ROUNDS_AN_HOUR = 60;
const ROUNDS_A_DAY = 24 * ROUNDS_AN_HOUR;
/** Whoever has just started has better things to do. */
const UPKEEP_AFTER_MS = 10_000;
const UPKEEP_EVERY_MS = 3_600_000;

/**
 * Looks at clocks that were lost, at silent requests and at what people were asked long ago every minute, for leftovers
 * every hour, and at the rules of time zones now and every day, until stopped.
 */
export async function keepHouse(
  engine: Engine,
  client: Client,
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
): Promise<void> {
  let recomputeFrom = 0;
  for (let round = 0; !stop.aborted; round += 1) {
    try {
      await wakeLost(engine, stop);
      await lookAtSilent(engine, client, stop);
      await nudge(engine, A_ROUND);
      await admitWaiting(engine);
      if (round % ROUNDS_AN_HOUR === 0) await sweep(engine, stop);
      if (round >= recomputeFrom) {
        const moved = await recomputeDue(engine, stop);
        if (moved > 0) log.warn({ moved }, 'time zones have new rules; times on their clocks were moved');
        recomputeFrom = round + ROUNDS_A_DAY;
      }
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
    for (const agent of await agentsAtWork(engine, ref))
      await reconcileAgent(engine, agent, await fateOf(client, agentWorkflowId(agent.agent)));
  }
}

/** What nobody needs any more: bytes without a file, spaces of imports that broke off, what was delivered long ago. */
async function sweep(engine: Engine, stop: AbortSignal): Promise<void> {
  await sweepBlobs(engine);
  await sweepUnfinished(engine.db);
  while (!stop.aborted && (await engine.db.system(pruneDeliveries)));
  while (!stop.aborted && (await engine.db.system(pruneOccasions)));
}

/** Does what the embedded database leaves to its owner, some seconds after the start and then every hour, until stopped. */
export async function keepDatabase(
  upkeep: NonNullable<Store['upkeep']>,
  log: Pick<Logger, 'info' | 'warn'>,
  stop: AbortSignal,
): Promise<void> {
  await pause(UPKEEP_AFTER_MS, stop);
  while (!stop.aborted) {
    try {
      const upkept = await upkeep(stop);
      if (upkept.length > 0) log.info({ upkept }, 'tables were brought up to date');
    } catch (error) {
      log.warn({ err: error }, 'the database could not be brought up to date; trying again in an hour');
    }
    await pause(UPKEEP_EVERY_MS, stop);
  }
}
