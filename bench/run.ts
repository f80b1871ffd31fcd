/**
 * Measures the product against a bare Temporal worker with the same activities on the same tuned server, in one run.
 *   npm run bench              all scenarios
 *   npm run bench -- s1 s3     some of them
 * What counts are the ratios; absolute times are those of the machine.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import pino from 'pino';
import { sql } from '../store/sql.js';
import { installTemporalRuntime } from '../workers/worker.js';
import { startBare } from './bare/start.js';
import { measureDecisions } from './decide.js';
import { measureHistory } from './history.js';
import { measureParked } from './parked.js';
import { startProduct } from './product.js';
import { measureRecovery } from './recovery.js';
import { measureReminders } from './reminders.js';
import { measureStart } from './restart.js';
import { measureSpaces } from './spaces.js';
import { median, percentile, round, startModel, startTemporal, timed } from './tools.js';

const LATENCY_MS = 200;
const ROUNDS = 3;
const SAMPLES = 10;
const CALLERS = 32;
const LOAD_MS = 5_000;

interface Peer {
  run(scenario: string): Promise<unknown>;
}

/** Model calls that follow one another in each scenario: their time is not ours. */
const MODEL_CALLS: Readonly<Record<string, number>> = {
  s1: 2,
  s2: 4,
  note: 4,
  fan10: 3,
  fan100: 3,
  inline10: 3,
  inline100: 3,
};

async function latency(
  scenario: string,
  peers: Readonly<Record<string, Peer>>,
  latencyMs: number,
  samples = SAMPLES,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  for (const peer of Object.values(peers))
    for (let warm = 0; warm < Math.min(3, samples); warm += 1) await peer.run(scenario);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, peer] of Object.entries(peers)) {
      for (let sample = 0; sample < samples; sample += 1) {
        times[name]?.push((await timed(() => peer.run(scenario))) - (MODEL_CALLS[scenario] ?? 0) * latencyMs);
      }
    }
  }
  return times;
}

async function throughput(peer: Peer): Promise<number> {
  const until = performance.now() + LOAD_MS;
  let finished = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      await peer.run('s1');
      if (performance.now() < until) finished += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (finished * 1000) / LOAD_MS;
}

function report(title: string, times: Record<string, number[]>): void {
  const [product, bare] = [times['product'] ?? [], times['bare'] ?? []];
  for (const [name, values] of Object.entries(times))
    console.log(
      `${title} ${name}: overhead p50 ${round(median(values))} ms, p99 ${round(percentile(values, 0.99))} ms (${values.length} samples)`,
    );
  console.log(`${title} ratio product/bare: ${round(median(product) / median(bare), 2)}`);
}

async function againstBare(chosen: (name: string) => boolean): Promise<void> {
  const temporal = await startTemporal();
  try {
    for (const latencyMs of [LATENCY_MS, 0]) {
      const model = await startModel(latencyMs);
      const product = await startProduct({
        modelUrl: model.url,
        temporalAddress: temporal.address,
        taskQueue: `bench-${randomBytes(4).toString('hex')}`,
      });
      const bare = await startBare(model.url, temporal.address);
      try {
        for (const scenario of ['s1', 's2', 'note']) {
          if (chosen(scenario))
            report(
              `${scenario.toUpperCase()} at a ${latencyMs} ms model,`,
              await latency(scenario, { bare, product }, latencyMs),
            );
        }
        if (chosen('s4')) await compareTeams({ bare, product }, latencyMs);
        if (latencyMs === 0 && chosen('s4')) await measureGrants(product);
        if (latencyMs === 0 && chosen('s1')) await countTransactions(product);
        if (latencyMs === 0 && chosen('s3')) await compareThroughput({ bare, product });
      } finally {
        await bare.close();
        await product.close();
        rmSync(product.home, { recursive: true, force: true });
        await model.close();
      }
    }
  } finally {
    await temporal.clean();
  }
}

async function countTransactions(product: Awaited<ReturnType<typeof startProduct>>): Promise<void> {
  const { db } = product.serving.installation.store;
  await product.accept('s1').then((id) => product.ended(id));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const before = db.transactions();
  const id = await product.accept('s1');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const idle = db.transactions();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const background = db.transactions() - idle;
  await product.ended(id);
  console.log(
    `S1: ${idle - before - background} database transactions a request (and ${background} of the sweep in 3 s)`,
  );
}

/** A parent and its agents of one call each, against bare child workflows; and the same with their loops inside the parent. */
async function compareTeams({ bare, product }: Readonly<Record<'bare' | 'product', Peer>>, latencyMs: number) {
  for (const size of [10, 100]) {
    const title = `S4 with ${size} agents at a ${latencyMs} ms model,`;
    const fan: Peer = { run: () => product.run(`fan${size}`) };
    const inline: Peer = { run: () => product.run(`inline${size}`) };
    const times = await latency(`fan${size}`, { bare, product: fan, inline }, latencyMs, size === 10 ? SAMPLES : 2);
    report(title, times);
    const [own, inside, floor] = [times['product'] ?? [], times['inline'] ?? [], times['bare'] ?? []];
    console.log(`${title} ratio inside/own workflows: ${round(median(inside) / median(own), 2)}`);
    console.log(`${title} ratio inside/bare: ${round(median(inside) / median(floor), 2)}`);
  }
}

/** What it takes to read the rights of an agent in the transaction of its call: one statement. */
async function measureGrants(product: Awaited<ReturnType<typeof startProduct>>): Promise<void> {
  const { db } = product.serving.installation.store;
  const times: number[] = [];
  await db.as(product.serving.owner, async (tx) => {
    const { id } = await tx.one<{ id: string }>(
      sql`select agent_id as id from agent_grants where kind = 'skill' order by created_at desc limit 1`,
    );
    for (let sample = 0; sample < 500; sample += 1)
      times.push(await timed(() => tx.one(sql`select retinue_held(${id}, 'skill') as held`)));
  });
  console.log(
    `rights of an agent read: p50 ${round(median(times), 2)} ms, p99 ${round(percentile(times, 0.99), 2)} ms`,
  );
}

async function compareThroughput(peers: Readonly<Record<string, Peer>>): Promise<void> {
  const rates: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, peer] of Object.entries(peers)) (rates[name] ??= []).push(await throughput(peer));
  }
  for (const [name, values] of Object.entries(rates))
    console.log(
      `S3 ${name}: ${round(median(values))} requests/s (rounds: ${values.map((value) => round(value)).join(', ')})`,
    );
  console.log(`S3 ratio product/bare: ${round(median(rates['product'] ?? []) / median(rates['bare'] ?? []), 2)}`);
}

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const chosen = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

installTemporalRuntime(pino({ level: 'error' }));
if (['s1', 's2', 's3', 's4', 'note'].some(chosen)) await againstBare(chosen);
if (chosen('s6')) await measureRecovery();
if (chosen('history')) await measureHistory();
if (chosen('decide')) await measureDecisions();
if (chosen('parked')) await measureParked();
if (chosen('reminders')) await measureReminders();
if (chosen('start')) await measureStart();
if (chosen('spaces')) await measureSpaces();
process.exit(0);
