import type { Db } from '../../store/db.js';
import { wakeClock } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';

/** How long before its time a clock is woken: more than a round of whoever does it. */
const AHEAD_SECONDS = 90;
const USERS_AT_ONCE = 100;

/**
 * Wakes the clock of everybody for whom something is overdue or comes due within 90 seconds: one that was terminated or
 * forgotten is started again by that, for all others it is harmless. Returns how many were woken. Stops when told to.
 */
export async function wakeLost({ db }: Pick<Engine, 'db'>, stop?: AbortSignal): Promise<number> {
  let woken = 0;
  for (let after: string | undefined = ''; after !== undefined && !stop?.aborted; ) {
    const users = await wakeSome(db, after);
    woken += users.length;
    after = users.length < USERS_AT_ONCE ? undefined : users.at(-1)?.id;
  }
  return woken;
}

function wakeSome(db: Db, after: string): Promise<{ id: string }[]> {
  const isSoon = sql`next_at <= now() + make_interval(secs => ${AHEAD_SECONDS})`;
  return db.system(async (tx) => {
    const users = await tx.rows<{ id: string }>(sql`
      select u.id from users u where u.id > ${after} and (
        exists (select from reminders where user_id = u.id and ${isSoon}) or exists (select from triggers where user_id = u.id and enabled and ${isSoon}))
      order by u.id limit ${USERS_AT_ONCE}`);
    for (const { id } of users) await wakeClock(tx, id, 'due soon');
    return users;
  });
}
