import { ProblemError } from '../contracts/problem.js';
import type { Grant, Permission } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Actor } from './principal.js';
import { requirePermission } from './spaces.js';

interface GrantRow {
  space_id: string;
  principal: string;
  permission: Permission;
  granted_by: string;
  created_at: string;
}

const MOST_GRANTS = 1_000;

/** Who may do what in a space; seen by whoever may grant. */
export async function listGrants(tx: Tx, actor: Actor, space: string): Promise<Grant[]> {
  await requirePermission(tx, actor, space, 'grant');
  const rows = await tx.rows<GrantRow>(sql`
    select space_id, principal, permission, granted_by, created_at from space_grants
    where space_id = ${space} order by created_at, principal limit ${MOST_GRANTS}`);
  return rows.map(presentGrant);
}

/** Shares a space, or changes what was shared. Agents are those of the acting user. */
export async function setGrant(
  tx: Tx,
  actor: Actor,
  space: string,
  principal: string,
  permission: Permission,
): Promise<Grant> {
  await requirePermission(tx, actor, space, 'grant');
  if (permission !== 'grant') await refuseOwner(tx, space, principal);
  await checkPrincipal(tx, principal);
  await refuseWider(tx, actor, space, principal, permission);
  const row = await tx.one<GrantRow>(sql`
    insert into space_grants (space_id, principal, permission, granted_by)
    values (${space}, ${principal}, ${permission}, ${actor.author})
    on conflict (space_id, principal) do update set permission = excluded.permission, granted_by = excluded.granted_by
    returning space_id, principal, permission, granted_by, created_at`);
  return presentGrant(row);
}

/** Takes a grant back; the next operation of its holder fails. Everybody may leave a space. */
export async function dropGrant(tx: Tx, actor: Actor, space: string, principal: string): Promise<void> {
  const isLeaving = principal === `user:${actor.user}` && actor.confinedTo === undefined;
  await requirePermission(tx, actor, space, isLeaving ? 'read' : 'grant');
  await refuseOwner(tx, space, principal);
  const dropped = await tx.run(sql`delete from space_grants where space_id = ${space} and principal = ${principal}`);
  if (dropped === 0) throw new ProblemError('not-found', `${principal.slice(0, 80)} holds no grant on this space.`);
}

/** No agent may have more than the one that spawned it, unless a person gives it. */
async function refuseWider(
  tx: Tx,
  actor: Actor,
  space: string,
  principal: string,
  permission: Permission,
): Promise<void> {
  if (actor.author.startsWith('user:')) return;
  const wider = await tx.maybe(sql`
    select 1 from agents a join agents p on p.id = a.parent_id where ${principal} = 'agent:' || a.id and p.confined and not exists (
      select from space_grants h where h.space_id = ${space} and h.principal = 'agent:' || p.id and retinue_covers(h.permission, ${permission}) and h.expires_at is null)`);
  if (wider !== undefined)
    throw new ProblemError(
      'forbidden',
      'The agent that leads it does not have this itself, so it cannot be given. Ask the user to share the space.',
    );
}

async function refuseOwner(tx: Tx, space: string, principal: string): Promise<void> {
  const owned = await tx.maybe(sql`select id from spaces where id = ${space} and ${principal} = 'user:' || owner_id`);
  if (owned !== undefined)
    throw new ProblemError(
      'conflict',
      'The owner of a space keeps grant on it. Delete the space, or leave it as it is.',
    );
}

/** The name of a person here, or the label of an agent of the user; undefined where there is none. */
export async function nameOfPrincipal(tx: Tx, principal: string): Promise<string | undefined> {
  const [kind, id = ''] = principal.split(':');
  const found = await tx.maybe<{ name: string | null }>(
    kind === 'user'
      ? sql`select retinue_user_name(${id}) as name`
      : sql`select label as name from agents where id = ${id}`,
  );
  return found?.name ?? undefined;
}

async function checkPrincipal(tx: Tx, principal: string): Promise<void> {
  if ((await nameOfPrincipal(tx, principal)) !== undefined) return;
  throw new ProblemError(
    'invalid-body',
    principal.startsWith('user:') ? 'There is no user with this id.' : 'You have no agent with this id.',
    {
      errors: [{ path: 'principal', message: 'must be user:ID of a person here, or agent:ID of one of your agents' }],
      status: 422,
    },
  );
}

function presentGrant(row: GrantRow): Grant {
  return {
    space: row.space_id,
    principal: row.principal,
    permission: row.permission,
    grantedBy: row.granted_by,
    createdAt: row.created_at,
  };
}
