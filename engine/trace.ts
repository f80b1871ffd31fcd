import type { TraceNode } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { grouped, readTracedAgents, type TracedAgent } from './agents/trace-agents.js';
import type { Engine } from './deps.js';
import type { CallRow, RequestRow, TurnRow } from './rows.js';
import { readRequest } from './rows.js';

const MOST_TURNS = 2_000;
const MOST_CALLS = 5_000;

type TurnFacts = Pick<TurnRow, 'number' | 'stop_reason' | 'model' | 'started_at' | 'ended_at'> & { agent_id: string };
type CallFacts = Pick<CallRow, 'id' | 'agent_id' | 'turn' | 'skill' | 'status' | 'started_at' | 'ended_at'> & {
  atoms: string[];
  approvals: string[];
  effects: string[];
};

/** Everything one turn or call has cost, attempts that came to nothing included. */
interface ChargeFacts {
  ids: string[];
  step: string;
  usd: string;
}

interface TraceFacts {
  readonly request: RequestRow;
  readonly usd: string;
  /** By the call or else the agent that spawned them; the first one of the request by nothing. */
  readonly agents: ReadonlyMap<string, readonly TracedAgent[]>;
  /** By agent. */
  readonly turns: ReadonlyMap<string, readonly TurnFacts[]>;
  /** By the reference of their turn. */
  readonly calls: ReadonlyMap<string, readonly CallFacts[]>;
  readonly charges: ReadonlyMap<string, ChargeFacts>;
}

/** Where everything in a request came from: request, agents, turns, calls, with the atoms written and the money spent. */
export async function traceRequest(engine: Engine, user: string, id: string): Promise<TraceNode> {
  return engine.db.as(user, async (tx) => requestNode(await readFacts(tx, engine, user, id)));
}

async function readFacts(tx: Tx, engine: Engine, user: string, id: string): Promise<TraceFacts> {
  const request = await readRequest(tx, { user, request: id });
  const agents = await readTracedAgents(tx, engine, { user, request: id });
  const turns = await tx.rows<TurnFacts>(sql`
    select agent_id, number, stop_reason, model, started_at, ended_at from turns where request_id = ${id} order by number, agent_id limit ${MOST_TURNS}`);
  const calls = await tx.rows<CallFacts>(sql`
    select c.id, c.agent_id, c.turn, c.skill, c.status, c.started_at, c.ended_at,
      (select coalesce(array_agg(distinct v.atom_id order by v.atom_id), '{}') from atom_versions v where v.call_id = c.id) as atoms,
      (select coalesce(array_agg(p.id order by p.created_at, p.id), '{}') from approvals p where p.call_id = c.id) as approvals,
      (select coalesce(array_agg(e.key order by e.created_at, e.key), '{}') from approvals p join effects e on e.key = p.id where p.call_id = c.id) as effects
    from calls c where c.request_id = ${id} order by c.turn, c.position, c.agent_id limit ${MOST_CALLS}`);
  const charges = await tx.rows<ChargeFacts>(sql`
    select split_part(step, '#', 1) as step, array_agg(id order by at, id) as ids, trim_scale(sum(usd))::text as usd
    from charges where request_id = ${id} group by 1 order by min(at), 1 limit ${MOST_TURNS + MOST_CALLS}`);
  const { usd } = await tx.one<{ usd: string }>(
    sql`select coalesce(trim_scale(sum(usd)), 0)::text as usd from charges where request_id = ${id}`,
  );
  const shownTurns = new Set(turns.map((turn) => turnRef({ ...turn, turn: turn.number })));
  const shown = calls.filter((call) => shownTurns.has(turnRef(call)));
  const shownCalls = new Set(shown.map((call) => call.id));
  return {
    request,
    usd,
    agents: grouped(agents, ({ spawnedBy, parent }) =>
      spawnedBy !== undefined && shownCalls.has(spawnedBy) ? spawnedBy : (parent ?? ''),
    ),
    turns: grouped(turns, (turn) => turn.agent_id),
    calls: grouped(shown, turnRef),
    charges: new Map(charges.map((charge) => [charge.step, charge])),
  };
}

