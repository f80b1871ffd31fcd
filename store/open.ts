import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { createDb, type CommitSinks, type Db } from './db.js';
import { openEmbedded } from './embedded.js';
import { isAway } from './errors.js';
import { createLocalBus, type EventBus } from './event-bus.js';
import { migrate } from './migrations/index.js';
import { createPgBus } from './pg-bus.js';
import { openPostgres } from './postgres.js';
import { keepUp, type Upkept } from './upkeep.js';

export interface StoreOptions {
  /** PostgreSQL; without it the embedded database in `folder` is opened. */
  readonly url?: string | undefined;
  readonly folder: string;
  readonly connections: number;
  readonly log: (line: string) => void;
  readonly outbox: CommitSinks['outbox'];
  /** How long a server that is away is waited for; default a minute. */
  readonly patienceMs?: number | undefined;
  /** Called once no other process can open the embedded database's folder, while it is being opened. */
  readonly onHeld?: (() => void) | undefined;
}

/** An open, migrated store and the bus that tells of its changes. The owner closes it. */
export interface Store {
  readonly db: Db;
  readonly bus: EventBus;
  /** Resolves when the embedded database has ended by itself; never on PostgreSQL, which comes back. */
  readonly broken: Promise<string>;
  /** Keeps the embedded database's statistics and pages up to date; none on PostgreSQL, which does so itself. */
  readonly upkeep: ((stop: AbortSignal) => Promise<Upkept[]>) | undefined;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** Throws a sentence a person can act on when the database stays away or refuses us. */
export async function openStore(options: StoreOptions): Promise<Store> {
  return options.url === undefined ? openEmbeddedStore(options) : openPostgresStore(options, options.url);
}

async function openEmbeddedStore(options: StoreOptions): Promise<Store> {
  const embedded = await openEmbedded(options.folder, options.onHeld);
  try {
    await migrate(embedded.pool);
  } catch (error) {
    await embedded.close();
    throw error;
  }
  const bus = createLocalBus();
  return {
    db: createDb(embedded.pool, { events: bus, outbox: options.outbox }),
    bus,
    broken: embedded.broken,
    upkeep: (stop) => keepUp(embedded.pool, stop),
    async close() {
      await bus.close();
      await embedded.close();
    },
  };
}

async function openPostgresStore(options: StoreOptions, url: string): Promise<Store> {
  const pool = openPostgres({ url, connections: options.connections });
  try {
    await whenReachable(pool, options.log, options.patienceMs ?? PATIENCE_MS);
    await migrate(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const bus = createPgBus(url, options.log);
  return {
    db: createDb(pool, { events: bus, outbox: options.outbox }),
    bus,
    broken: new Promise(() => undefined),
    upkeep: undefined,
    async close() {
      await bus.close();
      await pool.end();
    },
  };
}

/** Servers that start together take a while to find each other; a wrong password or name is told at once. */
async function whenReachable(pool: pg.Pool, log: (line: string) => void, patienceMs: number): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      await pool.query('select 1');
      return;
    } catch (error) {
      const reason =
        error instanceof AggregateError
          ? error.errors.map(String).join('; ')
          : error instanceof Error
            ? error.message
            : String(error);
      if (!isAway(error))
        throw new Error(`The database refuses the connection of DATABASE_URL: ${reason}`, { cause: error });
      if (Date.now() > until)
        throw new Error(
          `The database of DATABASE_URL could not be reached for ${Math.round(patienceMs / 1000)} seconds: ${reason}`,
          { cause: error },
        );
      log(`waiting for the database (${reason})`);
      await delay(2_000);
    }
  }
}
