import { REQUEST_STATUSES, type RequestStatus } from '../contracts/request.js';
import { countUndelivered } from '../store/outbox.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';

/** The installation's state in numbers, for the metrics page. */
export interface Gauges {
  readonly requestsByStatus: Readonly<Record<RequestStatus, number>>;
  readonly undelivered: number;
  readonly charges: { readonly count: number; readonly usd: number };
}

/** Counts open requests of all users, commands not delivered yet and charges. */
export async function readGauges(engine: Engine): Promise<Gauges> {
  return engine.db.system(async (tx) => {
    const open = await tx.rows<{ status: RequestStatus; count: number }>(sql`
      select status, count(*)::int as count from requests where ended_at is null group by status`);
    const counts = new Map(open.map((row) => [row.status, row.count]));
    return {
      requestsByStatus: Object.fromEntries(
        REQUEST_STATUSES.map((status) => [status, counts.get(status) ?? 0]),
      ) as Record<RequestStatus, number>,
      undelivered: await countUndelivered(tx),
      charges: await tx.one<{ count: number; usd: number }>(
        sql`select count(*)::int as count, coalesce(sum(usd), 0)::float8 as usd from charges`,
      ),
    };
  });
}
