import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import {
  DIST,
  type Entry,
  endEverything,
  freePort,
  leftOvers,
  newHome,
  prepareHome,
  type ProductOptions,
  removeHomes,
  spawnProduct,
} from '../helpers/processes.js';

const NOTHING_THERE = 'postgres://retinue:secret@127.0.0.1:1/retinue';
const IMPATIENT = fileURLToPath(new URL('./fixtures/impatient.mjs', import.meta.url));

let template: string;

beforeAll(async () => {
  template = await prepareHome();
});

afterEach(endEverything);
afterAll(removeHomes);

/** Starts a process that must end by itself with code 1, and gives what it said. */
async function refused(options: Partial<ProductOptions>, limitMs = 20_000): Promise<string> {
  const product = await spawnProduct({ home: newHome(), ...options });
  expect(await product.ended(limitMs)).toEqual({ code: 1, signal: null });
  expect(await leftOvers(product)).toEqual([]);
  expect(product.output()).not.toMatch(/^ +at /m);
  expect(product.output()).not.toMatch(/DeprecationWarning|UnhandledPromise/);
  return product.output();
}

describe('a wrong setting is named', () => {
  it('in the environment, every wrong one at once', async () => {
    const wrong: Record<string, [value: string, said: string]> = {
      PORT: ['eighty', 'must be a port number'],
      DATABASE_URL: ['mysql://localhost/retinue', 'must be a PostgreSQL URL'],
      TEMPORAL_ADDRESS: ['localhost', 'must be host:port'],
      RETINUE_TOKEN: ['short', 'must have at least 16 characters'],
      ANTHROPIC_BASE_URL: ['localhost:4000', 'must be a URL'],
      RETINUE_LOG: ['loud', 'must be debug, info, warn or error'],
    };
    const said = await refused({
      env: Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value])),
    });
    for (const [name, [, text]] of Object.entries(wrong)) expect(said).toContain(`${name} ${text}`);
    expect(await refused({ env: { PORT: '70000' } })).toContain('PORT must be a port number');
  });

  it.each([
    ['is not YAML', 'owner:\n  name: "Anna\nlimits: [\n', /retinue\.yaml, line \d+: /],
    ['has a wrong value', 'owner:\n  name: Anna\nlimits:\n  turns: many\n', /retinue\.yaml, line 4: limits\.turns: /],
    ['has an unknown key', 'owner:\n  name: Anna\n  shoeSize: 39\n', /retinue\.yaml, line 3: owner\.shoeSize: /],
    ['names a zone that is none', 'owner:\n  timeZone: Mars/Olympus\n', /retinue\.yaml, line 2: owner\.timeZone: /],
  ])('retinue.yaml that %s, with the line', async (_name, text, said) => {
    const home = newHome();
    writeFileSync(path.join(home, 'retinue.yaml'), text);
    expect(await refused({ home })).toMatch(said);
  });

  it.each<[Entry, Record<string, string>, string]>([
    ['start-api', {}, 'Set TEMPORAL_ADDRESS and DATABASE_URL'],
    ['start-worker', {}, 'Set TEMPORAL_ADDRESS and DATABASE_URL'],
    ['start-api', { DATABASE_URL: NOTHING_THERE }, 'Set TEMPORAL_ADDRESS:'],
    ['start-worker', { TEMPORAL_ADDRESS: '127.0.0.1:1' }, 'Set DATABASE_URL:'],
  ])('%s without servers of its own: %o', async (entry, env, said) => {
    expect(await refused({ entry, env })).toContain(said);
  });
});

describe('a server that cannot be used is named', () => {
  it('a database that stays away', async () => {
    const said = await refused({
      script: IMPATIENT,
      env: { BUILD: DIST, DATABASE_URL: NOTHING_THERE, TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    expect(said).toContain('waiting for the database');
    expect(said).toMatch(/The database of DATABASE_URL could not be reached for 3 seconds: .*ECONNREFUSED/);
    expect(said).not.toContain('secret');
  });

  it('a Temporal server that stays away', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const said = await refused(
      { home: newHome(template), script: IMPATIENT, env: { BUILD: DIST, TEMPORAL_ADDRESS: address } },
      30_000,
    );
    expect(said).toContain(`waiting for Temporal at ${address}`);
    expect(said).toMatch(
      new RegExp(`Temporal at ${address} could not be reached for 3 seconds: .*Check TEMPORAL_ADDRESS`),
    );
  });

  it('a Temporal server that does not know the namespace', async () => {
    const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: 'nowhere' };
    expect(await refused({ home: newHome(template), env }, 30_000)).toMatch(
      /has no namespace nowhere\. Check TEMPORAL_NAMESPACE/,
    );
  });

  it('a database that refuses the password, or does not exist', async (context) => {
    needs(context, 'PostgreSQL', findPostgres() !== undefined);
    const postgres = await startPostgres();
    try {
      await requirePassword(postgres.url, postgres.socketFolder);
      const wrong = postgres.url.replace('retinue@', 'stranger:wrong@');
      const env = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
      const said = await refused({ env: { ...env, DATABASE_URL: wrong } });
      expect(said).toMatch(/The database refuses the connection of DATABASE_URL: .*password authentication failed/);
      const absent = postgres.url.replace(/postgres$/, 'absent');
      expect(await refused({ env: { ...env, DATABASE_URL: absent } })).toMatch(
        /DATABASE_URL: .*"absent" does not exist/,
      );
    } finally {
      await postgres.stop();
    }
  });
});

/** The test server trusts everybody; a role of the name `stranger` has to prove who it is. */
async function requirePassword(url: string, folder: string): Promise<void> {
  const rules = path.join(folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, `host all stranger 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create role stranger login password 'right'; select pg_reload_conf()`);
  await client.end();
}
