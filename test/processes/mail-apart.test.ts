import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Approval } from '../../contracts/approval.js';
import type { ApiClient } from '../helpers/api-client.js';
import { needs } from '../helpers/needs.js';
import { findPostgres } from '../helpers/postgres.js';
import { endEverything, eventually, isAlive, type Product } from '../helpers/processes.js';
import { type Apart, startApart } from './apart-harness.js';
import {
  approvalsOf,
  decide,
  effectsOf,
  expectSentOnce,
  mailer,
  mailOf,
  type Moment,
  outbox,
  parked,
  STOP_AT,
  stoppedAt,
} from './mail-harness.js';

let apart: Apart;
let marks = 0;

beforeAll(async () => {
  if (findPostgres() === undefined) return;
  apart = await startApart(inject('temporalCli'));
  apart.model.setScript(mailer);
});

beforeEach((context) => needs(context, 'PostgreSQL', findPostgres() !== undefined));

afterAll(async () => {
  await apart?.close();
  await endEverything();
});

/** A worker that stops at the moment, unless another one with the same mark was there first. */
function stopping(moment: Moment, mark: string, by: NodeJS.Signals = 'SIGKILL'): Promise<Product> {
  return apart.start('start-worker', {
    preload: STOP_AT,
    extra: { STOP_AT: moment, STOP_MARK: mark, STOP_BY: by },
  });
}

function newMark(): string {
  marks += 1;
  return path.join(path.dirname(apart.home), `mark-${marks}`);
}

/** A mail that waits for a decision. */
async function proposed(api: ApiClient, name: string): Promise<{ id: string; approval: Approval }> {
  const id = await api.send(mailOf(name));
  return { id, approval: await parked(api, id) };
}

async function approve(api: ApiClient, approval: Approval): Promise<void> {
  expect((await decide(api, approval, 'approve')).status).toBe(200);
}

function isSent({ id }: Approval): boolean {
  return outbox(apart.home).has(`${id}.eml`);
}

async function expectNotSent(api: ApiClient, id: string, approval: Approval): Promise<void> {
  expect((await api.ended(id)).status).toBe('completed');
  expect(await approvalsOf(api, id)).toMatchObject([{ status: 'rejected' }]);
  expect(await effectsOf(api, id)).toEqual([]);
  expect(isSent(approval)).toBe(false);
}

/** How long it took until the mail was there. */
async function measured(approval: Approval, since: number): Promise<number> {
  await eventually(
    async () => isSent(approval),
    90_000,
    () => [...outbox(apart.home).keys()],
  );
  return Date.now() - since;
}

function report(what: string, ms: number): void {
  process.stderr.write(`[measured] ${what}: ${(ms / 1000).toFixed(1)} s\n`);
}

async function stoppedOf(mark: string, workers: readonly Product[]): Promise<{ hit: Product; other: Product }> {
  const { pid } = await eventually(
    async () => stoppedAt(mark),
    30_000,
    () => workers.map((worker) => worker.output()),
  );
  const hit = workers.find((worker) => worker.pid === pid);
  const other = workers.find((worker) => worker.pid !== pid);
  if (hit === undefined || other === undefined) throw new Error(`${pid} is none of the workers`);
  return { hit, other };
}

describe('an approval while no worker runs', () => {
  it('leads to one mail when there is one again', async () => {
    const [{ api }, worker] = await Promise.all([apart.api(), apart.worker()]);
    const { id, approval } = await proposed(api, 'later');
    await worker.kill();
    await approve(api, approval);
    await delay(2_000);
    expect(isSent(approval)).toBe(false);
    expect(await effectsOf(api, id)).toMatchObject([{ status: 'ready', attempts: 0 }]);
    const { pid } = await apart.worker();
    report('a worker is ready, its mail is there', await measured(approval, Date.now()));
    expect(isAlive(pid)).toBe(true);
    expect(await expectSentOnce(api, apart.model, apart.home, id)).toBe(1);
  });
});

