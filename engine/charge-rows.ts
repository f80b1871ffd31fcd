import type { Charge } from '../contracts/request.js';
import type { AgentRef } from '../contracts/step.js';
import { newId } from '../store/new-id.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { NewEvent } from './events.js';

/** A charge as its row and its event both tell it. */
export function newCharge(
  ref: AgentRef,
  kind: Charge['kind'],
  name: string,
  quantity: number,
  unit: string,
  usd: string,
): Charge {
  const at = new Date().toISOString();
  return { id: newId('chg'), request: ref.request, agent: ref.agent, kind, name, quantity, unit, usd, at };
}

export function chargeEvent(charge: Charge): NewEvent {
  return { type: 'charge', agent: charge.agent, data: { charge } };
}

/** A step is charged once. */
export function chargeRow(user: string, step: string, charge: Charge): RawBuilder<unknown> {
  return sql`
    insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd, at)
    values (${charge.id}, ${user}, ${charge.request}, ${charge.agent}, ${step}, ${charge.kind}, ${charge.name}, ${charge.quantity}, ${charge.unit},
      ${charge.usd}, ${charge.at}) on conflict (step) do nothing`;
}
