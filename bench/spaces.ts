import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { getAtom, putAtom, updateAtom } from '../spaces/atoms.js';
import { deliverDue } from '../spaces/dispatch.js';
import { userActor } from '../spaces/principal.js';
import { searchAtoms } from '../spaces/search.js';
import { spaceEventsAfter } from '../spaces/space-events.js';
import { createDb, type Db } from '../store/db.js';
import { openEmbedded } from '../store/embedded.js';
import { createLocalBus, type EventBus } from '../store/event-bus.js';
import { migrate } from '../store/migrations/index.js';
import { createPgBus } from '../store/pg-bus.js';
import { openPostgres } from '../store/postgres.js';
import { json, sql } from '../store/sql.js';
import { findPostgres, startPostgres } from '../test/helpers/postgres.js';
import { figures, median, round, timed } from './tools.js';

const SIZES = [1_000, 10_000, 100_000];
const SPACES = 100;
const CHUNK = 1_000;
const SAMPLES = 200;
const VOCABULARY = 20_000;
const WORDS_AN_ATOM = 40;
const USER = 'usr_bench';
const me = userActor(USER);

interface Opened {
  readonly name: string;
  readonly db: Db;
  readonly bus: EventBus;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

async function openBoth(): Promise<Opened[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'retinue-bench-spaces-'));
  const embedded = await openEmbedded(path.join(folder, 'database'));
  const local = createLocalBus();
  const stores: Opened[] = [
    {
      name: 'embedded',
      db: createDb(embedded.pool, { events: local, outbox: { poke: () => undefined } }),
      bus: local,
      pool: embedded.pool,
      async close() {
        await embedded.close();
        rmSync(folder, { recursive: true, force: true });
      },
    },
  ];
  if (findPostgres() === undefined) console.log('PostgreSQL: not run: needs PostgreSQL');
  else {
    const server = await startPostgres();
    const pool = openPostgres({ url: server.url, connections: 10 });
    const bus = createPgBus(server.url, console.error);
    stores.push({
      name: 'PostgreSQL',
      db: createDb(pool, { events: bus, outbox: { poke: () => undefined } }),
      bus,
      pool,
      async close() {
        await bus.close();
        await pool.end();
        await server.stop();
      },
    });
  }
  for (const store of stores) await prepareStore(store);
  return stores;
}

/** A user with a hundred spaces. */
async function prepareStore({ pool, db }: Opened): Promise<void> {
  await migrate(pool);
  await db.system(async (tx) => {
    await tx.run(sql`insert into users (id, name, time_zone) values (${USER}, 'Bench', 'UTC')`);
    await tx.run(
      sql`insert into spaces (id, owner_id, name, description) select 'spc_' || n, ${USER}, 'Space ' || n, '' from generate_series(0, ${SPACES - 1}::int) n`,
    );
    await tx.run(
      sql`insert into space_grants (space_id, principal, permission, granted_by) select 'spc_' || n, ${`user:${USER}`}, 'grant', 'x' from generate_series(0, ${SPACES - 1}::int) n`,
    );
  });
}

/** The most frequent words of English: in every text, and left out of a query. */
const COMMON =
  'the and of to in a is that for it was on are as with his they at be this from have or by one had not but what all were when we there can an your which their if will each about how up out them then she many some so'.split(
    ' ',
  );

/** Words as often as in real text: the n-th most frequent one about 1/n times as often as the first. */
function word(random: () => number): string {
  const n = Math.floor(VOCABULARY ** random()) - 1;
  return COMMON[n] ?? `w${n}`;
}

function textOf(random: () => number): string {
  return Array.from({ length: WORDS_AN_ATOM }, () => word(random)).join(' ');
}

const STATUSES = ['pending', 'pending', 'done', 'done', 'dropped'];

/** Fills up to `size` atoms; every third refers to an earlier one of its space that must be done first. */
async function fill(store: Opened, from: number, size: number): Promise<void> {
  const random = seeded(from + 7);
  for (let start = from; start < size; start += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, size - start) }, (_, index) => {
      const n = start + index;
      const body = textOf(random);
      return {
        id: `atm_${n}`,
        space: `spc_${n % SPACES}`,
        title: `${word(random)} ${word(random)}`,
        body,
        metadata: {
          status: STATUSES[Math.floor(random() * STATUSES.length)] ?? 'done',
          priority: Math.floor(random() * 5),
          due: new Date(n * 60_000).toISOString(),
        },
        blocker: random() < 1 / 3 && n >= SPACES ? `atm_${n - SPACES}` : null,
      };
    });
    await store.db.system(async (tx) => {
      const items = sql`jsonb_to_recordset(${json(rows)}) as r(id text, space text, title text, body text, metadata jsonb, blocker text)`;
      await tx.run(sql`
        insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, origin, comment, words, updated_at)
        select id, space, 1, jsonb_build_object('title', title, 'text', body), 'application/json', metadata, ${me.author}, ${[USER]}::text[], 'user', 'bench', retinue_words(title, body || ' ' || title),
          now() - random() * interval '90 days' from ${items}`);
      await tx.run(sql`
        insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, origin, comment, deprecated)
        select id, 1, space, jsonb_build_object('title', title), 'application/json', metadata, '[]', ${me.author}, ${USER}, 'user', 'bench', false from ${items}`);
      await tx.run(sql`
        insert into atom_references (atom_id, type, target_id, position) select id, 'blocked_by', blocker, 1 from ${items} where blocker is not null`);
    });
  }
  await store.pool.query('analyze');
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Milliseconds of each of `SAMPLES` runs, after some that do not count. */
async function sampled(work: (n: number) => Promise<unknown>, samples = SAMPLES): Promise<number[]> {
  for (let n = 0; n < 20; n += 1) await work(n);
  const times: number[] = [];
  for (let n = 0; n < samples; n += 1) times.push(await timed(() => work(20 + n)));
  return times;
}

