import { ProblemError } from '../contracts/problem.js';
import { allows, effectivePermission } from '../contracts/permission.js';
import type { NewSpace, Page, Permission, Space, SpacePatch, SpaceRole } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { type Actor, principalsOf } from './principal.js';
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

/** Grants `g` of the actor: those of its user, narrowed to its own where the agent is confined. */
export function grantsOf(actor: Actor): RawBuilder<unknown> {
  const ofUser = sql`select space_id, permission from space_grants where principal = ${`user:${actor.user}`}`;
  if (actor.confinedTo === undefined) return sql`(${ofUser}) g`;
  return sql`(select o.space_id, case when retinue_covers(o.permission, c.permission) then c.permission else o.permission end as permission
    from (${ofUser}) o join space_grants c on c.space_id = o.space_id and c.principal = ${`agent:${actor.confinedTo}`}) g`;
}

function spaceRows(actor: Actor, condition: RawBuilder<unknown>, rest: RawBuilder<unknown>): RawBuilder<SpaceRow> {
  return sql<SpaceRow>`
    select s.id, s.name, s.description, s.convention, s.role, s.owner_id, s.tags, g.permission, s.created_at,
      (select count(*)::int from atoms a where a.space_id = s.id and not a.deprecated) as atom_count
    from spaces s join ${grantsOf(actor)} on g.space_id = s.id
    where ${condition} ${rest}`;
}

/** Spaces this actor may read, newest first; what agents say to each other (tag `dm`) only where it is asked for. */
export async function listSpaces(
  tx: Tx,
  actor: Actor,
  filter: { role?: SpaceRole; tag?: string; limit: number; cursor?: string },
): Promise<Page<Space>> {
  const after = readCursor(filter.cursor);
  const condition = sql`${filter.role === undefined ? sql`true` : sql`s.role = ${filter.role}`}
    and ${filter.tag === undefined ? sql`not 'dm' = any(s.tags)` : sql`${filter.tag} = any(s.tags)`}
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
    select s.id from spaces s join ${grantsOf(actor)} on g.space_id = s.id
    where s.owner_id = ${actor.user} and s.role = ${role}`);
  if (row === undefined) throw new ProblemError('not-found', `There is no space for ${role}.`);
  return row;
}

/**
 * A new space is private: its maker holds `grant`, nobody else anything. One that names a convention and says nothing of
 * itself takes the description of the maker's space that is tagged `convention` and has that name.
 */
export async function createSpace(
  tx: Tx,
  actor: Actor,
  space: NewSpace & { role?: SpaceRole },
  describedBy: string | null = actor.origin === 'untrusted' ? null : actor.user,
): Promise<Space> {
  if (space.description !== undefined || (space.tags?.length ?? 0) > 0) refuseUntrusted(actor);
  const id = newId('spc');
  const description = space.description ?? (await conventionText(tx, actor, space.convention)) ?? '';
  await tx.run(sql`
    insert into spaces (id, owner_id, name, description, described_by, convention, role, tags)
    values (${id}, ${actor.user}, ${space.name}, ${description}, ${describedBy}, ${space.convention ?? null}, ${space.role ?? null}, ${space.tags ?? []})`);
  // Row-level security lets only the owner of a space that is there already give the first grants.
  await tx.run(sql`
    insert into space_grants (space_id, principal, permission, granted_by)
    select ${id}, p, 'grant', ${actor.author} from unnest(${principalsOf(actor)}::text[]) as p`);
  return getSpace(tx, actor, id);
}

async function conventionText(tx: Tx, actor: Actor, convention: string | undefined): Promise<string | undefined> {
  if (convention === undefined) return undefined;
  const found = await tx.maybe<{ description: string }>(sql`
    select s.description from spaces s join ${grantsOf(actor)} on g.space_id = s.id
    where s.owner_id = ${actor.user} and s.convention = ${convention} and s.described_by = ${actor.user} and 'convention' = any(s.tags)
    order by s.created_at, s.id limit 1`);
  return found?.description;
}

