import { Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { foundation, rowSecurity } from './001-foundation.js';
import { outward, outwardRowSecurity } from './002-outward.js';
import { notes, notesRowSecurity } from './003-notes.js';
import { spaces, spacesRowSecurity } from './004-spaces.js';
import { agents, agentsRowSecurity } from './005-agents.js';
import { secretKeys, secretKeysRowSecurity } from './006-secrets.js';
import { time, timeRowSecurity } from './007-time.js';

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  '001-foundation': [foundation, rowSecurity],
  '002-outward': [outward, outwardRowSecurity],
  '003-notes': [notes, notesRowSecurity],
  '004-spaces': [spaces, spacesRowSecurity],
  '005-agents': [agents, agentsRowSecurity],
  '006-secrets': [secretKeys, secretKeysRowSecurity],
  '007-time': [time, timeRowSecurity],
};

/** Everything the schema is made from, for whoever keeps a copy of an empty database. */
export const schemaText = Object.values(TEXTS).flat().join('\n');

function plain(texts: readonly string[]): Migration {
  return {
    up: async (db) => {
      for (const text of texts) await sql.raw(text).execute(db);
    },
  };
}

const MIGRATIONS = Object.fromEntries(Object.entries(TEXTS).map(([name, texts]) => [name, plain(texts)]));

/** Brings the schema up to date; two processes that try at once take turns. Returns the names applied. */
export async function migrate(pool: pg.Pool): Promise<string[]> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new Error('The database schema could not be brought up to date; the store is unchanged.', { cause: error });
  return (results ?? []).map((result) => result.migrationName);
}
