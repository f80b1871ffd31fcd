import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SpaceEvent, SpaceEventSchema } from '../../contracts/space.js';
import { type ApiHarness, openApi } from './harness.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';
import { readEvents, type SseReader } from './sse-client.js';

let api: ApiHarness;
let base: string;
let anna: Person;
let bert: Person;
let annas: SpaceClient;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  anna = await api.person('Anna');
  bert = await api.person('Bert');
  annas = spaceClient(api, anna);
});
afterAll(() => api.close());

function open(space: string, person: Person, { after, query = '' }: { after?: string; query?: string } = {}) {
  return readEvents<SpaceEvent>(`${base}/v1/spaces/${space}/events${query}`, {
    authorization: `Bearer ${person.token}`,
    ...(after === undefined ? {} : { 'last-event-id': after }),
  });
}

const comments = (reader: SseReader<SpaceEvent>): string[] => reader.received.map(({ event }) => event.comment);

async function beds(count: number): Promise<string> {
  const { id } = await annas.space();
  const operations = Array.from({ length: count }, (_bed, index) => ({
    op: 'put',
    payload: 'a secret',
    comment: `bed ${index + 1}`,
  }));
  good(await annas.call('POST', `/v1/spaces/${id}/batch`, { operations }), 200);
  return id;
}

describe('changes of a space', () => {
  test('are told from the first on, then as they happen, each once, with the comment and never the content', async () => {
    const space = await beds(2);
    const reader = open(space, anna);
    await reader.until((received) => received.length >= 2);
    const atom = await annas.put(space, 'a secret', { metadata: { hidden: 'secret' } });
    await annas.patch(atom, { payload: 'another secret' });
    const url = `/v1/spaces/${space}/atoms/${atom.id}`;
    good(await annas.call('POST', `${url}/deprecate`, { comment: 'withered' }), 200);
    good(await annas.call('POST', `${url}/restore`, { comment: 'it lives' }), 200);
    await reader.until((received) => received.length >= 6);
    reader.close();
    expect(await reader.status).toBe(200);
    expect(reader.received.map(({ id, type }) => [id, type])).toEqual([
      ['1', 'put'],
      ['2', 'put'],
      ['3', 'put'],
      ['4', 'update'],
      ['5', 'deprecate'],
      ['6', 'restore'],
    ]);
    expect(comments(reader)).toEqual(['bed 1', 'bed 2', 'planted', 'changed', 'withered', 'it lives']);
    for (const { id, type, event } of reader.received)
      expect(SpaceEventSchema.strict().parse(event)).toMatchObject({ id, type, space, author: `user:${anna.id}` });
    expect(JSON.stringify(reader.received)).not.toContain('secret');
  });

  test('are resumed by the header or the query, over many pages', async () => {
    const space = await beds(450);
    const whole = open(space, anna);
    await whole.until((received) => received.length >= 450);
    whole.close();
    expect(whole.received.map(({ id }) => Number(id))).toEqual(
      Array.from({ length: 450 }, (_item, index) => index + 1),
    );
    for (const from of [{ after: '448' }, { query: '?after=448' }, { after: '448', query: '?after=3' }]) {
      const reader = open(space, anna, from);
      await reader.until((received) => received.length >= 2);
      await annas.put(space, 1, { comment: 'one more' });
      await reader.until((received) => received.some(({ event }) => event.comment === 'one more'));
      reader.close();
      expect(comments(reader).slice(0, 2)).toEqual(['bed 449', 'bed 450']);
      expect(new Set(reader.received.map(({ id }) => id)).size).toBe(reader.received.length);
    }
    good(await annas.call('GET', `/v1/spaces/${space}/events?after=last`), 400);
  });

  test('a hint that is lost is made good by the poll', async () => {
    const space = await beds(1);
    const reader = open(space, anna);
    await reader.until((received) => received.length >= 1);
    const { publish } = api.store.bus;
    api.store.bus.publish = () => undefined;
    try {
      await annas.put(space, 1, { comment: 'unheard' });
    } finally {
      api.store.bus.publish = publish;
    }
    await reader.until((received) => received.length >= 2);
    reader.close();
    expect(comments(reader)).toEqual(['bed 1', 'unheard']);
  });

  test('many readers all get every change of many writers, in the order of the space', async () => {
    const space = await beds(1);
    const readers = Array.from({ length: 10 }, () => open(space, anna));
    await Promise.all(readers.map((reader) => reader.until((received) => received.length >= 1)));
    await Promise.all(
      Array.from({ length: 40 }, (_item, index) => annas.put(space, index, { comment: `by ${index}` })),
    );
    for (const reader of readers) {
      await reader.until((received) => received.length >= 41);
      reader.close();
      expect(reader.received.map(({ id }) => Number(id))).toEqual(
        Array.from({ length: 41 }, (_item, index) => index + 1),
      );
    }
  });
});

describe('a stream ends', () => {
  test('before the first change after the grant is taken back', async () => {
    const space = await beds(1);
    await annas.share(space, `user:${bert.id}`, 'read');
    const reader = open(space, bert);
    await reader.until((received) => received.length >= 1);
    good(await annas.call('DELETE', `/v1/spaces/${space}/grants/user:${bert.id}`), 200);
    await annas.put(space, 1, { comment: 'not for Bert' });
    await reader.ended;
    expect(comments(reader)).toEqual(['bed 1']);
    good(await spaceClient(api, bert).call('GET', `/v1/spaces/${space}/events`), 404);
  });

  test('without any further change when the grant is taken back', async () => {
    const space = await beds(1);
    await annas.share(space, `user:${bert.id}`, 'read');
    const reader = open(space, bert);
    await reader.until((received) => received.length >= 1);
    // The poll has looked once by then and finds nothing new any more.
    await delay(1_500);
    good(await annas.call('DELETE', `/v1/spaces/${space}/grants/user:${bert.id}`), 200);
    await reader.ended;
    expect(comments(reader)).toEqual(['bed 1']);
  });

  test('when the space is deleted', async () => {
    const space = await beds(1);
    const reader = open(space, anna);
    await reader.until((received) => received.length >= 1);
    good(await annas.call('DELETE', `/v1/spaces/${space}`), 200);
    await reader.ended;
    expect(comments(reader)).toEqual(['bed 1']);
  });

  test('when the server closes', async () => {
    const other = await openApi();
    await other.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = other.app.server.address() as AddressInfo;
    const { id } = await spaceClient(other, other.owner).space();
    const reader = readEvents(`http://127.0.0.1:${port}/v1/spaces/${id}/events`, {
      authorization: `Bearer ${other.owner.token}`,
    });
    expect(await reader.status).toBe(200);
    await other.close();
    await reader.ended;
    expect(reader.received).toEqual([]);
  });
});
