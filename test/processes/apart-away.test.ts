import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Request } from '../../contracts/request.js';
import type { Answer, ApiClient } from '../helpers/api-client.js';
import { needs } from '../helpers/needs.js';
import { findPostgres } from '../helpers/postgres.js';
import { eventually } from '../helpers/processes.js';
import { type Apart, startApart } from './apart-harness.js';
import { expectJobDone, modelCalls } from './crash-harness.js';

interface Health {
  readonly parts: { readonly database: string; readonly temporal: string };
}

let apart: Apart;

beforeAll(async () => {
  if (findPostgres() !== undefined) apart = await startApart(inject('temporalCli'));
});

beforeEach((context) => needs(context, 'PostgreSQL', findPostgres() !== undefined));
afterAll(() => apart?.close());

function health(api: ApiClient): Promise<Answer<Health>> {
  return api.get<Health>('/health/ready');
}

async function isReady(api: ApiClient): Promise<boolean> {
  return (await health(api)).status === 200;
}

/** Refused for now, as a client can understand: never as an error of ours. */
function expectAway(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { type: '/problems/unavailable', status: 503 } });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
}

/** Reads and writes all the time until told to stop; gives the statuses seen. Each write has its own key. */
function hammer(
  api: ApiClient,
  known: string,
): () => Promise<{ statuses: Set<number>; keys: string[]; ids: Set<string> }> {
  const statuses = new Set<number>();
  const keys: string[] = [];
  const ids = new Set<string>();
  let isOn = true;
  const lane = async (work: () => Promise<Answer>): Promise<void> => {
    while (isOn) {
      statuses.add((await work()).status);
      await delay(50);
    }
  };
  const write = async (): Promise<Answer> => {
    const key = `away-${known}-${keys.length}`;
    keys.push(key);
    const answer = await api.post<Request>('/v1/requests', { text: `hello ${key}` }, { 'idempotency-key': key });
    if (answer.status === 202) ids.add(answer.body.id);
    return answer;
  };
  const lanes = [lane(() => api.get(`/v1/requests/${known}`)), lane(() => api.get('/v1/spaces')), lane(write)];
  return async () => {
    isOn = false;
    await Promise.all(lanes);
    return { statuses, keys, ids };
  };
}

/** Everything that was tried while the database was away is sent again, and done once. */
async function expectNothingLost(api: ApiClient, tried: { keys: string[]; ids: Set<string> }): Promise<void> {
  for (const key of tried.keys) {
    const id = await api.send(`hello ${key}`, {}, { 'idempotency-key': key });
    tried.ids.add(id);
    expect((await api.ended(id)).result?.text).toBe(`heard: hello ${key}`);
  }
  expect(tried.ids.size).toBe(tried.keys.length);
}

describe('while Temporal is away', () => {
  it('messages are accepted, the api says what is missing, and the work is done when it is back', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    await eventually(
      () => isReady(api),
      20_000,
      () => 'not ready',
    );
    await apart.temporal.stop();
    const ids = await Promise.all(['t1', 't2', 't3'].map((name) => api.send(`JOB ${name}`)));
    const away = await health(api);
    expect(away).toMatchObject({ status: 503, body: { parts: { database: 'ok', temporal: 'away' } } });
    expect(away.headers.get('retry-after')).not.toBeNull();
    expect((await api.request(ids[0] ?? '')).status).toBe('queued');
    // A cancel needs no Temporal either.
    const unwanted = await api.send('JOB t4');
    expect((await api.post<Request>(`/v1/requests/${unwanted}/cancel`)).body.status).toBe('cancelled');

    await apart.temporal.start();
    for (const [place, name] of ['t1', 't2', 't3'].entries())
      await expectJobDone(api, apart.model, apart.home, ids[place] ?? '', name);
    await eventually(
      () => isReady(api),
      20_000,
      () => 'not ready',
    );
    expect((await api.request(unwanted)).status).toBe('cancelled');
  });
});

describe('Ctrl-C while Temporal is away', () => {
  it('ends both, and the next ones go on with the work', async () => {
    const products = await Promise.all([apart.api(), apart.worker()]);
    apart.model.latencyMs = 60_000;
    const id = await products[0].api.send('JOB under');
    await eventually(
      async () => modelCalls(apart.model, 'JOB under').length > 0,
      15_000,
      () => 'the model was not asked',
    );
    await apart.temporal.stop();
    for (const product of products) product.signal('SIGINT');
    for (const product of products) expect(await product.ended(15_000)).toEqual({ code: 0, signal: null });
    apart.model.latencyMs = 0;
    await apart.temporal.start();
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    await expectJobDone(api, apart.model, apart.home, id, 'under');
  });
});

describe('while the database is away', () => {
  it('because it was stopped: 503 with Retry-After, and everything goes on by itself when it is back', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    apart.model.latencyMs = 2_000;
    const under = await api.send('JOB stopped');
    const stop = hammer(api, under);
    await delay(300);
    const pid = Number(
      readFileSync(path.join(apart.postgres.socketFolder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    process.kill(pid, 'SIGQUIT');
    await eventually(
      async () => (await health(api)).body.parts.database === 'away',
      10_000,
      () => 'not away',
    );
    expectAway(await api.get('/v1/requests'));
    expectAway(await api.post('/v1/requests', { text: 'nobody will know' }));
    expect((await api.get('/health/live')).status).toBe(200);
    await delay(1_000);
    await apart.postgres.restart();
    apart.model.latencyMs = 0;
    await eventually(
      () => isReady(api),
      20_000,
      () => 'not ready',
    );
    const tried = await stop();
    expect([...tried.statuses].filter((status) => ![200, 202, 503].includes(status))).toEqual([]);
    await expectNothingLost(api, tried);
    await expectJobDone(api, apart.model, apart.home, under, 'stopped');
  });

  it('because it hangs: the same', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    apart.model.latencyMs = 1_000;
    const under = await api.send('JOB hangs');
    const stop = hammer(api, under);
    await delay(300);
    apart.postgres.pause();
    try {
      await eventually(
        async () => (await health(api)).body.parts.database === 'away',
        10_000,
        () => 'not away',
      );
      const answers = await Promise.all([
        api.get('/v1/requests'),
        api.get('/v1/me'),
        api.post('/v1/requests', { text: 'nobody will know' }),
      ]);
      for (const answer of answers) expectAway(answer);
    } finally {
      apart.postgres.resume();
      apart.model.latencyMs = 0;
    }
    await eventually(
      () => isReady(api),
      20_000,
      () => 'not ready',
    );
    const tried = await stop();
    expect([...tried.statuses].filter((status) => ![200, 202, 503].includes(status))).toEqual([]);
    await expectNothingLost(api, tried);
    await expectJobDone(api, apart.model, apart.home, under, 'hangs');
  });

  it('neither process was started again for that, and both still end cleanly', async () => {
    const products = await Promise.all([apart.api(), apart.worker()]);
    for (const product of products) {
      expect(product.output()).not.toMatch(/^ +at .*node:internal|Unhandled/m);
      expect(await product.stop()).toEqual({ code: 0, signal: null });
    }
    apart.model.assertClean();
  });
});