async function measureStore(store: Opened, size: number): Promise<Record<string, number[]>> {
  const random = seeded(99);
  const space = (n: number): string => `spc_${n % SPACES}`;
  const query = (): string => `${word(random)} ${word(random)} ${word(random)}`;
  const composed = (spaces?: string[]) =>
    store.db.as(USER, (tx) =>
      searchAtoms(tx, me, {
        query: query(),
        metadata: { status: 'pending', due: { gte: '1970-01-01' } },
        references: { blocked_by: { status: 'done' } },
        limit: 20,
        ...(spaces === undefined ? {} : { spaces }),
      }),
    );
  return {
    put: await sampled((n) =>
      store.db.as(USER, (tx) =>
        putAtom(tx, me, space(n), { payload: { title: query(), text: textOf(random) }, comment: 'bench' }),
      ),
    ),
    update: await sampled((n) =>
      store.db.as(USER, (tx) =>
        updateAtom(tx, me, space(n % size), `atm_${n % size}`, { metadata: { n }, comment: 'bench' }),
      ),
    ),
    get: await sampled((n) => store.db.as(USER, (tx) => getAtom(tx, me, space(n), `atm_${n}`))),
    'composed search, one space': await sampled((n) => composed([space(n)])),
    'composed search, all 100': await sampled(() => composed()),
    'words alone, all 100': await sampled(() =>
      store.db.as(USER, (tx) => searchAtoms(tx, me, { query: query(), limit: 20 })),
    ),
    'filter alone, all 100': await sampled(() =>
      store.db.as(USER, (tx) => searchAtoms(tx, me, { metadata: { status: 'pending', priority: 1 }, limit: 20 })),
    ),
  };
}

/** From the start of a put to when a reader of the event stream, and the inbox of a subscribed agent, have the change. */
async function measureSubscribers(store: Opened): Promise<void> {
  const agent = 'agt_bench';
  await store.db.system(async (tx) => {
    await tx.run(sql`insert into conversations (id, user_id, title) values ('cnv_b', ${USER}, 'x')`);
    await tx.run(sql`
      insert into requests (id, user_id, conversation_id, agent_id, origin, status, settings, deadline_at)
      values ('req_b', ${USER}, 'cnv_b', ${agent}, 'user', 'running', '{}', now() + interval '1 day')`);
    await tx.run(
      sql`insert into agents (id, user_id, request_id, label, model, instructions, status) values (${agent}, ${USER}, 'req_b', 'x', 'x', '', 'idle')`,
    );
    await tx.run(
      sql`insert into subscriptions (space_id, agent_id, user_id, seen_seq) select id, ${agent}, ${USER}, event_seq from spaces where id = 'spc_0'`,
    );
  });
  const times: Record<string, number[]> = { 'event stream': [], inbox: [] };
  for (let n = 0; n < SAMPLES; n += 1) {
    const { seq } = await store.db.system((tx) =>
      tx.one<{ seq: number }>(sql`select event_seq as seq from spaces where id = 'spc_0'`),
    );
    const start = performance.now();
    const heard = new Promise<void>((resolve) => {
      const off = store.bus.onSpace('spc_0', () => {
        off();
        resolve();
      });
    });
    const put = store.db.as(USER, (tx) => putAtom(tx, me, 'spc_0', { payload: 'news', comment: 'bench' }));
    await Promise.all([put, heard]);
    await store.db.as(USER, (tx) => spaceEventsAfter(tx, me, 'spc_0', seq, 10));
    times['event stream']?.push(performance.now() - start);
    await deliverDue(store.db);
    times['inbox']?.push(performance.now() - start);
  }
  for (const [name, values] of Object.entries(times))
    console.log(`${store.name}, a change reaches the ${name}: ${figures(values, 100)}`);
}

/** Puts, gets and searches on the embedded database and on PostgreSQL in one run, at growing sizes. */
export async function measureSpaces(): Promise<void> {
  const stores = await openBoth();
  const medians = new Map<string, number[]>();
  let from = 0;
  try {
    for (const size of SIZES) {
      for (const store of stores) {
        const loaded = await timed(() => fill(store, from, size));
        console.log(`${store.name}, ${size} atoms in ${SPACES} spaces (filled in ${round(loaded / 1000)} s)`);
        for (const [name, values] of Object.entries(await measureStore(store, size))) {
          console.log(`  ${name}: ${figures(values)}`);
          const key = `${store.name}, ${name}`;
          medians.set(key, [...(medians.get(key) ?? []), median(values)]);
        }
      }
      from = size;
    }
    for (const [key, [first = 0, , last = 0]] of medians)
      console.log(`${key}: 100 times the atoms take ${round(last / first, 2)} times as long`);
    for (const store of stores) await measureSubscribers(store);
  } finally {
    for (const store of stores) await store.close();
  }
}
