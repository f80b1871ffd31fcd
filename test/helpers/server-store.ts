import { createDb, type Db } from '../../store/db.js';
import { createLocalBus } from '../../store/event-bus.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { findPostgres, startPostgres } from './postgres.js';
import { openTestStore } from './store.js';

/** A migrated store of either kind; the owner closes it. */
export interface OpenedStore {
  readonly db: Db;
  close(): Promise<void>;
}

/** A throw-away PostgreSQL server with a migrated database. */
async function openServerStore(): Promise<OpenedStore> {
  const server = await startPostgres();
  const pool = openPostgres({ url: server.url, connections: 12 });
  await migrate(pool);
  return {
    db: createDb(pool, { events: createLocalBus(), outbox: { poke: () => undefined } }),
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

interface StoreKind {
  readonly name: string;
  readonly isPresent: boolean;
  readonly open: () => Promise<OpenedStore>;
}

/** What everything about rows has to hold on. */
export const STORE_KINDS: readonly StoreKind[] = [
  { name: 'the embedded database', isPresent: true, open: openTestStore },
  { name: 'PostgreSQL', isPresent: findPostgres() !== undefined, open: openServerStore },
];
