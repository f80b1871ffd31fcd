import type { Label } from '../../contracts/effect-class.js';
import type { AgentGrant } from '../../contracts/grant.js';
import type { Permission } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { type RawBuilder, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';

/** What every agent may do that another one spawned, besides what it was given: answer, ask, and speak to its team. */
export const ALWAYS_HELD = ['request_access', 'message_agent'] as const;

/** The names of the skills that the agent `a` may use at this moment; null means every one. */
export const SKILLS_NOW = sql`case when a.parent_id is null then a.skills else retinue_held(a.id, 'skill') || ${[...ALWAYS_HELD]}::text[] end`;

/** An agent as far as it matters to those it spawns. */
export interface Holder {
  readonly id: string;
  readonly request: string;
  readonly conversation: string;
  readonly user: string;
  readonly parent: string | null;
  readonly hasEnded: boolean;
  readonly label: string;
  readonly confined: boolean;
  readonly hop: number;
  readonly model: string;
  readonly labels: Label[];
  readonly depth: number;
  readonly path: string[];
  readonly priority: number;
  readonly dmSpace: string | null;
  /** Its loop runs in the workflow of another agent. */
  readonly hosted: boolean;
  /** Agents it has spawned, and agents of the request, ended ones included. */
  readonly children: number;
  readonly agents: number;
  readonly grant: AgentGrant;
}

interface HolderRow extends Omit<Holder, 'grant'> {
  spaces: Record<string, Permission>;
  skills: string[] | null;
  secrets: string[] | null;
  models: string[] | null;
  hosts: string[] | null;
  budget: string;
  most_depth: number | null;
  most_children: number | null;
}

/** Locks nothing: agents of a request change under its lock. */
export async function readHolder(tx: Tx, engine: Engine, agent: string): Promise<Holder | undefined> {
  const row = await tx.maybe<HolderRow>(sql`
    select a.id, a.request_id as request, r.conversation_id as conversation, a.user_id as "user", a.parent_id as parent, a.ended_at is not null as "hasEnded", a.label, a.confined, a.hop, a.model, a.labels, a.depth, a.path,
      case when a.parent_id is null then (r.settings->>'priority')::int else a.priority end as priority, a.dm_space as "dmSpace", a.hosted_by is not null as hosted,
      (select count(*)::int from agents c where c.parent_id = a.id) as children, (select count(*)::int from agents c where c.request_id = a.request_id) as agents,
      ${heldSpaces(sql`a.id`)} as spaces, ${SKILLS_NOW} as skills, retinue_held(a.id, 'secret') as secrets, retinue_held(a.id, 'model') as models, retinue_held(a.id, 'host') as hosts,
      coalesce(a.budget_usd::text, r.settings->>'budgetUsd') as budget, a.most_depth, a.most_children
    from agents a join requests r on r.id = a.request_id where a.id = ${agent}`);
  if (row === undefined) return undefined;
  const { spaces, skills, secrets, models, hosts, budget, most_depth, most_children, ...holder } = row;
  return {
    ...holder,
    grant: {
      spaces: row.confined ? spaces : null,
      skills,
      secrets,
      models,
      hosts,
      budgetUsd: budget,
      depth: most_depth ?? engine.limits.depth,
      maxChildren: most_children ?? engine.limits.children,
    },
  };
}

/** The rights on spaces that an agent was given and still has, by id. */
export function heldSpaces(agent: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select coalesce(json_object_agg(g.space_id, g.permission), '{}') from space_grants g
    where g.principal = 'agent:' || ${agent} and (g.expires_at is null or g.expires_at > now()))`;
}
