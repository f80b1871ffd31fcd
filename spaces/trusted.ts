import type { SpaceAccess } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { spaceAccess } from './access.js';
import type { Actor } from './principal.js';
import { searchAtoms } from './search.js';

/**
 * Atoms that an untrusted agent has written over, deprecated or brought back, each as a trusted hand has last left it.
 * That the user has deprecated such an atom since counts.
 */
export const OVERWRITTEN_ATOMS = sql`
  select h.id, h.space_id, v.version, v.payload, v.media_type, v.metadata, v.author, v.origin, v.comment, h.words, h.created_at, v.at as updated_at,
    v.deprecated or exists (
      select from atom_versions d where d.atom_id = h.id and d.version > v.version and d.deprecated and d.author like 'user:%') as deprecated
  from atoms h cross join lateral (
    select * from atom_versions t where t.atom_id = h.id and t.origin <> 'untrusted' order by t.version desc limit 1) v
  where h.origin = 'untrusted' and h.version > 1`;

const TRUSTED_ATOMS = sql`(
  select id, space_id, version, payload, media_type, metadata, author, origin, comment, words, created_at, updated_at, deprecated
  from atoms where origin <> 'untrusted'
  union all ${OVERWRITTEN_ATOMS})`;

/**
 * As `spaceAccess`, for who builds on what is found: a search finds atoms as a trusted hand has last left them, so what
 * only untrusted agents have written is not found. Words are searched in the newest version.
 */
export function trustedAccess(tx: Tx, actor: Actor): SpaceAccess {
  return { ...spaceAccess(tx, actor), search: (search) => searchAtoms(tx, actor, search, TRUSTED_ATOMS) };
}
