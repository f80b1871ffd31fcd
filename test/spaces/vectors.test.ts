import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createEmbedder } from '../../connectors/openai/embeddings.js';
import type { Embedder } from '../../contracts/services.js';
import type { JsonValue } from '../../contracts/space.js';
import { meaningOf } from '../../engine/meanings.js';
import { spaceAccess } from '../../spaces/access.js';
import { setGrant } from '../../spaces/grants.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { createSpace } from '../../spaces/spaces.js';
import { createDb } from '../../store/db.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { prepareVectors } from '../../store/vectors.js';
import { keepVectors } from '../../workers/embedder.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { type EmbeddingsOptions, type EmbeddingsStandIn, startEmbeddingsStandIn } from '../stand-ins/embeddings.js';

const OLGA = 'usr_1';
const BEN = 'usr_2';
const SMALL = 'text-embedding-3-small';
const LARGE = 'text-embedding-3-large';
const MODELS = { [SMALL]: 32, [LARGE]: 64 };
const PROBE = 'A first text.';
const PATIENCE = { timeout: 15_000, interval: 20 };

let store: TestStore;
let service: EmbeddingsStandIn;
let warnings: string[];
let space: string;
const running: (() => Promise<void>)[] = [];
const log = { warn: (_: unknown, message: string) => void warnings.push(message) };

beforeAll(async () => {
  store = await openTestStore();
  await prepareVectors(store.db);
  await store.db.system((tx) =>
    tx.run(sql`insert into users (id, name, time_zone) values (${OLGA}, 'Olga', 'UTC'), (${BEN}, 'Ben', 'UTC')`),
  );
});
afterAll(() => store.close());
beforeEach(async () => {
  warnings = [];
  await store.db.system((tx) => tx.run(sql`delete from spaces`));
  space = (await store.db.as(OLGA, (tx) => createSpace(tx, userActor(OLGA), { name: 'Notes' }))).id;
  service = await startEmbeddingsStandIn({ models: MODELS });
});
afterEach(async () => {
  for (const end of running.splice(0)) await end();
  await service.close();
  service.assertClean();
});

async function reopen(options: EmbeddingsOptions): Promise<void> {
  await service.close();
  service = await startEmbeddingsStandIn({ models: MODELS, ...options });
}

const embedder = (model = SMALL): Embedder => createEmbedder({ baseUrl: service.url, model });

/** Embeds in the background as a worker does; ended with the test, or by what it returns. */
function work(with_ = embedder()): () => Promise<void> {
  const stop = new AbortController();
  const done = keepVectors({ db: store.db, bus: store.bus, embedder: with_, log }, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await done;
  };
  running.push(end);
  return end;
}

const put = async (payload: JsonValue, user = OLGA, place = space): Promise<string> => {
  const atom = await store.db.as(user, (tx) => spaceAccess(tx, userActor(user)).put(place, { payload, comment: 'x' }));
  return atom.id;
};

/** Versions of the atoms that have a vector of the model, 0 for one that has not. */
const versions = (model = SMALL): Promise<{ version: number; lengths: number }[]> =>
  store.db.system((tx) =>
    tx.rows(sql`select coalesce(v.version, 0) as version, coalesce(vector_dims(v.embedding), 0) as lengths
      from atoms a left join atom_vectors v on v.atom_id = a.id and v.model = ${model} and v.claimed_until is null order by a.created_at, a.id`),
  );

const untilEmbedded = (model = SMALL): Promise<void> =>
  vi.waitFor(async () => {
    const lacking = await store.db.system((tx) =>
      tx.rows(sql`select a.id from atoms a where not exists (
        select from atom_vectors v where v.atom_id = a.id and v.model = ${model} and v.version = a.version)`),
    );
    expect(lacking).toEqual([]);
  }, PATIENCE);

async function find(
  query: string,
  { actor = userActor(OLGA), with_ = embedder() }: { actor?: Actor; with_?: Embedder } = {},
) {
  const meaning = await meaningOf({ embedder: with_, log }, query);
  const page = await store.db.as(actor.user, async (tx) => {
    if (actor.confinedTo !== undefined) await tx.confineTo(actor.confinedTo);
    return searchAtoms(tx, actor, { query }, { meaning });
  });
  return page.items.map(({ atom }) => atom.payload);
}

