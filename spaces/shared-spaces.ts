import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';

/** A space that other people than the user read. */
export interface SharedSpace {
  readonly id: string;
  readonly name: string;
  /** These people, as `user:ID` with what they are called. */
  readonly readers: readonly { readonly principal: string; readonly name: string }[];
}

/**
 * Those of the named spaces that another person holds a grant on, among those the user may read. Asked before the
 * transaction is confined to an agent: whom the user's words reach does not depend on who writes them.
 */
export async function sharedSpaces(tx: Tx, user: string, ids: readonly string[]): Promise<SharedSpace[]> {
  if (ids.length === 0) return [];
  return tx.rows<SharedSpace>(sql`
    select s.id, s.name, r.readers from spaces s cross join lateral (
      select json_agg(json_build_object('principal', g.principal, 'name', coalesce(retinue_user_name(substr(g.principal, 6)), '')) order by g.created_at, g.principal) as readers
      from space_grants g where g.space_id = s.id and g.principal like 'user:%' and g.principal <> ${`user:${user}`}) r
    where s.id = any(${[...ids]}::text[]) and r.readers is not null order by s.id`);
}
