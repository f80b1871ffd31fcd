import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createEmbedder } from '../../connectors/openai/embeddings.js';
import { meaningOf } from '../../engine/meanings.js';
import { applyBatch } from '../../spaces/batch.js';
import { userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { createSpace } from '../../spaces/spaces.js';
import { createDb, type Db } from '../../store/db.js';
import { createLocalBus } from '../../store/event-bus.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { prepareVectors } from '../../store/vectors.js';
import { keepVectors } from '../../workers/embedder.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { type EmbeddingsStandIn, startEmbeddingsStandIn } from '../stand-ins/embeddings.js';
import { corpus } from './retrieval/corpus.js';
import type { CorpusAtom } from './retrieval/distractors.js';
import { qualityOf, qualityTable, type Ranking } from './retrieval/measure.js';
import { QUERIES } from './retrieval/queries.js';

const USER = 'usr_1';
const me = userActor(USER);
const MODEL = 'text-embedding-3-small';
/** Enough for every concept and for other words to be told apart. */
const DIMENSION = 1_024;
const PATIENCE = { timeout: 30_000, interval: 50 };
const BATCH = 100;
const warnings: unknown[] = [];
const log = { warn: (cause: unknown) => void warnings.push(cause) };

/** The corpus in a database. */
interface Library {
  readonly db: Db;
  readonly spaces: ReadonlyMap<string, string>;
  /** Ids of the corpus by those of the database. */
  readonly names: ReadonlyMap<string, string>;
}

let store: TestStore;
let service: EmbeddingsStandIn;
let library: Library;
beforeAll(async () => {
  store = await openTestStore();
  service = await startEmbeddingsStandIn({ models: { [MODEL]: DIMENSION } });
  library = await fill(store.db);
});
afterAll(async () => {
  await store.close();
  await service.close();
  service.assertClean();
});

async function fill(db: Db): Promise<Library> {
  await db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${USER}, 'Olga', 'UTC')`));
  const atoms = corpus();
  const spaces = new Map<string, string>();
  const names = new Map<string, string>();
  for (const name of new Set(atoms.map(({ space }) => space))) {
    const { id } = await db.as(USER, (tx) => createSpace(tx, me, { name }));
    spaces.set(name, id);
    const own = atoms.filter(({ space }) => space === name);
    for (let start = 0; start < own.length; start += BATCH)
      await putAll(db, id, own.slice(start, start + BATCH), names);
  }
  // All of a batch are of one moment: told apart, so that of equals always the same one comes first.
  const ids = [...names.keys()];
  await db.system((tx) =>
    tx.run(sql`update atoms a set created_at = n.at, updated_at = n.at
      from (select id, '2026-01-01'::timestamptz + make_interval(mins => place::int) as at from unnest(${ids}::text[]) with ordinality as x(id, place)) n where n.id = a.id`),
  );
  return { db, spaces, names };
}

async function putAll(db: Db, space: string, atoms: readonly CorpusAtom[], names: Map<string, string>): Promise<void> {
  const operations = atoms.map(({ payload, metadata }) => ({
    op: 'put' as const,
    payload,
    metadata,
    comment: 'Sample',
  }));
  const written = await db.as(USER, (tx) => applyBatch(tx, me, space, operations));
  for (const [index, { id }] of atoms.entries()) names.set(written[index]?.id ?? '', id);
}

/** Gives every atom of the library its vector. */
async function embed({ db }: Library): Promise<void> {
  const stop = new AbortController();
  const embedder = createEmbedder({ baseUrl: service.url, model: MODEL });
  const bus = createLocalBus();
  const done = keepVectors({ db, bus, embedder, log }, stop.signal);
  await vi.waitFor(async () => {
    const lacking = await db.system((tx) =>
      tx.rows(sql`select id from atoms where id not in (select atom_id from atom_vectors where version > 0)`),
    );
    expect(lacking).toEqual([]);
  }, PATIENCE);
  stop.abort();
  await done;
  await bus.close();
}

async function searchAll({ db, spaces, names }: Library, by: 'words' | 'words and meaning'): Promise<Ranking[]> {
  const embedder = by === 'words' ? undefined : createEmbedder({ baseUrl: service.url, model: MODEL });
  const rankings: Ranking[] = [];
  for (const labelled of QUERIES) {
    const { query, metadata, space } = labelled;
    const meaning = await meaningOf({ ...(embedder === undefined ? {} : { embedder }), log }, query);
    const search = {
      query,
      limit: 10,
      ...(metadata === undefined ? {} : { metadata }),
      ...(space === undefined ? {} : { spaces: [spaces.get(space) ?? ''] }),
    };
    const { items } = await db.as(USER, (tx) => searchAtoms(tx, me, search, { meaning }));
    rankings.push({ query: labelled, found: items.map(({ atom }) => names.get(atom.id) ?? '') });
  }
  return rankings;
}

test('every label names an atom of the corpus, once', () => {
  const ids = corpus().map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(QUERIES.flatMap(({ relevant }) => relevant).filter((id) => !ids.includes(id))).toEqual([]);
  expect(new Set(QUERIES.map(({ query }) => query)).size).toBe(QUERIES.length);
});

test('a search finds what a person would want by words alone, and no less with meaning', async () => {
  expect(await prepareVectors(library.db)).toBeUndefined();
  const words = await searchAll(library, 'words');
  await embed(library);
  const hybrid = await searchAll(library, 'words and meaning');
  process.stdout.write(qualityTable({ words, 'words and meaning': hybrid }));
  expect(warnings).toEqual([]);
  expectGood(words);
  const [alone, both] = [qualityOf(words), qualityOf(hybrid)];
  expect(both.recallAt10).toBeGreaterThanOrEqual(alone.recallAt10);
  expect(both.mrr).toBeGreaterThanOrEqual(alone.mrr);
});

test('and so it does on PostgreSQL', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  const pool = openPostgres({ url: server.url, connections: 2 });
  const bus = createLocalBus();
  try {
    await migrate(pool);
    const db = createDb(pool, { events: bus, outbox: { poke: () => undefined } });
    const words = await searchAll(await fill(db), 'words');
    process.stdout.write(qualityTable({ 'words, PostgreSQL': words }));
    expectGood(words);
  } finally {
    await bus.close();
    await pool.end();
    await server.stop();
  }
});

/** Slightly under what is measured: 0.90, 0.91 and 0.91. */
function expectGood(rankings: readonly Ranking[]): void {
  const { queries, recallAt5, recallAt10, mrr } = qualityOf(rankings);
  expect(queries).toBeGreaterThanOrEqual(60);
  expect(recallAt5).toBeGreaterThan(0.87);
  expect(recallAt10).toBeGreaterThan(0.89);
  expect(mrr).toBeGreaterThan(0.88);
}
