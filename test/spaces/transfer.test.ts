import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import type { BatchOperation, JsonValue, Metadata } from '../../contracts/space.js';
import { atomHistory, putAtom, updateAtom } from '../../spaces/atoms.js';
import { applyBatch } from '../../spaces/batch.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { spaceEventsAfter } from '../../spaces/space-events.js';
import { createSpace, listSpaces } from '../../spaces/spaces.js';
import { exportSpace, importSpace } from '../../spaces/transfer.js';
import { createDb, type Db } from '../../store/db.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { seededRandom } from '../helpers/seeded.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const USER = 'usr_1';
const OTHER = 'usr_2';
const me = userActor(USER);
const agent: Actor = { user: USER, author: 'agent:agt_1', origin: 'agent' };
const outside: Actor = { ...agent, origin: 'untrusted' };

interface Version {
  payload: JsonValue;
  mediaType: string;
  metadata: Metadata;
  references: { type: string; atom: string }[];
  author: string;
  people: string[];
  origin: string;
  comment: string;
  deprecated: boolean;
  at: string;
}
interface Line {
  id: string;
  versions: Version[];
}

let store: TestStore;
let postgres: { db: Db; close(): Promise<void> } | undefined;
beforeAll(async () => {
  store = await openTestStore();
  await prepare(store.db);
  if (findPostgres() !== undefined) postgres = await openServer();
});
afterAll(async () => {
  await postgres?.close();
  await store.close();
});

