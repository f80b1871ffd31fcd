import { ProblemError } from '../contracts/problem.js';
import type { NewCredit, Wallet } from '../contracts/wallet.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { sql } from '../store/sql.js';
import { calendarStarts } from './day-start.js';
import type { Engine } from './deps.js';
import type { SignedIn } from './users.js';

/** The user's wallet; today and this month are those of the user's time zone. */
export async function getWallet(engine: Engine, user: string): Promise<Wallet> {
  return engine.db.as(user, (tx) => readWallet(tx, user));
}

async function readWallet(tx: Tx, user: string): Promise<Wallet> {
  const { zone } = await tx.one<{ zone: string }>(sql`select time_zone as zone from users where id = ${user}`);
  const { day, month } = calendarStarts(new Date(), zone);
  const row = await tx.one<{
    balance: string | null;
    reserved: string;
    today: string;
    month: string;
    total: string;
  }>(sql`
    select trim_scale(w.balance_usd)::text as balance, trim_scale(w.reserved_usd)::text as reserved, s.* from wallets w, (
      select coalesce(trim_scale(sum(usd) filter (where at >= ${day.toISOString()}::timestamptz)), 0)::text as today,
        coalesce(trim_scale(sum(usd) filter (where at >= ${month.toISOString()}::timestamptz)), 0)::text as month,
        coalesce(trim_scale(sum(usd)), 0)::text as total
      from charges where user_id = ${user}) s
    where w.user_id = ${user}`);
  return {
    balanceUsd: row.balance ?? '0',
    reservedUsd: row.reserved,
    spentUsd: { today: row.today, month: row.month, total: row.total },
    unlimited: row.balance === null,
  };
}

/**
 * Credit from the installation's owner, for the owner or another user. The first credit limits a wallet: from then on no
 * more can be spent than was given. The same key gives it once; with another credit it is `reused-key`.
 */
export async function giveCredit(engine: Engine, by: SignedIn, credit: NewCredit, key?: string): Promise<Wallet> {
  if (!by.isOwner) throw new ProblemError('forbidden', 'Only the owner of this installation may give credit.');
  const user = credit.user ?? by.id;
  return engine.db.system(async (tx) => {
    if ((await tx.maybe(sql`select 1 from wallets where user_id = ${user} for update`)) === undefined)
      throw unknownUser(user);
    const added = await tx.run(sql`
      insert into credits (id, user_id, usd, note, given_by, idempotency_key)
      values (${newId('crd')}, ${user}, ${credit.usd}::numeric, ${credit.note ?? null}, ${`user:${by.id}`}, ${key ?? null})
      on conflict on constraint credits_once do nothing`);
    if (added === 0) await requireSameCredit(tx, by, user, credit, key);
    else
      await tx.run(
        sql`update wallets set balance_usd = coalesce(balance_usd, 0) + ${credit.usd}::numeric where user_id = ${user}`,
      );
    return readWallet(tx, user);
  });
}

async function requireSameCredit(
  tx: Tx,
  by: SignedIn,
  user: string,
  credit: NewCredit,
  key: string | undefined,
): Promise<void> {
  const same = await tx.maybe(sql`
    select 1 from credits where given_by = ${`user:${by.id}`} and idempotency_key = ${key ?? null} and user_id = ${user}
      and usd = ${credit.usd}::numeric and note is not distinct from ${credit.note ?? null}`);
  if (same !== undefined) return;
  throw new ProblemError(
    'reused-key',
    'This Idempotency-Key was used for another credit. Use a new key for a new one.',
    {
      errors: [{ path: 'Idempotency-Key', message: 'was used with another body' }],
    },
  );
}

function unknownUser(user: string): ProblemError {
  return new ProblemError('invalid-body', `There is no user ${user}.`, {
    status: 422,
    errors: [{ path: 'user', message: 'there is no user with this id' }],
  });
}
