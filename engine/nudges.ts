import type { User } from '../contracts/user.js';
import type { Db } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { sql } from '../store/sql.js';
import { afterQuietHours } from '../times/quiet-hours.js';
import type { Engine } from './deps.js';
import { appendEvents } from './events.js';

interface NudgedRow {
  id: string;
  user_id: string;
  request_id: string;
  agent_id: string;
  conversation_id: string;
  title: string;
  nudges: number;
  expires_at: string;
}

/** Before the end of an approval's time, for the last reminder. */
const LAST_CALL_HOURS = 24;

interface DueRow extends Pick<NudgedRow, 'id' | 'user_id' | 'expires_at'> {
  time_zone: string;
  quiet_hours: User['quietHours'] | null;
}

/**
 * Reminds people of what waits for them: a day after it was asked and a day before it expires, as a message in the
 * request's conversation and once more as its event. Each reminder is given once, and in quiet hours only where the
 * approval expires before they end. `now` is in milliseconds since 1970. Returns how many there were.
 */
export async function nudge(engine: Engine, limit: number, now = Date.now()): Promise<number> {
  const due = await engine.db.system((tx) =>
    tx.rows<DueRow>(sql`
      select a.id, a.user_id, a.expires_at, u.time_zone, u.settings->'quietHours' as quiet_hours from approvals a join users u on u.id = a.user_id
      where a.status = 'pending' and a.nudge_at <= now() and a.expires_at > now() order by a.nudge_at limit ${limit}`),
  );
  let given = 0;
  for (const row of due) {
    const from = afterQuietHours(now, row.quiet_hours ?? undefined, row.time_zone);
    if (from > now && from < Date.parse(row.expires_at)) await putOff(engine.db, row.id, from);
    else given += (await nudgeOne(engine, row.user_id, row.id)) ? 1 : 0;
  }
  return given;
}

async function putOff(db: Db, approval: string, until: number): Promise<void> {
  await db.system((tx) =>
    tx.run(sql`
      update approvals set nudge_at = ${new Date(until).toISOString()}::timestamptz where id = ${approval} and status = 'pending'`),
  );
}

async function nudgeOne(engine: Engine, user: string, id: string): Promise<boolean> {
  return engine.db.as(user, async (tx) => {
    // The request's row first, as everywhere.
    await tx.rows(
      sql`select 1 from requests where id = (select request_id from approvals where id = ${id}) for update`,
    );
    const row = await tx.maybe<NudgedRow>(sql`
      update approvals a set nudges = nudges + 1,
        nudge_at = case when nudges = 0 and a.expires_at - make_interval(hours => ${LAST_CALL_HOURS}) > now()
          then a.expires_at - make_interval(hours => ${LAST_CALL_HOURS}) end
      from requests r where a.id = ${id} and r.id = a.request_id and a.status = 'pending' and a.nudge_at <= now() and a.expires_at > now()
      returning a.id, a.user_id, a.request_id, a.agent_id, r.conversation_id, a.title, a.nudges, a.expires_at`);
    if (row === undefined) return false;
    const text = `Still waiting for your decision: ${row.title}. It expires at ${row.expires_at}; until then nothing happens.`;
    await tx.run(sql`
      insert into messages (id, user_id, conversation_id, request_id, role, text)
      values (${newId('msg')}, ${user}, ${row.conversation_id}, ${row.request_id}, 'assistant', ${text})`);
    const data = { approval: row.id, title: row.title, nudge: row.nudges };
    await appendEvents(tx, row.request_id, user, [{ type: 'approval.requested', agent: row.agent_id, data }]);
    return true;
  });
}