async function openServer(): Promise<{ db: Db; close(): Promise<void> }> {
  const server = await startPostgres();
  const pool = openPostgres({ url: await server.createDatabase('transfer'), connections: 4 });
  await migrate(pool);
  const db = createDb(pool, { events: store.bus, outbox: { poke: () => undefined } });
  await prepare(db);
  return {
    db,
    close: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

async function prepare(db: Db): Promise<void> {
  for (const user of [USER, OTHER])
    await db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${user}, 'Olga', 'UTC')`));
}

const KINDS = ['PGlite', 'PostgreSQL'] as const;
function databaseOf(kind: (typeof KINDS)[number], context: TestContext): Db {
  if (kind === 'PGlite') return store.db;
  needs(context, 'PostgreSQL', postgres !== undefined);
  if (postgres === undefined) throw new Error('PostgreSQL is not running');
  return postgres.db;
}

async function pagesOf(db: Db, space: string, actor = me): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await db.as(actor.user, (tx) => exportSpace(tx, actor, space, cursor));
    pages.push(page.lines);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}
const fileOf = async (db: Db, space: string): Promise<string[]> => (await pagesOf(db, space)).flat();
const atomsOf = (file: readonly string[]): Line[] => file.slice(1).map((line) => JSON.parse(line) as Line);
const importFile = (db: Db, file: readonly string[], trusted = true, actor = me) =>
  importSpace(db, actor, file.join('\n'), { trusted });

/** A file without what an import may change: ids of its atoms, the space's name, and who wrote. */
function withoutIds(file: readonly string[]): unknown {
  const { name: _name, ...header } = JSON.parse(file[0] ?? '') as Record<string, unknown>;
  const places = new Map(atomsOf(file).map(({ id }, index) => [id, `#${index}`]));
  return {
    header,
    atoms: atomsOf(file).map(({ versions }) =>
      versions.map(({ author: _author, people: _people, references, ...version }) => ({
        ...version,
        references: references.map(({ type, atom }) => ({ type, atom: places.get(atom) ?? atom })),
      })),
    ),
  };
}

const line = (atom: Partial<Line>): string => JSON.stringify(atom);
const header = (more: object = {}): string =>
  JSON.stringify({ format: 'retinue-space', version: 1, name: 'A file', description: 'Do it.', tags: ['t'], ...more });
const version = (more: Partial<Version> = {}): Version => ({
  payload: 'x',
  mediaType: 'text/plain',
  metadata: {},
  references: [],
  author: 'user:usr_other',
  people: ['usr_other'],
  origin: 'user',
  comment: 'c',
  deprecated: false,
  at: '2026-01-02T03:04:05.678Z',
  ...more,
});

const PAYLOADS: readonly JsonValue[] = [
  'Gießkanne',
  '',
  null,
  0,
  -1.5e-7,
  false,
  [],
  [[{ a: null }]],
  { title: 'ä\n"', n: [1, '😀'] },
];
const METADATA: readonly Metadata[] = [{}, { status: 'open' }, { n: 0.1, 'ü "x"': true, text: '\\' }];

/** A space that a few hundred random changes have made, by all kinds of hands. */
async function randomSpace(db: Db, seed: number): Promise<{ id: string; stranger: string }> {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  return db.as(USER, async (tx) => {
    const { id: elsewhere } = await createSpace(tx, me, { name: 'Elsewhere' });
    const { id: stranger } = await putAtom(tx, me, elsewhere, { payload: 'elsewhere', comment: 'x' });
    const { id } = await createSpace(tx, me, { name: `Space ${seed}`, description: 'How – to?', tags: ['a', 'ü'] });
    const atoms: string[] = [];
    for (let step = 0; step < 40; step += 1) {
      const references = Array.from({ length: Math.floor(random() * 3) }, () => ({
        type: pick(['blocked_by', 'source']),
        atom: pick([...atoms, stranger]),
      }));
      const content = { payload: pick(PAYLOADS), metadata: pick(METADATA), references, comment: `Step ${step} ✓` };
      const target = atoms.length === 0 || random() < 0.4 ? undefined : pick(atoms);
      const operation: BatchOperation =
        target === undefined
          ? { op: 'put', ...content }
          : pick<BatchOperation>([
              { op: 'update', atom: target, ...content },
              { op: 'deprecate', atom: target, comment: 'old' },
              { op: 'restore', atom: target, comment: 'new' },
            ]);
      const [changed] = await applyBatch(tx, pick([me, agent, outside]), id, [operation]);
      if (target === undefined) atoms.push(changed?.id ?? '');
    }
    return { id, stranger };
  });
}

describe.each(KINDS)('on %s', (kind) => {
  test.for([1, 2, 3, 4])('a file that is imported and exported again is the same (space %i)', async (seed, context) => {
    const db = databaseOf(kind, context);
    const { id } = await randomSpace(db, seed);
    const file = await fileOf(db, id);
    expect(atomsOf(file).some(({ versions }) => versions.length > 1)).toBe(true);
    const made = await importFile(db, file);
    expect(made).toMatchObject({ atoms: file.length - 1, droppedReferences: 0 });
    const again = await fileOf(db, made.space.id);
    expect(withoutIds(again)).toEqual(withoutIds(file));
    const ids = new Set(atomsOf(file).map((atom) => atom.id));
    expect(atomsOf(again).filter((atom) => ids.has(atom.id))).toEqual([]);
  });

  test('what is imported is as if the importer had written it, whoever the file names', async (context) => {
    const db = databaseOf(kind, context);
    const { space } = await importFile(db, [
      header(),
      line({ id: 'a', versions: [version({ payload: 'first' }), version({ payload: 'second', comment: 'better' })] }),
    ]);
    const versions = atomsOf(await fileOf(db, space.id)).flatMap((atom) => atom.versions);
    expect(versions.map(({ author, people }) => ({ author, people }))).toEqual([
      { author: `user:${USER}`, people: [USER] },
      { author: `user:${USER}`, people: [USER] },
    ]);
    const { items } = await db.as(USER, (tx) => searchAtoms(tx, me, { query: 'second', spaces: [space.id] }));
    expect(items).toMatchObject([{ atom: { version: 2, payload: 'second', people: [USER], comment: 'better' } }]);
    const id = items[0]?.atom.id ?? '';
    const changed = await db.as(USER, (tx) => updateAtom(tx, me, space.id, id, { payload: 'third', comment: 'x' }));
    expect(changed).toMatchObject({ version: 3, createdAt: '2026-01-02T03:04:05.678Z' });
    const { items: kept } = await db.as(USER, (tx) => atomHistory(tx, me, space.id, id, { limit: 50 }));
    expect(kept).toHaveLength(3);
    expect(await db.as(USER, (tx) => spaceEventsAfter(tx, me, space.id, 0, 10))).toMatchObject([
      { id: '1', type: 'put', atom: id, version: 2, comment: 'better' },
      { id: '2', type: 'update', version: 3 },
    ]);
  });

  test('an agent bound by its own grants imports into a space of its own', async (context) => {
    const db = databaseOf(kind, context);
    const bound: Actor = { ...agent, confinedTo: 'agt_1' };
    const file = [header(), line({ id: 'a', versions: [version(), version()] })];
    const made = await importFile(db, file, true, bound);
    expect(made).toMatchObject({ atoms: 1, space: { permission: 'grant', atomCount: 1 } });
    expect(atomsOf(await fileOf(db, made.space.id))[0]?.versions.map(({ origin }) => origin)).toEqual([
      'agent',
      'agent',
    ]);
  });
});

test('pages of a large space hold every atom once, in bounded parts', async () => {
  const many = Array.from({ length: 450 }, (_, n) => line({ id: `a${n}`, versions: [version({ payload: n })] }));
  const { space } = await importFile(store.db, [header(), ...many]);
  const pages = await pagesOf(store.db, space.id);
  expect(pages.map((page) => page.length)).toEqual([201, 200, 50]);
  expect(atomsOf(pages.flat()).map(({ versions }) => versions[0]?.payload)).toEqual(many.map((_, n) => n));

  const random = seededRandom(7);
  const noise = Array.from({ length: 700_000 }, () => Math.floor(random() * 36).toString(36)).join('');
  const large = [0, 1, 2, 3].map((n) => line({ id: `a${n}`, versions: [version({ payload: `${n}${noise}` })] }));
  const { space: heavy } = await importFile(store.db, [header(), ...large]);
  const parts = await pagesOf(store.db, heavy.id);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.flat()).toHaveLength(5);
});

