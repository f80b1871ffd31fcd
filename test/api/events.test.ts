import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EventSchema } from '../../contracts/request.js';
import type { AgentRef } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { postMessage } from '../../engine/messages.js';
import { type ApiHarness, openApi } from './harness.js';
import { completedRequest, newRequest, takeTurn } from './progress.js';
import { Page, readEvents, type Received, type SseReader } from './sse-client.js';

let api: ApiHarness;
let base: string;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await api.close();
});

function open(ref: AgentRef, after?: string): SseReader {
  return readEvents(`${base}/v1/requests/${ref.request}/events`, {
    authorization: `Bearer ${api.owner.token}`,
    ...(after === undefined ? {} : { 'last-event-id': after }),
  });
}

const stored = (received: readonly Received[]) => received.filter((item) => item.id !== undefined);
const kinds = (received: readonly Received[]) => received.map((item) => item.type);

function say(ref: AgentRef, turn: number, attempt: number, offset: number, delta: string): void {
  api.store.bus.publishDelta({ request: ref.request, agent: ref.agent, turn, attempt, offset, delta });
}

/** A request with two turns, a call's refusal, a question and its answer. */
async function livelyRequest(): Promise<AgentRef> {
  const ref = await newRequest(api.engine, api.owner.id);
  await takeTurn(api.engine, ref, {
    turn: 1,
    text: 'First I ask.',
    usd: '0.01',
    calls: [
      { skill: 'ask_user', question: 'When?' },
      { skill: 'nothing', refusal: 'unknown skill' },
    ],
  });
  await postMessage(api.engine, ref.user, ref.request, { text: 'Monday' });
  await takeTurn(api.engine, ref, { turn: 2, text: 'It is done on Monday.', usd: '0.02' });
  return ref;
}

describe('a request that is over', () => {
  test('is told from its start to its end, in order, and the stream ends', async () => {
    const ref = await livelyRequest();
    const reader = open(ref);
    await reader.ended;
    expect(await reader.status).toBe(200);
    expect(reader.received.map((item) => item.id)).toEqual(reader.received.map((_item, index) => String(index + 1)));
    expect(kinds(reader.received)).toEqual(
      expect.arrayContaining(['status', 'text', 'charge', 'skill.started', 'skill.finished', 'done']),
    );
    expect(reader.received.at(-1)).toMatchObject({
      type: 'done',
      event: { data: { status: 'completed' }, request: ref.request },
    });
    for (const { id, type, event } of reader.received) {
      expect(EventSchema.safeParse(event).success).toBe(true);
      expect([event.id, event.type]).toEqual([id, type]);
      expect(Object.keys(event)).toEqual(expect.arrayContaining(['id', 'at', 'type', 'request', 'data']));
    }
  });

  test('nothing is missed or repeated, wherever a reader comes back', async () => {
    const ref = await livelyRequest();
    const whole = open(ref);
    await whole.ended;
    const ids = stored(whole.received).map((item) => item.id ?? '');
    for (const [index, id] of ids.entries()) {
      const rest = open(ref, id);
      await rest.ended;
      expect([id, stored(rest.received).map((item) => item.id)]).toEqual([id, ids.slice(index + 1)]);
      const query = readEvents(`${base}/v1/requests/${ref.request}/events?after=${id}`, {
        authorization: `Bearer ${api.owner.token}`,
      });
      await query.ended;
      expect(query.received.map((item) => item.event.data)).toEqual(rest.received.map((item) => item.event.data));
    }
  });

  test('is told in pages however long it is', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const calls = Array.from({ length: 600 }, (_item, index) => ({ skill: `skill_${index}`, refusal: 'no' }));
    await takeTurn(api.engine, ref, { turn: 1, text: 'Many.', calls });
    await takeTurn(api.engine, ref, { turn: 2, text: 'End.' });
    const reader = open(ref);
    await reader.ended;
    expect(reader.received.length).toBeGreaterThan(600);
    expect(reader.received.map((item) => Number(item.id))).toEqual(reader.received.map((_item, index) => index + 1));
  });
});

