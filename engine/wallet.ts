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
 * more can be spent than was given.
 */
export async function giveCredit(engine: Engine, by: SignedIn, credit: NewCredit): Promise<Wallet> {
  if (!by.isOwner) throw new ProblemError('forbidden', 'Only the owner of this installation may give credit.');
  const user = credit.user ?? by.id;
  return engine.db.system(async (tx) => {
    const raised = await tx.run(
      sql`update wallets set balance_usd = coalesce(balance_usd, 0) + ${credit.usd}::numeric where user_id = ${user}`,
    );
    if (raised === 0) throw unknownUser(user);
    await tx.run(sql`
      insert into credits (id, user_id, usd, note, given_by)
      values (${newId('crd')}, ${user}, ${credit.usd}::numeric, ${credit.note ?? null}, ${`user:${by.id}`})`);
    return readWallet(tx, user);
  });
}

function unknownUser(user: string): ProblemError {
  return new ProblemError('not-found', `There is no user ${user}.`, {
    status: 422,
    errors: [{ path: 'user', message: 'there is no user with this id' }],
  });
}
