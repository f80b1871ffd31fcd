import { type RawBuilder, sql } from '../store/sql.js';

/** Fails what waits to be sent and drops what waits for a decision, when a request ends without being completed. */
export function voidedRows(request: string): RawBuilder<unknown>[] {
  return voidedOf(sql`request_id = ${request}`, 'The request has ended.', 'The request had ended before it was sent.');
}

/** As `voidedRows`, for the rows that the condition names, with what people are told. */
export function voidedOf(condition: RawBuilder<unknown>, dropped: string, unsent = dropped): RawBuilder<unknown>[] {
  return [
    sql`update effects set status = 'failed', error = ${unsent}, closed_at = now()
        where ${condition} and status = 'ready' and closed_at is null`,
    sql`update approvals set status = 'cancelled', decided_at = now(), reason = ${dropped}
        where ${condition} and status = 'pending' and effect <> 'unknown'`,
  ];
}
