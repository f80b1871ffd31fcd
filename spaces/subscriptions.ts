import { ProblemError } from '../contracts/problem.js';
import type { Delivery, NewSubscription, Page, Subscription } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { pageCursor, readCursor, wrongCursor } from '../store/paging.js';
import { json, sql } from '../store/sql.js';
import type { Actor } from './principal.js';
import { EVENT_COLUMNS, presentEvent, type SpaceEventRow } from './space-events.js';
import { requirePermission } from './spaces.js';

interface SubscriptionRow {
  space_id: string;
  agent_id: string;
  filter: Omit<NewSubscription, 'debounceSeconds'>;
  debounce_ms: number;
  created_at: string;
}

/** Tells one of the user's agents of changes from now on; a second wish for the same space replaces the first. */
export async function subscribe(
  tx: Tx,
  actor: Actor,
  space: string,
  agent: string,
  { debounceSeconds = 0, ...filter }: NewSubscription,
): Promise<Subscription> {
  await requirePermission(tx, actor, space, 'read');
  await requireAgent(tx, actor, agent);
  const row = await tx.one<SubscriptionRow>(sql`
    insert into subscriptions (space_id, agent_id, user_id, filter, debounce_ms, seen_seq)
    select ${space}, ${agent}, ${actor.user}, ${json(filter)}, ${Math.round(debounceSeconds * 1000)}, event_seq from spaces where id = ${space}
    on conflict (space_id, agent_id) do update set filter = excluded.filter, debounce_ms = excluded.debounce_ms
    returning space_id, agent_id, filter, debounce_ms, created_at`);
  return presentSubscription(row);
}

export async function unsubscribe(tx: Tx, actor: Actor, space: string, agent: string): Promise<void> {
  await requireAgent(tx, actor, agent);
  const dropped = await tx.run(sql`delete from subscriptions where space_id = ${space} and agent_id = ${agent}`);
  if (dropped === 0) throw new ProblemError('not-found', 'This agent is not subscribed to this space.');
}

/** Which of the user's agents are told of changes of a space, newest subscription first; one that is confined sees its own. */
export async function listSubscriptions(
  tx: Tx,
  actor: Actor,
  space: string,
  page: { limit: number; cursor?: string },
): Promise<Page<Subscription>> {
  await requirePermission(tx, actor, space, 'read');
  const after = readCursor(page.cursor);
  const rows = await tx.rows<SubscriptionRow>(sql`
    select space_id, agent_id, filter, debounce_ms, created_at from subscriptions
    where space_id = ${space} and user_id = ${actor.user} and ${actor.confinedTo === undefined ? sql`true` : sql`agent_id = ${actor.confinedTo}`}
      and ${after === undefined ? sql`true` : sql`(created_at, agent_id) < (${after.at}::timestamptz, ${after.id})`}
    order by created_at desc, agent_id desc limit ${page.limit + 1}`);
  return pageCursor(rows, page.limit, (row) => ({ at: row.created_at, id: row.agent_id }), presentSubscription);
}

/** What an agent was told of, oldest first. */
export async function inboxOf(
  tx: Tx,
  actor: Actor,
  agent: string,
  page: { limit: number; cursor?: string },
): Promise<Page<Delivery>> {
  await requireAgent(tx, actor, agent);
  const found = await deliveriesAfter(tx, agent, readPlace(page.cursor), page.limit + 1);
  const items = found.slice(0, page.limit);
  const last = items.at(-1);
  return found.length <= page.limit || last === undefined ? { items } : { items, cursor: last.id };
}

/** What an agent was told of after a delivery, in order; for a caller that knows whose agent it is. */
export async function deliveriesAfter(tx: Tx, agent: string, after: string, limit: number): Promise<Delivery[]> {
  const rows = await tx.rows<SpaceEventRow & { id: string; delivered_at: string }>(sql`
    select d.id::text as id, d.at as delivered_at, ${EVENT_COLUMNS} from deliveries d join space_events e on e.space_id = d.space_id and e.seq = d.seq
    where d.agent_id = ${agent} and d.id > ${after}::bigint order by d.id limit ${limit}`);
  return rows.map((row) => ({ id: row.id, agent, deliveredAt: row.delivered_at, event: presentEvent(row) }));
}

function readPlace(cursor = '0'): string {
  if (/^\d{1,15}$/.test(cursor)) return cursor;
  throw wrongCursor();
}

/** An agent of the user's own; one that is confined may speak for itself alone. */
async function requireAgent(tx: Tx, actor: Actor, agent: string): Promise<void> {
  const mine = await tx.maybe(sql`select id from agents where id = ${agent} and user_id = ${actor.user}`);
  if (mine !== undefined && (actor.confinedTo === undefined || actor.confinedTo === agent)) return;
  throw new ProblemError('not-found', `You have no agent ${agent.slice(0, 80)}.`);
}

function presentSubscription(row: SubscriptionRow): Subscription {
  return {
    ...row.filter,
    space: row.space_id,
    agent: row.agent_id,
    debounceSeconds: row.debounce_ms / 1000,
    createdAt: row.created_at,
  };
}
