import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Atom } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { installConventions } from '../../spaces/conventions/install.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { spaceEventsAfter } from '../../spaces/space-events.js';
import { createSpace, listSpaces } from '../../spaces/spaces.js';
import { importSpace } from '../../spaces/transfer.js';
import { trustedAccess } from '../../spaces/trusted.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const USER = 'usr_1';
const OTHER = 'usr_2';
const me = userActor(USER);
const other = userActor(OTHER);
const agent: Actor = { user: USER, author: 'agent:agt_1', origin: 'agent' };
const outside: Actor = { ...agent, origin: 'untrusted' };

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  for (const user of [USER, OTHER])
    await store.db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${user}, 'Olga', 'UTC')`));
});
afterAll(() => store.close());

const access = <T>(actor: Actor, work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> =>
  store.db.as(actor.user, (tx) => work(spaceAccess(tx, actor)));
const put = (actor: Actor, space: string, payload: string, references: Atom['references'] = []): Promise<Atom> =>
  access(actor, (spaces) => spaces.put(space, { payload, references, comment: 'x' }));
/** By payload, deprecated ones too. */
const contents = async (actor: Actor, space: string): Promise<Map<unknown, Atom>> =>
  new Map(
    (
      await access(actor, (spaces) => spaces.search({ spaces: [space], includeDeprecated: true, limit: 200 }))
    ).items.map(({ atom }) => [atom.payload, atom]),
  );
const newSpace = (actor: Actor, more: object = {}) =>
  store.db.as(actor.user, (tx) => createSpace(tx, actor, { name: 'Source', ...more }));

test('a fork has the atoms as they are now, with the references among them and to what may be read', async () => {
  const elsewhere = await put(me, (await newSpace(me)).id, 'elsewhere');
  const hidden = await put(other, (await newSpace(other)).id, 'hidden');
  const { id } = await newSpace(me, { description: 'How to.', convention: 'c', tags: ['convention', 'garden'] });
  const first = await put(me, id, 'first');
  const second = await put(me, id, 'second', [
    { type: 'blocked_by', atom: first.id },
    { type: 'source', atom: elsewhere.id },
  ]);
  await access(me, (spaces) =>
    spaces.update(id, first.id, { payload: 'first, better', metadata: { a: 1 }, comment: 'x' }),
  );
  await access(me, (spaces) =>
    spaces.update(id, first.id, { references: [{ type: 'next', atom: second.id }], comment: 'x' }),
  );
  await access(me, (spaces) => spaces.deprecate(id, second.id, 'old'));
  await store.db.system((tx) =>
    tx.run(
      sql`insert into atom_references (atom_id, type, target_id, position) values (${first.id}, 'about', ${hidden.id}, 9)`,
    ),
  );

  const fork = await access(me, (spaces) => spaces.fork(id, 'Mine'));
  expect(fork).toMatchObject({
    name: 'Mine',
    description: 'How to.',
    convention: 'c',
    tags: ['garden'],
    permission: 'grant',
    atomCount: 1,
  });
  const found = await contents(me, fork.id);
  const [one, two] = [found.get('first, better'), found.get('second')];
  expect(found.size).toBe(2);
  expect(one).toMatchObject({
    version: 1,
    metadata: { a: 1 },
    author: me.author,
    people: [USER],
    origin: 'user',
    deprecated: false,
  });
  expect(one?.references).toEqual([{ type: 'next', atom: two?.id }]);
  expect(two).toMatchObject({ version: 1, deprecated: true, comment: `Forked from ${id}` });
  expect(two?.references).toEqual([
    { type: 'blocked_by', atom: one?.id },
    { type: 'source', atom: elsewhere.id },
  ]);
  expect([first.id, second.id]).not.toContain(one?.id);
  const { items: begun, ...more } = await access(me, (spaces) => spaces.history(fork.id, two?.id ?? ''));
  expect(begun).toHaveLength(1);
  expect(begun[0]).toMatchObject({ payload: 'second', references: two?.references, deprecated: true, people: [USER] });
  expect(more).toEqual({});
  const events = await store.db.as(USER, (tx) => spaceEventsAfter(tx, me, fork.id, 0, 10));
  expect(events.map((event) => [event.id, event.type, event.atom, event.version])).toEqual([
    ['1', 'put', one?.id, 1],
    ['2', 'put', two?.id, 1],
  ]);
  expect(
    (await access(me, (spaces) => spaces.update(fork.id, two?.id ?? '', { payload: 'mine', comment: 'x' }))).version,
  ).toBe(2);
  expect((await contents(me, id)).has('second')).toBe(true);
});

test('a fork of an empty space is empty', async () => {
  const { id } = await newSpace(me);
  const fork = await access(me, (spaces) => spaces.fork(id, 'Empty'));
  expect(fork.atomCount).toBe(0);
});

test('what came from outside or from others is untrusted in the fork, and keeps their names', async () => {
  const { id } = await newSpace(other, { description: 'Theirs.' });
  await access(other, (spaces) => spaces.share(id, `user:${USER}`, 'write'));
  await put(other, id, 'theirs');
  await put(me, id, 'mine');
  await put(agent, id, 'my agent’s');
  await put(outside, id, 'from a page');
  const fork = await access(me, (spaces) => spaces.fork(id, 'Copy'));
  const found = await contents(me, fork.id);
  const labels = ['theirs', 'mine', 'my agent’s', 'from a page'].map((text) => {
    const atom = found.get(text);
    return [atom?.origin, atom?.people.toSorted()];
  });
  expect(labels).toEqual([
    ['untrusted', [USER, OTHER]],
    ['user', [USER]],
    ['agent', [USER]],
    ['untrusted', [USER]],
  ]);
  const trusted = await store.db.as(USER, (tx) => trustedAccess(tx, me).search({ spaces: [fork.id] }));
  expect(new Set(trusted.items.map(({ atom }) => atom.payload))).toEqual(new Set(['mine', 'my agent’s']));
  const byAgent = await contents(agent, (await access(agent, (spaces) => spaces.fork(id, 'Copy'))).id);
  expect(byAgent.get('mine')).toMatchObject({ origin: 'agent', author: agent.author });
  await expect(access(other, (spaces) => spaces.fork(fork.id, 'Back'))).rejects.toMatchObject({ type: 'not-found' });
});

test('an agent that has read what came from outside may not fork', async () => {
  const { id } = await newSpace(me);
  const before = await store.db.as(USER, (tx) => listSpaces(tx, me, { limit: 200 }));
  await expect(access(outside, (spaces) => spaces.fork(id, 'x'))).rejects.toMatchObject({ type: 'forbidden' });
  expect(await store.db.as(USER, (tx) => listSpaces(tx, me, { limit: 200 }))).toEqual(before);
});

test('an agent bound by its own grants forks what it may read, and holds grant on the fork', async () => {
  const bound: Actor = { ...agent, confinedTo: 'agt_1' };
  const { id } = await newSpace(me);
  await put(me, id, 'shared');
  const fork = () =>
    store.db.as(USER, async (tx) => {
      await tx.confineTo('agt_1');
      return spaceAccess(tx, bound).fork(id, 'Its own');
    });
  await expect(fork()).rejects.toMatchObject({ type: 'not-found' });
  await store.db.system((tx) =>
    tx.run(
      sql`insert into space_grants (space_id, principal, permission, granted_by) values (${id}, 'agent:agt_1', 'read', 'x')`,
    ),
  );
  expect(await fork()).toMatchObject({ permission: 'grant', atomCount: 1 });
});

test('500 atoms are forked, one more is not', async () => {
  const at = '2026-01-02T03:04:05.678Z';
  const lines = Array.from({ length: 500 }, (_, n) => {
    const version = {
      payload: n,
      mediaType: 'application/json',
      metadata: {},
      references: [],
      author: 'x',
      people: [],
      origin: 'user',
      comment: 'c',
      deprecated: false,
      at,
    };
    return JSON.stringify({ id: `a${n}`, versions: [version] });
  });
  const header = JSON.stringify({ format: 'retinue-space', version: 1, name: 'Many', description: '', tags: [] });
  const { space } = await importSpace(store.db, me, [header, ...lines].join('\n'), { trusted: true });
  expect((await access(me, (spaces) => spaces.fork(space.id, 'All'))).atomCount).toBe(500);
  await put(me, space.id, 'one more');
  await expect(access(me, (spaces) => spaces.fork(space.id, 'All'))).rejects.toMatchObject({
    type: 'conflict',
    message: expect.stringContaining('500') as unknown,
  });
});

test('a fork of a convention leaves nothing out but the tag', async () => {
  await store.db.system((tx) => installConventions(tx, USER));
  const { items } = await store.db.as(USER, (tx) => listSpaces(tx, me, { tag: 'convention', limit: 50 }));
  const source = items.find(({ convention }) => convention === 'personal-memory');
  const fork = await access(me, (spaces) => spaces.fork(source?.id ?? '', 'My memory'));
  expect(fork).toMatchObject({ convention: 'personal-memory', description: source?.description, tags: [] });
  const contentOf = async (space: string) =>
    [...(await contents(me, space)).values()]
      .map(({ payload, metadata, deprecated, origin, references }) => ({
        payload,
        metadata,
        deprecated,
        origin,
        types: references.map(({ type }) => type),
      }))
      .toSorted((one, two) => JSON.stringify(one).localeCompare(JSON.stringify(two)));
  const copied = await contentOf(fork.id);
  expect(copied).toEqual(await contentOf(source?.id ?? ''));
  expect(copied.length).toBeGreaterThan(3);
  expect(copied.some(({ types }) => types.includes('supersedes'))).toBe(true);
});
