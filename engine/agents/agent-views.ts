import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Agent } from '../../contracts/request.js';
import type { Page } from '../../contracts/space.js';
import { shortened } from '../../contracts/text.js';
import type { Tx } from '../../store/db.js';
import { pageCursor, readCursor } from '../../store/paging.js';
import { type RawBuilder, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import type { AgentOutcome, AgentRow } from '../rows.js';
import { capabilitiesOf } from './capabilities.js';
import { SKILLS_NOW } from './rights.js';
import { queuePosition } from './queue.js';

/** Characters of each text in a list; the texts of one agent are shown whole. */
const LONGEST_IN_LIST = 1_000;

/** An agent with everything its view shows. */
export interface AgentViewRow {
  id: string;
  user_id: string;
  request_id: string;
  parent_id: string | null;
  label: string;
  model: string;
  instructions: string;
  skills: string[] | null;
  /** Null where nothing but its user bounds it; so are secrets and hosts. */
  spaces: Record<string, string> | null;
  secrets: string[] | null;
  hosts: string[] | null;
  status: AgentRow['status'];
  outcome: AgentOutcome | null;
  task: string | null;
  result: string | null;
  error: { type: string; message: string } | null;
  replaces: string | null;
  position: number | null;
  budget: string | null;
  priority: number;
  most_depth: number | null;
  most_children: number | null;
  timeout_seconds: number | null;
  depends_on: string[];
  labels: Label[];
  turns: number;
  atoms: string[];
  usd: string;
  created_at: string;
  ended_at: string | null;
}

/** What of every agent of one user is the same. */
export interface UserFacts {
  /** Permission by id, of the spaces every user is born with. */
  readonly spaces: Record<string, string>;
  /** Names of the user's secrets. */
  readonly secrets: readonly string[];
}

/** What each agent has cost, as `s`, to be joined to agents; `requests` are ids. */
export function agentCosts(requests: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select agent_id, trim_scale(sum(usd))::text as usd from charges where request_id in (${requests}) group by agent_id) s`;
}

/** Columns of `AgentViewRow` for agents `a` of requests `r` with costs `s`. */
export function agentColumns(isWhole: boolean): RawBuilder<unknown> {
  const shown = (text: RawBuilder<unknown>) => (isWhole ? text : sql`left(${text}, ${LONGEST_IN_LIST + 1})`);
  return sql`
    a.id, a.user_id, a.request_id, a.parent_id, a.label, a.model, ${SKILLS_NOW} as skills, ${effectiveSpaces} as spaces,
    case when a.instructions_ref is not null then 'atom:' || (a.instructions_ref->>'atom') when a.parent_id is null then a.instructions else ${shown(sql`a.instructions`)} end as instructions,
    ${heldNames('secret')} as secrets, ${heldNames('host')} as hosts, a.status, ${shown(sql`a.task`)} as task,
    coalesce(a.outcome, case when a.parent_id is null and a.ended_at is not null then r.status end) as outcome,
    ${shown(sql`coalesce(a.result, case when a.parent_id is null then r.result->>'text' end)`)} as result,
    coalesce(a.error, case when a.parent_id is null then r.error end) as error, a.replaces, ${queuePosition(sql`a`)} as position,
    coalesce(trim_scale(a.budget_usd)::text, case when a.parent_id is null then r.settings->>'budgetUsd' end) as budget,
    case when a.parent_id is null then (r.settings->>'priority')::int else a.priority end as priority, a.most_depth, a.most_children, a.timeout_seconds,
    array(select c.child from calls c where c.agent_id = a.id and c.status = 'delegated' and c.child is not null
      union select k.id from agents k where k.parent_id = a.id and k.ended_at is null order by 1) as depends_on,
    a.labels, a.turns, array(select i.item->>'atom' from jsonb_array_elements(a.injected->'atoms') with ordinality as i(item, place) order by i.place) as atoms,
    coalesce(s.usd, '0') as usd, a.created_at, a.ended_at`;
}

/** Null for the first agent of a request, without asking for what nothing bounds. */
function heldNames(kind: 'secret' | 'host'): RawBuilder<unknown> {
  return sql`case when a.parent_id is not null then retinue_held(a.id, ${kind}) end`;
}

/** What was granted and is still held, no more than the user has there; null for an agent that its own grants do not bind. */
const effectiveSpaces = sql`case when a.confined then (
  select coalesce(json_object_agg(g.space_id, case when retinue_covers(u.permission, g.permission) then g.permission else u.permission end), '{}')
  from space_grants g join space_grants u on u.space_id = g.space_id and u.principal = 'user:' || a.user_id and (u.expires_at is null or u.expires_at > now())
  where g.principal = 'agent:' || a.id and (g.expires_at is null or g.expires_at > now())) end`;

export interface AgentFilter {
  readonly request?: string | undefined;
  readonly status?: AgentRow['status'] | undefined;
  readonly parent?: string | undefined;
  /** Agents that outlive their request. */
  readonly lasting?: boolean | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Agents of the user, newest first, with their texts cut. */
export async function listAgents(engine: Engine, user: string, filter: AgentFilter): Promise<Page<Agent>> {
  const after = readCursor(filter.cursor);
  const conditions = [
    sql`user_id = ${user}`,
    ...(filter.request === undefined ? [] : [sql`request_id = ${filter.request}`]),
    ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
    ...(filter.parent === undefined ? [] : [sql`parent_id = ${filter.parent}`]),
    // Every agent belongs to a request.
    ...(filter.lasting === true ? [sql`false`] : []),
    ...(after === undefined ? [] : [sql`(created_at, id) < (${after.at}::timestamptz, ${after.id})`]),
  ];
  return engine.db.as(user, async (tx) => {
    const rows = await tx.rows<AgentViewRow>(sql`
      with page as materialized (select * from agents where ${sql.join(conditions, sql` and `)} order by created_at desc, id desc limit ${filter.limit + 1})
      select ${agentColumns(false)} from page a join requests r on r.id = a.request_id
        left join ${agentCosts(sql`select request_id from page`)} on s.agent_id = a.id order by a.created_at desc, a.id desc`);
    const facts = await readUserFacts(tx, user);
    return pageCursor(
      rows,
      filter.limit,
      (row) => ({ at: row.created_at, id: row.id }),
      (row) => presentAgent(engine, row, facts),
    );
  });
}

/** One agent, its texts whole; `not-found` when there is none or it is somebody else's. */
export function viewAgent(engine: Engine, user: string, id: string): Promise<Agent> {
  return engine.db.as(user, async (tx) => {
    const row = await tx.maybe<AgentViewRow>(sql`
      select ${agentColumns(true)} from agents a join requests r on r.id = a.request_id
        left join ${agentCosts(sql`select request_id from agents where id = ${id}`)} on s.agent_id = a.id
      where a.id = ${id} and a.user_id = ${user}`);
    if (row === undefined) throw noAgentOf(id);
    return presentAgent(engine, row, await readUserFacts(tx, user), true);
  });
}

export function noAgentOf(id: string): ProblemError {
  return new ProblemError('not-found', `You have no agent ${id.slice(0, 80)}.`);
}

export async function readUserFacts(tx: Tx, user: string): Promise<UserFacts> {
  const { spaces, secrets } = await tx.one<{ spaces: Record<string, string>; secrets: string[] }>(sql`
    select (select coalesce(json_object_agg(s.id, g.permission), '{}') from spaces s join space_grants g on g.space_id = s.id and g.principal = ${`user:${user}`}
        where s.owner_id = ${user} and s.role is not null) as spaces,
      (select coalesce(array_agg(name order by name), '{}') from secrets where user_id = ${user}) as secrets`);
  return { spaces, secrets };
}

/** An agent as callers see it, with the rights it has at this moment. */
export function presentAgent(engine: Engine, row: AgentViewRow, facts: UserFacts, isWhole = false): Agent {
  const skills = row.skills ?? engine.skillNames;
  const text = (given: string) => (isWhole ? given : shortened(given, LONGEST_IN_LIST));
  return {
    id: row.id,
    label: row.label,
    owner: row.user_id,
    model: row.model,
    instructions: row.parent_id === null ? row.instructions : text(row.instructions),
    skills: [...skills],
    spaces: row.spaces ?? facts.spaces,
    status: row.status,
    ...(row.parent_id === null ? {} : { parent: row.parent_id }),
    request: row.request_id,
    ...(row.position === null ? {} : { queuePosition: row.position }),
    lasting: false,
    ...(row.budget === null ? {} : { budgetUsd: row.budget }),
    ...(row.task === null ? {} : { task: text(row.task) }),
    capabilities: capabilitiesOf(skills),
    limits: {
      turns: engine.limits.turns,
      depth: row.most_depth ?? engine.limits.depth,
      children: row.most_children ?? engine.limits.children,
      ...(row.timeout_seconds === null ? {} : { timeoutSeconds: row.timeout_seconds }),
    },
    dependsOn: row.depends_on,
    secrets: [...(row.secrets ?? facts.secrets)],
    costUsd: row.usd,
    priority: row.priority,
    ...(row.hosts === null ? {} : { hosts: row.hosts }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.result === null ? {} : { result: text(row.result) }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.replaces === null ? {} : { replaces: row.replaces }),
    context: { turns: row.turns, labels: row.labels, atoms: row.atoms },
    createdAt: new Date(row.created_at).toISOString(),
    ...(row.ended_at === null ? {} : { endedAt: new Date(row.ended_at).toISOString() }),
  };
}
