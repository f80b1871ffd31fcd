import pg from 'pg';
import { pgTypes } from './pg-types.js';

export interface PostgresOptions {
  readonly url: string;
  /** Connections this process may hold. */
  readonly connections: number;
}

/** A pool on a real PostgreSQL server. Connections are made when needed, so a server that is away is no error here. */
export function openPostgres(options: PostgresOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connections,
    types: pgTypes,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
  });
  // Content is read from memory or from disks that seek as fast as they read; compiling takes longer than our statements.
  pool.on(
    'connect',
    (client) =>
      void client
        .query('set random_page_cost = 1.1; set jit = off')
        .catch((error: Error) => process.emitWarning(`a database connection could not be tuned: ${error.message}`)),
  );
  pool.on('error', (error) => process.emitWarning(`an idle database connection failed: ${error.message}`));
  return pool;
}
