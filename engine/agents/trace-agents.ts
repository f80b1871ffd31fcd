import type { AccessRecord, Agent } from '../../contracts/request.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { agentColumns, agentCosts, type AgentViewRow, presentAgent, readUserFacts } from './agent-views.js';

const MOST_AGENTS = 1_000;
const MOST_RIGHTS = 20_000;
const MOST_ACCESS = 5_000;

/** One right that an agent was given, also one whose time is over. */
interface Right {
  readonly kind: 'space' | 'skill' | 'secret' | 'host' | 'model';
  /** Name of what may be used; of a space its id. */
  readonly name: string;
  readonly permission?: string;
  /** `agent:ID` or `user:ID`. */
  readonly grantedBy: string;
  readonly reason?: string;
  /** Where it was written down. */
  readonly atom?: string;
  readonly expiresAt?: string;
}

/** An agent as the trace of its request shows it. */
export interface TracedAgent extends Agent {
  /** The call that spawned it. */
  readonly spawnedBy: string | undefined;
  readonly rights: readonly Right[];
  readonly access: readonly AccessRecord[];
}

/** All agents of a request, in the order in which they came, with what each was given by whom and what it asked for. */
export async function readTracedAgents(
  tx: Tx,
  engine: Engine,
  place: { readonly user: string; readonly request: string },
): Promise<TracedAgent[]> {
  const rows = await tx.rows<AgentViewRow & { spawned_by: string | null }>(sql`
    select ${agentColumns(false)}, a.spawned_by from agents a join requests r on r.id = a.request_id
      left join ${agentCosts(sql`${place.request}::text`)} on s.agent_id = a.id
    where a.request_id = ${place.request} order by a.born limit ${MOST_AGENTS}`);
  const facts = await readUserFacts(tx, place.user);
  const rights = grouped(await readRights(tx, place.request), (row) => row.agent_id);
  const access = grouped(await readAccess(tx, place.request), (row) => row.agent_id);
  return rows.map((row) => ({
    ...presentAgent(engine, row, facts),
    spawnedBy: row.spawned_by ?? undefined,
    rights: (rights.get(row.id) ?? []).map(presentRight),
    access: (access.get(row.id) ?? []).map(presentAccess),
  }));
}

/** Items by a key of theirs, in their order. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

interface RightRow {
  agent_id: string;
  kind: Right['kind'];
  name: string;
  permission: string | null;
  granted_by: string;
  reason: string | null;
  atom_id: string | null;
  expires_at: string | null;
}

function readRights(tx: Tx, request: string): Promise<RightRow[]> {
  const given = sql`g.granted_by, g.reason, g.atom_id, g.expires_at`;
  return tx.rows<RightRow>(sql`
    select a.id as agent_id, 'space' as kind, g.space_id as name, g.permission, ${given}
    from agents a join space_grants g on g.principal = 'agent:' || a.id where a.request_id = ${request}
    union all
    select a.id, g.kind, g.name, null, ${given} from agents a join agent_grants g on g.agent_id = a.id where a.request_id = ${request}
    order by 1, 2, 3 limit ${MOST_RIGHTS}`);
}

function presentRight(row: RightRow): Right {
  return {
    kind: row.kind,
    name: row.name,
    ...(row.permission === null ? {} : { permission: row.permission }),
    grantedBy: row.granted_by,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.atom_id === null ? {} : { atom: row.atom_id }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  };
}

interface AccessRow {
  id: string;
  agent_id: string;
  coordinator_id: string;
  wants: Record<string, unknown>;
  reason: string;
  status: AccessRecord['status'];
  minutes: number | null;
  atom_id: string | null;
  decided_by: string | null;
  answer: string | null;
  created_at: string;
  decided_at: string | null;
}

function readAccess(tx: Tx, request: string): Promise<AccessRow[]> {
  return tx.rows<AccessRow>(sql`
    select id, agent_id, coordinator_id, wants, reason, status, minutes, atom_id, decided_by, answer, created_at, decided_at
    from access_requests where request_id = ${request} order by created_at, id limit ${MOST_ACCESS}`);
}

function presentAccess(row: AccessRow): AccessRecord {
  return {
    id: row.id,
    coordinator: row.coordinator_id,
    wants: row.wants,
    reason: row.reason,
    status: row.status,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.answer === null ? {} : { answer: row.answer }),
    ...(row.minutes === null ? {} : { minutes: row.minutes }),
    ...(row.atom_id === null ? {} : { atom: row.atom_id }),
    at: row.created_at,
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
  };
}
