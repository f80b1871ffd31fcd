import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Event, Request } from '../../contracts/request.js';
import { needs } from '../helpers/needs.js';
import { findPostgres } from '../helpers/postgres.js';
import { eventually } from '../helpers/processes.js';
import { type Apart, startApart } from './apart-harness.js';
import { expectHistoryWhole, expectJobDone, expectStoredTurnsAskedOnce, modelCalls, traces } from './crash-harness.js';

const DIE_AT = fileURLToPath(new URL('./fixtures/die-at.mjs', import.meta.url));

let apart: Apart;
let temporal: Client;

beforeAll(async () => {
  if (findPostgres() === undefined) return;
  apart = await startApart(inject('temporalCli'));
  temporal = await apart.temporal.client();
});

beforeEach((context) => needs(context, 'PostgreSQL', findPostgres() !== undefined));

afterEach(() => {
  if (apart !== undefined) apart.model.latencyMs = 0;
});

afterAll(() => apart?.close());

/** Who ran activities of a request: process ids, as the workers sign their work. */
async function workersOf(request: string): Promise<string[]> {
  const { events } = await temporal.workflow.getHandle(`request:${request}`).fetchHistory();
  return (events ?? []).flatMap(({ workflowTaskStartedEventAttributes, activityTaskStartedEventAttributes }) => {
    const identity = workflowTaskStartedEventAttributes?.identity ?? activityTaskStartedEventAttributes?.identity;
    return identity ? [identity.split('@')[0] ?? ''] : [];
  });
}

async function runsOf(request: string): Promise<number> {
  let runs = 0;
  for await (const _run of temporal.workflow.list({ query: `WorkflowId = 'request:${request}'` })) runs += 1;
  return runs;
}

function numbersOf(events: readonly Event[]): number[] {
  return events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
}

describe('api and worker as processes of their own', () => {
  it('a message that comes while no worker runs is done when one is there', async () => {
    const { api } = await apart.api();
    const id = await api.send('JOB alone', {}, { 'idempotency-key': 'remembered' });
    await eventually(
      async () => (await runsOf(id)) === 1,
      20_000,
      () => 'the workflow was not started',
    );
    expect((await api.request(id)).status).toBe('queued');
    await apart.worker();
    await expectJobDone(api, apart.model, apart.home, id, 'alone');
    // The rows are done a moment before the run is closed; the server takes half a minute to forget it.
    await temporal.workflow.getHandle(`request:${id}`).result();
    await temporal.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: `request:${id}` },
    });
  });

  it("an api that dies between commit and start: the worker's relay starts the request, once", async () => {
    await apart.worker();
    const dying = await apart.start('start-api', { preload: DIE_AT, extra: { DIE_AT: 'accept' } });
    const key = { 'idempotency-key': 'sent to a dying api' };
    await expect(dying.api.post('/v1/requests', { text: 'JOB orphan' }, key)).rejects.toThrow();
    expect(await dying.ended()).toEqual({ code: null, signal: 'SIGKILL' });

    const { api } = await apart.api();
    const found = async (): Promise<Request | undefined> => {
      const { items } = (await api.get<{ items: Request[] }>('/v1/requests')).body;
      return items.find(({ text, endedAt }) => text === 'JOB orphan' && endedAt !== undefined);
    };
    const { id } = await eventually(found, 30_000, () => 'nobody started it');
    expect(await api.send('JOB orphan', {}, key).catch((error: Error) => error.message)).toBe(id);
    await expectJobDone(api, apart.model, apart.home, id, 'orphan');
    expect(await runsOf(id)).toBe(1);
    expect(modelCalls(apart.model, 'JOB orphan')).toHaveLength(2);
  });

  it('text and events of a worker arrive live through another process', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    const text = `tell me something ${'long '.repeat(60)}`.trim();
    apart.model.pushFaults({ kind: 'drip', everyMs: 20 });
    const id = await api.send(text);
    const arrived: { event: Event; at: number }[] = [];
    await api.events(id, { onEvent: (event) => arrived.push({ event, at: Date.now() }) });
    const done = await api.request(id);

    const deltas = arrived.filter(({ event }) => event.type === 'text' && event.id === undefined);
    expect(deltas.length).toBeGreaterThan(3);
    expect(deltas[0]?.at).toBeLessThan(Date.parse(done.endedAt ?? ''));
    let written = '';
    for (const { event } of arrived) {
      if (event.type === 'text.reset') written = '';
      if (event.type !== 'text') continue;
      expect(event.data['offset']).toBe(written.length);
      written += String(event.data['delta']);
    }
    expect(written).toBe(`heard: ${text}`);
    expect(done.result?.text).toBe(written);
    await expectHistoryWhole(api, done);
  });

  it('a reader whose api is killed comes back with Last-Event-ID, misses nothing and sees nothing twice', async () => {
    const [first] = await Promise.all([apart.api(), apart.worker()]);
    const id = await first.api.send('ASK stream');
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const reading = first.api.events(id, {
      onEvent: ({ data }) => {
        if (data['status'] === 'waiting_user') asked();
      },
    });
    await isAsked;
    await first.kill();
    const before = await reading;
    const second = await apart.api();
    expect((await second.api.post(`/v1/requests/${id}/messages`, { text: 'green' })).status).toBe(200);
    const after = await second.api.events(id, { after: before.findLast((event) => event.id !== undefined)?.id ?? '' });
    const done = await second.api.ended(id);
    expect(done.result?.text).toBe('you said green');
    expect(numbersOf([...before, ...after])).toEqual(numbersOf(await second.api.events(id)));
    await expectHistoryWhole(second.api, done);
  });
});

