import type { Effect } from '../contracts/approval.js';
import { REQUEST_STATUSES, type RequestStatus } from '../contracts/request.js';
import { countUndelivered } from '../store/outbox.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';

/** The installation's state in numbers, for the metrics page. */
export interface Gauges {
  readonly requestsByStatus: Readonly<Record<RequestStatus, number>>;
  readonly undelivered: number;
  /** Questions that wait for a person. */
  readonly pendingApprovals: number;
  /** Actions outside by state. */
  readonly effects: Readonly<Record<Effect['status'], number>>;
  readonly charges: { readonly count: number; readonly usd: number };
}

/** Counts open requests of all users, what waits for people, what was done outside, commands not delivered yet and charges. */
export async function readGauges(engine: Engine): Promise<Gauges> {
  return engine.db.system(async (tx) => {
    const open = await tx.rows<{ status: RequestStatus; count: number }>(sql`
      select status, count(*)::int as count from requests where ended_at is null group by status`);
    const counts = new Map(open.map((row) => [row.status, row.count]));
    return {
      requestsByStatus: Object.fromEntries(
        REQUEST_STATUSES.map((status) => [status, counts.get(status) ?? 0]),
      ) as Record<RequestStatus, number>,
      pendingApprovals: (
        await tx.one<{ count: number }>(
          sql`select count(*)::int as count from approvals where status = 'pending' and expires_at > now()`,
        )
      ).count,
      effects: await tx.one<Gauges['effects']>(sql`
        select count(*) filter (where status = 'ready')::int as ready, count(*) filter (where status = 'started')::int as started,
          count(*) filter (where status = 'done')::int as done, count(*) filter (where status = 'failed')::int as failed,
          count(*) filter (where status = 'unknown')::int as unknown from effects`),
      undelivered: await countUndelivered(tx),
      charges: await tx.one<{ count: number; usd: number }>(
        sql`select count(*)::int as count, coalesce(sum(usd), 0)::float8 as usd from charges`,
      ),
    };
  });
}
