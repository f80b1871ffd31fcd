import type { Event } from '../contracts/request.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { eventsAfter } from './events.js';

export type { EventBus, TextDelta } from '../store/event-bus.js';

/** Events of a request after number `after`, in order, at most `limit`; none of somebody else's. */
export async function readEvents(
  engine: Engine,
  user: string,
  request: string,
  after: number,
  limit: number,
): Promise<Event[]> {
  return engine.db.as(user, (tx) => eventsAfter(tx, request, after, limit));
}

/** Number of the newest event of each request, whoever's it is; for finding out which readers missed a hint. */
export async function newestEvents(engine: Engine, requests: readonly string[]): Promise<Map<string, number>> {
  const rows = await engine.db.system((tx) =>
    tx.rows<{ id: string; seq: number }>(
      sql`select id, event_seq as seq from requests where id = any(${[...requests]})`,
    ),
  );
  return new Map(rows.map((row) => [row.id, row.seq]));
}
