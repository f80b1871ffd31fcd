import type { SpaceAccess } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { spaceAccess } from './access.js';
import type { Actor } from './principal.js';
import type { SearchedAtoms } from './search.js';

/**
 * Atoms that an untrusted agent has written over, deprecated or brought back, each as a trusted hand has last left it.
 * That the user has deprecated such an atom since counts.
 */
export const OVERWRITTEN_ATOMS = sql`
  select h.id, h.space_id, v.version, v.payload, v.media_type, v.metadata, v.author, v.people, v.origin, v.comment, h.words, h.created_at, v.at as updated_at,
    v.deprecated or exists (
      select from atom_versions d where d.atom_id = h.id and d.version > v.version and d.deprecated and d.author like 'user:%') as deprecated
  from atoms h cross join lateral (
    select * from atom_versions t where t.atom_id = h.id and t.origin <> 'untrusted' order by t.version desc limit 1) v
  where h.origin = 'untrusted' and h.version > 1`;

/** No other person's words, and none that came from outside. */
export function trustedAtoms(user: string): SearchedAtoms {
  const own = (people: RawBuilder<unknown>): RawBuilder<unknown> => sql`${people} <@ ${[user]}::text[]`;
  return {
    rows: sql`(
      select id, space_id, metadata, words, created_at, updated_at, deprecated from readable_atoms where origin <> 'untrusted' and ${own(sql`people`)}
      union all select id, space_id, metadata, words, created_at, updated_at, deprecated from (${OVERWRITTEN_ATOMS}) o where ${own(sql`people`)})`,
    content: sql`(
      select id, space_id, version, payload, media_type, metadata, author, people, origin, comment, created_at, updated_at, deprecated from atoms where origin <> 'untrusted'
      union all select id, space_id, version, payload, media_type, metadata, author, people, origin, comment, created_at, updated_at, deprecated from (${OVERWRITTEN_ATOMS}) o)`,
  };
}

/**
 * As `spaceAccess`, for who builds on what is found: a search finds atoms as a trusted hand has last left them, so what
 * only untrusted agents or other people have written is not found. Words are searched in the newest version.
 */
export function trustedAccess(tx: Tx, actor: Actor): SpaceAccess {
  return spaceAccess(tx, actor, { atoms: trustedAtoms(actor.user) });
}
