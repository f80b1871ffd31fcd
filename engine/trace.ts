import type { TraceNode } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import type { AgentRow, CallRow, RequestRow, TurnRow } from './rows.js';
import { readRequest } from './rows.js';

const MOST_AGENTS = 1_000;
const MOST_TURNS = 2_000;
const MOST_CALLS = 5_000;

type AgentFacts = Pick<AgentRow, 'id' | 'label' | 'skills' | 'status' | 'created_at' | 'ended_at'> & {
  parent_id: string | null;
  usd: string;
  /** Atoms that were in its context from the start. */
  injected: string[];
};
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
  readonly agents: readonly AgentFacts[];
  readonly turns: readonly TurnFacts[];
  readonly calls: readonly CallFacts[];
  readonly charges: ReadonlyMap<string, ChargeFacts>;
  readonly skillNames: readonly string[];
}

/** Where everything in a request came from: request, agents, turns, calls, with the atoms written and the money spent. */
export async function traceRequest(engine: Engine, user: string, id: string): Promise<TraceNode> {
  return engine.db.as(user, async (tx) => requestNode(await readFacts(tx, engine, user, id)));
}

async function readFacts(tx: Tx, engine: Engine, user: string, id: string): Promise<TraceFacts> {
  const request = await readRequest(tx, { user, request: id });
  const agents = await tx.rows<AgentFacts>(sql`
    select a.id, a.label, a.skills, a.status, a.created_at, a.ended_at, a.parent_id,
      (select coalesce(trim_scale(sum(c.usd)), 0)::text from charges c where c.request_id = a.request_id and c.agent_id = a.id) as usd,
      (select coalesce(array_agg(i.item->>'atom' order by i.place), '{}') from jsonb_array_elements(a.injected->'atoms') with ordinality as i(item, place)) as injected
    from agents a where a.request_id = ${id} order by a.created_at, a.id limit ${MOST_AGENTS}`);
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
  return {
    request,
    usd,
    agents,
    turns,
    calls,
    charges: new Map(charges.map((charge) => [charge.step, charge])),
    skillNames: engine.skillNames,
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
    children: agentNodes(facts, null),
  };
}

function agentNodes(facts: TraceFacts, parent: string | null): TraceNode[] {
  return facts.agents.filter((agent) => agent.parent_id === parent).map((agent) => agentNode(facts, agent));
}

function agentNode(facts: TraceFacts, agent: AgentFacts): TraceNode {
  const turns = facts.turns.filter((turn) => turn.agent_id === agent.id);
  return {
    ...NOTHING,
    id: agent.id,
    kind: 'agent',
    name: agent.label,
    agent: agent.id,
    status: agent.status,
    startedAt: agent.created_at,
    ...ended(agent.ended_at),
    usd: agent.usd,
    grant: { skills: [...(agent.skills ?? facts.skillNames)] },
    inputRef: agent.parent_id === null ? `request:${facts.request.id}` : `agent:${agent.id}`,
    outputRef: turns.length === 0 ? `agent:${agent.id}` : `turn:${agent.id}:${turns.at(-1)?.number ?? 0}`,
    atoms: agent.injected,
    children: [...turns.map((turn) => turnNode(facts, turn)), ...agentNodes(facts, agent.id)],
  };
}

function turnNode(facts: TraceFacts, turn: TurnFacts): TraceNode {
  const ref = `turn:${turn.agent_id}:${turn.number}`;
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
    children: facts.calls
      .filter((call) => call.agent_id === turn.agent_id && call.turn === turn.number)
      .map((call) => callNode(facts, turn, call)),
  };
}

/** A call's input stands in its turn. */
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
    inputRef: `turn:${turn.agent_id}:${turn.number}`,
    outputRef: `call:${call.id}`,
    atoms: call.atoms,
    approvals: call.approvals,
    effects: call.effects,
    charges: charge?.ids ?? [],
  };
}

function ended(at: string | null): { endedAt?: string } {
  return at === null ? {} : { endedAt: at };
}
