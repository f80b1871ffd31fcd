import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Space } from '../../contracts/space.js';
import { searchAtoms } from '../../spaces/search.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { createSpace, deleteSpace, getSpace, listSpaces } from '../../spaces/spaces.js';
import { importSpace, sweepUnfinished } from '../../spaces/transfer.js';
import type { Db } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const USER = 'usr_1';
const ATOMS = 600;
const me = userActor(USER);
const header = JSON.stringify({ format: 'retinue-space', version: 1, name: 'Large', description: '', tags: [] });

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  await store.db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${USER}, 'Olga', 'UTC')`));
});
beforeEach(async () => {
  await store.db.system((tx) => tx.run(sql`delete from spaces`));
});
afterAll(() => store.close());

function fileOf(atoms: number): string {
  const version = {
    payload: 'a pear',
    mediaType: 'text/plain',
    metadata: {},
    references: [],
    author: 'x',
    people: [],
    origin: 'user',
    comment: 'c',
    deprecated: false,
    at: '2026-01-02T03:04:05.678Z',
  };
  const line = (n: number) =>
    JSON.stringify({ id: `a${n}`, versions: [version, { ...version, payload: `pear ${n}` }] });
  return [header, ...Array.from({ length: atoms }, (_, n) => line(n))].join('\n');
}

/** A process that dies before its transaction of this number that is the system's own. */
function dyingAt(db: Db, number: number): Db {
  let begun = 0;
  return {
    ...db,
    system: async (work) => {
      begun += 1;
      if (begun === number) throw new Error('the process has died');
      return db.system(work);
    },
  };
}

const rows = (what: 'spaces' | 'atoms' | 'atom_versions' | 'space_events'): Promise<number> =>
  store.db.system(
    async (tx) => (await tx.one<{ n: number }>(sql`select count(*)::int as n from ${sql.table(what)}`)).n,
  );
const makeOlder = (minutes: number) =>
  store.db.system((tx) => tx.run(sql`update spaces set created_at = created_at - make_interval(mins => ${minutes})`));

test('others come in between, and see the space as a whole or not at all', async () => {
  let imported = false;
  const seen: (number | 'none')[] = [];
  const watch = async (): Promise<void> => {
    while (!imported) {
      const [listed, found] = await store.db.as(USER, async (tx) => [
        (await listSpaces(tx, me, { limit: 10 })).items,
        (await searchAtoms(tx, me, { query: 'pear' })).items,
      ]);
      expect(found.length > 0).toBe(listed.length > 0);
      seen.push(listed[0]?.atomCount ?? 'none');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const watching = watch();
  const { space, atoms } = await importSpace(store.db, me, fileOf(ATOMS), { trusted: true });
  imported = true;
  await watching;
  expect({ atoms, count: space.atomCount }).toEqual({ atoms: ATOMS, count: ATOMS });
  expect(new Set(seen.filter((count) => count !== ATOMS))).toEqual(new Set(['none']));
  expect(seen.length).toBeGreaterThan(5);
});

test.each([1, 4, 9])(
  'a process that dies at transaction %i leaves nothing that anybody finds, until it is swept',
  async (number) => {
    const { id: kept } = await store.db.as(USER, (tx) => createSpace(tx, me, { name: 'Kept' }));
    await expect(importSpace(dyingAt(store.db, number), me, fileOf(ATOMS), { trusted: true })).rejects.toThrow(
      'has died',
    );
    const unfinished = await store.db.system((tx) =>
      tx.one<{ id: string }>(sql`select id from spaces where id <> ${kept}`),
    );
    const asOwner = async (work: typeof getSpace | typeof deleteSpace, actor: Actor = me) =>
      store.db.as(USER, async (tx) => work(tx, actor, unfinished.id));
    await expect(asOwner(getSpace)).rejects.toMatchObject({ type: 'not-found' });
    await expect(asOwner(deleteSpace)).rejects.toMatchObject({ type: 'not-found' });
    expect((await store.db.as(USER, (tx) => listSpaces(tx, me, { limit: 10 }))).items.map(({ id }) => id)).toEqual([
      kept,
    ]);
    await makeOlder(119);
    expect(await sweepUnfinished(store.db)).toBe(0);
    await makeOlder(2);
    expect(await sweepUnfinished(store.db)).toBe(1);
    expect([
      await rows('spaces'),
      await rows('atoms'),
      await rows('atom_versions'),
      await rows('space_events'),
    ]).toEqual([1, 0, 0, 0]);
  },
);

test('a space that is whole stays, however old', async () => {
  await importSpace(store.db, me, fileOf(3), { trusted: true });
  await makeOlder(1_000);
  expect(await sweepUnfinished(store.db)).toBe(0);
  expect(await rows('atoms')).toBe(3);
});

const hasBegun = (result: unknown): result is Space =>
  typeof result === 'object' && result !== null && 'createdAt' in result;

test('an import that takes longer than a space may be unfinished ends without it', async () => {
  const anHourAgo = new Date(Date.now() - 3_600_001).toISOString();
  const slow: Db = {
    ...store.db,
    as: async (user, work) => {
      const result = await store.db.as(user, work);
      return hasBegun(result) ? { ...result, createdAt: anHourAgo } : result;
    },
  };
  const importing = importSpace(slow, me, fileOf(3), { trusted: true });
  await expect(importing).rejects.toThrow('was not imported within 60 minutes');
  expect((await store.db.as(USER, (tx) => listSpaces(tx, me, { limit: 10 }))).items).toEqual([]);
});

test('a file is read while others go on', async () => {
  let turns = 0;
  let isRead = false;
  const count = async (): Promise<void> => {
    while (!isRead) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const counting = count();
  const wrong = `${fileOf(15_000)}\n{"id":`;
  await expect(importSpace(store.db, me, wrong, { trusted: true })).rejects.toMatchObject({ type: 'invalid-body' });
  isRead = true;
  await counting;
  expect(turns).toBeGreaterThan(2);
  expect(await rows('spaces')).toBe(0);
});

test('a file of blank lines alone is too large, not too much', async () => {
  const blank = '\n'.repeat(20 * 1024 * 1024);
  await expect(importSpace(store.db, me, `${header}${blank}`, { trusted: true })).rejects.toMatchObject({
    type: 'too-large',
    message: expect.stringContaining('100,000 lines') as unknown,
  });
});
