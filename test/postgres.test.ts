import { existsSync } from 'node:fs';
import pg from 'pg';
import { expect, test } from 'vitest';
import { needs } from './helpers/needs.js';
import { findPostgres, startPostgres, type TestPostgres } from './helpers/postgres.js';

test('a throw-away PostgreSQL keeps its data over a restart, can be frozen, and leaves nothing behind', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  try {
    const url = await server.createDatabase('one "odd" name');
    await query(url, "CREATE TABLE kept AS SELECT 'still here' AS word");
    await server.restart();
    expect(await query(url, 'SELECT word FROM kept')).toEqual([{ word: 'still here' }]);
    await expectFrozenUntilResumed(server, url);
  } finally {
    await server.stop();
  }
  expect(existsSync(server.socketFolder)).toBe(false);
  await expect(query(server.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
});

async function expectFrozenUntilResumed(server: TestPostgres, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  server.pause();
  let answered = false;
  const answer = client.query('SELECT 1').then(() => {
    answered = true;
  });
  await expect(query(url, 'SELECT 1', 500)).rejects.toThrow(/timeout/);
  expect(answered).toBe(false);
  server.resume();
  await answer;
  await client.end();
}

async function query(url: string, sql: string, connectionTimeoutMillis = 5000): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
