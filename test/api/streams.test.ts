import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SpaceEvent } from '../../contracts/space.js';
import { createSession } from '../../engine/users.js';
import { awayProblem } from '../../store/errors.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { newRequest } from './progress.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';
import { readEvents, type SseReader } from './sse-client.js';

const MOST_OPEN = 50;

let api: ApiHarness;
let base: string;
let anna: Person;
let annas: SpaceClient;
let space: string;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  anna = await api.person('Anna');
  annas = spaceClient(api, anna);
  space = (await annas.space()).id;
  await annas.put(space, 1, { comment: 'first' });
});
afterAll(() => api.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const openSpace = (headers: Record<string, string>): SseReader<SpaceEvent> =>
  readEvents<SpaceEvent>(`${base}/v1/spaces/${space}/events`, headers);
const begun = <E>(reader: SseReader<E>) => reader.until((received) => received.length >= 1);

/** A second way in for Anna. */
async function anotherToken(): Promise<string> {
  const token = `rtn_another-${anna.id}`;
  await api.store.db.system((tx) =>
    tx.run(
      sql`insert into tokens (hash, user_id, label) values (encode(sha256(${token}::bytea), 'hex'), ${anna.id}, 'user')`,
    ),
  );
  return token;
}

test('a stream of either kind ends when its reader is signed out, and no other does', async () => {
  const bert = await api.person('Bert');
  await annas.share(space, `user:${bert.id}`, 'read');
  const ref = await newRequest(api.engine, bert.id);
  const token = await anotherToken();
  const { session } = await createSession(api.engine, anna.id);
  const ofRequest = readEvents(`${base}/v1/requests/${ref.request}/events`, bearer(bert.token));
  const deleted = openSpace(bearer(bert.token));
  const revoked = openSpace(bearer(token));
  const browser = openSpace({ cookie: `retinue_session=${session}`, 'sec-fetch-site': 'same-origin' });
  const stays = openSpace(bearer(anna.token));
  await begun(ofRequest);
  await Promise.all([deleted, revoked, browser, stays].map(begun));

  await api.store.db.system(async (tx) => {
    await tx.run(sql`delete from tokens where user_id = ${bert.id}`);
    await tx.run(sql`
      update tokens set revoked_at = now() where user_id = ${anna.id} and hash = encode(sha256(${token}::bytea), 'hex')`);
    await tx.run(sql`
      update tokens set created_at = now() - interval '31 days' where user_id = ${anna.id} and label = 'browser'`);
  });
  await Promise.all([ofRequest, deleted, revoked, browser].map(({ ended }) => ended));
  await annas.put(space, 2, { comment: 'second' });
  await stays.until((received) => received.length >= 2);
  stays.close();
  for (const gone of [deleted, revoked, browser])
    expect(gone.received.map(({ event }) => event.comment)).toEqual(['first']);
  const again = openSpace(bearer(token));
  expect(await again.status).toBe(401);
});

test('a stream goes on while the database is away', async () => {
  const reader = openSpace(bearer(anna.token));
  await begun(reader);
  const { db } = api.engine;
  const { system } = db;
  db.system = () => Promise.reject(awayProblem(new Error('lost')));
  // Long enough for the stream to ask whether Anna is still signed in.
  await delay(6_000);
  db.system = system;
  await annas.put(space, 3, { comment: 'after it came back' });
  await reader.until((received) => received.at(-1)?.event.comment === 'after it came back');
  reader.close();
});

test('a person has 50 streams at most, of both kinds together; whoever closes one may open another', async () => {
  const carla = await api.person('Carla');
  await annas.share(space, `user:${carla.id}`, 'read');
  const ref = await newRequest(api.engine, carla.id);
  const readers = Array.from({ length: MOST_OPEN - 1 }, () => openSpace(bearer(carla.token)));
  const ofRequest = readEvents(`${base}/v1/requests/${ref.request}/events`, bearer(carla.token));
  await begun(ofRequest);
  await Promise.all(readers.map(begun));

  const client = spaceClient(api, carla);
  for (const url of [`/v1/spaces/${space}/events`, `/v1/requests/${ref.request}/events`]) {
    const { detail } = good<{ detail: string }>(await client.call('GET', url), 429);
    expect(detail).toBe('You have 50 event streams open, which is the most. Close one, then open this one again.');
  }
  const annasOwn = openSpace(bearer(anna.token));
  await begun(annasOwn);
  annasOwn.close();

  readers[0]?.close();
  const url = `${base}/v1/spaces/${space}/events`;
  const open = async (): Promise<SseReader> => {
    for (;;) {
      const reader = readEvents(url, bearer(carla.token));
      if ((await reader.status) === 200) return reader;
    }
  };
  const another = await open();
  await begun(another);
  for (const reader of [another, ofRequest, ...readers]) reader.close();
});
