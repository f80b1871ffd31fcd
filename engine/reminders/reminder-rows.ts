import type { CatchUp, Overlap, Reminder } from '../../contracts/reminder.js';
import { ProblemError } from '../../contracts/problem.js';
import { localText } from '../../times/local-text.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { CapturedContext } from './context.js';

export interface ReminderRow {
  id: string;
  conversation_id: string;
  text: string;
  time_zone: string;
  local_start: string | null;
  recurrence: string | null;
  due_at: string;
  snoozed_to: string | null;
  next_at: string | null;
  status: Reminder['status'];
  catch_up: CatchUp;
  catch_up_window: string | null;
  overlap: Overlap | null;
  context: CapturedContext;
  fired_at: string | null;
  late: boolean | null;
  last_request: string | null;
  created_at: string;
}

export const REMINDER_COLUMNS = sql`id, conversation_id, text, time_zone, local_start, recurrence, due_at, snoozed_to, next_at, status, catch_up, catch_up_window, overlap,
  context, fired_at, late, last_request, created_at`;

/** Locks the reminder; `not-found` where it is not the user's. */
export async function holdReminder(tx: Tx, user: string, id: string): Promise<ReminderRow> {
  const row = await tx.maybe<ReminderRow>(
    sql`select ${REMINDER_COLUMNS} from reminders where id = ${id} and user_id = ${user} for update`,
  );
  if (row === undefined) throw noReminder(id);
  return row;
}

export function noReminder(id: string): ProblemError {
  return new ProblemError('not-found', `There is no reminder ${id.slice(0, 80)}.`);
}

export function presentReminder(row: ReminderRow): Reminder {
  const shown = row.next_at ?? row.due_at;
  return {
    id: row.id,
    text: row.text,
    dueAt: row.due_at,
    timeZone: row.time_zone,
    local: localText(Date.parse(shown), row.time_zone),
    ...(row.recurrence === null ? {} : { recurrence: row.recurrence }),
    catchUp: row.catch_up,
    ...(row.catch_up_window === null ? {} : { catchUpWindow: row.catch_up_window }),
    ...(row.overlap === null ? {} : { overlap: row.overlap }),
    conversation: row.conversation_id,
    context: { summary: row.context.summary, refs: row.context.sources.map(({ ref }) => ref) },
    status: row.status,
    ...(row.next_at === null ? {} : { nextAt: row.next_at }),
    ...(row.fired_at === null ? {} : { firedAt: row.fired_at }),
    ...(row.late === null ? {} : { late: row.late }),
    ...(row.last_request === null ? {} : { request: row.last_request }),
    createdAt: row.created_at,
  };
}
