import type { Agent, Charge, Request } from '../contracts/request.js';
import { stepText } from './charge-rows.js';
import type { StoredFile } from './files.js';
import type { AgentRow, RequestRow } from './rows.js';

/** A request as callers see it, without what only the web server knows: links and the addresses of files. */
export type RequestView = Omit<Request, 'links' | 'attachments'> & { readonly attachments: readonly StoredFile[] };

export interface ChargeRow {
  id: string;
  request_id: string;
  agent_id: string;
  kind: Charge['kind'];
  name: string;
  quantity: number;
  unit: string;
  usd: string;
  /** Key of what was paid for. */
  step: string;
  estimated: boolean;
  at: string;
}

export interface ViewRow extends RequestRow {
  origin: Request['origin'];
  text: string | null;
  files: StoredFile[];
  agents: (Pick<AgentRow, 'id' | 'label' | 'model' | 'instructions' | 'skills' | 'status'> & {
    parent_id: string | null;
    usd: string;
  })[];
  charges: ChargeRow[];
  usd: string;
  messages: Request['messages'];
  under_way: Request['underWay'];
}

/** What is the same for every request of one user. */
export interface UserFacts {
  readonly user: string;
  /** Permission by space id. */
  readonly spaces: Record<string, string>;
  readonly skillNames: readonly string[];
  readonly turns: number;
}

export function presentRequest(row: ViewRow, facts: UserFacts): RequestView {
  return {
    id: row.id,
    conversation: row.conversation_id,
    agent: row.agent_id,
    text: row.text ?? '',
    attachments: row.files.map((file) => ({ ...file, createdAt: instant(file.createdAt) })),
    status: row.status,
    waitingFor: row.waiting_for,
    origin: row.origin,
    agents: row.agents.map((agent) => presentAgent(agent, row, facts)),
    ...(row.result === null ? {} : { result: row.result }),
    ...(row.error === null ? {} : { error: row.error }),
    messages: row.messages.map((message) => ({ ...message, at: instant(message.at) })),
    underWay: row.under_way,
    cost: { totalUsd: row.usd, charges: row.charges.map(presentCharge) },
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}

function presentAgent(agent: ViewRow['agents'][number], request: ViewRow, facts: UserFacts): Agent {
  const isRoot = agent.parent_id === null;
  return {
    id: agent.id,
    label: agent.label,
    owner: facts.user,
    model: agent.model,
    instructions: agent.instructions,
    skills: [...(agent.skills ?? facts.skillNames)],
    spaces: isRoot ? facts.spaces : {},
    status: agent.status,
    ...(agent.parent_id === null ? {} : { parent: agent.parent_id }),
    request: request.id,
    lasting: false,
    ...(isRoot ? { budgetUsd: request.settings.budgetUsd } : {}),
    capabilities: [],
    limits: { turns: facts.turns },
    dependsOn: [],
    secrets: [],
    costUsd: agent.usd,
    priority: request.settings.priority,
  };
}

export function presentCharge(row: ChargeRow): Charge {
  return {
    id: row.id,
    request: row.request_id,
    agent: row.agent_id,
    kind: row.kind,
    name: row.name,
    quantity: row.quantity,
    unit: row.unit,
    usd: row.usd,
    step: stepText(row.step),
    estimated: row.estimated,
    at: instant(row.at),
  };
}

/** Times inside database JSON carry the session's offset; ours are in UTC everywhere. */
function instant(text: string): string {
  return new Date(text).toISOString();
}
