import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPostgres, startPostgres } from '../test/helpers/postgres.js';
import { desk, Sendings, startUnit, type Unit } from './outward.js';
import type { ProductOptions } from './product.js';
import { figures } from './tools.js';

const ROUNDS = 10;
/** Parked in each round, decided at once. */
const A_ROUND = 2;
/** Where a second worker is up; elsewhere the start of a process comes on top. */
const GOAL_MS = 4_000;

const API = { api: true, worker: false };
const WORKER = { api: false, worker: true };

type Servers = Pick<ProductOptions, 'modelUrl' | 'temporalAddress'>;

/** kill -9 of the process that holds the parked requests: alone, with the API alive, and with a second worker alive. */
export async function measureKilled(servers: Servers): Promise<void> {
  await withHome(servers, (options) => measureAllInOne(options));
  if (findPostgres() === undefined) {
    console.log('decide, api and worker apart: not run: needs PostgreSQL');
    return;
  }
  const postgres = await startPostgres();
  try {
    const databaseUrl = await postgres.createDatabase('bench');
    await withHome(servers, (options) => measureApart({ ...options, databaseUrl }));
  } finally {
    await postgres.stop();
  }
}

async function withHome(servers: Servers, measure: (options: ProductOptions) => Promise<void>): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  try {
    await measure({ ...servers, home, taskQueue: `bench-${randomBytes(4).toString('hex')}` });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Times {
  readonly fromDecision: number[];
  readonly fromStart: number[];
}

/** Everything in one process: the decision is made as soon as the next one answers. */
async function measureAllInOne(options: ProductOptions): Promise<void> {
  const sendings = new Sendings();
  const start = (): Promise<Unit> => startUnit(options, sendings);
  const times: Times = { fromDecision: [], fromStart: [] };
  let unit = await start();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await unit.park(A_ROUND);
      await unit.kill();
      unit = await start();
      await approveAll(unit, sendings, times, () => Promise.resolve(unit));
    }
  } finally {
    await unit.stop();
  }
  report('kill -9 of the only process, decided after the restart', times, sendings);
}

/** API and worker apart on PostgreSQL. */
async function measureApart(options: ProductOptions): Promise<void> {
  const sendings = new Sendings();
  const api = await startUnit({ ...options, roles: API }, sendings);
  const start = (): Promise<Unit> => startUnit({ ...options, roles: WORKER }, sendings);
  const dead: Times = { fromDecision: [], fromStart: [] };
  const second: Times = { fromDecision: [], fromStart: [] };
  let worker = await start();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await api.park(A_ROUND);
      await worker.kill();
      await approveAll(api, sendings, dead, async () => (worker = await start()));
    }
    report('kill -9 of the only worker, decided while none is there', dead, sendings);
    for (let round = 0; round < ROUNDS; round += 1) {
      await api.park(A_ROUND);
      const other = await start();
      await worker.kill();
      worker = other;
      await approveAll(api, sendings, second, () => Promise.resolve(other));
    }
    report('kill -9 of the owning worker while another is there', second, sendings, GOAL_MS);
  } finally {
    await worker.stop();
    await api.stop();
  }
}

/** Approves what is parked, then makes sure that a worker is there, and notes how long the provider was waited for. */
async function approveAll(api: Unit, sendings: Sendings, times: Times, worker: () => Promise<Unit>): Promise<void> {
  const approvals = await desk.pending(api);
  const decided = await Promise.all(approvals.map((approval) => desk.approve(api, approval)));
  const { started } = await worker();
  const sent = await Promise.all(approvals.map(({ id }) => sendings.of(id)));
  for (const [index, at] of sent.entries()) {
    times.fromDecision.push(at - (decided[index]?.asked ?? Number.NaN));
    times.fromStart.push(at - started);
  }
  await api.ended(approvals.map(({ request }) => request));
}

function report(title: string, { fromDecision, fromStart }: Times, sendings: Sendings, goalMs?: number): void {
  console.log(`decide, ${title}: from the decision to the provider ${figures(fromDecision, goalMs)}`);
  console.log(`  from the start of the process that sent ${figures(fromStart)}; sent twice: ${sendings.repeated}`);
}
