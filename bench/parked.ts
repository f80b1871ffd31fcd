import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Approval } from '../contracts/approval.js';
import { findPostgres, startPostgres } from '../test/helpers/postgres.js';
import { desk, Sendings, startUnit, type Unit } from './outward.js';
import type { Memory } from './outward-process.js';
import type { ProductOptions } from './product.js';
import { clock, figures, median, percentile, round, startModel, startTemporal } from './tools.js';

const WANTED = Number(process.env['BENCH_PARKED'] ?? 10_000);
/** A slow machine parks what it can in this time, and the figures say how many that were. */
const PARKING_SECONDS = Number(process.env['BENCH_PARKING_SECONDS'] ?? Number.POSITIVE_INFINITY);
/** More than are cached, so that from here on memory must not grow. */
const FIRST = Math.min(1_000, Math.ceil(WANTED / 3));
const STEP = 1_000;
const PAGE = 50;
const FIRST_PAGES = 100;
const RESUMED = 100;
const RESUMED_BEFORE = 50;
const BATCH = 100;
const BATCHED = Math.min(500, Math.floor(WANTED / 3));
/** One round of the housekeeping. */
const REST_MS = 60_000;
const LIST_GOAL_MS = 300;
const RESUME_GOAL_MS = 40;
const GROWTH_GOAL = 0.1;

/** Many requests that wait for a person: what they cost, what finding one among them takes, and how fast they go on. */
export async function measureParked(): Promise<void> {
  const withPostgres = process.env['BENCH_DATABASE'] === 'postgres';
  if (withPostgres && findPostgres() === undefined) {
    console.log('parked: not run: needs PostgreSQL');
    return;
  }
  const temporal = await startTemporal();
  const model = await startModel(0);
  const postgres = withPostgres ? await startPostgres() : undefined;
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  try {
    await measure({
      options: {
        home,
        modelUrl: model.url,
        temporalAddress: temporal.address,
        taskQueue: `bench-${randomBytes(4).toString('hex')}`,
        ...(postgres === undefined ? {} : { databaseUrl: await postgres.createDatabase('bench') }),
      },
      sendings: new Sendings(),
      folders: [path.join(home, 'database'), path.join(temporal.home, 'temporal')],
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
    await postgres?.stop();
    await model.close();
    await temporal.clean();
  }
}

interface Place {
  readonly options: ProductOptions;
  readonly sendings: Sendings;
  readonly folders: readonly string[];
}

async function measure(place: Place): Promise<void> {
  const { options, sendings } = place;
  // The first start makes the database, which takes memory that is not given back.
  await (await startUnit(options, sendings)).stop();
  let unit = await startUnit(options, sendings);
  try {
    const parked = await parkAll(unit, place);
    if (parked.count >= STEP) await rest(unit, parked.count);
    await measureLists(unit);
    await resume(unit, sendings, sample(await desk.pending(unit), RESUMED_BEFORE), 'evicted, same worker');
    await unit.stop();
    const stopped = clock();
    unit = await startUnit(options, sendings);
    console.log(`parked: ready ${round((clock() - stopped) / 1000)} s after the stop`);
    const restarted = await unit.memory();
    await resume(unit, sendings, sample(await desk.pending(unit), RESUMED), 'after a restart');
    reportMemory(parked, { 'after a restart': restarted, [`after ${RESUMED} went on`]: await unit.memory() });
    await approveInBatches(unit, sendings);
    if (sendings.repeated > 0) console.log(`parked: ${sendings.repeated} were sent more than once`);
  } finally {
    await unit.stop();
  }
}

interface Parked {
  readonly count: number;
  readonly before: Memory;
  /** With the first of them parked, and with all. */
  readonly first: Memory;
  readonly last: Memory;
}

async function parkAll(unit: Unit, { folders }: Place): Promise<Parked> {
  const before = await unit.memory();
  const bytes = folders.map(bytesIn);
  const rates: number[] = [];
  let [count, total] = [0, 0];
  const park = async (more: number): Promise<void> => {
    const { ms } = await unit.park(more);
    count += more;
    total += ms;
    rates.push((more * 1000) / ms);
  };
  await park(FIRST);
  const first = await unit.memory();
  while (count < WANTED && total < PARKING_SECONDS * 1000) await park(Math.min(STEP, WANTED - count));
  const last = await unit.memory();
  const cpu = (last.cpuMs - before.cpuMs) / count;
  const missing = count < WANTED ? ` (of ${WANTED}, the time was over)` : '';
  console.log(
    `parked: ${count}${missing} in ${round(total / 1000)} s, ${round((count * 1000) / total)} a second (first ${FIRST}: ${round(rates[0] ?? 0)}, last: ${round(rates.at(-1) ?? 0)}), ${round(cpu)} ms of CPU each`,
  );
  const [database = 0, temporal = 0] = folders.map((folder, index) => bytesIn(folder) - (bytes[index] ?? 0));
  console.log(
    `parked: disk for each ${round(database / count / 1024)} KB in the embedded database, ${round(temporal / count / 1024)} KB in Temporal`,
  );
  return { count, before, first, last };
}

/** What the parked ones cost while nobody does anything. */
async function rest(unit: Unit, count: number): Promise<void> {
  const before = await unit.memory();
  await delay(REST_MS);
  const { cpuMs } = await unit.memory();
  console.log(`parked: with ${count} at rest ${round(cpuMs - before.cpuMs)} ms of CPU in ${REST_MS / 1000} s`);
}

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
  } catch {
    return 0;
  }
}

