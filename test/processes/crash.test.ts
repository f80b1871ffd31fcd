import { hostname } from 'node:os';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  endEverything,
  eventually,
  freePort,
  isAlive,
  newHome,
  type Product,
  removeHomes,
  spawnProduct,
  startProduct,
  temporalServers,
} from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import {
  assistant,
  expectHistoryWhole,
  expectJobDone,
  expectStoredTurnsAskedOnce,
  modelCalls,
  traces,
} from './crash-harness.js';

const DIE_AT = fileURLToPath(new URL('./fixtures/die-at.mjs', import.meta.url));
const SEED = Number(process.env.RETINUE_TEST_SEED ?? Date.now() % 1_000_000);

/** One installation lives through all of this, so each test also starts on what the others left. */
let home: string;
let port: number;
let model: AnthropicStandIn;
let product: Product | undefined;

beforeAll(async () => {
  home = newHome();
  port = await freePort();
  model = await startAnthropicStandIn({ script: assistant, factsFrom: 'anywhere' });
});

afterEach(async (context) => {
  model.latencyMs = 0;
  if (context.task.result?.state === 'fail') await endEverything();
});

afterAll(async () => {
  await removeHomes();
  await model.close();
});

function environment(more: Record<string, string> = {}): Record<string, string> {
  return { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key', ...more };
}

/** The installation as it is now, or started again on its home and port. */
async function up(): Promise<Product> {
  if (product === undefined || !isAlive(product.pid)) product = await startProduct({ home, port, env: environment() });
  return product;
}

/** Started anew in a way that it dies at the moment named. */
async function upToDie(moment: 'turn' | 'calendar'): Promise<Product> {
  if (product !== undefined && isAlive(product.pid)) await product.stop();
  return startProduct({ home, port, env: environment({ DIE_AT: moment }), preload: DIE_AT });
}

async function asked(text: string, times = 1): Promise<void> {
  await eventually(
    async () => modelCalls(model, text).length >= times,
    15_000,
    () => model.calls.length,
  );
}

/** Holds the Temporal server still, so that nothing reaches it. */
async function freezeTemporal(): Promise<() => void> {
  const servers = await temporalServers(home);
  expect(servers).toHaveLength(1);
  for (const { pid } of servers) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const { pid } of servers) if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  };
}