const NOTHING = { atoms: [], approvals: [], effects: [], charges: [], children: [] };

function requestNode(facts: TraceFacts): TraceNode {
  const { request } = facts;
  return {
    ...NOTHING,
    id: request.id,
    kind: 'request',
    name: request.settings.agent,
    agent: request.agent_id,
    status: request.status,
    startedAt: request.created_at,
    ...ended(request.ended_at),
    usd: facts.usd,
    inputRef: `request:${request.id}`,
    outputRef: `result:${request.id}`,
    children: agentNodes(facts, ''),
  };
}

function agentNodes(facts: TraceFacts, origin: string): TraceNode[] {
  return (facts.agents.get(origin) ?? []).map((agent) => agentNode(facts, agent));
}

function agentNode(facts: TraceFacts, agent: TracedAgent): TraceNode {
  const turns = facts.turns.get(agent.id) ?? [];
  const last = turns.at(-1);
  return {
    ...NOTHING,
    id: agent.id,
    kind: 'agent',
    name: agent.label,
    agent: agent.id,
    status: agent.status,
    startedAt: agent.createdAt,
    ...ended(agent.endedAt ?? null),
    usd: agent.costUsd,
    grant: grantOf(agent),
    ...(agent.outcome === undefined ? {} : { outcome: agent.outcome }),
    ...(agent.error === undefined ? {} : { error: agent.error }),
    ...(agent.replaces === undefined ? {} : { replaces: agent.replaces }),
    ...(agent.access.length === 0 ? {} : { access: [...agent.access] }),
    inputRef: agent.parent === undefined ? `request:${facts.request.id}` : `task:${agent.id}`,
    outputRef: last === undefined ? `agent:${agent.id}` : turnRef({ ...last, turn: last.number }),
    atoms: agent.context.atoms,
    children: [...turns.map((turn) => turnNode(facts, turn)), ...agentNodes(facts, agent.id)],
  };
}

/** What the agent may do at this moment, and everything it was given with who gave it. */
function grantOf({ skills, spaces, secrets, hosts, budgetUsd, limits, rights }: TracedAgent): Record<string, unknown> {
  return {
    skills,
    spaces,
    secrets,
    ...(hosts === undefined ? {} : { hosts }),
    ...(budgetUsd === undefined ? {} : { budgetUsd }),
    depth: limits['depth'],
    rights,
  };
}

function turnRef({ agent_id, turn }: { readonly agent_id: string; readonly turn: number }): string {
  return `turn:${agent_id}:${turn}`;
}

function turnNode(facts: TraceFacts, turn: TurnFacts): TraceNode {
  const ref = turnRef({ ...turn, turn: turn.number });
  const charge = facts.charges.get(ref);
  return {
    ...NOTHING,
    id: ref,
    kind: 'turn',
    name: turn.model,
    agent: turn.agent_id,
    status: turn.stop_reason,
    startedAt: turn.started_at,
    ...ended(turn.ended_at),
    usd: charge?.usd ?? '0',
    inputRef: `context:${turn.agent_id}:${turn.number}`,
    outputRef: ref,
    charges: charge?.ids ?? [],
    children: (facts.calls.get(ref) ?? []).map((call) => callNode(facts, turn, call)),
  };
}

/** A call's input stands in its turn; below it are the agents that it spawned. */
function callNode(facts: TraceFacts, turn: TurnFacts, call: CallFacts): TraceNode {
  const charge = facts.charges.get(`call:${call.id}`);
  return {
    ...NOTHING,
    id: call.id,
    kind: 'call',
    name: call.skill,
    agent: call.agent_id,
    status: call.status,
    startedAt: call.started_at ?? turn.ended_at,
    ...ended(call.ended_at),
    usd: charge?.usd ?? '0',
    inputRef: turnRef(call),
    outputRef: `call:${call.id}`,
    atoms: call.atoms,
    approvals: call.approvals,
    effects: call.effects,
    charges: charge?.ids ?? [],
    children: agentNodes(facts, call.id),
  };
}

function ended(at: string | null): { endedAt?: string } {
  return at === null ? {} : { endedAt: at };
}
