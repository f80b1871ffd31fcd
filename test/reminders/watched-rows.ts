import type { Db } from '../../store/db.js';
import { sql } from '../../store/sql.js';

/** A reminder as one transaction left it. Times are milliseconds since 1970. */
export interface Seen {
  /** The transaction. */
  readonly tx: string;
  readonly version: number;
  readonly status: string;
  readonly text: string;
  readonly due: number;
  readonly snoozed: number | null;
  readonly next: number | null;
  /** Of a claim the time it was made for. */
  readonly at: number;
  readonly request: string | null;
  readonly recurs: boolean;
}

/** A time of a reminder that was settled, with the request it became. */
export interface Occurred {
  readonly tx: string;
  readonly occurrence: string;
  readonly outcome: string;
  readonly due: number;
  readonly request: string | null;
  /** What the request says, and the time it was claimed at; null where there is none. */
  readonly text: string | null;
  readonly claimed: number | null;
}

/** The transaction that is open, as rows name it that it writes. */
export const THIS_TRANSACTION = sql<{ tx: string }>`select pg_current_xact_id()::xid::text as tx`;

/**
 * Has the database itself write down every state of every reminder, in the order of the commits: whoever changes a row
 * holds its lock until then.
 */
export async function watchReminders(db: Db): Promise<void> {
  await db.system(async (tx) => {
    await tx.run(sql`
      create table seen (place bigserial primary key, tx text not null, id text not null, version int not null, status text not null, text text not null,
        due_at timestamptz not null, snoozed_to timestamptz, next_at timestamptz, updated_at timestamptz not null, last_request text, recurs boolean not null)`);
    await tx.run(sql`
      create function see_reminder() returns trigger language plpgsql security definer as $$
      begin
        insert into seen (tx, id, version, status, text, due_at, snoozed_to, next_at, updated_at, last_request, recurs)
        values (pg_current_xact_id()::xid::text, new.id, new.version, new.status, new.text, new.due_at, new.snoozed_to, new.next_at, new.updated_at, new.last_request, new.recurrence is not null);
        return null;
      end $$`);
    await tx.run(
      sql`create trigger seen after insert or update on reminders for each row execute function see_reminder()`,
    );
  });
}

/** What is known of a reminder. */
export interface History {
  /** Every state it has had, the oldest first. */
  readonly states: readonly Seen[];
  /** Everything it has come to. */
  readonly occurrences: readonly Occurred[];
  /** Ids of the requests that were ever made of it. */
  readonly requests: readonly string[];
}

/** What is known of several reminders, in their order. */
export async function historiesOf(db: Db, ids: readonly string[]): Promise<History[]> {
  return db.system(async (tx) => {
    const states = await tx.rows<Seen & { id: string }>(sql`
      select id, tx, version, status, text, ${milliseconds('due_at')} as due, ${milliseconds('snoozed_to')} as snoozed, ${milliseconds('next_at')} as next,
        ${milliseconds('updated_at')} as at, last_request as request, recurs
      from seen where id = any(${[...ids]}::text[]) order by place`);
    const occurrences = await tx.rows<Occurred & { id: string }>(sql`
      select o.source_id as id, o.xmin::text as tx, o.occurrence, o.outcome, ${milliseconds('o.due_at')} as due, o.request_id as request, m.text,
        ${milliseconds("(r.settings->>'occurredAt')::timestamptz")} as claimed
      from occasions o left join requests r on r.id = o.request_id left join messages m on m.request_id = r.id
      where o.source_id = any(${[...ids]}::text[]) order by o.source_id, o.occurrence`);
    const requests = await tx.rows<{ id: string; request: string }>(sql`
      select split_part(idempotency_key, ':', 2) as id, id as request from requests where split_part(idempotency_key, ':', 2) = any(${[...ids]}::text[]) order by id`);
    return ids.map((id) => ({
      states: states.filter((state) => state.id === id),
      occurrences: occurrences.filter((occurred) => occurred.id === id),
      requests: requests.filter((made) => made.id === id).map(({ request }) => request),
    }));
  });
}

function milliseconds(column: string) {
  return sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);
}
