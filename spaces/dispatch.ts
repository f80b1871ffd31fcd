import type { NewSubscription } from '../contracts/space.js';
import type { Db, Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { allOf, metadataFilter } from './conditions.js';
import { referenceFilter } from './search.js';

/** A chain of changes that lead to one another is not passed on beyond this. */
export const MOST_HOPS = 8;
/** A space that is never quiet is told of after this many times its debounce. */
const LONGEST_DEBOUNCE = 10;
const MOST_AT_ONCE = 100;
const MOST_EVENTS = 1_000;
/** How long a subscription that could not be told is left alone. */
const RETRY_SECONDS = 60;
/** How long an inbox keeps what was delivered. */
const KEPT_DAYS = 30;
const MOST_PRUNED = 1_000;

interface Place {
  readonly space: string;
  readonly agent: string;
}

interface DueRow {
  user_id: string;
  confined: boolean;
  filter: Omit<NewSubscription, 'debounceSeconds'>;
  seen_seq: number;
  upto: number;
}

/**
 * Tells subscribers of changes that wait, each in a transaction of its own, so that one that cannot be told holds nobody
 * up: it is tried again after a minute, unless `onFailure` throws, which is the default. Returns how many were told.
 */
export async function deliverDue(db: Db, onFailure: (error: unknown, place: Place) => void = rethrow): Promise<number> {
  const due = await db.system(dueSubscriptions);
  for (const place of due) {
    try {
      await db.system((tx) => deliver(tx, place));
    } catch (error) {
      onFailure(error, place);
      await db.system((tx) => putOff(tx, place));
    }
  }
  return due.length;
}

function rethrow(error: unknown): never {
  throw error;
}

/** Those whose space has changed and been quiet for as long as they wish. */
async function dueSubscriptions(tx: Tx): Promise<Place[]> {
  return tx.rows<Place>(sql`
    select s.space_id as space, s.agent_id as agent from subscriptions s join spaces p on p.id = s.space_id
    where p.event_seq > s.seen_seq and (s.retry_at is null or s.retry_at < now()) and (s.debounce_ms = 0 or (
      select max(e.at) < now() - make_interval(secs => s.debounce_ms / 1000.0) or min(e.at) < now() - make_interval(secs => ${LONGEST_DEBOUNCE} * s.debounce_ms / 1000.0)
      from space_events e where e.space_id = s.space_id and e.seq > s.seen_seq))
    order by s.space_id, s.agent_id limit ${MOST_AT_ONCE}`);
}

async function putOff(tx: Tx, { space, agent }: Place): Promise<void> {
  await tx.run(sql`
    update subscriptions set retry_at = now() + make_interval(secs => ${RETRY_SECONDS}) where space_id = ${space} and agent_id = ${agent}`);
}

/**
 * Puts changes into the inbox of one subscriber, each once and in the order of the space, and moves its subscription on
 * in the same transaction. Another process that does the same meanwhile is passed by. Runs with the system's sight of
 * all users; whose grant is gone is told of nothing.
 */
async function deliver(tx: Tx, { space, agent }: Place): Promise<void> {
  const due = await tx.maybe<DueRow>(sql`
    select s.user_id, a.confined, s.filter, s.seen_seq, least(p.event_seq, s.seen_seq + ${MOST_EVENTS}) as upto
    from subscriptions s join spaces p on p.id = s.space_id join agents a on a.id = s.agent_id
    where s.space_id = ${space} and s.agent_id = ${agent} and p.event_seq > s.seen_seq for update of s skip locked`);
  if (due === undefined) return;
  const { metadata = {}, references = {}, author } = due.filter;
  const mayRead = (id: RawBuilder<unknown>): RawBuilder<unknown> =>
    allOf(
      [`user:${due.user_id}`, ...(due.confined ? [`agent:${agent}`] : [])].map(
        (principal) => sql`exists (select from space_grants g where g.space_id = ${id} and g.principal = ${principal})`,
      ),
    );
  const readable = sql`(select r.id, r.metadata from atoms r where ${mayRead(sql`r.space_id`)})`;
  const wanted = allOf([
    mayRead(sql`e.space_id`),
    metadataFilter(sql`v.metadata`, metadata),
    ...Object.entries(references).map(([type, conditions]) => referenceFilter(type, conditions, readable)),
    ...(author === undefined ? [] : [sql`e.author = ${author}`]),
  ]);
  await tx.run(sql`
    with moved as (
      update subscriptions set seen_seq = ${due.upto}, retry_at = null where space_id = ${space} and agent_id = ${agent})
    insert into deliveries (user_id, agent_id, space_id, seq)
    select ${due.user_id}, ${agent}, e.space_id, e.seq
    from space_events e join atoms a on a.id = e.atom_id join atom_versions v on v.atom_id = e.atom_id and v.version = e.version
    where e.space_id = ${space} and e.seq > ${due.seen_seq} and e.seq <= ${due.upto}
      and e.author <> ${`agent:${agent}`} and e.hop < ${MOST_HOPS} and ${wanted}
    order by e.seq
    on conflict (agent_id, space_id, seq) do nothing`);
}

/**
 * Removes what was delivered more than 30 days ago, at most 1,000 at a time. Returns whether there may be more. Looks at
 * the oldest alone: they were numbered as they were delivered.
 */
export async function pruneDeliveries(tx: Tx): Promise<boolean> {
  const pruned = await tx.run(sql`
    delete from deliveries where id = any(array(
      select id from (select id, at from deliveries order by id limit ${MOST_PRUNED}) oldest where at < now() - make_interval(days => ${KEPT_DAYS})))`);
  return pruned === MOST_PRUNED;
}
