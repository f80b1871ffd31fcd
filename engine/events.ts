import type { Event, EventType } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';

export interface NewEvent {
  readonly type: EventType;
  readonly agent?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Appends events with the next numbers of the request, in this transaction; readers are told after the commit. */
export async function appendEvents(tx: Tx, request: string, user: string, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { seq } = await tx.one<{ seq: number }>(sql`
    with counter as (
      update requests set event_seq = event_seq + ${events.length}, moved_at = now() where id = ${request} returning event_seq),
    added as (
      insert into request_events (request_id, seq, user_id, type, agent_id, data)
      select ${request}, counter.event_seq - ${events.length} + e.place, ${user}, e.item->>'type', e.item->>'agent', e.item->'data'
      from counter, jsonb_array_elements(${json(events)}) with ordinality as e(item, place))
    select event_seq as seq from counter`);
  tx.announce({ request, seq });
}

interface EventRow {
  seq: number;
  type: EventType;
  agent_id: string | null;
  data: Record<string, unknown>;
  at: string;
}

/** Events of a request after number `after`, in order, at most `limit`. */
export async function eventsAfter(tx: Tx, request: string, after: number, limit: number): Promise<Event[]> {
  const rows = await tx.rows<EventRow>(sql`
    select seq, type, agent_id, data, at from request_events where request_id = ${request} and seq > ${after} order by seq limit ${limit}`);
  return rows.map((row) => ({
    id: String(row.seq),
    at: row.at,
    type: row.type,
    request,
    ...(row.agent_id === null ? {} : { agent: row.agent_id }),
    data: row.data,
  }));
}
