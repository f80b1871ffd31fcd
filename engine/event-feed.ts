import type { Event } from '../contracts/request.js';
import type { Engine } from './deps.js';
import { eventsAfter } from './events.js';

export type { EventBus, TextDelta } from '../store/event-bus.js';

/** Events of a request after number `after`, in order, at most `limit`; none of somebody else's. */
export async function readEvents(engine: Engine, user: string, request: string, after: number, limit: number): Promise<Event[]> {
  return engine.db.as(user, (tx) => eventsAfter(tx, request, after, limit));
}
