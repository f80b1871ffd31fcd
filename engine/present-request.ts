import type { Charge, Request } from '../contracts/request.js';
import { type AgentViewRow, presentAgent, type UserFacts } from './agents/agent-views.js';
import { stepText } from './charge-rows.js';
import type { Engine } from './deps.js';
import type { StoredFile } from './files.js';
import type { RequestRow } from './rows.js';

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
  agents: AgentViewRow[];
  charges: ChargeRow[];
  usd: string;
  messages: Request['messages'];
  under_way: Request['underWay'];
}

export function presentRequest(engine: Engine, row: ViewRow, facts: UserFacts): RequestView {
  return {
    id: row.id,
    conversation: row.conversation_id,
    agent: row.agent_id,
    text: row.text ?? '',
    attachments: row.files.map((file) => ({ ...file, createdAt: instant(file.createdAt) })),
    status: row.status,
    waitingFor: row.waiting_for,
    origin: row.origin,
    agents: row.agents.map((agent) => presentAgent(engine, agent, facts)),
    ...(row.result === null ? {} : { result: row.result }),
    ...(row.error === null ? {} : { error: row.error }),
    messages: row.messages.map((message) => ({ ...message, at: instant(message.at) })),
    underWay: row.under_way,
    cost: { totalUsd: row.usd, charges: row.charges.map(presentCharge) },
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
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
