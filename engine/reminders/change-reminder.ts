import { ProblemError } from '../../contracts/problem.js';
import type { Reminder, ReminderPatch } from '../../contracts/reminder.js';
import type { Recurrence } from '../../times/occurrences.js';
import type { Tx } from '../../store/db.js';
import { wakeClock } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import { durationMs } from '../clock/windows.js';
import { holdReminder, presentReminder, REMINDER_COLUMNS, type ReminderRow } from './reminder-rows.js';
import { dueAgain, resolveTimeOfDay, resolveWhen, type Spoken, type Unclear } from './when.js';

/** The times of a reminder, as a change leaves them; in milliseconds since 1970. */
interface Times {
  readonly due: number;
  readonly snoozedTo: number | undefined;
  readonly zone: string;
  readonly localStart: string | undefined;
  readonly recurrence: string | undefined;
}

/** For so long after it was delivered a snooze means that delivery, and not the next one. */
const JUST_FIRED_MS = 3_600_000;
const AFTER_LAST_MS = Date.UTC(10_000, 0, 1);

/**
 * Changes a reminder in place; a new time lets one that has fired wait again. Whoever changes it and whoever delivers it
 * follow one another, so what is answered holds. Throws `conflict` where its state does not allow the change.
 */
export async function changeReminder(
  tx: Tx,
  user: string,
  id: string,
  patch: ReminderPatch,
  spoken: Spoken,
): Promise<Reminder | Unclear> {
  const row = await holdReminder(tx, user, id);
  if (row.status === 'cancelled') throw conflict('The reminder is cancelled. Set a new one.');
  const times = changedTimes(row, patch, spoken);
  if (times !== undefined && 'question' in times) return times;
  const isMoved = times !== undefined;
  if (!isMoved && isOver(row))
    throw conflict(
      `The reminder was ${row.status === 'fired' ? 'delivered' : 'missed'} already. Give it a new time, or snooze it.`,
    );
  const status = patch.status ?? (isMoved && row.status !== 'paused' ? 'pending' : row.status);
  const isResumed = row.status === 'paused' && status === 'pending' && !isMoved;
  const left = isResumed ? afterPause(timesOf(row), spoken.now) : (times ?? timesOf(row));
  const next = status === 'pending' ? Math.min(left.due, left.snoozedTo ?? left.due) : undefined;
  const changed = await tx.one<ReminderRow>(sql`
    update reminders set text = ${patch.text ?? row.text}, time_zone = ${left.zone}, local_start = ${left.localStart ?? null}, recurrence = ${left.recurrence ?? null},
      due_at = ${iso(left.due)}, snoozed_to = ${optional(left.snoozedTo)}, next_at = ${optional(next)}, status = ${status},
      catch_up = ${patch.catchUp ?? row.catch_up}, catch_up_window = ${patch.catchUpWindow ?? row.catch_up_window}, overlap = ${patch.overlap ?? row.overlap},
      version = version + 1, updated_at = now()
    where id = ${id} returning ${REMINDER_COLUMNS}`);
  await wakeClock(tx, user, 'a reminder was changed');
  return presentReminder(changed);
}

/** Cancels a reminder: once this is committed it is not delivered any more. Cancelling twice is harmless. */
export async function cancelReminder(tx: Tx, user: string, id: string): Promise<Reminder> {
  const row = await holdReminder(tx, user, id);
  if (row.status === 'cancelled') return presentReminder(row);
  if (row.status === 'fired' || row.status === 'missed')
    throw conflict(
      `The reminder was ${row.status === 'fired' ? 'delivered' : 'missed'} already, so there is nothing left to cancel.`,
    );
  const changed = await tx.one<ReminderRow>(sql`
    update reminders set status = 'cancelled', next_at = null, snoozed_to = null, version = version + 1, updated_at = now()
    where id = ${id} returning ${REMINDER_COLUMNS}`);
  return presentReminder(changed);
}

/** Undefined where the change leaves the times as they are. */
function changedTimes(row: ReminderRow, patch: ReminderPatch, spoken: Spoken): Times | Unclear | undefined {
  const { dueAt, when, timeZone, recurrence, snooze } = patch;
  if (snooze !== undefined) {
    if ([dueAt, when, timeZone, recurrence].some((given) => given !== undefined))
      throw new ProblemError('invalid-body', 'Snooze it or give it a new time, not both.', {
        status: 422,
        errors: [{ path: 'snooze', message: 'does not go with another time' }],
      });
    return withinReach(snoozed(row, durationMs(snooze), spoken.now));
  }
  if (dueAt !== undefined || when !== undefined) return atNewTime(row, patch, spoken);
  if (timeZone === undefined && recurrence === undefined) return undefined;
  return onAnotherClock(row, patch, spoken);
}

