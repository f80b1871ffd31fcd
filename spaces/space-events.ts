import type { SpaceEvent } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { Actor } from './principal.js';
import { requirePermission } from './spaces.js';

export interface SpaceEventRow {
  space_id: string;
  seq: number;
  at: string;
  kind: SpaceEvent['type'];
  atom_id: string;
  version: number;
  author: string;
  comment: string;
  hop: number;
}

/** Columns of an event `e`. */
export const EVENT_COLUMNS: RawBuilder<unknown> = sql`
  e.space_id, e.seq, e.at, e.kind, e.atom_id, e.version, e.author, e.comment, e.hop`;

export function presentEvent(row: SpaceEventRow): SpaceEvent {
  return {
    id: String(row.seq),
    at: row.at,
    type: row.kind,
    space: row.space_id,
    atom: row.atom_id,
    version: row.version,
    author: row.author,
    comment: row.comment,
    hop: row.hop,
  };
}

/** Changes of a space after number `after`, in order, at most `limit`. */
export async function spaceEventsAfter(
  tx: Tx,
  actor: Actor,
  space: string,
  after: number,
  limit: number,
): Promise<SpaceEvent[]> {
  await requirePermission(tx, actor, space, 'read');
  const rows = await tx.rows<SpaceEventRow>(sql`
    select ${EVENT_COLUMNS} from space_events e where e.space_id = ${space} and e.seq > ${after} order by e.seq limit ${limit}`);
  return rows.map(presentEvent);
}

/** Number of the newest change of each space, whoever may read it; for finding out which readers missed a hint. */
export async function newestSpaceEvents(tx: Tx, spaces: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.rows<{ id: string; seq: number }>(
    sql`select id, event_seq as seq from spaces where id = any(${[...spaces]}::text[])`,
  );
  return new Map(rows.map((row) => [row.id, row.seq]));
}