describe('a request that runs', () => {
  test('a reader that reconnects after every event sees each once, and always the right text', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const page = new Page();
    const seen: string[] = [];
    const running = (async () => {
      for (let turn = 1; turn <= 4; turn += 1) {
        const text = `Turn ${turn} says something long enough to be cut.`;
        for (let offset = 0; offset < text.length; offset += 7) {
          say(ref, turn, 1, offset, text.slice(offset, offset + 7));
          await delay(3);
        }
        await takeTurn(api.engine, ref, { turn, text, ...(turn === 4 ? {} : { stopReason: 'pause_turn' as const }) });
        api.store.bus.forget(ref.request, ref.agent, turn);
      }
    })();
    for (let round = 0; seen.at(-1) !== 'done' && round < 300; round += 1) {
      const reader = open(ref, page.lastId === '' ? undefined : page.lastId);
      const enough = 1 + (round % 5);
      await Promise.race([reader.until((received) => received.length >= enough), reader.ended, delay(200)]);
      reader.close();
      for (const item of reader.received.slice(0, enough)) {
        page.show(item);
        if (item.id !== undefined) seen.push(item.id, item.type);
      }
    }
    await running;
    const ids = seen.filter((_item, index) => index % 2 === 0);
    expect(ids).toEqual(ids.map((_id, index) => String(index + 1)));
    expect(seen.at(-1)).toBe('done');
    expect([...page.texts.values()]).toEqual(
      [1, 2, 3, 4].map((turn) => `Turn ${turn} says something long enough to be cut.`),
    );
  });

  test('text comes as it is written and its row adds only what is missing', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    say(ref, 1, 1, 0, 'Hello ');
    say(ref, 1, 1, 6, 'wor');
    await reader.until((received) => received.length >= 3);
    await takeTurn(api.engine, ref, { turn: 1, text: 'Hello world.' });
    await reader.ended;
    const texts = reader.received.filter((item) => item.type === 'text');
    expect(texts.map((item) => [item.id !== undefined, item.event.data['offset'], item.event.data['delta']])).toEqual([
      [false, 0, 'Hello '],
      [false, 6, 'wor'],
      [true, 9, 'ld.'],
    ]);
    expect(texts.map((item) => 'id' in item.event)).toEqual([false, false, true]);
    expect(kinds(reader.received)).not.toContain('text.reset');
  });

  test('a row that has nothing new still carries its number', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    say(ref, 1, 1, 0, 'All of it.');
    await reader.until((received) => received.length >= 2);
    await takeTurn(api.engine, ref, { turn: 1, text: 'All of it.' });
    await reader.ended;
    const row = stored(reader.received).find((item) => item.type === 'text');
    expect(row?.event.data).toMatchObject({ offset: 10, delta: '' });
  });

  test('a new attempt takes the text of the last one back', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    const page = new Page();
    await reader.until((received) => received.length >= 1);
    say(ref, 1, 1, 0, 'A first tr');
    await reader.until((received) => received.length >= 2);
    say(ref, 1, 2, 0, 'Second ');
    await reader.until((received) => received.length >= 4);
    say(ref, 1, 1, 10, 'y that comes late');
    await takeTurn(api.engine, ref, { turn: 1, text: 'Second try.', attempts: 2 });
    await reader.ended;
    for (const item of reader.received) page.show(item);
    expect(kinds(reader.received).filter((kind) => kind.startsWith('text'))).toEqual([
      'text',
      'text.reset',
      'text',
      'text',
    ]);
    expect(reader.received.find((item) => item.type === 'text.reset')?.event).toMatchObject({
      agent: ref.agent,
      data: { agent: ref.agent, turn: 1, attempt: 2 },
    });
    expect([...page.texts.values()]).toEqual(['Second try.']);
  });

  test('a stored turn that says something else takes back what was written', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    const page = new Page();
    await reader.until((received) => received.length >= 1);
    say(ref, 1, 1, 0, 'Never stored');
    await reader.until((received) => received.length >= 2);
    await takeTurn(api.engine, ref, { turn: 1, text: 'Another answer.', attempts: 2 });
    await reader.ended;
    for (const item of reader.received) page.show(item);
    expect([...page.texts.values()]).toEqual(['Another answer.']);
  });

  test('a reader that comes in between gets the text so far; one that comes back starts the turn afresh', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    say(ref, 1, 1, 0, 'So ');
    say(ref, 1, 1, 3, 'far');
    const fresh = open(ref);
    await fresh.until((received) => received.length >= 2);
    expect(kinds(fresh.received)).toEqual(['status', 'text']);
    expect(fresh.received[1]?.event.data).toMatchObject({ offset: 0, delta: 'So far' });
    const back = open(ref, '1');
    await back.until((received) => received.length >= 2);
    expect(kinds(back.received)).toEqual(['text.reset', 'text']);
    say(ref, 1, 1, 6, ' so good');
    await takeTurn(api.engine, ref, { turn: 1, text: 'So far so good.' });
    for (const reader of [fresh, back]) {
      await reader.ended;
      const page = new Page();
      for (const item of reader.received) page.show(item);
      expect([...page.texts.values()]).toEqual(['So far so good.']);
    }
  });

  test('a gap in the text is left to the row', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    say(ref, 1, 1, 0, 'One ');
    say(ref, 1, 1, 8, 'three ');
    await takeTurn(api.engine, ref, { turn: 1, text: 'One two three.' });
    await reader.ended;
    const page = new Page();
    for (const item of reader.received) page.show(item);
    expect([...page.texts.values()]).toEqual(['One two three.']);
  });

  test('events that are told of are not waited for until the poll', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const neverPolled = setTimeout(() => undefined, 0) as never;
    const polling = vi.spyOn(globalThis, 'setInterval').mockReturnValue(neverPolled);
    try {
      const reader = open(ref);
      await reader.until((received) => received.length >= 1);
      await cancelRequest(api.engine, ref.user, ref.request);
      await reader.ended;
      expect(reader.received.at(-1)?.event.data).toEqual({ status: 'cancelled' });
      expect(polling).toHaveBeenCalledWith(expect.any(Function), 1_000);
    } finally {
      polling.mockRestore();
    }
  });

  test('a hint that is lost is made good by the poll', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    const { publish } = api.store.bus;
    api.store.bus.publish = () => undefined;
    try {
      await cancelRequest(api.engine, ref.user, ref.request);
    } finally {
      api.store.bus.publish = publish;
    }
    await reader.ended;
    expect(reader.received.at(-1)?.type).toBe('done');
  });
});