describe('two apis and two workers', () => {
  it('share the load and double nothing', async () => {
    const [one, two] = [await apart.api(), await apart.start('start-api')];
    const workers = [await apart.worker(), await apart.start('start-worker')];
    const names = Array.from({ length: 20 }, (_, place) => `many${place}`);
    const sent = names.map(async (name) => {
      const key = { 'idempotency-key': `both ${name}` };
      // The same message through both doors at once.
      const ids = await Promise.all([one.api.send(`JOB ${name}`, {}, key), two.api.send(`JOB ${name}`, {}, key)]);
      expect(ids[0]).toBe(ids[1]);
      return ids[0];
    });
    const ids = await Promise.all(sent);
    for (const [place, name] of names.entries()) {
      await expectJobDone(place % 2 === 0 ? one.api : two.api, apart.model, apart.home, ids[place] ?? '', name);
      expect(modelCalls(apart.model, `JOB ${name}`).map(({ turn }) => turn)).toEqual([1, 2]);
    }
    const pids = new Set((await Promise.all(ids.map(workersOf))).flat());
    expect([...pids].toSorted()).toEqual(workers.map(({ pid }) => String(pid)).toSorted());
    for (const product of [two, workers[1]]) expect(await product?.stop()).toEqual({ code: 0, signal: null });
  });

  it('kill -9 of one worker in the middle of calls: the other one finishes', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    const doomed = await apart.start('start-worker');
    apart.model.latencyMs = 4_000;
    const names = Array.from({ length: 8 }, (_, place) => `shared${place}`);
    const ids = await Promise.all(names.map((name) => api.send(`JOB ${name}`)));
    const begun = (): number => names.filter((name) => modelCalls(apart.model, `JOB ${name}`).length > 0).length;
    await eventually(async () => begun() === names.length, 15_000, begun);
    const busy = await Promise.all(ids.map(workersOf));
    await doomed.kill();
    apart.model.latencyMs = 0;
    for (const [place, name] of names.entries()) {
      await expectJobDone(api, apart.model, apart.home, ids[place] ?? '', name);
      await expectStoredTurnsAskedOnce(api, apart.model, await api.request(ids[place] ?? ''));
    }
    const after = (await Promise.all(ids.map(workersOf))).flat();
    expect([...busy.flat(), ...after]).toContain(String(doomed.pid));
    apart.model.assertClean();
  });
});

describe('a worker that is held still in the middle of a call', () => {
  it('is taken for dead, comes back, and nothing is done twice', async () => {
    const [{ api }, zombie] = await Promise.all([apart.api(), apart.worker()]);
    apart.model.latencyMs = 3_000;
    const id = await api.send('JOB zombie');
    await eventually(
      async () => modelCalls(apart.model, 'JOB zombie').length > 0,
      15_000,
      () => 'the model was not asked',
    );
    zombie.signal('SIGSTOP');
    const other = await apart.start('start-worker');
    apart.model.latencyMs = 0;
    // The call's heartbeats are missed after six seconds; whoever gets it then, both may end up with an answer.
    await delay(1_000);
    await api.until(id, ({ endedAt }) => endedAt !== undefined, 7_000).catch(() => undefined);
    zombie.signal('SIGCONT');
    const done = await api.ended(id);
    expect(done).toMatchObject({ status: 'completed', result: { text: 'finished zombie' } });
    expect(await traces(api, apart.home, 'zombie')).toEqual({ tasks: 1, events: 1, file: 'note zombie' });
    await expectHistoryWhole(api, done);
    await other.stop();
    expect(await api.request(id)).toEqual(done);
  });
});

describe('when the history of a request is gone', () => {
  it('its key still finds it, and nothing is started again', async () => {
    const [{ api }] = await Promise.all([apart.api(), apart.worker()]);
    const send = (text: string) =>
      api.post<Request>('/v1/requests?wait=5', { text }, { 'idempotency-key': 'remembered' });
    const known = await send('JOB alone');
    expect(known.status).toBe(200);
    const { id } = known.body;
    const isGone = (): Promise<boolean> => runsOf(id).then((runs) => runs === 0);
    await eventually(isGone, 60_000, () => 'the history is still there');

    expect((await send('JOB alone')).body).toEqual(known.body);
    expect((await send('something else')).status).toBe(422);
    await expectJobDone(api, apart.model, apart.home, id, 'alone');
    expect(await isGone()).toBe(true);
  });
});
