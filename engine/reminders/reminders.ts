import type { Reminder } from '../../contracts/reminder.js';
import type { Page } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { pageCursor, readCursor } from '../../store/paging.js';
import { sql } from '../../store/sql.js';
import { noReminder, presentReminder, REMINDER_COLUMNS, type ReminderRow } from './reminder-rows.js';

export interface ReminderFilter {
  readonly status?: Reminder['status'] | undefined;
  readonly conversation?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Reminders of the user, newest first. */
export async function listReminders(tx: Tx, user: string, filter: ReminderFilter): Promise<Page<Reminder>> {
  const after = readCursor(filter.cursor);
  const rows = await tx.rows<ReminderRow>(sql`
    select ${REMINDER_COLUMNS} from reminders
    where user_id = ${user} and ${filter.status === undefined ? sql`true` : sql`status = ${filter.status}`}
      and ${filter.conversation === undefined ? sql`true` : sql`conversation_id = ${filter.conversation}`}
      and ${after === undefined ? sql`true` : sql`(created_at, id) < (${after.at}::timestamptz, ${after.id})`}
    order by created_at desc, id desc limit ${filter.limit + 1}`);
  return pageCursor(rows, filter.limit, (row) => ({ at: row.created_at, id: row.id }), presentReminder);
}

const RECENT_MS = 86_400_000;

/** What waits, is paused, was missed, or was delivered in the day before `now` (milliseconds since 1970); newest first. */
export async function currentReminders(tx: Tx, user: string, now: number, limit: number): Promise<Reminder[]> {
  const rows = await tx.rows<ReminderRow>(sql`
    select ${REMINDER_COLUMNS} from reminders
    where user_id = ${user} and (status in ('pending', 'paused', 'missed')
      or status = 'fired' and fired_at > ${new Date(now - RECENT_MS).toISOString()}::timestamptz)
    order by created_at desc, id desc limit ${limit}`);
  return rows.map(presentReminder);
}

export async function viewReminder(tx: Tx, user: string, id: string): Promise<Reminder> {
  const row = await tx.maybe<ReminderRow>(
    sql`select ${REMINDER_COLUMNS} from reminders where id = ${id} and user_id = ${user}`,
  );
  if (row === undefined) throw noReminder(id);
  return presentReminder(row);
}
