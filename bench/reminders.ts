import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openEmbedded } from '../store/embedded.js';
import { sql } from '../store/sql.js';
import { claimsSoFar, takeClaims } from './claims.js';
import { Sendings, startUnit } from './outward.js';
import { type Product, type ProductOptions, startProduct } from './product.js';
import { makeUsers, setReminders } from './reminder-rows.js';
import { percentile, round, startModel, startTemporal } from './tools.js';

const MANY = Number(process.env['BENCH_REMINDERS'] ?? 10_000);
const FEWER = Math.ceil(MANY / 10);
const USERS = 100;
/** What is set before it comes due has to be written down and waited for by then. */
const LEAD_MS = Number(process.env['BENCH_LEAD_MS'] ?? 15_000);
const WARM = 20;
const CLAIMED_LIMIT_MS = 120_000;
const ENDED_LIMIT_MS = 180_000;
const LATE_GOAL_MS = 5_000;
const MEMORY_GOAL_MB = 50;
const REST_MS = 3_000;
const FAR_MS = 300 * 86_400_000;

/** Very many reminders in the same second, of many users and of one, and what they cost while they wait. */
export async function measureReminders(): Promise<void> {
  const wrong: string[] = [];
  wrong.push(...(await onFreshHome((options) => burst(options, { users: USERS, count: MANY, toTheEnd: false }))));
  wrong.push(...(await onFreshHome((options) => burst(options, { users: 1, count: MANY, toTheEnd: false }))));
  wrong.push(...(await onFreshHome((options) => burst(options, { users: USERS, count: FEWER, toTheEnd: true }))));
  wrong.push(...(await onFreshHome((options) => burst(options, { users: 1, count: FEWER, toTheEnd: true }))));
  await onFreshHome(parked);
  if (wrong.length > 0) throw new Error(`reminders: ${wrong.join('; ')}`);
}

async function onFreshHome<T>(measure: (options: ProductOptions) => Promise<T>): Promise<T> {
  const temporal = await startTemporal();
  const model = await startModel(0);
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  try {
    const taskQueue = `bench-${randomBytes(4).toString('hex')}`;
    return await measure({ home, modelUrl: model.url, temporalAddress: temporal.address, taskQueue });
  } finally {
    await model.close();
    rmSync(home, { recursive: true, force: true });
    await temporal.clean();
  }
}

interface Burst {
  readonly users: number;
  readonly count: number;
  readonly toTheEnd: boolean;
}

/** Gives back what must not be. */
async function burst(options: ProductOptions, { users, count, toTheEnd }: Burst): Promise<string[]> {
  const title = `reminders: ${count} of ${users === 1 ? 'one user' : `${users} users`} in the same second,`;
  takeClaims();
  const product = await startProduct(options);
  try {
    const people = await makeUsers(product, users);
    await fire(product, people, WARM, LEAD_MS / 2);
    await ended(product, WARM);
    const { due, times } = await fire(product, people, count, LEAD_MS);
    const late = times.map((at) => at - due);
    report(`${title} until each is a request`, late, LATE_GOAL_MS);
    const ends = toTheEnd ? (await ended(product, WARM + count)).slice(WARM).map((at) => at - due) : [];
    if (toTheEnd) report(`${title} until each has ended`, ends);
  } finally {
    await product.close();
  }
  return (await faults(options.home ?? '', WARM + count)).map((fault) => `${title} ${fault}`);
}

/** Gives back when each was a request. */
async function fire(
  product: Product,
  people: readonly string[],
  count: number,
  leadMs: number,
): Promise<{ due: number; times: number[] }> {
  const due = Math.ceil((Date.now() + leadMs) / 1000) * 1000;
  await setReminders(product, people, count, due);
  if (Date.now() > due) throw new Error(`the reminders were not set within ${leadMs} ms: give more with BENCH_LEAD_MS`);
  while (claimsSoFar() < count && Date.now() < due + CLAIMED_LIMIT_MS) await delay(50);
  // One that comes twice would come now.
  await delay(500);
  return { due, times: takeClaims().map(({ at }) => at) };
}

/** When requests have ended, in order, once as many as `count` have. */
async function ended({ serving }: Product, count: number): Promise<number[]> {
  const until = Date.now() + ENDED_LIMIT_MS;
  for (;;) {
    const rows = await serving.installation.engine.db.system((tx) =>
      tx.rows<{ at: string }>(
        sql`select ended_at as at from requests where origin = 'reminder' and status = 'completed' order by ended_at`,
      ),
    );
    if (rows.length >= count) return rows.map(({ at }) => Date.parse(at));
    if (Date.now() > until)
      throw new Error(`reminders: ${rows.length} of ${count} have ended in ${ENDED_LIMIT_MS / 1000} s`);
    await delay(500);
  }
}

/** Lost, doubled, and early by the clock of the server, which the request has kept; read once nothing runs any more. */
async function faults(home: string, count: number): Promise<string[]> {
  const store = await openEmbedded(path.join(home, 'database'));
  try {
    const { rows } = await store.pool.query<Readonly<Record<string, number>>>(`
      with made as (
        select split_part(idempotency_key, ':', 2) as id, count(*) as times, min((settings->>'occurredAt')::timestamptz) as claimed, min(created_at) as at
        from requests where origin = 'reminder' group by 1)
      select (${count} - count(*) filter (where times > 0))::int as lost, count(*) filter (where times > 1)::int as doubled,
        count(*) filter (where claimed < due_at or at < due_at)::int as early
      from reminders left join made using (id)`);
    const found = Object.entries(rows[0] ?? {});
    console.log(`  ${found.map(([fault, times]) => `${fault} ${times}`).join(', ')}`);
    return found.flatMap(([fault, times]) => (times === 0 ? [] : [`${times} ${fault}`]));
  } finally {
    await store.close();
  }
}

function report(title: string, late: readonly number[], goalMs?: number): void {
  const [p50, p99] = [percentile(late, 0.5), percentile(late, 0.99)];
  const goal = goalMs === undefined ? '' : ` (goal: p99 under ${goalMs} ms, ${p99 < goalMs ? 'met' : 'missed'})`;
  console.log(
    `${title}: p50 ${round(p50)} ms, p99 ${round(p99)} ms late${goal}, first ${round(Math.min(...late))} ms, last ${round(Math.max(...late))} ms`,
  );
}

/** The process of API and worker with nothing that waits, and with very many that do. */
async function parked(options: ProductOptions): Promise<void> {
  // The first start makes the database, which takes memory that is not given back.
  await (await startUnit(options, new Sendings())).stop();
  const unit = await startUnit(options, new Sendings());
  try {
    // The clocks of all users run once and find nothing.
    await unit.remind(USERS, 0, Date.now() + FAR_MS);
    await delay(REST_MS);
    const before = await unit.memory();
    await unit.remind(USERS, MANY, Date.now() + FAR_MS);
    await delay(REST_MS);
    const after = await unit.memory();
    const [rss, heap] = [after.rssMb - before.rssMb, after.heapMb - before.heapMb];
    console.log(
      `reminders: ${MANY} of ${USERS} users that wait: ${round(rss)} MB (heap ${round(heap)} MB) beside the ${round(before.rssMb)} MB without (goal: under ${MEMORY_GOAL_MB} MB, ${rss < MEMORY_GOAL_MB ? 'met' : 'missed'})`,
    );
  } finally {
    await unit.stop();
  }
}
