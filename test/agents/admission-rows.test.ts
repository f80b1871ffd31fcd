import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queuePosition } from '../../engine/agents/queue.js';
import type { Db, Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { seededRandom } from '../helpers/seeded.js';
import { type OpenedStore, STORE_KINDS } from '../helpers/server-store.js';

const SEED = 20_261_121;
const USERS = ['usr_a', 'usr_b', 'usr_c'];
const WORKERS = 8;
const STEPS = 40;

/** A request of each user, without agents other than its first one. */
async function people(tx: Tx): Promise<void> {
  for (const user of USERS) {
    await tx.run(sql`insert into users (id, name, time_zone) values (${user}, ${user}, 'UTC')`);
    await tx.run(sql`insert into conversations (id, user_id, title) values (${`cnv_${user}`}, ${user}, 'x')`);
    await tx.run(sql`
      insert into requests (id, user_id, conversation_id, agent_id, origin, status, settings, deadline_at)
      values (${`req_${user}`}, ${user}, ${`cnv_${user}`}, ${`agt_${user}`}, 'user', 'running', '{}', now() + interval '1 day')`);
    await tx.run(sql`
      insert into agents (id, user_id, request_id, label, model, instructions, status)
      values (${`agt_${user}`}, ${user}, ${`req_${user}`}, 'x', 'x', '', 'waiting')`);
  }
}

let named = 0;
async function queue(tx: Tx, user: string, { priority = 3, minutes = 0 } = {}): Promise<string> {
  named += 1;
  const id = `agt_${user}_${String(named).padStart(5, '0')}`;
  await tx.run(sql`
    insert into agents (id, user_id, request_id, parent_id, label, model, instructions, status, confined, priority, queued_at, created_at)
    values (${id}, ${user}, ${`req_${user}`}, ${`agt_${user}`}, 'x', 'x', '', 'queued', true, ${priority}, now() - make_interval(mins => ${minutes}), clock_timestamp())`);
  return id;
}

async function end(tx: Tx, id: string): Promise<void> {
  await tx.run(sql`update agents set status = 'ended', ended_at = now() where id = ${id}`);
}

/** Those who were let in by this, in no order. */
async function admit(tx: Tx): Promise<string[]> {
  const before = new Set(await atWork(tx));
  await tx.rows(sql`select * from retinue_admit()`);
  return (await atWork(tx)).filter((id) => !before.has(id));
}

async function atWork(tx: Tx): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(
    sql`select id from agents where status = 'running' and parent_id is not null order by id`,
  );
  return rows.map(({ id }) => id);
}

