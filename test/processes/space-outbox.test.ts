import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { userActor } from '../../spaces/principal.js';
import { createDb, type Db } from '../../store/db.js';
import { openEmbedded } from '../../store/embedded.js';
import { createLocalBus } from '../../store/event-bus.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { seededRandom } from '../helpers/seeded.js';
import { addPerson, brokenRows } from '../spaces/random-world.js';

const WRITER = fileURLToPath(new URL('./fixtures/space-writer.ts', import.meta.url));
const ROUNDS = 3;
/** What each writer has done before it may be killed. */
const CHANGES = 5;
const people = [1, 2].map((n) => ({ user: `usr_o${n}`, agent: `agt_o${n}` }));
const [owner, reader] = people.map(({ user }) => userActor(user));

/** A space of the first person that the agents of both are told of. */
async function prepare(db: Db): Promise<string> {
  await db.system(async (tx) => {
    for (const person of people) await addPerson(tx, person);
    await tx.run(sql`update agents set confined = false`);
  });
  if (owner === undefined || reader === undefined) throw new Error('nobody is there');
  const space = await db.as(owner.user, async (tx) => {
    const { id } = await spaceAccess(tx, owner).create({ name: 'News' });
    await spaceAccess(tx, owner).share(id, `user:${reader.user}`, 'read');
    await spaceAccess(tx, owner).subscribe(id, people[0]?.agent ?? '', {});
    return id;
  });
  await db.as(reader.user, (tx) => spaceAccess(tx, reader).subscribe(space, people[1]?.agent ?? '', {}));
  return space;
}

async function startWriter(place: string, space: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, place, owner?.user ?? '', space], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the writer says nothing');
  let lines = 0;
  for await (const _line of createInterface({ input: child.stdout })) {
    lines += 1;
    if (lines === CHANGES) break;
  }
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Kills writers in the middle of their work, again and again. */
async function killRepeatedly(place: string, space: string, atOnce: number): Promise<void> {
  const random = seededRandom(7);
  for (let round = 0; round < ROUNDS; round += 1) {
    const writers = await Promise.all(Array.from({ length: atOnce }, () => startWriter(place, space)));
    for (const writer of writers) {
      await delay(200 * random());
      await kill(writer);
    }
  }
}

/** Every change was told to every subscriber exactly once, in order. */
async function expectToldOnce(db: Db, space: string): Promise<void> {
  while ((await deliverDue(db)) > 0);
  const { events, told } = await db.system((tx) =>
    tx.one<{ events: number[]; told: Record<string, number[]> }>(sql`
      select (select array_agg(seq::int order by seq) from space_events where space_id = ${space}) as events,
        (select json_object_agg(agent_id, seqs) from (select agent_id, array_agg(seq order by id) as seqs from deliveries where space_id = ${space} group by agent_id) d) as told`),
  );
  expect(events.length).toBeGreaterThanOrEqual(ROUNDS * CHANGES);
  expect(told).toEqual(Object.fromEntries(people.map(({ agent }) => [agent, events])));
  expect(await db.system((tx) => tx.rows(brokenRows(space)))).toEqual([]);
}

const sinks = { events: createLocalBus(), outbox: { poke: () => undefined } };

test('subscribers of the embedded database are told of every change once, however often the process is killed [S3-19]', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'retinue-outbox-'));
  const place = path.join(folder, 'database');
  const first = await openEmbedded(place);
  await migrate(first.pool);
  const space = await prepare(createDb(first.pool, sinks));
  await first.close();
  await killRepeatedly(place, space, 1);
  const last = await openEmbedded(place);
  await expectToldOnce(createDb(last.pool, sinks), space);
  await last.close();
  rmSync(folder, { recursive: true, force: true });
});

test('subscribers on PostgreSQL are told of every change once by several processes that are killed [S3-19]', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  const pool = openPostgres({ url: server.url, connections: 4 });
  try {
    await migrate(pool);
    const db = createDb(pool, sinks);
    const space = await prepare(db);
    await killRepeatedly(server.url, space, 2);
    await expectToldOnce(db, space);
  } finally {
    await pool.end();
    await server.stop();
  }
});
