import type { Event, EventType, RequestStatus, WaitingFor } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';

export interface NewEvent {
  readonly type: EventType;
  readonly agent?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What changes in a request's row together with its events. */
export interface RequestChange {
  readonly status?: RequestStatus;
  readonly waitingFor?: readonly WaitingFor[];
  readonly error?: { readonly type: string; readonly message: string };
  readonly result?: RawBuilder<unknown>;
  readonly ended?: true;
}

interface Place {
  readonly request: string;
  readonly user: string;
}

/**
 * Changes a request whose row the caller holds and appends events with its next numbers, in one statement with
 * whatever else belongs to the change; readers are told after the commit. A round trip costs more than its size.
 */
export async function changeRequest(
  tx: Tx,
  place: Place,
  change: RequestChange,
  events: readonly NewEvent[],
  also: readonly RawBuilder<unknown>[] = [],
): Promise<void> {
  const count = events.length;
  const parts = also.map((statement, index) => sql`${sql.raw(`part_${index}`)} as (${statement}), `);
  const { seq } = await tx.one<{ seq: number }>(sql`
    with ${sql.join(parts, sql``)}
    counter as (update requests set ${assignments(change, count)} where id = ${place.request} returning event_seq),
    added as (
      insert into request_events (request_id, seq, user_id, type, agent_id, data)
      select ${place.request}, counter.event_seq - ${count} + e.place, ${place.user}, e.item->>'type', e.item->>'agent', e.item->'data'
      from counter, jsonb_array_elements(${json(events)}) with ordinality as e(item, place))
    select event_seq as seq from counter`);
  tx.announce({ request: place.request, seq, ...(change.status === undefined ? {} : { status: change.status }) });
}

function assignments(change: RequestChange, count: number): RawBuilder<unknown> {
  return sql.join([
    sql`event_seq = event_seq + ${count}, moved_at = now()`,
    ...(change.status === undefined ? [] : [sql`status = ${change.status}`]),
    ...(change.waitingFor === undefined ? [] : [sql`waiting_for = ${json(change.waitingFor)}`]),
    ...(change.error === undefined ? [] : [sql`error = ${json(change.error)}`]),
    ...(change.result === undefined ? [] : [sql`result = ${change.result}`]),
    ...(change.ended === undefined ? [] : [sql`ended_at = now()`]),
  ]);
}

/** Appends events alone. */
export function appendEvents(tx: Tx, request: string, user: string, events: readonly NewEvent[]): Promise<void> {
  return events.length === 0 ? Promise.resolve() : changeRequest(tx, { request, user }, {}, events);
}

/** The event that goes with a change of status. */
export function statusEvent(status: RequestStatus, waitingFor: readonly WaitingFor[]): NewEvent {
  return { type: 'status', data: { status, waitingFor } };
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