describe.each(STORE_KINDS)('on $name', ({ name, isPresent, open }) => {
  let store: OpenedStore;
  let db: Db;
  beforeAll(async () => {
    if (!isPresent) return;
    store = await open();
    db = store.db;
    await db.system(people);
  });
  afterAll(() => store?.close());
  beforeEach(async (context) => {
    needs(context, name, isPresent);
    await db.system((tx) => tx.run(sql`delete from agents where parent_id is not null`));
  });

  const limit = (perUser: number, inAll: number): Promise<number> =>
    db.system((tx) => tx.run(sql`update admission set per_user = ${perUser}, in_all = ${inAll}`));
  const does = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => db.system(work);

  test(`${WORKERS} who let in at once never let in more than there is room for, and leave no place empty [S4-26]`, async () => {
    await limit(3, 5);
    const random = seededRandom(SEED);
    const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
    const seen: { total: number; most: number }[] = [];
    const worker = async (): Promise<void> => {
      for (let step = 0; step < STEPS; step += 1) {
        const isNew = random() < 0.6;
        const user = pick(USERS) ?? '';
        const gone = isNew ? undefined : pick(await does(atWork));
        await does(async (tx) => {
          if (isNew) await queue(tx, user, { priority: 1 + Math.floor(random() * 5) });
          else if (gone !== undefined) await end(tx, gone);
          await admit(tx);
        });
        seen.push(
          await does((tx) =>
            tx.one<{ total: number; most: number }>(sql`
              select coalesce(sum(n), 0)::int as total, coalesce(max(n), 0)::int as most from (
                select count(*) as n from agents where status = 'running' and parent_id is not null group by user_id) w`),
          ),
        );
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
    expect(seen).toHaveLength(WORKERS * STEPS);
    expect(seen.filter(({ total, most }) => total > 5 || most > 3)).toEqual([]);
    expect(Math.max(...seen.map(({ total }) => total))).toBe(5);
    const left = await does((tx) =>
      tx.rows<{ user_id: string; queued: number; busy: number }>(sql`
        select user_id, count(*) filter (where status = 'queued')::int as queued, count(*) filter (where status = 'running')::int as busy
        from agents where parent_id is not null group by user_id`),
    );
    const total = left.reduce((sum, { busy }) => sum + busy, 0);
    expect(left.filter(({ queued, busy }) => queued > 0 && busy < 3 && total < 5)).toEqual([]);
  });

  test('a place that is free goes to the most urgent, however late it came [S4-26] [S4-27]', async () => {
    await limit(3, 12);
    const first = await does(async (tx) => [
      await queue(tx, 'usr_a'),
      await queue(tx, 'usr_a'),
      await queue(tx, 'usr_a'),
    ]);
    expect(await does(admit)).toEqual(first);
    const background = await does((tx) => queue(tx, 'usr_a', { priority: 3, minutes: 1 }));
    const urgent = await does((tx) => queue(tx, 'usr_a', { priority: 1 }));
    expect(await does(admit)).toEqual([]);
    await does((tx) => end(tx, first[0] ?? ''));
    expect(await does(admit)).toEqual([urgent]);
    await does((tx) => end(tx, urgent));
    expect(await does(admit)).toEqual([background]);
  });

  test('two users who share the places take turns, whoever queued more and earlier', async () => {
    await limit(2, 2);
    await does(async (tx) => {
      for (let count = 0; count < 20; count += 1) await queue(tx, 'usr_a');
    });
    const order = await does(admit);
    const late = await does(async (tx) => [
      await queue(tx, 'usr_b'),
      await queue(tx, 'usr_b'),
      await queue(tx, 'usr_b'),
    ]);
    for (let turn = 0; turn < 8; turn += 1) {
      await does((tx) => end(tx, order[turn] ?? ''));
      order.push(...(await does(admit)));
    }
    expect(order.slice(2, 8).map((id) => late.includes(id))).toEqual([true, false, true, false, true, false]);
  });

  test('whoever waits gets its turn, although more urgent work keeps coming', async () => {
    await limit(1, 1);
    let busy = await does((tx) => queue(tx, 'usr_a', { priority: 1 }));
    await does(admit);
    const patient = await does((tx) => queue(tx, 'usr_a', { priority: 5 }));
    const rounds: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      await does((tx) => queue(tx, 'usr_a', { priority: 1 }));
      await does((tx) =>
        tx.run(sql`update agents set queued_at = queued_at - interval '2 minutes' where id = ${patient}`),
      );
      await does((tx) => end(tx, busy));
      [busy = ''] = await does(admit);
      rounds.push(busy);
    }
    // Four levels of two minutes each; then it has waited longer than any other that is as urgent.
    expect(rounds.indexOf(patient)).toBe(3);
  });

  test('the place that is shown is the one in which they are let in, long waits counted [S4-26]', async () => {
    await limit(1, 1);
    await does((tx) => queue(tx, 'usr_a', { priority: 1 }));
    await does(admit);
    const queued = await does(async (tx) => [
      await queue(tx, 'usr_a', { priority: 2 }),
      await queue(tx, 'usr_a', { priority: 4, minutes: 6 }),
      await queue(tx, 'usr_a', { priority: 3 }),
    ]);
    const places = await does((tx) =>
      tx.rows<{ id: string; place: number }>(
        sql`select a.id, ${queuePosition(sql`a`)} as place from agents a where a.id = any(${queued}::text[]) order by 2`,
      ),
    );
    expect(places.map(({ place }) => place)).toEqual([1, 2, 3]);
    const order: string[] = [];
    for (let turn = 0; turn < queued.length; turn += 1) {
      await does(async (tx) => {
        for (const id of await atWork(tx)) await end(tx, id);
      });
      order.push(...(await does(admit)));
    }
    expect(order).toEqual(places.map(({ id }) => id));
    expect(order[0]).toBe(queued[1]);
  });

  test('a lower limit sends nobody away and lets nobody in before there is room', async () => {
    await limit(3, 12);
    await does(async (tx) => {
      for (let count = 0; count < 5; count += 1) await queue(tx, 'usr_a');
    });
    const first = await does(admit);
    await limit(1, 12);
    await does((tx) => end(tx, first[0] ?? ''));
    await does((tx) => end(tx, first[1] ?? ''));
    expect(await does(admit)).toEqual([]);
    await does((tx) => end(tx, first[2] ?? ''));
    expect(await does(admit)).toHaveLength(1);
  });
});
