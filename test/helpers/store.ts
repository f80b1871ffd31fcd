import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { createDb, type Db } from '../../store/db.js';
import { openEmbedded } from '../../store/embedded.js';
import { createLocalBus, type EventBus } from '../../store/event-bus.js';
import { migrate, schemaText } from '../../store/migrations/index.js';

/** A real embedded database of its own, empty and migrated. */
export interface TestStore {
  readonly db: Db;
  readonly bus: EventBus;
  readonly pool: pg.Pool;
  readonly folder: string;
  close(): Promise<void>;
}

/** Puts a migrated database into the folder, as a first start makes it: making one takes seconds, copying it does not. */
export async function copyDatabase(folder: string): Promise<void> {
  cpSync(await template(), folder, { recursive: true });
}

export async function openTestStore(): Promise<TestStore> {
  const folder = mkdtempSync(path.join(tmpdir(), 'retinue-store-'));
  await copyDatabase(path.join(folder, 'database'));
  const store = await openEmbedded(path.join(folder, 'database'));
  const bus = createLocalBus();
  return {
    db: createDb(store.pool, { events: bus, outbox: { poke: () => undefined } }),
    bus,
    pool: store.pool,
    folder,
    async close() {
      await bus.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Made once a machine for this schema and this version of the database. */
async function template(): Promise<string> {
  const version = readFileSync(
    new URL('../../node_modules/@electric-sql/pglite/package.json', import.meta.url),
    'utf8',
  );
  const key = createHash('sha256').update(schemaText).update(version).digest('hex').slice(0, 16);
  const place = path.join(tmpdir(), `retinue-template-${key}`);
  if (existsSync(place)) return place;
  const draft = mkdtempSync(path.join(tmpdir(), 'retinue-template-draft-'));
  const store = await openEmbedded(path.join(draft, 'database'));
  await migrate(store.pool);
  await store.close();
  publish(path.join(draft, 'database'), place);
  rmSync(draft, { recursive: true, force: true });
  return place;
}

/** Of several makers at once the first wins. */
function publish(draft: string, place: string): void {
  mkdirSync(path.dirname(place), { recursive: true });
  try {
    renameSync(draft, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
  }
}
