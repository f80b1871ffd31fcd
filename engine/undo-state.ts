import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import type { CallStatus } from './rows.js';

/** How far an undo is: `undoing`, `undone`, or back at `done` with the reason why it failed. */
export async function undoState(
  engine: Engine,
  user: string,
  call: string,
): Promise<{ status: CallStatus; message: string | null }> {
  return engine.db.as(user, (tx) =>
    tx.one<{ status: CallStatus; message: string | null }>(sql`
      select c.status, (
        select e.data->>'message' from request_events e
        where e.request_id = c.request_id and e.type = 'skill.finished' and e.data->>'call' = c.id and e.data->>'outcome' = 'undo_failed'
        order by e.seq desc limit 1) as message
      from calls c where c.id = ${call} and c.user_id = ${user}`),
  );
}
