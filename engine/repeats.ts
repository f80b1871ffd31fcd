import { sql } from '../store/sql.js';
import type { CallOutcome, CallRef } from './calls.js';
import type { Engine } from './deps.js';

/**
 * What an earlier call of the same request came to that had the same skill and the same input, with the labels its result
 * put on its reader; undefined where there is none. Calls that were answered with a proposal do not count. What the first
 * one showed the user, wrote or can undo stays with it.
 */
export async function repeatedOutcome(engine: Engine, ref: CallRef): Promise<CallOutcome | undefined> {
  return engine.db.as(ref.user, (tx) =>
    tx.maybe<Required<Pick<CallOutcome, 'output' | 'taints'>>>(sql`
      select f.output, f.taints from calls c join calls f on f.request_id = c.request_id and f.skill = c.skill and f.input = c.input
      where c.id = ${ref.callId} and c.request_id = ${ref.request} and f.id <> c.id and f.status = 'done' and f.output is not null
        and not exists (select from approvals a where a.call_id = f.id)
      order by f.ended_at, f.id limit 1`),
  );
}
