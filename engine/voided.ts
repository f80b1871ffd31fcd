import { type RawBuilder, sql } from '../store/sql.js';

/** Fails what waits to be sent and drops what waits for a decision, when a request ends without being completed. */
export function voidedRows(request: string): RawBuilder<unknown>[] {
  return [
    sql`update effects set status = 'failed', error = 'The request had ended before it was sent.', closed_at = now()
        where request_id = ${request} and status = 'ready' and closed_at is null`,
    sql`update approvals set status = 'cancelled', decided_at = now(), reason = 'The request has ended.'
        where request_id = ${request} and status = 'pending' and effect <> 'unknown'`,
  ];
}
