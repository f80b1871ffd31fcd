import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SpaceAccess } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { createSpace } from '../../spaces/spaces.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const USER = 'usr_1';
const OTHER = 'usr_2';
const MIB = 1024 * 1024;

let store: TestStore;
let space: string;
let atom: string;
beforeAll(async () => {
  store = await openTestStore();
  await store.db.system((tx) =>
    tx.run(sql`insert into users (id, name, time_zone) values (${USER}, 'Olga', 'UTC'), (${OTHER}, 'Vera', 'UTC')`),
  );
  space = (await store.db.as(USER, (tx) => createSpace(tx, userActor(USER), { name: 'Garden' }))).id;
});
beforeEach(async () => {
  atom = (await mine((spaces) => spaces.put(space, { payload: 1, comment: 'x' }))).id;
});
afterAll(() => store.close());

const as = <T>(user: string, work: (spaces: SpaceAccess) => Promise<T>): Promise<T> =>
  store.db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
const mine = <T>(work: (spaces: SpaceAccess) => Promise<T>): Promise<T> => as(USER, work);
const update = (payload: string | number): Promise<Atom> =>
  mine((spaces) => spaces.update(space, atom, { payload, comment: 'x' }));

/** The version numbers of every page. */
async function pages(limit?: number): Promise<number[][]> {
  const found: number[][] = [];
  let cursor: string | undefined;
  do {
    const wanted = { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) };
    const page = await mine((spaces) => spaces.history(space, atom, wanted));
    found.push(page.items.map(({ version }) => version));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

describe('a history', () => {
  test('comes in pages, newest first, each version once', async () => {
    for (const payload of [2, 3, 4, 5]) await update(payload);
    expect(await pages(2)).toEqual([[5, 4], [3, 2], [1]]);
    expect(await pages(5)).toEqual([[5, 4, 3, 2, 1]]);
    expect(await pages()).toEqual([[5, 4, 3, 2, 1]]);
  });

  test('has 50 versions a page and never more than 200', async () => {
    await store.db.system((tx) =>
      tx.run(sql`
        insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, origin, comment, deprecated)
        select atom_id, version + n, space_id, payload, media_type, metadata, "references", author, author_user, origin, comment, deprecated
        from atom_versions, generate_series(1, 449) as n where atom_id = ${atom}`),
    );
    expect((await pages()).map((page) => page.length)).toEqual(Array.from({ length: 9 }, () => 50));
    expect((await pages(1_000)).map((page) => page.length)).toEqual([200, 200, 50]);
  });

  test('of long payloads ends a page early, but never with nothing', async () => {
    for (const size of [3, 3, 3, 9, 9]) await update('x'.repeat(size * MIB));
    await update('short');
    expect(await pages(4)).toEqual([[7], [6], [5], [4, 3], [2, 1]]);
  });

  test('is refused with a cursor that no page gave', async () => {
    for (const cursor of ['', 'x', '-1', '1.5', '1 or true', '9'.repeat(30)])
      await expect(mine((spaces) => spaces.history(space, atom, { cursor }))).rejects.toMatchObject({
        type: 'invalid-body',
      });
    expect(await mine((spaces) => spaces.history(space, atom, { cursor: '0' }))).toEqual({ items: [] });
  });
});

describe('one version', () => {
  test('is as it was written', async () => {
    const [second, third] = [await update('second'), await update('third')];
    const read = (version: number) => mine((spaces) => spaces.version(space, atom, version));
    expect([await read(2), await read(3)]).toEqual([second, third]);
    expect(await read(1)).toMatchObject({ version: 1, payload: 1 });
    for (const version of [0, 4, Number.MAX_SAFE_INTEGER])
      await expect(read(version)).rejects.toMatchObject({ type: 'not-found' });
  });

  test('is for those who may read the space', async () => {
    await expect(as(OTHER, (spaces) => spaces.version(space, atom, 1))).rejects.toMatchObject({ type: 'not-found' });
  });
});

test('the subscription of one agent is found among many', async () => {
  await store.db.system(async (tx) => {
    await tx.run(sql`insert into conversations (id, user_id, title) values ('cnv_1', ${USER}, 'x')`);
    await tx.run(sql`
      insert into requests (id, user_id, conversation_id, agent_id, origin, status, settings, deadline_at)
      values ('req_1', ${USER}, 'cnv_1', 'agt_0', 'user', 'running', '{}', now() + interval '1 hour')`);
    await tx.run(sql`
      insert into agents (id, user_id, request_id, label, model, instructions, status)
      select 'agt_' || n, ${USER}, 'req_1', 'x', 'x', '', 'idle' from generate_series(0, 450) as n`);
    await tx.run(sql`
      insert into subscriptions (space_id, agent_id, user_id, debounce_ms, seen_seq, created_at)
      select ${space}, 'agt_' || n, ${USER}, n * 1000, 0, now() + make_interval(secs => n) from generate_series(1, 450) as n`);
  });
  for (const n of [1, 250, 450])
    expect(await mine((spaces) => spaces.subscription(space, `agt_${n}`))).toMatchObject({
      agent: `agt_${n}`,
      debounceSeconds: n,
    });
  for (const agent of ['agt_0', 'agt_451'])
    expect(await mine((spaces) => spaces.subscription(space, agent))).toBeUndefined();
  await expect(as(OTHER, (spaces) => spaces.subscription(space, 'agt_1'))).rejects.toMatchObject({ type: 'not-found' });
});

test('a list of spaces is as long as was asked for, up to 200', async () => {
  await store.db.as(OTHER, async (tx) => {
    for (let n = 1; n <= 201; n += 1) await createSpace(tx, userActor(OTHER), { name: `Space ${n}` });
  });
  const lengths = [{}, { limit: 3 }, { limit: 1_000 }].map((filter) => as(OTHER, (spaces) => spaces.list(filter)));
  expect((await Promise.all(lengths)).map((spaces) => spaces.length)).toEqual([200, 3, 200]);
});
