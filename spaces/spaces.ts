import { ProblemError } from '../contracts/problem.js';
import type { NewSpace, Page, Permission, Space, SpaceRole } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { allows, type Actor } from './principal.js';
import { ROLE_SPACES } from './role-spaces.js';

interface SpaceRow {
  id: string;
  name: string;
  description: string;
  convention: string | null;
  role: SpaceRole | null;
  owner_id: string;
  tags: string[];
  permission: Permission;
  atom_count: number;
  created_at: string;
}

function presentSpace(row: SpaceRow): Space {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    ...(row.convention === null ? {} : { convention: row.convention }),
    ...(row.role === null ? {} : { role: row.role }),
    owner: row.owner_id,
    tags: row.tags,
    permission: row.permission,
    atomCount: row.atom_count,
    createdAt: row.created_at,
  };
}

function spaceRows(actor: Actor, condition: RawBuilder<unknown>, rest: RawBuilder<unknown>): RawBuilder<SpaceRow> {
  return sql<SpaceRow>`
    select s.id, s.name, s.description, s.convention, s.role, s.owner_id, s.tags, g.permission, s.created_at,
      (select count(*)::int from atoms a where a.space_id = s.id and not a.deprecated) as atom_count
    from spaces s join space_grants g on g.space_id = s.id and g.principal = ${`user:${actor.user}`}
    where ${condition} ${rest}`;
}

/** Spaces this actor may read, newest first. */
export async function listSpaces(
  tx: Tx,
  actor: Actor,
  filter: { role?: SpaceRole; limit: number; cursor?: string },
): Promise<Page<Space>> {
  const after = readCursor(filter.cursor);
  const condition = sql`${filter.role === undefined ? sql`true` : sql`s.role = ${filter.role}`}
    and ${after === undefined ? sql`true` : sql`(s.created_at, s.id) < (${after.at}::timestamptz, ${after.id})`}`;
  const rows = await tx.rows(
    spaceRows(actor, condition, sql`order by s.created_at desc, s.id desc limit ${filter.limit + 1}`),
  );
  return pageCursor(rows, filter.limit, (row) => ({ at: row.created_at, id: row.id }), presentSpace);
}

/** One space; `not-found` when it does not exist or the actor may not read it. */
export async function getSpace(tx: Tx, actor: Actor, id: string): Promise<Space> {
  const row = await tx.maybe(spaceRows(actor, sql`s.id = ${id}`, sql``));
  if (row === undefined) throw noSpace(id);
  return presentSpace(row);
}

/** The space the user was born with for this role. Its atoms are not counted: every skill of the store asks for one. */
export async function spaceOfRole(tx: Tx, actor: Actor, role: SpaceRole): Promise<Pick<Space, 'id'>> {
  const row = await tx.maybe<Pick<Space, 'id'>>(sql`
    select s.id from spaces s join space_grants g on g.space_id = s.id and g.principal = ${`user:${actor.user}`}
    where s.owner_id = ${actor.user} and s.role = ${role}`);
  if (row === undefined) throw new ProblemError('not-found', `There is no space for ${role}.`);
  return row;
}

/** A new space is private: its maker holds `grant`, nobody else anything. */
export async function createSpace(tx: Tx, actor: Actor, space: NewSpace & { role?: SpaceRole }): Promise<Space> {
  const id = newId('spc');
  await tx.run(sql`
    insert into spaces (id, owner_id, name, description, convention, role, tags)
    values (${id}, ${actor.user}, ${space.name}, ${space.description ?? ''}, ${space.convention ?? null}, ${space.role ?? null}, ${space.tags ?? []})`);
  // Row-level security lets only the owner of a space that is there already give the first grant.
  await tx.run(sql`
    insert into space_grants (space_id, principal, permission, granted_by) values (${id}, ${`user:${actor.user}`}, 'grant', ${actor.author})`);
  return getSpace(tx, actor, id);
}

/** The spaces every user is born with. */
export async function createRoleSpaces(tx: Tx, actor: Actor): Promise<void> {
  for (const space of ROLE_SPACES) await createSpace(tx, actor, space);
}

/**
 * Throws `not-found` without any grant, `forbidden` with too little. For more than reading, the grant and then the
 * space are held for the rest of the transaction: whoever changes an atom has its space first.
 */
export async function requirePermission(tx: Tx, actor: Actor, space: string, needed: Permission): Promise<void> {
  const grant = sql<{
    permission: Permission;
  }>`select permission from space_grants where space_id = ${space} and principal = ${`user:${actor.user}`}`;
  const held = await tx.maybe(
    needed === 'read'
      ? grant
      : sql<{ permission: Permission }>`
        with held as materialized (${grant} for share),
        locked as materialized (select id from spaces where id = ${space} and exists (select from held) for no key update)
        select permission, (select count(*) from locked) as locked from held`,
  );
  if (held === undefined) throw noSpace(space);
  if (!allows(held.permission, needed)) {
    throw new ProblemError(
      'forbidden',
      `This needs the permission ${needed} on the space; yours is ${held.permission}. Ask a holder of grant for more.`,
    );
  }
}

function noSpace(id: string): ProblemError {
  return new ProblemError('not-found', `There is no space ${id.slice(0, 80)} that you may read.`);
}