test('an empty space is a file of one line', async () => {
  const made = await importFile(store.db, [header({ convention: 'own' }), '', ' ']);
  expect(made).toMatchObject({
    atoms: 0,
    space: { name: 'A file', description: 'Do it.', convention: 'own', tags: ['t'] },
  });
  expect((await fileOf(store.db, made.space.id)).map((text) => JSON.parse(text) as unknown)).toEqual([
    { format: 'retinue-space', version: 1, name: 'A file', description: 'Do it.', convention: 'own', tags: ['t'] },
  ]);
});

describe('trust', () => {
  const file = [
    header({ convention: 'own-way' }),
    line({
      id: 'a',
      versions: [version({ origin: 'user' }), version({ origin: 'untrusted' }), version({ origin: 'agent' })],
    }),
  ];
  const origins = async (space: string) =>
    atomsOf(await fileOf(store.db, space)).flatMap(({ versions }) => versions.map(({ origin }) => origin));

  test('without it everything is untrusted, and no description is taken over', async () => {
    const { space } = await importFile(store.db, file, false);
    expect(space).toMatchObject({ name: 'A file', description: '', tags: [] });
    expect(space.convention).toBeUndefined();
    expect(await origins(space.id)).toEqual(['untrusted', 'untrusted', 'untrusted']);
  });

  test('without it a convention that the importer has is described in the importer’s words', async () => {
    await store.db.as(USER, (tx) =>
      createSpace(tx, me, { name: 'own-way', convention: 'own-way', description: 'My words.', tags: ['convention'] }),
    );
    const { space } = await importFile(store.db, file, false);
    expect(space).toMatchObject({ convention: 'own-way', description: 'My words.', tags: [] });
  });

  test('of a user takes the labels of the file, of an agent no more than its own', async () => {
    expect(await origins((await importFile(store.db, file)).space.id)).toEqual(['user', 'untrusted', 'agent']);
    expect(await origins((await importFile(store.db, file, true, agent)).space.id)).toEqual([
      'agent',
      'untrusted',
      'agent',
    ]);
  });

  test('is not for agents that have read what came from outside', async () => {
    await expect(importFile(store.db, file, true, outside)).rejects.toMatchObject({ type: 'forbidden' });
    expect(await origins((await importFile(store.db, file, false, outside)).space.id)).toHaveLength(3);
  });
});

test('references are kept where their atom is in the file or may be read, and counted otherwise', async () => {
  const db = store.db;
  const theirs = await db.as(OTHER, async (tx) => {
    const { id } = await createSpace(tx, userActor(OTHER), { name: 'Private' });
    return putAtom(tx, userActor(OTHER), id, { payload: 1, comment: 'x' });
  });
  const mine = await db.as(USER, async (tx) =>
    putAtom(tx, me, (await createSpace(tx, me, { name: 'Mine' })).id, { payload: 1, comment: 'x' }),
  );
  const to = (...ids: string[]) => ids.map((atom) => ({ type: 'about', atom }));
  const { space, droppedReferences } = await importFile(db, [
    header(),
    line({
      id: 'a',
      versions: [version({ references: to('b', theirs.id) }), version({ references: to('b', mine.id, 'nowhere') })],
    }),
    line({ id: 'b', versions: [version({ references: to('b', theirs.id) })] }),
  ]);
  expect(droppedReferences).toBe(3);
  const [a, b] = atomsOf(await fileOf(db, space.id));
  expect(a?.versions.map(({ references }) => references)).toEqual([to(b?.id ?? ''), to(b?.id ?? '', mine.id)]);
  expect(b?.versions.map(({ references }) => references)).toEqual([to(b?.id ?? '')]);
  const found = await db.as(USER, (tx) =>
    tx.rows(sql`select target_id from atom_references where atom_id = ${a?.id ?? ''} order by position`),
  );
  expect(found).toEqual([{ target_id: b?.id }, { target_id: mine.id }]);
});