/** Changes what a space says of itself; needs `grant`, because agents act by it. */
export async function updateSpace(tx: Tx, actor: Actor, id: string, patch: SpacePatch): Promise<Space> {
  await requirePermission(tx, actor, id, 'grant');
  if (patch.description !== undefined || patch.tags !== undefined) refuseUntrusted(actor);
  const changed = await tx.rows(sql`
    select retinue_describe(${id}, ${patch.name ?? null}, ${patch.description ?? null}, ${patch.tags ?? null}::text[], ${actor.origin !== 'untrusted'})`);
  if (changed.length === 0) throw noSpace(id);
  return getSpace(tx, actor, id);
}

/** Descriptions are put before models as instructions; nobody who has read other people's words writes them. */
function refuseUntrusted(actor: Actor): void {
  if (actor.origin !== 'untrusted') return;
  throw new ProblemError(
    'forbidden',
    "The description and tags of a space are instructions to agents. After reading mail, web pages or other people's files an agent may not write them; ask the user to.",
  );
}

/** Removes a space with everything in it; only its owner can, and not one of those every user is born with. */
export async function deleteSpace(tx: Tx, actor: Actor, id: string): Promise<void> {
  const space = await getSpace(tx, actor, id);
  if (space.owner !== actor.user || actor.confinedTo !== undefined)
    throw new ProblemError(
      'forbidden',
      'Only the owner of a space can delete it. You can leave it: delete your own grant.',
    );
  if (space.role !== undefined)
    throw new ProblemError(
      'conflict',
      `The space ${space.name} belongs to every user and stays. Deprecate what is in it, or erase your content.`,
    );
  await tx.run(sql`delete from spaces where id = ${id}`);
}

/** The spaces every user is born with. */
export async function createRoleSpaces(tx: Tx, actor: Actor): Promise<void> {
  for (const space of ROLE_SPACES) await createSpace(tx, actor, space);
}

interface Held {
  user: Permission;
  agent: Permission | null;
}

/**
 * Throws `not-found` without any grant, `forbidden` with too little. For more than reading, the space and then the
 * grant are held for the rest of the transaction: whoever changes an atom has its space first.
 */
export async function requirePermission(tx: Tx, actor: Actor, space: string, needed: Permission): Promise<void> {
  const held = await tx.maybe<Held>(
    needed === 'read'
      ? sql`select permission as "user", ${agentGrant(actor, space)} as agent from space_grants where space_id = ${space} and principal = ${`user:${actor.user}`}`
      : sql`
        with held as materialized (${heldGrants(actor, space)})
        select max(permission) filter (where principal like 'user:%') as "user", max(permission) filter (where principal like 'agent:%') as agent
        from held having count(*) filter (where principal like 'user:%') > 0`,
  );
  checkPermission(actor, space, held, needed);
}

/** The grants that count. The space is held first, then they, until the transaction ends: everybody takes them in this order. */
export function heldGrants(actor: Actor, space: string): RawBuilder<unknown> {
  return sql`
    select g.principal, g.permission from space_grants g left join (select id from spaces where id = ${space} for no key update) s on s.id = g.space_id
    where g.space_id = ${space} and g.principal = any(${principalsOf(actor)}::text[]) order by g.principal for share of g`;
}

function agentGrant(actor: Actor, space: string): RawBuilder<unknown> {
  if (actor.confinedTo === undefined) return sql`null`;
  return sql`(select permission from space_grants where space_id = ${space} and principal = ${`agent:${actor.confinedTo}`})`;
}

export function checkPermission(actor: Actor, space: string, held: Held | undefined, needed: Permission): void {
  const permission = effectivePermission(held?.user, {
    confined: actor.confinedTo !== undefined,
    held: held?.agent ?? undefined,
  });
  if (permission === undefined) throw noSpace(space);
  if (allows(permission, needed)) return;
  throw new ProblemError(
    'forbidden',
    `This needs the permission ${needed} on the space; yours is ${permission}. Ask a holder of grant for more.`,
  );
}

function noSpace(id: string): ProblemError {
  return new ProblemError('not-found', `There is no space ${id.slice(0, 80)} that you may read.`);
}
