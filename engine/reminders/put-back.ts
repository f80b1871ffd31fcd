import { ProblemError } from '../../contracts/problem.js';
import type { JsonValue } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { wakeClock } from '../../store/outbox.js';
import { json, sql } from '../../store/sql.js';
import { holdReminder } from './reminder-rows.js';

/** How a reminder is now, as `putBackReminder` takes it. */
export async function keepReminder(tx: Tx, user: string, id: string): Promise<JsonValue> {
  await holdReminder(tx, user, id);
  const { kept } = await tx.one<{ kept: JsonValue }>(sql`
    select jsonb_build_object('text', text, 'time_zone', time_zone, 'local_start', local_start, 'recurrence', recurrence, 'due_at', due_at, 'snoozed_to', snoozed_to, 'next_at', next_at,
      'status', status, 'catch_up', catch_up, 'catch_up_window', catch_up_window, 'overlap', overlap, 'fired_at', fired_at) as kept
    from reminders where id = ${id}`);
  return kept;
}

/**
 * Makes a reminder what it was. A time that has passed meanwhile is caught up as its rule says. Throws `conflict` where it
 * was delivered since.
 */
export async function putBackReminder(tx: Tx, user: string, id: string, kept: JsonValue): Promise<void> {
  await holdReminder(tx, user, id);
  const changed = await tx.run(sql`
    update reminders r set text = k.text, time_zone = k.time_zone, local_start = k.local_start, recurrence = k.recurrence, due_at = k.due_at, snoozed_to = k.snoozed_to, next_at = k.next_at,
      status = k.status, catch_up = k.catch_up, catch_up_window = k.catch_up_window, overlap = k.overlap, version = version + 1, updated_at = now()
    from jsonb_to_record(${json(kept)}) as k(text text, time_zone text, local_start text, recurrence text, due_at timestamptz, snoozed_to timestamptz, next_at timestamptz, status text,
      catch_up text, catch_up_window text, overlap text, fired_at timestamptz)
    where r.id = ${id} and r.fired_at is not distinct from k.fired_at`);
  if (changed === 0) throw new ProblemError('conflict', 'The reminder was delivered since. Set a new one instead.');
  await wakeClock(tx, user, 'a change of a reminder was taken back');
}