describe('a worker that is killed at the moment of the decision', () => {
  it.each([
    ['right before', -100],
    ['at once', 0],
    ['right after', 100],
  ])('%s: the mail goes out once after the restart', async (when, ms) => {
    const [{ api }, worker] = await Promise.all([apart.api(), apart.worker()]);
    const { id, approval } = await proposed(api, `with the worker ${when}`);
    const killing = delay(Math.max(0, ms)).then(() => worker.kill());
    const deciding = delay(Math.max(0, -ms)).then(() => approve(api, approval));
    await Promise.all([killing, deciding]);
    const killedAt = Date.now();
    await apart.worker();
    const ready = Date.now();
    await measured(approval, ready);
    report(`killed ${when}: decided, its mail is there`, Date.now() - killedAt);
    report(`killed ${when}: a worker is ready, its mail is there`, Date.now() - ready);
    await expectSentOnce(api, apart.model, apart.home, id);
  });
});

describe('two decisions at the same instant', () => {
  it.each(['approve', 'reject'] as const)('approve and %s: one is taken, the other is told so', async (second) => {
    const [{ api }, other] = await Promise.all([apart.api(), apart.start('start-api'), apart.worker()]);
    const names = Array.from({ length: 5 }, (_, place) => `twice ${place} ${second}`);
    const all = await Promise.all(names.map((name) => proposed(api, name)));
    for (const { id, approval } of all) {
      const answers = await Promise.all([decide(api, approval, 'approve'), decide(other.api, approval, second)]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      const [won, lost] = answers.toSorted((a, b) => a.status - b.status);
      expect(lost?.body).toMatchObject({ type: '/problems/decided', status: 409 });
      expect(won?.body.id).toBe(approval.id);
      await (won?.body.status === 'approved'
        ? expectSentOnce(api, apart.model, apart.home, id)
        : expectNotSent(api, id, approval));
    }
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('two workers, and the one that has begun an attempt', () => {
  /** Two that are to stop at the same moment, instead of the usual one; whoever gets there first does. */
  async function pair(moment: Moment, mark: string, by?: NodeJS.Signals): Promise<readonly [Product, Product]> {
    expect(await (await apart.worker()).stop()).toEqual({ code: 0, signal: null });
    return Promise.all([stopping(moment, mark, by), stopping(moment, mark, by)]);
  }

  it.each([
    ['before it has sent', 'after started', 2],
    ['after it has sent', 'after linked', 1],
  ] as const)('is killed %s: the other one finds out', async (_, moment, attempts) => {
    const mark = newMark();
    const { api } = await apart.api();
    const workers = await pair(moment, mark);
    const { id, approval } = await proposed(api, `dead ${moment}`);
    await approve(api, approval);
    const { hit, other } = await stoppedOf(mark, workers);
    const diedAt = Date.now();
    expect(await hit.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(isSent(approval)).toBe(moment === 'after linked');
    await measured(approval, diedAt);
    if (attempts === 2) report('the other worker has died in its attempt, the mail is there', Date.now() - diedAt);
    expect(await expectSentOnce(api, apart.model, apart.home, id)).toBe(attempts);
    report(`the other worker has died ${moment}, the request is completed`, Date.now() - diedAt);
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  });

  it('is held still before it sends until the other one has sent: one mail', async () => {
    const moment = 'after started';
    const mark = newMark();
    const { api } = await apart.api();
    const workers = await pair(moment, mark, 'SIGSTOP');
    const { id, approval } = await proposed(api, `held ${moment}`);
    await approve(api, approval);
    const { hit, other } = await stoppedOf(mark, workers);
    const heldAt = Date.now();
    try {
      expect(isSent(approval)).toBe(false);
      await measured(approval, heldAt);
      report(`a worker is held ${moment}, the mail of the other is there`, Date.now() - heldAt);
      expect(await expectSentOnce(api, apart.model, apart.home, id)).toBe(2);
    } finally {
      hit.signal('SIGCONT');
    }
    const done = [await api.request(id), await effectsOf(api, id), outbox(apart.home)];
    // It goes on in the middle of its attempt, and ends it.
    await delay(3_000);
    expect([await api.request(id), await effectsOf(api, id), outbox(apart.home)]).toEqual(done);
    expect(await hit.stop()).toEqual({ code: 0, signal: null });
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  });

  it('leaves nothing undone', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    const open = (await api.get<{ items: unknown[] }>('/v1/approvals?status=pending')).body.items;
    expect(open).toEqual([]);
    apart.model.assertClean();
  });
});
