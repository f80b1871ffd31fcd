import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Atom, type AtomPatch, type Search, SearchSchema, type Space } from '../../contracts/space.js';
import { completeUsers } from '../../engine/users.js';
import { spaceAccess } from '../../spaces/access.js';
import { GUIDELINES } from '../../spaces/conventions/guidelines.js';
import { CONVENTIONS } from '../../spaces/conventions/index.js';
import { installConventions } from '../../spaces/conventions/install.js';
import { userActor } from '../../spaces/principal.js';
import { ROLE_SPACES } from '../../spaces/role-spaces.js';
import { createRoleSpaces, createSpace, deleteSpace, listSpaces, updateSpace } from '../../spaces/spaces.js';
import { createDb, type Db } from '../../store/db.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';

const NAMES = [
  'task-list',
  'channel',
  'chat',
  'document',
  'scratchpad',
  'prompt-library',
  'knowledge-base',
  'personal-memory',
];

let kit: EngineKit;
beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

const spacesOf = async (db: Db, user: string): Promise<Space[]> =>
  (await db.as(user, (tx) => listSpaces(tx, userActor(user), { limit: 200 }))).items;
const conventionsOf = async (db: Db, user: string): Promise<Space[]> =>
  (await spacesOf(db, user)).filter(({ tags }) => tags.includes('convention'));
const namesOf = async (db: Db, user: string): Promise<string[]> =>
  (await conventionsOf(db, user)).map(({ convention }) => convention ?? '').toSorted();
