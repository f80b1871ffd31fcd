import type { Db } from '../../store/db.js';
import { sql } from '../../store/sql.js';

/**
 * From now on every change that leaves a wallet with less than nothing, or with more reserved than it has, fails. A CHECK
 * would not do: PostgreSQL tests those before it has seen that another transaction changed the row meanwhile.
 */
export async function forbidOverspending(db: Db): Promise<void> {
  await db.system(async (tx) => {
    await tx.run(sql`
      create function never_overspent() returns trigger language plpgsql as $$ begin
        if new.reserved_usd < 0 or new.balance_usd < new.reserved_usd then
          raise exception 'overspent: balance %, reserved %', new.balance_usd, new.reserved_usd;
        end if;
        return null;
      end $$`);
    await tx.run(sql`
      create trigger never_overspent after insert or update on wallets for each row execute function never_overspent()`);
  });
}
