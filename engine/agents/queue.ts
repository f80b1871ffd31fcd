import { type RawBuilder, sql } from '../../store/sql.js';

/** The place of the agent in its user's queue, from 1, as admission would take them now; null where it does not queue. */
export function queuePosition(agent: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case when ${agent}.status = 'queued' and ${agent}.parent_id is not null then (
    select count(*)::int from agents q where q.user_id = ${agent}.user_id and q.status = 'queued' and q.parent_id is not null
      and (retinue_urgency(q.priority, q.queued_at), q.born) <= (retinue_urgency(${agent}.priority, ${agent}.queued_at), ${agent}.born)) end`;
}