function reportMemory({ count, before, first, last }: Parked, later: Readonly<Record<string, Memory>>): void {
  const shown = { 'none parked': before, [`${FIRST} parked`]: first, [`${count} parked`]: last, ...later };
  const line = Object.entries(shown).map(
    ([name, { rssMb, heapMb }]) => `${name} ${round(rssMb)} MB (heap ${round(heapMb)} MB)`,
  );
  const growth = last.rssMb / first.rssMb - 1;
  const heap = last.heapMb / first.heapMb - 1;
  console.log(`parked: memory ${line.join(', ')}`);
  console.log(
    `  growth from ${FIRST} to ${count}: ${round(growth * 100)} %, heap ${round(heap * 100)} % (goal: under ${GROWTH_GOAL * 100} %, ${growth < GROWTH_GOAL ? 'met' : 'missed'})`,
  );
}

/** The first page again and again, then every page to the last one. */
async function measureLists(unit: Unit): Promise<void> {
  const firsts: number[] = [];
  const deep: number[] = [];
  const timedPage = async (into: number[], cursor?: string): Promise<string | undefined> => {
    const from = clock();
    const page = await desk.page(unit, PAGE, cursor);
    into.push(clock() - from);
    return page.cursor;
  };
  let cursor: string | undefined;
  for (let n = 0; n < FIRST_PAGES; n += 1) cursor = await timedPage(firsts);
  while (cursor !== undefined) cursor = await timedPage(deep, cursor);
  console.log(`parked: first page of ${PAGE} ${figures(firsts, LIST_GOAL_MS)}`);
  console.log(
    `parked: the ${deep.length} pages after it ${figures(deep, LIST_GOAL_MS)}; the last ten p50 ${round(median(deep.slice(-10)))} ms`,
  );
}

/** Some of them, spread over all. */
function sample(approvals: readonly Approval[], count: number): Approval[] {
  return approvals
    .map((approval) => ({ approval, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ approval }) => approval);
}

async function resume(unit: Unit, sendings: Sendings, approvals: readonly Approval[], title: string): Promise<void> {
  const fromAsked: number[] = [];
  const fromAnswered: number[] = [];
  for (const approval of approvals) {
    const { asked, answered } = await desk.approve(unit, approval);
    const sent = await sendings.of(approval.id);
    fromAsked.push(sent - asked);
    fromAnswered.push(sent - answered);
    await unit.ended([approval.request]);
  }
  const isMet = percentile(fromAnswered, 0.5) < RESUME_GOAL_MS;
  console.log(
    `parked: ${approvals.length} went on (${title}): from the decision to the provider ${figures(fromAsked)}; from its answer ${figures(fromAnswered)} (goal: p50 under ${RESUME_GOAL_MS} ms, ${isMet ? 'met' : 'missed'})`,
  );
}

async function approveInBatches(unit: Unit, sendings: Sendings): Promise<void> {
  const approvals = sample(await desk.pending(unit), BATCHED);
  const begun = clock();
  const answers: number[] = [];
  for (let from = 0; from < approvals.length; from += BATCH) {
    const { asked, answered } = await desk.approveAll(unit, approvals.slice(from, from + BATCH));
    answers.push(answered - asked);
  }
  const sent = await Promise.all(approvals.map(({ id }) => sendings.of(id)));
  const all = Math.max(...sent) - begun;
  await unit.ended(approvals.map(({ request }) => request));
  console.log(
    `parked: ${approvals.length} approved in batches of ${BATCH}: all sent after ${round(all / 1000)} s (${round((approvals.length * 1000) / all)} a second), all ended after ${round((clock() - begun) / 1000)} s; a batch is answered in p50 ${round(median(answers))} ms, at most ${round(Math.max(...answers))} ms`,
  );
}
