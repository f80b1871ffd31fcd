import { Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { foundation, rowSecurity } from './001-foundation.js';

function plain(...texts: string[]): Migration {
  return {
    up: async (db) => {
      for (const text of texts) await sql.raw(text).execute(db);
    },
  };
}

const MIGRATIONS: Record<string, Migration> = {
  '001-foundation': plain(foundation, rowSecurity),
};

/** Brings the schema up to date; two processes that try at once take turns. Returns the names applied. */
export async function migrate(pool: pg.Pool): Promise<string[]> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new Error('The database schema could not be brought up to date; the store is unchanged.', { cause: error });
  return (results ?? []).map((result) => result.migrationName);
}