/** At a time of day without a day, something that comes round goes on by its rule; any other words are a time of their own. */
function atNewTime(row: ReminderRow, patch: ReminderPatch, spoken: Spoken): Times | Unclear {
  const { dueAt, when, recurrence } = patch;
  const timeZone = patch.timeZone ?? row.time_zone;
  const former = dueAt === undefined && recurrence === undefined ? recurrenceOf(row) : undefined;
  const moved =
    when === undefined || former === undefined
      ? undefined
      : resolveTimeOfDay(when, former, { now: spoken.now, timeZone });
  const rule = recurrence ?? (when === undefined ? (row.recurrence ?? undefined) : undefined);
  const time = moved ?? resolveWhen({ dueAt, when, timeZone, recurrence: rule }, spoken);
  return time.kind === 'ask' ? time : { ...time, snoozedTo: undefined };
}

/** Undefined where it does not come round any more. */
function recurrenceOf(row: ReminderRow): Recurrence | undefined {
  if (row.recurrence === null || row.local_start === null || isOver(row)) return undefined;
  return { rrule: row.recurrence, start: row.local_start, zone: row.time_zone };
}

function isOver({ status }: ReminderRow): boolean {
  return status === 'fired' || status === 'missed';
}

/** The same wall-clock time in another zone, or by another rule. */
function onAnotherClock(row: ReminderRow, { timeZone, recurrence }: ReminderPatch, spoken: Spoken): Times | Unclear {
  const zone = timeZone ?? row.time_zone;
  const rule = recurrence ?? row.recurrence ?? undefined;
  if (row.local_start === null) {
    const time = resolveWhen({ dueAt: row.due_at, timeZone: zone, recurrence: rule }, spoken);
    return time.kind === 'ask' ? time : { ...time, snoozedTo: undefined };
  }
  const time = { localStart: row.local_start, zone, recurrence: rule };
  if (rule !== undefined && recurrence !== undefined) resolveWhen({ recurrence: rule, timeZone: zone }, spoken);
  const due = dueAgain(time, spoken.now);
  if (due === undefined || due <= spoken.now)
    throw new ProblemError('invalid-body', 'Its time has passed there: give a new one.', {
      status: 422,
      errors: [{ path: timeZone === undefined ? 'recurrence' : 'timeZone', message: 'its time has passed there' }],
    });
  return { ...time, due, snoozedTo: undefined };
}

function snoozed(row: ReminderRow, by: number, now: number): Times {
  const times = timesOf(row);
  if (times.recurrence === undefined || times.localStart === undefined || isOver(row)) {
    const base = isOver(row) ? now : Math.max(now, times.due);
    return { ...times, due: base + by, snoozedTo: undefined, localStart: undefined, recurrence: undefined };
  }
  if (times.snoozedTo !== undefined) return { ...times, snoozedTo: Math.max(now, times.snoozedTo) + by };
  if (row.fired_at !== null && now - Date.parse(row.fired_at) < JUST_FIRED_MS) return { ...times, snoozedTo: now + by };
  const following = dueAgain({ ...times, localStart: times.localStart }, times.due);
  const moved = Math.max(now, times.due) + by;
  if (following === undefined)
    return { ...times, due: moved, snoozedTo: undefined, localStart: undefined, recurrence: undefined };
  return { ...times, due: following, snoozedTo: moved };
}

/** Times beyond are none that the database knows. */
function withinReach(times: Times): Times {
  if (Math.max(times.due, times.snoozedTo ?? 0) < AFTER_LAST_MS) return times;
  throw new ProblemError('invalid-body', 'That is too far ahead: snooze it for less.', {
    status: 422,
    errors: [{ path: 'snooze', message: 'ends after the year 9999' }],
  });
}

function timesOf(row: ReminderRow): Times {
  return {
    due: Date.parse(row.due_at),
    snoozedTo: row.snoozed_to === null ? undefined : Date.parse(row.snoozed_to),
    zone: row.time_zone,
    localStart: row.local_start ?? undefined,
    recurrence: row.recurrence ?? undefined,
  };
}

/** What was paused goes on with what is still to come. */
function afterPause(times: Times, now: number): Times {
  const { due, localStart, recurrence } = times;
  const snoozedTo = times.snoozedTo !== undefined && times.snoozedTo > now ? times.snoozedTo : undefined;
  if (due > now) return { ...times, snoozedTo };
  const following =
    recurrence === undefined || localStart === undefined ? undefined : dueAgain({ ...times, localStart }, now);
  if (following === undefined) throw conflict('Its time has passed while it was paused. Give it a new one.');
  return { ...times, due: following, snoozedTo };
}

function optional(at: number | undefined): string | null {
  return at === undefined ? null : iso(at);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function conflict(message: string): ProblemError {
  return new ProblemError('conflict', message);
}