const acting = <T>(user: string, work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> =>
  kit.store.db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
const conventionOf = async (user: string, name: string): Promise<Space> => {
  const found = (await conventionsOf(kit.store.db, user)).find(({ convention }) => convention === name);
  if (found === undefined) throw new Error(`there is no convention ${name}`);
  return found;
};
const atomsOf = async (user: string, space: string): Promise<Atom[]> =>
  (await acting(user, (spaces) => spaces.search({ spaces: [space], includeDeprecated: true, limit: 200 }))).items.map(
    ({ atom }) => atom,
  );

/** The search that a description teaches. */
function taughtSearch(description: string): Search {
  const text = /space_search (\{.*\})[. ]/.exec(description)?.[1] ?? '';
  return SearchSchema.parse(JSON.parse(text.replace('<the work>', 'work').replace('<the subject>', 'subject')));
}

function titleOf({ payload }: Atom): string {
  return String((payload as { title?: string }).title);
}

/** A user as an earlier release has left it. */
async function formerUser(db: Db, id: string): Promise<string> {
  await db.system(async (tx) => {
    await tx.run(sql`insert into users (id, name, time_zone) values (${id}, 'Emil', 'UTC')`);
    await createRoleSpaces(tx, userActor(id));
    await tx.run(sql`update spaces set convention = null where owner_id = ${id}`);
  });
  return id;
}

describe('the eight conventions', () => {
  test('are there for the owner and for every new user, as spaces of their own', async () => {
    const person = await kit.person('Bert');
    for (const user of [kit.owner, person]) {
      expect(await namesOf(kit.store.db, user)).toEqual(NAMES.toSorted());
      for (const space of await conventionsOf(kit.store.db, user))
        expect(space).toMatchObject({ name: space.convention, owner: user, permission: 'grant', tags: ['convention'] });
    }
    const chat = await conventionOf(person, 'chat');
    await acting(person, (spaces) => spaces.remove(chat.id));
    expect(await namesOf(kit.store.db, person)).not.toContain('chat');
    expect(await namesOf(kit.store.db, kit.owner)).toContain('chat');
  });

  test.each(NAMES)('%s has a description, recipes and an example that refers as it teaches', async (name) => {
    const space = await conventionOf(kit.owner, name);
    expect(space.description.length).toBeGreaterThan(400);
    expect(space.description.length).toBeLessThanOrEqual(950);
    const atoms = await atomsOf(kit.owner, space.id);
    const recipes = atoms.filter(({ metadata }) => metadata['kind'] === 'recipe');
    const examples = atoms.filter(({ metadata }) => metadata['kind'] === 'example');
    const guidelines = atoms.filter(({ metadata }) => metadata['kind'] === undefined);
    expect([recipes.length, recipes.length + examples.length + guidelines.length]).toEqual([
      expect.toSatisfy((n) => n === 2 || n === 3),
      atoms.length,
    ]);
    expect(guidelines).toHaveLength(name === 'prompt-library' ? GUIDELINES.length : 0);
    for (const { payload } of recipes)
      expect(payload).toEqual({
        title: expect.any(String) as unknown,
        text: expect.stringMatching(/space_[a-z]+|the object space/) as unknown,
      });
    const ids = new Set(examples.map(({ id }) => id));
    const references = examples.flatMap((example) => example.references);
    expect(references.length).toBeGreaterThan(0);
    for (const { type, atom } of references) {
      expect(ids).toContain(atom);
      expect(space.description).toContain(type);
    }
    for (const key of [...examples, ...guidelines].flatMap(({ metadata }) => Object.keys(metadata)))
      expect(space.description).toContain(key);
    for (const atom of atoms) expect(atom).toMatchObject({ version: 1, origin: 'user', author: `user:${kit.owner}` });
  });

  test.each(NAMES)(
    'the search that %s teaches finds what is to be done or used, and no recipe or example',
    async (name) => {
      const space = await conventionOf(kit.owner, name);
      const search = taughtSearch(space.description);
      const metadata = Object.fromEntries(Object.entries(search.metadata ?? {}).filter(([, value]) => value !== null));
      const { id } = await acting(kit.owner, (spaces) =>
        spaces.put(space.id, {
          payload: { text: 'real work on a subject' },
          metadata: metadata as Atom['metadata'],
          comment: 'x',
        }),
      );
      const { items } = await acting(kit.owner, (spaces) => spaces.search({ ...search, spaces: [space.id] }));
      const guidelines = new Set(GUIDELINES.map((guideline) => guideline.title));
      const others = items.filter(({ atom }) => !guidelines.has(titleOf(atom)));
      expect(others.map(({ atom }) => atom.id)).toEqual([id]);
    },
  );

  test('a task list gives out what nothing blocks, once', async () => {
    const user = kit.owner;
    const list = await acting(user, (spaces) => spaces.create({ name: 'Move', convention: 'task-list' }));
    const put = (title: string, blockers: string[]) =>
      acting(user, (spaces) =>
        spaces.put(list.id, {
          payload: { title },
          metadata: { status: 'open' },
          references: blockers.map((atom) => ({ type: 'blocked_by', atom })),
          comment: 'x',
        }),
      );
    const pack = await put('Pack', []);
    const drive = await put('Drive', [pack.id]);
    const available = async () =>
      (
        await acting(user, (spaces) => spaces.search({ ...taughtSearch(list.description), spaces: [list.id] }))
      ).items.map(({ atom }) => atom.id);
    const change = (id: string, status: string, ifVersion: number) =>
      acting(user, (spaces) =>
        spaces.update(list.id, id, { metadata: { status, owner: 'me' }, comment: 'x', ifVersion }),
      );
    expect(await available()).toEqual([pack.id]);
    await change(pack.id, 'active', 1);
    await expect(change(pack.id, 'active', 1)).rejects.toMatchObject({ type: 'stale' });
    expect(await available()).toEqual([]);
    await change(pack.id, 'done', 2);
    expect(await available()).toEqual([drive.id]);
  });

  const SECTIONS = [
    '## Summary\n\nWe move the workshop to May, because the room is free then.',
    '## Costs\n\nThe room costs 400 a day; food about 20 a person.',
    '## End\n\nAll.',
  ];
  test.each([
    ['task-list', { payload: { title: 'Book' }, metadata: { status: 'open', topic: 'old trip' } }, undefined, 2],
    [
      'document',
      { payload: { title: 'End', text: 'All.' }, metadata: { section: 3, status: 'draft' } },
      SECTIONS.join('\n\n'),
      1,
    ],
    ['knowledge-base', { payload: { title: 'Old' }, metadata: { topic: 'boiler' } }, ['Invoice of the boiler'], 1],
  ])('the program that a recipe of %s shows runs', async (name, atom, expected, version) => {
    const user = await kit.person('Programmer');
    const space = await conventionOf(user, name);
    const { id } = await acting(user, (spaces) => spaces.put(space.id, { ...atom, comment: 'x' }));
    const code = CONVENTIONS.find((convention) => convention.name === name)
      ?.recipes.map(({ text }) => /\n\n(const [^]*)$/.exec(text)?.[1])
      .find((found) => found !== undefined);
    const bound = {
      search: (search: Search) => acting(user, (spaces) => spaces.search({ ...search, spaces: [space.id] })),
      update: (atomId: string, patch: AtomPatch) => acting(user, (spaces) => spaces.update(space.id, atomId, patch)),
    };
    const result = (await vm.runInNewContext(`(async () => {${code}\n})()`, { space: bound })) as unknown;
    expect(JSON.stringify(result)).toBe(JSON.stringify(expected));
    expect(await acting(user, (spaces) => spaces.get(space.id, id))).toMatchObject({ version });
  });
});

test('a further convention is made at run time, and new spaces are described by it', async () => {
  const description = 'A garden diary. One atom a day.';
  const user = kit.owner;
  const make = (more: object) =>
    kit.store.db.as(user, (tx) => createSpace(tx, userActor(user), { name: 'x', convention: 'garden-diary', ...more }));
  expect((await make({})).description).toBe('');
  const taught = await make({ description, tags: ['convention'] });
  expect((await make({})).description).toBe(description);
  expect((await make({ description: 'My own.' })).description).toBe('My own.');
  await kit.store.db.as(user, (tx) => updateSpace(tx, userActor(user), taught.id, { description: 'One atom a week.' }));
  expect((await make({})).description).toBe('One atom a week.');
  const stranger = await kit.person('Sven');
  const theirs = await acting(stranger, (spaces) => spaces.create({ name: 'x', convention: 'garden-diary' }));
  expect(theirs.description).toBe('');
});

describe('users of an earlier release', () => {
  test('get the conventions once; what they delete does not come back', async () => {
    const { db } = kit.store;
    const user = await formerUser(db, 'usr_former');
    expect(await namesOf(db, user)).toEqual([]);
    await completeUsers(kit.engine);
    expect(await namesOf(db, user)).toEqual(NAMES.toSorted());
    const gone = (await conventionsOf(db, user)).filter(({ convention }) => convention !== 'chat');
    for (const { id } of gone) await db.as(user, (tx) => deleteSpace(tx, userActor(user), id));
    await completeUsers(kit.engine);
    expect(await namesOf(db, user)).toEqual(['chat']);
  });

  test('get all of them or none', async () => {
    const { db } = kit.store;
    const user = await formerUser(db, 'usr_halfway');
    const dying = db.system(async (tx) => {
      await installConventions(tx, user);
      throw new Error('killed');
    });
    await expect(dying).rejects.toThrow('killed');
    expect(await namesOf(db, user)).toEqual([]);
    await completeUsers(kit.engine);
    expect(await namesOf(db, user)).toEqual(NAMES.toSorted());
  });

  test('get the convention of the spaces they were born with, and new descriptions where they changed none', async () => {
    const { db } = kit.store;
    const user = await formerUser(db, 'usr_described');
    await db.system(async (tx) => {
      await tx.run(
        sql`update spaces set description = 'People. Payload {name, email?, role?}.' where owner_id = ${user} and role = 'contacts'`,
      );
      await tx.run(sql`update spaces set description = 'My own words.' where owner_id = ${user} and role = 'tasks'`);
    });
    await completeUsers(kit.engine);
    const spaces = (await spacesOf(db, user)).filter(({ role }) => role !== undefined);
    expect(Object.fromEntries(spaces.map(({ role, convention }) => [role, convention]))).toEqual({
      memory: 'personal-memory',
      tasks: 'task-list',
      meetings: 'knowledge-base',
      contacts: 'knowledge-base',
      instructions: 'prompt-library',
      bus: 'channel',
    });
    const expected = ROLE_SPACES.map(({ role, description }) => [
      role,
      role === 'tasks' ? 'My own words.' : description,
    ]);
    expect(Object.fromEntries(spaces.map(({ role, description }) => [role, description]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  test('get them once also from two processes that start at once', async (context) => {
    needs(context, 'PostgreSQL', findPostgres() !== undefined);
    const server = await startPostgres();
    const pool = openPostgres({ url: await server.createDatabase('conventions'), connections: 6 });
    try {
      await migrate(pool);
      const db = createDb(pool, { events: kit.store.bus, outbox: { poke: () => undefined } });
      const users = await Promise.all(['usr_a', 'usr_b', 'usr_c'].map((id) => formerUser(db, id)));
      await Promise.all([1, 2, 3].map(() => completeUsers({ db })));
      for (const user of users) expect(await namesOf(db, user)).toEqual(NAMES.toSorted());
    } finally {
      await pool.end();
      await server.stop();
    }
  });
});

test('the search of the task board finds tasks without a status too, when nothing blocks them', async () => {
  const user = await kit.person('Tina');
  const board = await acting(user, (spaces) => spaces.ofRole('tasks'));
  const { description } = (await spacesOf(kit.store.db, user)).find(({ id }) => id === board.id) ?? { description: '' };
  const plain = await acting(user, (spaces) => spaces.put(board.id, { payload: { title: 'A' }, comment: 'x' }));
  await acting(user, (spaces) =>
    spaces.put(board.id, {
      payload: { title: 'B' },
      metadata: { status: 'open' },
      references: [{ type: 'blocked_by', atom: plain.id }],
      comment: 'x',
    }),
  );
  const { items } = await acting(user, (spaces) => spaces.search({ ...taughtSearch(description), spaces: [board.id] }));
  expect(items.map(({ atom }) => atom.id)).toEqual([plain.id]);
});