describe('a search', () => {
  test('finds by meaning what shares no word, and no more than what is near', async () => {
    await put('The automobile needs new tyres');
    await put('Beds in the garden want water');
    await put('Lunch with Dana on Friday');
    expect(await find('car')).toEqual([]);
    work();
    await untilEmbedded();
    expect(await find('car')).toEqual(['The automobile needs new tyres']);
    expect(await find('flowers')).toEqual(['Beds in the garden want water']);
  });

  test('puts first what fits by words and by meaning', async () => {
    await put('A vehicle');
    await put('Words about a car and many other things such as tyres, roads, rain and bridges');
    await put('car');
    await put('Something else altogether');
    work();
    await untilEmbedded();
    const found = await find('car');
    expect(found[0]).toBe('car');
    expect(found).toContain('A vehicle');
    expect(found).not.toContain('Something else altogether');
  });

  test('finds by the newest version', async () => {
    const id = await put('The automobile');
    await put('Something else altogether');
    work();
    await untilEmbedded();
    await store.db.as(OLGA, (tx) =>
      spaceAccess(tx, userActor(OLGA)).update(space, id, { payload: 'The garden', comment: 'x' }),
    );
    await untilEmbedded();
    expect(await versions()).toEqual([
      { version: 2, lengths: 32 },
      { version: 1, lengths: 32 },
    ]);
    expect(await find('plants')).toEqual(['The garden']);
    expect(await find('vehicle')).not.toContain('The automobile');
  });

  test('with a meaning of another length goes by words', async () => {
    await put('The automobile');
    work();
    await untilEmbedded();
    const meaning = { model: SMALL, vector: [1, 0, 0] };
    const page = await store.db.as(OLGA, (tx) =>
      searchAtoms(tx, userActor(OLGA), { query: 'automobile' }, { meaning }),
    );
    expect(page.items.map(({ atom }) => atom.payload)).toEqual(['The automobile']);
  });
});

describe('vectors of others', () => {
  test('are never found or seen, by a user or by an agent with less than its user', async () => {
    const bens = (await store.db.as(BEN, (tx) => createSpace(tx, userActor(BEN), { name: 'Private' }))).id;
    await put("Ben's automobile", BEN, bens);
    await put("Olga's vehicle");
    work();
    await untilEmbedded();
    expect(await find('car')).toEqual(["Olga's vehicle"]);
    expect(await find('car', { actor: userActor(BEN) })).toEqual(["Ben's automobile"]);
    const seen = await store.db.as(OLGA, (tx) => tx.rows(sql`select space_id from atom_vectors`));
    expect(seen).toEqual([{ space_id: space }]);
    const confined: Actor = { user: OLGA, author: 'agent:agt_1', origin: 'agent', confinedTo: 'agt_1' };
    expect(await find('car', { actor: confined })).toEqual([]);
    await store.db.as(BEN, (tx) => setGrant(tx, userActor(BEN), bens, `user:${OLGA}`, 'read'));
    expect((await find('car')).toSorted()).toEqual(["Ben's automobile", "Olga's vehicle"]);
  });

  test('cannot be written by anybody but the system', async () => {
    await put('The automobile');
    work();
    await untilEmbedded();
    const change = store.db.as(OLGA, (tx) => tx.run(sql`update atom_vectors set dimension = 3`));
    await expect(change).rejects.toThrow(/permission denied/);
  });
});