test('times ahead of the clock become now', async () => {
  const ahead = version({ at: '9999-01-01T00:00:00Z' });
  const { space } = await importFile(store.db, [header(), line({ id: 'a', versions: [ahead, ahead] })]);
  const [atom] = (await store.db.as(USER, (tx) => searchAtoms(tx, me, { spaces: [space.id] }))).items;
  const versions = atomsOf(await fileOf(store.db, space.id)).flatMap((found) => found.versions);
  for (const at of [atom?.atom.createdAt, atom?.atom.updatedAt, ...versions.map((found) => found.at)])
    expect(Date.parse(at ?? '')).toBeLessThan(Date.parse('9998-01-01T00:00:00Z'));
});

describe('a wrong file writes nothing:', () => {
  const good = line({ id: 'a', versions: [version()] });
  const deep = `{"id": "b", "versions": [{"payload": ${'['.repeat(80)}${']'.repeat(80)}}]}`;
  const { comment: _comment, ...silent } = version();
  const tooMany = Array.from({ length: 1_001 }, () => version());
  test.each([
    ['no header', [good], 'line 1: format'],
    ['nothing at all', [], 'line 1'],
    ['another format', [header({ format: 'tar' }), good], 'line 1: format'],
    ['a later version', [header({ version: 2 }), good], 'line 1: version'],
    ['an unknown field', [header({ owner: USER }), good], 'line 1'],
    ['no JSON', [header(), good, '{"id": '], 'line 3'],
    ['an array', [header(), '', '[]'], 'line 3'],
    ['too deep', [header(), good, deep], 'line 3'],
    ['an id twice', [header(), good, good], 'line 3: id'],
    ['no version', [header(), line({ id: 'a', versions: [] })], 'line 2: versions'],
    ['too many versions', [header(), line({ id: 'a', versions: tooMany })], 'line 2: versions'],
    ['no comment', [header(), JSON.stringify({ id: 'a', versions: [silent] })], 'line 2: versions.0.comment'],
    ['NUL', [header(), good.replace('"x"', String.raw`"\u0000"`)], 'line 2: versions.0.payload'],
    ['a time that is none', [header(), good.replace('2026-01', '2026-13')], 'line 2: versions.0.at'],
    ['a wrong origin', [header(), good.replace('"origin":"user"', '"origin":"owner"')], 'line 2: versions.0.origin'],
    [
      'a wrong target',
      [header(), good.replace('"references":[]', '"references":[{"type":"a","atom":"../x"}]')],
      'line 2: versions.0.references.0.atom',
    ],
  ])('%s', async (_name, file, path) => {
    const count = async () => (await store.db.as(USER, (tx) => listSpaces(tx, me, { limit: 200 }))).items.length;
    const before = await count();
    await expect(importFile(store.db, file)).rejects.toMatchObject({
      type: 'invalid-body',
      status: 422,
      errors: expect.arrayContaining([expect.objectContaining({ path })]) as unknown,
    });
    expect(await count()).toBe(before);
  });

  test('too much', async () => {
    const size = 'x'.repeat(1024 * 1024);
    const long = Array.from({ length: 26 }, (_, n) => line({ id: `a${n}`, versions: [version({ payload: size })] }));
    await expect(importFile(store.db, [header(), ...long])).rejects.toMatchObject({ type: 'too-large' });
    const many = Array.from({ length: 20_001 }, () => '{}');
    await expect(importFile(store.db, [header(), ...many])).rejects.toMatchObject({ type: 'too-large' });
  });
});

test('a name may be given; who may not read a space may not export it', async () => {
  const { space } = await importSpace(store.db, me, header(), { name: 'Named', trusted: true });
  expect(space.name).toBe('Named');
  await expect(pagesOf(store.db, space.id, userActor(OTHER))).rejects.toMatchObject({ type: 'not-found' });
});
