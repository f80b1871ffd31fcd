import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Metadata } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { atomHistory } from '../../spaces/atoms.js';
import { applyBatch } from '../../spaces/batch.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { createSpace } from '../../spaces/spaces.js';
import { createDb, type Db } from '../../store/db.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const USER = 'usr_1';
const me = userActor(USER);
const agent: Actor = { user: USER, author: 'agent:agt_1', origin: 'agent' };
const outside: Actor = { user: USER, author: 'agent:agt_1', origin: 'untrusted' };

async function prepare(db: Db): Promise<string> {
  await db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${USER}, 'Olga', 'UTC')`));
  return (await db.as(USER, (tx) => createSpace(tx, me, { name: 'Garden' }))).id;
}

let store: TestStore;
let space: string;
beforeAll(async () => {
  store = await openTestStore();
  space = await prepare(store.db);
});
afterAll(() => store.close());

describe('a payload from outside', () => {
  const origins = async (id: string): Promise<string[]> =>
    (await store.db.as(USER, (tx) => atomHistory(tx, me, space, id, { limit: 50 }))).items
      .map((version) => version.origin)
      .toReversed();
  const put = (actor: Actor, payload: string) =>
    store.db.as(USER, (tx) => spaceAccess(tx, actor).put(space, { payload, comment: 'x' }));
  const change = (actor: Actor, id: string, patch: { payload?: string; metadata?: Record<string, string> }) =>
    store.db.as(USER, (tx) => spaceAccess(tx, actor).update(space, id, { ...patch, comment: 'x' }));

  test('stays untrusted whoever changes what is around it, and until it is replaced', async () => {
    const { id } = await put(outside, 'from a web page');
    expect((await change(me, id, { metadata: { status: 'done' } })).origin).toBe('untrusted');
    await store.db.as(USER, (tx) => spaceAccess(tx, agent).deprecate(space, id, 'x'));
    expect((await store.db.as(USER, (tx) => spaceAccess(tx, me).get(space, id))).origin).toBe('untrusted');
    expect((await change(agent, id, { payload: 'my own words' })).origin).toBe('agent');
    expect((await change(me, id, { metadata: { status: 'open' } })).origin).toBe('user');
    expect((await change(agent, id, { payload: 'from a web page' })).origin).toBe('untrusted');
    expect(await origins(id)).toEqual(['untrusted', 'untrusted', 'untrusted', 'agent', 'user', 'untrusted']);
  });

  test('makes a trusted atom untrusted', async () => {
    const { id } = await put(me, 'typed');
    expect((await change(agent, id, { metadata: { a: 'b' } })).origin).toBe('agent');
    expect((await change(outside, id, { payload: 'copied' })).origin).toBe('untrusted');
  });
});

describe('words', () => {
  const find = async (query: string): Promise<unknown[]> =>
    (await store.db.as(USER, (tx) => spaceAccess(tx, me).search({ query, spaces: [space] }))).items.map(
      ({ atom }) => atom.metadata['n'],
    );

  test('inside addresses, host names and numbers are found, and so are the whole ones', async () => {
    const texts = [
      'write to as@acme.example, please',
      'see https://shop.widgets.test/catalogue/list_2?page=7 there',
      'version 3.5 costs 12,50',
      'eine Gießkanne für Jürgen-Peter',
      'it was -17 degrees',
      'देवनागरी हिन्दी',
    ];
    for (const [n, payload] of texts.entries())
      await store.db.as(USER, (tx) => spaceAccess(tx, me).put(space, { payload, metadata: { n }, comment: 'x' }));
    for (const [query, n] of [
      ['acme', 0],
      ['as@acme.example', 0],
      ['AS@ACME.example', 0],
      ['acme.example', 0],
      ['widgets', 1],
      ['shop.widgets.test', 1],
      ['https://shop.widgets.test/catalogue/list_2?page=7', 1],
      ['catalogue', 1],
      ['3.5', 2],
      ['12,50', 2],
      ['GIESSKANNE', 3],
      ['gießkanne', 3],
      ['JÜRGEN', 3],
      ['ju\u0308rgen', 3],
      ['jürgen-peter', 3],
      ['17', 4],
      ['-17', 4],
      ['degree', 4],
      ['हिन्दी', 5],
    ] as const)
      expect([query, (await find(query))[0]]).toEqual([query, n]);
  });

  test.each([
    '',
    ' ',
    "'",
    '!!! ... ???',
    "a' | 'b",
    ':* & | ! <->',
    '\\',
    "\\' & x",
    'http://x/?a=1&b=2 & c',
    '-',
    '<b>&amp;</b>',
    '('.repeat(2_000),
  ])('a search for %j does not fail', async (query) => {
    expect(await find(query)).toEqual(expect.any(Array));
  });

  test('of punctuation alone find nothing', async () => {
    expect(await find('!!! ... ???')).toEqual([]);
  });

  test('in a text of marks and signs alone are cut quickly', async () => {
    const started = Date.now();
    await store.db.as(USER, (tx) =>
      spaceAccess(tx, me).put(space, {
        payload: `${'!'.repeat(200_000)}`,
        metadata: { long: `${'a.'.repeat(900)}!` },
        comment: 'x',
      }),
    );
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});

test('a space is held before its atom, so that two who write there cannot block each other', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  const pool = openPostgres({ url: await server.createDatabase('order'), connections: 4 });
  try {
    await migrate(pool);
    const db = createDb(pool, { events: store.bus, outbox: { poke: () => undefined } });
    const place = await prepare(db);
    const atom = await db.as(USER, (tx) => spaceAccess(tx, me).put(place, { payload: 0, comment: 'x' }));
    let tries = 0;
    let hasPut: (value?: unknown) => void = () => undefined;
    const put = new Promise((resolve) => {
      hasPut = resolve;
    });
    const first = db.as(USER, async (tx) => {
      tries += 1;
      await spaceAccess(tx, me).put(place, { payload: 1, comment: 'x' });
      hasPut();
      await delay(300);
      await spaceAccess(tx, me).update(place, atom.id, { payload: 1, comment: 'x' });
    });
    await put;
    const second = db.as(USER, async (tx) => {
      tries += 1;
      await spaceAccess(tx, me).update(place, atom.id, { payload: 2, comment: 'x' });
    });
    await Promise.all([first, second]);
    expect(tries).toBe(2);
    expect((await db.as(USER, (tx) => spaceAccess(tx, me).get(place, atom.id))).version).toBe(3);
  } finally {
    await pool.end();
    await server.stop();
  }
});

describe('metadata that a patch would push beyond its limits', () => {
  const put = (metadata: Metadata) =>
    store.db.as(USER, (tx) => spaceAccess(tx, me).put(space, { payload: 'x', metadata, comment: 'x' }));
  const change = (id: string, metadata: Metadata) =>
    store.db.as(USER, (tx) => spaceAccess(tx, me).update(space, id, { metadata, comment: 'x' }));
  const keys = (count: number, name = 'k'): Metadata =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`${name}${n}`, n]));
  const long = (count: number, name = 'k'): Metadata =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`${name}${n}`, 'x'.repeat(2_000)]));

  test.each([
    ['keys', keys(199), keys(2, 'more'), 'must have at most 200 keys'],
    ['characters', long(15), long(1, 'more'), 'must have at most 32000 characters of JSON'],
  ])('by %s is refused, and nothing changes', async (_name, before, patch, message) => {
    const { id } = await put(before);
    await expect(change(id, patch)).rejects.toMatchObject({
      type: 'invalid-body',
      status: 422,
      errors: [{ path: 'metadata', message: expect.stringContaining(message) as unknown }],
    });
    expect(await store.db.as(USER, (tx) => spaceAccess(tx, me).get(space, id))).toMatchObject({
      version: 1,
      metadata: before,
    });
  });

  test('is fine where keys go at the same time', async () => {
    const { id } = await put(keys(200));
    const { metadata } = await change(id, { ...keys(1, 'more'), k0: null });
    expect(Object.keys(metadata)).toHaveLength(200);
    expect(metadata).not.toHaveProperty('k0');
  });

  test('of a batch names the operation', async () => {
    const { id } = await put(keys(200));
    const operations = [{ op: 'update' as const, atom: id, metadata: { more: 1 }, comment: 'x' }];
    await expect(store.db.as(USER, (tx) => applyBatch(tx, me, space, operations))).rejects.toMatchObject({
      errors: [{ path: 'operations.0.metadata' }],
    });
  });
});
