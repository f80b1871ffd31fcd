import { newId } from '../store/new-id.js';
import { sql } from '../store/sql.js';
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

/**
 * Reminds people of what waits for them: a day after it was asked and a day before it expires, as a message in the
 * request's conversation and once more as its event. Each reminder is given once. Returns how many there were.
 */
export async function nudge(engine: Engine, limit: number): Promise<number> {
  const due = await engine.db.system((tx) =>
    tx.rows<Pick<NudgedRow, 'id' | 'user_id'>>(sql`
      select id, user_id from approvals where status = 'pending' and nudge_at <= now() and expires_at > now()
      order by nudge_at limit ${limit}`),
  );
  let given = 0;
  for (const { id, user_id } of due) given += (await nudgeOne(engine, user_id, id)) ? 1 : 0;
  return given;
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
