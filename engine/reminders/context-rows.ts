import type { Label } from '../../contracts/effect-class.js';
import type { RequestStatus } from '../../contracts/request.js';
import { shortened } from '../../contracts/text.js';
import type { Tx } from '../../store/db.js';
import { type RawBuilder, sql } from '../../store/sql.js';

/** A request of a conversation: what was said in it, and what was answered. */
export interface ExchangeRow {
  id: string;
  status: RequestStatus;
  said: string;
  /** The user has said all of it; otherwise it came due, and somebody else may have put it in words. */
  spoken: boolean;
  reply: string;
  created_at: string;
  ended_at: string | null;
  /** Of its agents: what their words carry with them. */
  labels: Label[];
}

/** The newest requests of a conversation that are looked at. */
const MOST_LOOKED_AT = 200;
/** Characters of one saying; what the model is given of it is less. */
const LONGEST_SAYING = 4_000;
const LONGEST_TITLE = 120;

/**
 * What was said in the conversation and was answered, oldest first: the newest requests that its user has written, and
 * those named by `also`, which may have come due instead: these are not `spoken`.
 */
export async function earlierExchanges(
  tx: Tx,
  { user, conversation }: { readonly user: string; readonly conversation: string },
  also: readonly string[] = [],
): Promise<ExchangeRow[]> {
  return tx.rows<ExchangeRow>(sql`
    with wanted as (
      (select id from requests where conversation_id = ${conversation} and user_id = ${user} and origin = 'user' order by created_at desc limit ${MOST_LOOKED_AT})
      union
      select id from requests where id = any(${[...also]}::text[]) and user_id = ${user})
    select r.id, r.status, coalesce(left(r.result->>'text', ${LONGEST_SAYING}), '') as reply, r.created_at, r.ended_at,
      coalesce((select left(string_agg(m.text, E'\n' order by m.seq), ${LONGEST_SAYING}) from messages m where m.request_id = r.id and m.role = 'user' and m.text <> ''), '') as said,
      coalesce((select bool_and(m.spoken) from messages m where m.request_id = r.id and m.role = 'user'), true) as spoken,
      coalesce((select array_agg(distinct l order by l) from agents a, unnest(a.labels) as l where a.request_id = r.id), '{}') as labels
    from wanted join requests r on r.id = wanted.id order by r.created_at, r.id`);
}

/** What an atom `a` is called, or its first words. */
export const ATOM_TITLE = sql`left(coalesce(a.payload->>'title', a.payload->>'name', a.payload->>'subject', a.payload->>'text', a.payload #>> '{}'), 500)`;

/** What the words of an atom `a` in a space `s` put on who reads them; see `activities/noticing.ts`. */
export function atomLabels(user: string): RawBuilder<unknown> {
  return sql`array_remove(array[
    case when a.origin = 'untrusted' or not a.people <@ array[${user}::text] then 'untrusted' end,
    case when s.role in ('memory', 'instructions') then 'private' end], null)`;
}

/** On one line, without the mark of a heading. */
export function titleLine(text: string): string {
  const [line = ''] = text
    .replace(/^#+\s*/, '')
    .trim()
    .split('\n');
  return shortened(line.trim(), LONGEST_TITLE);
}