describe('embedding', () => {
  test('is done once where two do it at once', async () => {
    const texts = Array.from({ length: 90 }, (_, index) => `Note ${index}`);
    for (const text of texts) await put(text);
    work();
    work(embedder());
    await untilEmbedded();
    const embedded = service.embedded.filter((text) => text !== PROBE).toSorted();
    expect(embedded).toEqual(texts.map((text) => text.toLowerCase()).toSorted());
  });

  test('takes up what was claimed by one that died', async () => {
    const id = await put('The automobile');
    await store.db.system((tx) =>
      tx.run(sql`insert into atom_vectors (atom_id, model, space_id, version, dimension, claimed_until)
        values (${id}, ${SMALL}, ${space}, 0, 0, now() - interval '1 second')`),
    );
    work();
    await untilEmbedded();
    expect(await versions()).toEqual([{ version: 1, lengths: 32 }]);
  });

  test('begins again with another model and drops the old vectors once all have new ones', async () => {
    for (const text of ['The automobile', 'The garden', 'A bill']) await put(text);
    const end = work();
    await untilEmbedded();
    await end();
    service.failAlways('failed');
    const large = embedder(LARGE);
    work(large);
    await vi.waitFor(() => expect(warnings).toContain('atoms are not embedded for now; trying again'), PATIENCE);
    expect(await find('automobile', { with_: large })).toEqual(['The automobile']);
    expect(await versions()).toHaveLength(3);
    expect(await versions(LARGE)).toEqual(Array(3).fill({ version: 0, lengths: 0 }));
    service.failAlways(undefined);
    await untilEmbedded(LARGE);
    await vi.waitFor(async () => {
      const left = await store.db.system((tx) => tx.rows(sql`select distinct model from atom_vectors`));
      expect(left).toEqual([{ model: LARGE }]);
    }, PATIENCE);
    expect(await find('car', { with_: embedder(LARGE) })).toEqual(['The automobile']);
  });

  test('begins again where another model stands behind the same name', async () => {
    await put('The automobile');
    const end = work();
    await untilEmbedded();
    await end();
    await reopen({ models: { [SMALL]: 48 } });
    work();
    await vi.waitFor(async () => expect(await versions()).toEqual([{ version: 1, lengths: 48 }]), PATIENCE);
  });

  test('shortens what the service finds too long, and leaves what says nothing', async () => {
    await reopen({ longest: 500, isLocal: true });
    await put(`The automobile ${'and on and on '.repeat(400)}`);
    await put(true);
    await put('The garden');
    work();
    await untilEmbedded();
    expect((await versions()).map(({ lengths }) => lengths)).toEqual([32, 0, 32]);
    expect(service.embedded.every((text) => text.length <= 500)).toBe(true);
    expect(await find('car')).toHaveLength(1);
  });

  test('goes on after the service was away', async () => {
    service.fail('failed');
    await put('The automobile');
    work();
    await untilEmbedded();
    expect(warnings).toEqual(['atoms are not embedded for now; trying again']);
  });

  test('gives back what it held when it is stopped', async () => {
    await put('The automobile');
    const end = work();
    await untilEmbedded();
    service.fail('hang');
    await put('The garden');
    await vi.waitFor(() => expect(service.calls.at(-1)).toMatchObject({ fault: 'hang' }), PATIENCE);
    await end();
    const held = await store.db.system((tx) => tx.rows(sql`select from atom_vectors where claimed_until is not null`));
    expect(held).toEqual([]);
  });
});

test('a database is prepared once, whoever asks and how often', async () => {
  const lacks = await Promise.all([prepareVectors(store.db), prepareVectors(store.db)]);
  expect(lacks).toEqual([undefined, undefined]);
});

describe('what a query means', () => {
  test('is asked for once', async () => {
    const with_ = embedder();
    const meaning = await meaningOf({ embedder: with_, log }, 'car');
    expect(meaning?.vector).toHaveLength(32);
    expect(await meaningOf({ embedder: with_, log }, 'car')).toEqual(meaning);
    expect(service.embedded).toEqual(['car']);
  });

  test('is unknown without a service, a query or a word', async () => {
    expect(await meaningOf({ log }, 'car')).toBeUndefined();
    expect(await meaningOf({ embedder: embedder(), log }, undefined)).toBeUndefined();
    expect(await meaningOf({ embedder: embedder(), log }, ' ')).toBeUndefined();
    expect(service.calls).toEqual([]);
  });

  test('is unknown while the service is away: one warning, and it is left alone for a while', async () => {
    await put('The automobile');
    service.failAlways('failed');
    const with_ = embedder();
    expect(await find('automobile', { with_ })).toEqual(['The automobile']);
    service.failAlways(undefined);
    expect(await find('the automobile', { with_ })).toEqual(['The automobile']);
    expect(service.calls).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  test('is not waited for long', async () => {
    service.fail('hang');
    expect(await meaningOf({ embedder: embedder(), log }, 'car')).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });

  test('is never asked for inside a transaction', async () => {
    const inside = store.db.system(() => meaningOf({ embedder: embedder(), log }, 'car'));
    await expect(inside).rejects.toThrow(/inside a database transaction/);
  });
});

test('a PostgreSQL without pgvector is left as it is, with a word on what to do', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  const pool = openPostgres({ url: server.url, connections: 2 });
  try {
    await migrate(pool);
    const available = await pool.query("select from pg_available_extensions where name = 'vector'");
    const db = createDb(pool, { events: store.bus, outbox: { poke: () => undefined } });
    const outcome = (await prepareVectors(db)) ?? 'ready';
    expect(outcome).toMatch(available.rowCount === 0 ? /no pgvector.*Install it.*restart/ : /^ready$/);
  } finally {
    await pool.end();
    await server.stop();
  }
});
