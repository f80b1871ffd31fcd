import type { Hold, HoldAccess, SkillCaller } from '../contracts/skill.js';
import { newId } from '../store/new-id.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';

interface HoldRow {
  meeting: string;
  agreement: string;
  text: string;
}

const COLUMNS = sql`h.meeting_id as meeting, h.agreement_id as agreement, h.text`;

/** Holds as the agent of one call may place and see them. Who decides about them is the user alone. */
export function holdAccess(tx: Tx, caller: SkillCaller): HoldAccess {
  return {
    place: (task, hold) => insertHold(tx, caller, hold, { task }),
    expect: (title, hold) => insertHold(tx, caller, hold, { title }),
    async expected(title) {
      const rows = await tx.rows<HoldRow & { title: string }>(sql`
        select ${COLUMNS}, h.title from holds h
        where h.request_id = ${caller.requestId} and h.task_id is null and h.released_at is null and not ${isAnswered(caller)}
        order by h.created_at limit 50`);
      return rows.find((row) => isAbout(row.title, title));
    },
    of: (task) => holdOf(tx, caller, task),
    async withdraw(meeting) {
      const rows = await tx.rows<{ task: string | null }>(sql`
        update holds set released_at = now() where meeting_id = ${meeting} and released_at is null returning task_id as task`);
      return rows.flatMap((row) => row.task ?? []);
    },
  };
}

/** The hold of a task; of several the one that is not answered. A task that the user has set free has none. */
export async function holdOf(
  tx: Tx,
  caller: SkillCaller,
  task: string,
): Promise<(Hold & { readonly isAnswered: boolean }) | undefined> {
  return tx.maybe<HoldRow & { isAnswered: boolean }>(sql`
    select ${COLUMNS}, ${isAnswered(caller)} as "isAnswered" from holds h join atoms a on a.id = h.task_id
    where h.task_id = ${task} and h.released_at is null and a.metadata->>'status' = 'held'
    order by "isAnswered", h.created_at limit 1`);
}

/** The user has answered, so the task is as any other again. */
export async function releaseHolds(tx: Tx, task: string): Promise<void> {
  await tx.run(sql`update holds set released_at = now() where task_id = ${task} and released_at is null`);
}

async function insertHold(
  tx: Tx,
  caller: SkillCaller,
  hold: Hold,
  what: { readonly task?: string; readonly title?: string },
): Promise<void> {
  await tx.run(sql`
    insert into holds (id, user_id, request_id, conversation_id, meeting_id, agreement_id, task_id, title, text, after_seq)
    select ${newId('hold')}, ${caller.user.id}, ${caller.requestId}, ${caller.conversationId}, ${hold.meeting}, ${hold.agreement},
      ${what.task ?? null}, ${what.title ?? null}, ${hold.text}, coalesce(max(m.seq), 0)
    from messages m where m.conversation_id = ${caller.conversationId}`);
}

/**
 * Whether the user has spoken since: in the conversation of the hold after being told there (by an answer or a question),
 * or as the answer to a question that the acting agent has asked.
 */
function isAnswered(caller: SkillCaller): RawBuilder<unknown> {
  return sql`exists (
    select from messages m where m.user_id = h.user_id and m.role = 'user' and m.seq > h.after_seq and (
      (m.request_id = ${caller.requestId} and m.answers_call is not null)
      or (m.conversation_id = h.conversation_id and exists (
        select from turns t where t.request_id = h.request_id and t.ended_at > h.created_at and t.ended_at <= m.created_at
          and (t.stop_reason <> 'tool_use' or exists (
            select from calls c where c.agent_id = t.agent_id and c.turn = t.number and c.skill = 'ask_user'))))))`;
}

/** Whether two titles mean the same piece of work: most words of the shorter one are in the other. */
function isAbout(held: string, title: string): boolean {
  const [a, b] = [wordsOf(held), wordsOf(title)];
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  if (few.size === 0) return false;
  const shared = [...few].filter((word) => many.has(word)).length;
  return shared / few.size > 0.5;
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []);
}
