import type { NewSubscription } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { allOf, metadataFilter } from './conditions.js';
import { referenceFilter } from './search.js';

/** A chain of changes that lead to one another is not passed on beyond this. */
export const MOST_HOPS = 8;
/** A space that is never quiet is told of after this many times its debounce. */
const LONGEST_DEBOUNCE = 10;
const MOST_AT_ONCE = 100;
const MOST_EVENTS = 1_000;

interface DueRow {
  space_id: string;
  agent_id: string;
  user_id: string;
  filter: Omit<NewSubscription, 'debounceSeconds'>;
  seen_seq: number;
  upto: number;
}

/**
 * Puts changes that wait into the inboxes of their subscribers, each once and in the order of the space, and moves every
 * subscription on in the same transaction. Another process that does the same meanwhile is passed by. Runs with the
 * system's sight of all users; whose grant is gone is told of nothing. Returns how many subscriptions moved.
 */
export async function deliverDue(tx: Tx): Promise<number> {
  const due = await tx.rows<DueRow>(sql`
    select s.space_id, s.agent_id, s.user_id, s.filter, s.seen_seq, least(p.event_seq, s.seen_seq + ${MOST_EVENTS}) as upto
    from subscriptions s join spaces p on p.id = s.space_id
    where p.event_seq > s.seen_seq and (s.debounce_ms = 0 or (
      select max(e.at) < now() - make_interval(secs => s.debounce_ms / 1000.0) or min(e.at) < now() - make_interval(secs => ${LONGEST_DEBOUNCE} * s.debounce_ms / 1000.0)
      from space_events e where e.space_id = s.space_id and e.seq > s.seen_seq))
    order by s.space_id, s.agent_id limit ${MOST_AT_ONCE} for update of s skip locked`);
  for (const subscription of due) await deliver(tx, subscription);
  return due.length;
}

async function deliver(tx: Tx, due: DueRow): Promise<void> {
  const { metadata = {}, references = {}, author } = due.filter;
  const readable = sql`(
    select t.id, t.metadata from atoms t join space_grants g on g.space_id = t.space_id and g.principal = ${`user:${due.user_id}`})`;
  const wanted = allOf([
    metadataFilter(sql`v.metadata`, metadata),
    ...Object.entries(references).map(([type, conditions]) => referenceFilter(type, conditions, readable)),
    ...(author === undefined ? [] : [sql`e.author = ${author}`]),
  ]);
  await tx.run(sql`
    with moved as (
      update subscriptions set seen_seq = ${due.upto} where space_id = ${due.space_id} and agent_id = ${due.agent_id})
    insert into deliveries (user_id, agent_id, space_id, seq)
    select ${due.user_id}, ${due.agent_id}, e.space_id, e.seq
    from space_events e join atoms a on a.id = e.atom_id join atom_versions v on v.atom_id = e.atom_id and v.version = e.version
    where e.space_id = ${due.space_id} and e.seq > ${due.seen_seq} and e.seq <= ${due.upto}
      and e.author <> ${`agent:${due.agent_id}`} and e.hop < ${MOST_HOPS} and ${wanted} and ${mayRead(due)}
    order by e.seq
    on conflict (agent_id, space_id, seq) do nothing`);
}

function mayRead(due: DueRow) {
  return sql`exists (select from space_grants g where g.space_id = ${due.space_id} and g.principal = ${`user:${due.user_id}`})
    and exists (select from agents c where c.id = ${due.agent_id} and (not c.confined
      or exists (select from space_grants g where g.space_id = ${due.space_id} and g.principal = ${`agent:${due.agent_id}`})))`;
}
