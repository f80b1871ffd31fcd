import { createUser } from '../engine/users.js';
import { sql } from '../store/sql.js';
import { wakeClock } from '../store/outbox.js';
import type { Product } from './product.js';

/** Users beside the owner, each with a conversation of its own. */
export async function makeUsers({ serving }: Product, count: number): Promise<string[]> {
  const { engine } = serving.installation;
  const users: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const { id } = await createUser(engine, { id: serving.owner, isOwner: true }, { name: `User ${number}` });
    users.push(id);
  }
  await engine.db.system((tx) =>
    tx.run(sql`
      insert into conversations (id, user_id, title) select 'cnv_' || md5(u || 'bench'), u, 'Reminders' from unnest(${users}::text[]) as u`),
  );
  return users;
}

/**
 * Sets as many reminders, one user's after the other's, all due at the same moment (milliseconds since 1970), and has the
 * clocks of their users look. The rows are written at once: how they are set by hand is not what is measured.
 */
export async function setReminders(
  { serving }: Product,
  users: readonly string[],
  count: number,
  due: number,
): Promise<void> {
  const { engine } = serving.installation;
  const at = new Date(due).toISOString();
  await engine.db.system((tx) =>
    tx.run(sql`
      insert into reminders (id, user_id, conversation_id, text, time_zone, local_start, due_at, next_at, status, catch_up, agent)
      select 'rem_' || md5(n || ${at}), u, 'cnv_' || md5(u || 'bench'), 'Reminder ' || n, 'UTC', ${at.slice(0, 19)}, ${at}::timestamptz, ${at}::timestamptz, 'pending', 'latest', 'default'
      from generate_series(1, ${count}::int) as n, lateral (select (${[...users]}::text[])[1 + (n - 1) * ${users.length}::int / ${count}::int] as u) as chosen`),
  );
  for (const user of users) await engine.db.as(user, (tx) => wakeClock(tx, user, 'a reminder was set'));
  for (let left = 1; left > 0; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    left = (
      await engine.db.system((tx) =>
        tx.one<{ count: number }>(sql`select count(*)::int as count from outbox where kind = 'revive'`),
      )
    ).count;
  }
}
