import type { Db, Tx } from './db.js';
import { sql } from './sql.js';

/** Vectors of what atoms mean. A row without a vector is claimed, or its atom says nothing that could be embedded. */
const TABLE = [
  `create table atom_vectors (
    atom_id text not null references atoms on delete cascade,
    model text not null,
    space_id text not null,
    version integer not null,
    dimension integer not null,
    embedding vector,
    claimed_until timestamptz(3),
    primary key (atom_id, model))`,
  'create index atom_vectors_by_model on atom_vectors (model)',
  'create index if not exists atoms_by_change on atoms (updated_at, id)',
  'grant select on atom_vectors to retinue_app',
  'alter table atom_vectors enable row level security',
  "create policy seen on atom_vectors for select to retinue_app using (space_id in (select retinue_spaces('read')))",
];

const REFUSED = '42501';

/**
 * Prepares the database for vectors, once. Undefined when they can be used, otherwise what a person should know and do;
 * nothing is changed then. Processes that start together take turns.
 */
export async function prepareVectors(db: Db): Promise<string | undefined> {
  try {
    return await db.system(prepare);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === REFUSED)) throw error;
    return 'The user of DATABASE_URL may not set up pgvector. Run "create extension vector" in this database as its administrator, then restart.';
  }
}

async function prepare(tx: Tx): Promise<string | undefined> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('retinue-vectors'))`);
  const { extension, place, isReady } = await tx.one<{
    extension: 'created' | 'available' | null;
    place: string | null;
    isReady: boolean;
  }>(sql`
    select case when exists (select from pg_extension where extname = 'vector') then 'created'
        when exists (select from pg_available_extensions where name = 'vector') then 'available' end as extension,
      (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'vector' and not n.nspname = any(current_schemas(false))) as place,
      to_regclass('atom_vectors') is not null as "isReady"`);
  if (extension === null)
    return 'The database has no pgvector. Install it on the server (most packages call it postgresql-NN-pgvector), then restart.';
  if (place !== null)
    return `pgvector is in the schema ${place}, which the user of DATABASE_URL does not search. Add it to the search_path of that user, then restart.`;
  if (extension === 'available') await tx.run(sql`create extension vector`);
  if (!isReady) for (const text of TABLE) await tx.run(sql.raw(text));
  return undefined;
}
