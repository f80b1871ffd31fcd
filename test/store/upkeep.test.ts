import { cpSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openEmbedded } from '../../store/embedded.js';
import { keepUp } from '../../store/upkeep.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const ROWS = 3_000;

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  await upkept();
});
afterAll(() => store.close());
beforeEach(async () => {
  await store.pool.query(`
    drop table if exists notes, "Quiet ones";
    create table notes (id integer primary key, kind text not null, text text not null);
    create table "Quiet ones" (id integer)`);
});

const fill = () =>
  store.pool.query(`
    insert into notes select n, case when n % 10 = 0 then 'rare' else 'common' end, repeat('x', 100) from generate_series(1, ${ROWS}) n`);
const changeAll = () => store.pool.query(`update notes set text = reverse(text), kind = kind || ''`);
const upkept = async (pool: pg.Pool = store.pool, signal = new AbortController().signal): Promise<string[]> =>
  (await keepUp(pool, signal)).map(({ table, done }) => `${done} ${table}`);
async function first<T>(text: string): Promise<T> {
  const { rows } = await store.pool.query(text);
  return rows[0] as T;
}
/** How many rows the planner expects of a kind. */
async function expected(kind: string): Promise<number> {
  const plan = await first<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
    `explain (format json) select from notes where kind = '${kind}'`,
  );
  return plan['QUERY PLAN'][0].Plan['Plan Rows'];
}
const pages = async (): Promise<number> =>
  (await first<{ n: number }>(`select (pg_relation_size('notes') / 8192)::int as n`)).n;

test('what has changed is analyzed once, so that the planner knows it', async () => {
  await fill();
  expect(await expected('rare')).toBeLessThan(ROWS / 20);
  expect(await upkept()).toEqual(['analyze notes']);
  expect(await expected('rare')).toBeGreaterThan(ROWS / 12);
  expect(await expected('common')).toBeGreaterThan(ROWS / 1.2);
  await store.pool.query(`insert into notes select n, 'late', '' from generate_series(${ROWS + 1}, ${ROWS + 300}) n`);
  await store.pool.query('insert into "Quiet ones" select n from generate_series(1, 150) n');
  expect(await upkept()).toEqual([]);
});

test('dead rows go, and their place is used again', async () => {
  await fill();
  await upkept();
  await changeAll();
  const grown = await pages();
  expect(await upkept()).toEqual(['analyze notes', 'vacuum notes']);
  await changeAll();
  expect(await pages()).toBe(grown);
});

test('what had changed before a restart is found as well', async () => {
  await fill();
  await upkept();
  await changeAll();
  await store.pool.query('insert into "Quiet ones" select n from generate_series(1, 10000) n');
  await store.pool.query('checkpoint');
  const copy = path.join(store.folder, 'copy');
  cpSync(path.join(store.folder, 'database'), copy, { recursive: true });
  const restarted = await openEmbedded(copy);
  expect(await upkept(restarted.pool)).toEqual(['analyze "Quiet ones"', 'analyze notes', 'vacuum notes']);
  expect(await upkept(restarted.pool)).toEqual([]);
  await restarted.close();
});

test('nothing is begun once it is to stop', async () => {
  await fill();
  expect(await upkept(store.pool, AbortSignal.abort())).toEqual([]);
  expect(await upkept()).toEqual(['analyze notes']);
});

test('a transaction that others have open is waited for', async () => {
  await fill();
  const client = await store.pool.connect();
  await client.query('begin');
  const done = upkept();
  await client.query(`insert into notes values (0, 'late', '')`);
  await client.query('commit');
  client.release();
  expect(await done).toEqual(['analyze notes']);
});
