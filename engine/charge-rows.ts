import type { Charge } from '../contracts/request.js';
import type { AgentRef } from '../contracts/step.js';
import { newId } from '../store/new-id.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { NewEvent } from './events.js';

/** Key of what a turn costs; its rows in the ledger and its reservations carry it. */
export function turnStep(agent: string, turn: number): string {
  return `turn:${agent}:${turn}`;
}

/** Key of what a call of a skill costs. */
export function callStep(call: string): string {
  return `call:${call}`;
}

/** Key of what an action outside costs. */
export function effectStep(key: string): string {
  return `effect:${key}`;
}

/** Key of a call of the model that came to nothing, beside the turn it was made for. */
export function attemptStep(step: string, attempt: number): string {
  return `${step}#${attempt}`;
}

/** A key in plain words: `turn 2`, `turn 2, attempt 1`, `call call_x`. */
export function stepText(step: string): string {
  const [kind = '', id = '', rest = ''] = step.split(':');
  if (kind !== 'turn') return `${kind} ${id}`;
  const [turn = '', attempt] = rest.split('#');
  return attempt === undefined ? `turn ${turn}` : `turn ${turn}, attempt ${attempt}`;
}

export interface ChargeFacts extends Pick<Charge, 'kind' | 'name' | 'quantity' | 'unit' | 'usd'> {
  /** Key of what is paid for. */
  readonly step: string;
  readonly estimated?: boolean;
}

/** A charge as its row and its event both tell it. */
export function newCharge(ref: Pick<AgentRef, 'request' | 'agent'>, facts: ChargeFacts): Charge {
  const { step, estimated = false, ...rest } = facts;
  const at = new Date().toISOString();
  return { id: newId('chg'), request: ref.request, agent: ref.agent, ...rest, step: stepText(step), estimated, at };
}

export function chargeEvent(charge: Charge): NewEvent {
  return { type: 'charge', agent: charge.agent, data: { charge } };
}

/** A step is charged once. The wallet is not touched here. */
export function chargeRow(user: string, step: string | RawBuilder<unknown>, charge: Charge): RawBuilder<unknown> {
  return sql`
    insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd, estimated, at)
    values (${charge.id}, ${user}, ${charge.request}, ${charge.agent}, ${step}, ${charge.kind}, ${charge.name}, ${charge.quantity}, ${charge.unit},
      ${charge.usd}, ${charge.estimated}, ${charge.at}) on conflict (step) do nothing`;
}