describe('kill -9', () => {
  it('of everything during a model call', async () => {
    const before = await up();
    model.latencyMs = 60_000;
    const id = await before.api.send('JOB a');
    await asked('JOB a');
    await before.killAll();
    model.latencyMs = 0;
    await expectJobDone((await up()).api, model, home, id, 'a');
    expect(modelCalls(model, 'JOB a')).toHaveLength(3);
  });

  it('of the parent between a stored turn and the end of its activity', async () => {
    const before = await upToDie('turn');
    const id = await before.api.send('JOB b');
    expect(await before.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    await expectJobDone((await up()).api, model, home, id, 'b');
    expect(modelCalls(model, 'JOB b').map(({ turn }) => turn)).toEqual([1, 2]);
  });

  it(`of everything in a burst of writes (seed ${SEED})`, async () => {
    const before = await up();
    const names = Array.from({ length: 24 }, (_, place) => `c${place}`);
    const key = (name: string) => ({ 'idempotency-key': `burst-${name}` });
    const sent = names.map((name) => before.api.send(`JOB ${name}`, {}, key(name)).catch(() => undefined));
    await Promise.any(sent);
    await delay(SEED % 700);
    await before.killAll();
    const accepted = await Promise.all(sent);
    const after = await up();
    for (const [place, name] of names.entries()) {
      const id = await after.api.send(`JOB ${name}`, {}, key(name));
      expect(accepted[place] ?? id).toBe(id);
      await expectJobDone(after.api, model, home, id, name);
    }
  });

  it('of the parent while a request waits for the user', async () => {
    const before = await up();
    const id = await before.api.send('ASK d');
    const waiting = await before.api.until(id, ({ status }) => status === 'waiting_user');
    await before.kill();
    const { api } = await up();
    expect(await api.request(id)).toEqual(waiting);
    expect((await api.post(`/v1/requests/${id}/messages`, { text: 'blue' })).status).toBe(200);
    const done = await api.ended(id);
    expect(done).toMatchObject({ status: 'completed', result: { text: 'you said blue' } });
    await expectHistoryWhole(api, done);
    await expectStoredTurnsAskedOnce(api, model, done);
  });

  it('of everything while an outside skill runs', async () => {
    const before = await up();
    const user = (await before.api.get<{ id: string }>('/v1/me')).body.id;
    const lock = path.join(home, 'local', user, 'calendar.ics.lock');
    mkdirSync(path.dirname(lock), { recursive: true });
    writeFileSync(lock, JSON.stringify({ token: 'held by the test', pid: process.pid, host: hostname() }));
    const id = await before.api.send('JOB e');
    await before.api.events(id, {
      isEnough: (events) =>
        events.some(({ type, data }) => type === 'skill.started' && data['skill'] === 'calendar_create_event'),
    });
    expect((await traces(before.api, home, 'e')).events).toBe(0);
    await before.killAll();
    rmSync(lock);
    await expectJobDone((await up()).api, model, home, id, 'e');
  });

  it('of the parent after an outside skill has acted and before that is known', async () => {
    const before = await upToDie('calendar');
    const id = await before.api.send('JOB e2');
    expect(await before.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    await expectJobDone((await up()).api, model, home, id, 'e2');
    expect(modelCalls(model, 'JOB e2').map(({ turn }) => turn)).toEqual([1, 2]);
  });

  it.each(['everything', 'the parent'])('of %s right after the 202, before the workflow is started', async (what) => {
    const before = await up();
    const names = ['x', 'y', 'z'].map((name) => `f-${name}-${what.slice(-6)}`);
    const thaw = await freezeTemporal();
    const ids = await Promise.all(names.map((name) => before.api.send(`JOB ${name}`)));
    if (what === 'everything') await before.killAll();
    else await before.kill();
    thaw();
    const { api } = await up();
    for (const [place, name] of names.entries()) await expectJobDone(api, model, home, ids[place] ?? '', name);
  });

  it('of the parent during a cancel', async () => {
    const before = await up();
    model.latencyMs = 60_000;
    const id = await before.api.send('JOB g');
    await asked('JOB g');
    const thaw = await freezeTemporal();
    expect((await before.api.post(`/v1/requests/${id}/cancel`)).status).toBe(200);
    await before.kill();
    thaw();
    model.latencyMs = 0;
    const { api } = await up();
    expect((await api.request(id)).status).toBe('cancelled');
    await eventually(
      async () => (await workflowStatus(id)) !== 'RUNNING',
      30_000,
      () => 'the workflow still runs',
    );
    expect((await api.request(id)).status).toBe('cancelled');
    expect(modelCalls(model, 'JOB g')).toHaveLength(1);
    expect(await traces(api, home, 'g')).toEqual({ tasks: 0, events: 0, file: '' });
  });

  it('again and again while it starts', async () => {
    const before = await up();
    model.latencyMs = 60_000;
    const id = await before.api.send('JOB h');
    await asked('JOB h');
    await before.killAll();
    model.latencyMs = 0;
    const first = await spawnProduct({ home, port, env: environment() });
    await first.printed(/database: embedded, open/, 60_000);
    await first.kill();
    const second = await spawnProduct({ home, port, env: environment() });
    await delay(SEED % 1_000);
    await second.killAll();
    const third = await spawnProduct({ home, port, env: environment() });
    await eventually(
      async () => (await temporalServers(home)).length > 0,
      60_000,
      () => third.output(),
    );
    await third.kill();
    await expectJobDone((await up()).api, model, home, id, 'h');
  });

  it('leaves one server, nothing undone and a clean end', async () => {
    const { api, stop } = await up();
    expect(await temporalServers(home)).toHaveLength(1);
    const open = (await api.get<{ items: unknown[] }>('/v1/requests?status=running')).body.items;
    expect(open).toEqual([]);
    model.assertClean();
    expect(await stop()).toEqual({ code: 0, signal: null });
    expect(await temporalServers(home)).toEqual([]);
  });
});

async function workflowStatus(request: string): Promise<string> {
  const [server] = await temporalServers(home);
  const address = `127.0.0.1:${/ --port (\d+)/.exec(server?.commandLine ?? '')?.[1] ?? ''}`;
  const connection = await Connection.connect({ address });
  try {
    return (await new Client({ connection }).workflow.getHandle(`request:${request}`).describe()).status.name;
  } finally {
    await connection.close();
  }
}