describe('connections', () => {
  test('a reader that leaves is forgotten', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    reader.close();
    await delay(100);
    const before = api.store.db.transactions();
    await delay(1_500);
    expect(api.store.db.transactions()).toBe(before);
  });

  test('a reader that takes nothing is cut off once too much waits for it', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const reader = open(ref);
    await reader.until((received) => received.length >= 1);
    reader.pause();
    const piece = 'x'.repeat(64 * 1024);
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 400; index += 1) {
      say(ref, 1, 1, index * piece.length, piece);
      await delay(1);
    }
    await delay(200);
    expect(await openSockets()).toBe(0);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
    reader.close();
    await cancelRequest(api.engine, ref.user, ref.request);
    api.store.bus.forget(ref.request, ref.agent, 1);
  });

  test('many readers of one request all get everything', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    const readers = Array.from({ length: 30 }, () => open(ref));
    await Promise.all(readers.map((reader) => reader.until((received) => received.length >= 1)));
    await takeTurn(api.engine, ref, { turn: 1, text: 'For all.' });
    await Promise.all(readers.map((reader) => reader.ended));
    for (const reader of readers) expect(reader.received.at(-1)?.type).toBe('done');
  });

  test('closing the server ends its streams and waiting calls', async () => {
    const other = await openApi();
    await other.app.listen({ port: 0, host: '127.0.0.1' });
    const address = `http://127.0.0.1:${(other.app.server.address() as AddressInfo).port}`;
    const ref = await newRequest(other.engine, other.owner.id);
    const authorization = `Bearer ${other.owner.token}`;
    const reader = readEvents(`${address}/v1/requests/${ref.request}/events`, { authorization });
    await reader.until((received) => received.length >= 1);
    const waiting = fetch(`${address}/v1/requests?wait=60`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"text":"long"}',
    });
    await delay(200);
    const started = Date.now();
    await other.close();
    await reader.ended;
    expect((await waiting).status).toBe(202);
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  test('the stream carries the headers of every answer and none that would keep it', async () => {
    const ref = await completedRequest(api.engine, api.owner.id);
    const answer = await fetch(`${base}/v1/requests/${ref.request}/events`, {
      headers: { authorization: `Bearer ${api.owner.token}` },
    });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toContain('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await answer.text()).toMatch(/^retry: 1000\n\nid: 1\nevent: status\ndata: \{/);
  });

  function openSockets(): Promise<number> {
    return new Promise((resolve, reject) =>
      api.app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }
});
