import type { Hold, HoldAccess, PlacedHold, SkillCaller } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { type RawBuilder, sql } from '../store/sql.js';

const COLUMNS = sql`h.meeting_id as meeting, h.agreement_id as agreement, h.text`;
/** Holds of one user that are looked at when something is put on the board. */
const MOST_OPEN = 100;

/** Holds as the agent of one call may place and see them. Who decides about them is the user alone. */
export function holdAccess(tx: Tx, caller: SkillCaller): HoldAccess {
  return {
    place: (task, hold, former) => placeHold(tx, caller, task, hold, former),
    expect: (title, hold) => insertHold(tx, caller, hold, { title }),
    of: (task) => holdOf(tx, caller, task),
    withdraw: (meeting) =>
      tx.rows(sql<{ task: string; former: string }>`
        with gone as (
          update holds set released_at = now() where meeting_id = ${meeting} and released_at is null returning task_id as task, former)
        select task, min(former) as former from gone g where task is not null and not exists (
          select from holds h where h.task_id = g.task and h.released_at is null and h.meeting_id <> ${meeting}) group by task`),
  };
}

interface HoldRow extends PlacedHold {
  readonly status: string | null;
}

/** The hold of a task; of several one that is not answered. A task that the user has set free has none any more. */
export async function holdOf(tx: Tx, caller: SkillCaller, task: string): Promise<PlacedHold | undefined> {
  const row = await tx.maybe<HoldRow>(sql`
    select ${COLUMNS}, h.former, ${isAnswered(caller)} as "isAnswered", a.metadata->>'status' as status
    from holds h join atoms a on a.id = h.task_id
    where h.task_id = ${task} and h.released_at is null order by "isAnswered", h.created_at limit 1`);
  if (row === undefined) return undefined;
  const { status, ...hold } = row;
  if (status === 'held') return hold;
  await releaseHolds(tx, task);
  return undefined;
}

/** A hold that nobody has answered, with the title of the work it is about. */
export interface OpenHold extends Hold {
  readonly title: string;
  /** None where the work is not on the board yet. */
  readonly task: string | null;
}

/** What the acting agent must not put on the board under another name. */
export async function openHolds(tx: Tx, caller: SkillCaller): Promise<OpenHold[]> {
  return tx.rows<OpenHold>(sql`
    select ${COLUMNS}, h.task_id as task, coalesce(h.title, a.payload->>'title', '') as title
    from holds h left join atoms a on a.id = h.task_id
    where h.user_id = ${caller.user.id} and h.released_at is null and not ${isAnswered(caller)}
      and case when h.task_id is null then h.conversation_id = ${caller.conversationId} else a.metadata->>'status' = 'held' end
    order by h.created_at desc limit ${MOST_OPEN}`);
}

/** The user has answered, so the task is as any other again. */
export async function releaseHolds(tx: Tx, task: string): Promise<void> {
  await tx.run(sql`update holds set released_at = now() where task_id = ${task} and released_at is null`);
}

export function placeHold(tx: Tx, caller: SkillCaller, task: string, hold: Hold, former: string): Promise<void> {
  return insertHold(tx, caller, hold, { task, former });
}

async function insertHold(
  tx: Tx,
  caller: SkillCaller,
  hold: Hold,
  what: { readonly task?: string; readonly title?: string; readonly former?: string },
): Promise<void> {
  await tx.run(sql`
    insert into holds (id, user_id, request_id, conversation_id, meeting_id, agreement_id, task_id, title, text, former)
    values (${newId('hold')}, ${caller.user.id}, ${caller.requestId}, ${caller.conversationId}, ${hold.meeting}, ${hold.agreement},
      ${what.task ?? null}, ${what.title ?? null}, ${hold.text}, ${what.former ?? 'open'})`);
}

/** A turn after which the user has been told of the hold `h`: the agent's say, or a question, in the request that found it. */
const TOLD = sql`exists (
  select from turns t where t.request_id = h.request_id and t.ended_at > h.created_at and t.ended_at <= m.created_at
    and (t.stop_reason in ('end_turn', 'stop_sequence') or exists (
      select from calls c where c.agent_id = t.agent_id and c.turn = t.number and c.skill = 'ask_user')))`;

/** Words of the user, not those of somebody that were only passed on. */
const OWN_WORD = sql`m.user_id = h.user_id and m.role = 'user' and m.spoken and (m.text <> '' or not m.files <@ m.forwarded)`;

/** Whether the user has said something in the conversation of the hold `h` after being told of it. */
export const IS_SPOKEN = sql`exists (
  select from messages m where m.conversation_id = h.conversation_id and ${OWN_WORD} and ${TOLD})`;

/**
 * Whether the acting agent has the user's answer: a word in the conversation of the hold after the user was told there, or
 * the answer to a question that this agent asked after the hold had stood in its way. Only what the agent has read counts.
 */
function isAnswered({ requestId, conversationId }: SkillCaller): RawBuilder<unknown> {
  return sql`exists (
    select from messages m join requests x on x.id = ${requestId}
    where m.conversation_id = ${conversationId} and ${OWN_WORD}
      and case when m.request_id = x.id then m.seen_in_turn is not null or m.answers_call is not null else m.created_at <= x.created_at end
      and ((h.conversation_id = ${conversationId} and ${TOLD})
        or (m.request_id = x.id and exists (
          select from calls q join turns asked on asked.agent_id = q.agent_id and asked.number = q.turn
            join calls c on c.request_id = x.id and c.ended_at >= h.created_at and c.ended_at < asked.ended_at
          where q.id = m.answers_call and ((c.output->'held' is not null and c.output->>'id' = h.task_id)
            or c.error like '%' || h.task_id || ' is held%')))))`;
}
