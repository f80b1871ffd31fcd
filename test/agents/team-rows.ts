import { type Permission, PERMISSIONS } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';

/** Reads the rights of a team from whole rows and compares them by the rule alone; nothing of the product helps. */
export interface Team {
  readonly user: string;
  readonly request: string;
  readonly root: string;
}

/** Until when something is held, in milliseconds; `Infinity` without an end. */
interface Held {
  readonly until: number;
  readonly by: string;
}

/** By name; null where nothing bounds the agent. */
type Names = ReadonlyMap<string, Held> | null;

export interface Member {
  readonly id: string;
  readonly parent: string | null;
  readonly isLive: boolean;
  readonly isConfined: boolean;
  readonly isParentConfined: boolean;
  readonly depth: number;
  readonly budget: number;
  readonly spaces: ReadonlyMap<string, Held & { readonly permission: Permission }>;
  readonly skills: Names;
  readonly secrets: Names;
  readonly hosts: Names;
  readonly models: Names;
}

interface AgentRow {
  id: string;
  parent_id: string | null;
  confined: boolean;
  ended_at: string | null;
  skills: string[] | null;
  hosts: string[] | null;
  most_depth: number | null;
  budget_usd: string | null;
}

interface NameRow {
  agent_id: string;
  kind: string;
  name: string;
  granted_by: string;
  until: number | null;
}

interface SpaceRow {
  space_id: string;
  principal: string;
  permission: Permission;
  granted_by: string;
  until: number | null;
}

/** Every agent of the team with what it holds at this moment, ended ones included. */
export async function membersOf(tx: Tx, team: Team): Promise<Member[]> {
  const agents = await tx.rows<AgentRow>(sql`
    select id, parent_id, confined, ended_at, skills, hosts, most_depth, budget_usd from agents where request_id = ${team.request}`);
  const names = await tx.rows<NameRow>(sql`
    select g.agent_id, g.kind, g.name, g.granted_by, extract(epoch from g.expires_at)::float8 as until from agent_grants g join agents a on a.id = g.agent_id
    where a.request_id = ${team.request} and (g.expires_at > now()) is not false`);
  const spaces = await tx.rows<SpaceRow>(sql`
    select g.space_id, g.principal, g.permission, g.granted_by, extract(epoch from g.expires_at)::float8 as until
    from space_grants g join agents a on g.principal = 'agent:' || a.id where a.request_id = ${team.request} and (g.expires_at > now()) is not false`);
  return agents.map((row) => {
    const ofKind = (kind: string): ReadonlyMap<string, Held> =>
      new Map(
        names
          .filter((name) => name.agent_id === row.id && name.kind === kind)
          .map((name) => [name.name, { until: name.until ?? Infinity, by: name.granted_by }]),
      );
    const isRoot = row.parent_id === null;
    const models = ofKind('model');
    return {
      id: row.id,
      parent: row.parent_id,
      isLive: row.ended_at === null,
      isConfined: row.confined,
      isParentConfined: agents.find(({ id }) => id === row.parent_id)?.confined === true,
      depth: row.most_depth ?? Infinity,
      budget: Number(row.budget_usd ?? Infinity),
      spaces: new Map(
        spaces
          .filter(({ principal }) => principal === `agent:${row.id}`)
          .map((space) => [
            space.space_id,
            { permission: space.permission, until: space.until ?? Infinity, by: space.granted_by },
          ]),
      ),
      skills: isRoot ? listed(row.skills) : ofKind('skill'),
      secrets: isRoot ? null : ofKind('secret'),
      hosts: isRoot || row.hosts === null ? null : ofKind('host'),
      models: isRoot || models.size === 0 ? null : models,
    };
  });
}

function listed(names: readonly string[] | null): Names {
  return names === null ? null : new Map(names.map((name) => [name, { until: Infinity, by: 'its user' }]));
}

/** Everything that an agent has beyond the one that spawned it and that no person gave it. */
export function widerThanAbove(team: Team, members: readonly Member[]): string[] {
  const known = new Map(members.map((member) => [member.id, member]));
  return members.flatMap((member) => {
    const parent = member.parent === null ? undefined : known.get(member.parent);
    if (parent === undefined) return [];
    const problems = (['skills', 'secrets', 'hosts', 'models'] as const).flatMap((field) =>
      widerNames(field, parent[field], member[field]),
    );
    if (parent.isConfined) problems.push(...widerSpaces(parent, member));
    if (!member.isConfined) problems.push('it is not bound by its own grants');
    if (member.depth >= parent.depth) problems.push('it may go as deep as its parent');
    return problems.map(
      (problem) => `${member.id} of ${parent.id === team.root ? 'the first agent' : parent.id}: ${problem}`,
    );
  });
}

function widerNames(field: string, held: Names, own: Names): string[] {
  if (held === null) return [];
  if (own === null) return [`nothing bounds its ${field}`];
  return [...own].flatMap(([name, { by, until }]) =>
    by.startsWith('user:') || (held.get(name)?.until ?? 0) >= until ? [] : [`${field} ${name} (by ${by})`],
  );
}

/** What an agent has made itself is its own. */
function widerSpaces(parent: Member, member: Member): string[] {
  return [...member.spaces].flatMap(([space, { permission, by, until }]) => {
    if (by.startsWith('user:') || by === `agent:${member.id}`) return [];
    const held = parent.spaces.get(space);
    const isCovered =
      held !== undefined &&
      PERMISSIONS.indexOf(held.permission) >= PERMISSIONS.indexOf(permission) &&
      held.until >= until;
    return isCovered ? [] : [`${permission} on ${space} (by ${by})`];
  });
}
