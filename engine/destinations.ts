import type { KnownPlaces } from '../contracts/gate.js';
import type { AgentRef } from '../contracts/step.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';

const SEARCH_SKILL = 'web_search';
const MOST_MESSAGES = 200;
const MOST_FOUND = 2_000;

/** What the user has typed in the request, the latest first, and every address that its searches have found. */
export async function placesInRequest(
  engine: Pick<Engine, 'db'>,
  ref: Pick<AgentRef, 'user' | 'request'>,
): Promise<Pick<KnownPlaces, 'typed' | 'found'>> {
  return engine.db.as(ref.user, (tx) =>
    tx.one<{ typed: string[]; found: string[] }>(sql`
      select
        (select coalesce(array_agg(m.text), '{}') from (
          select text from messages where request_id = ${ref.request} and user_id = ${ref.user} and role = 'user' and spoken and text <> ''
          order by seq desc limit ${MOST_MESSAGES}) m) as typed,
        (select coalesce(array_agg(f.url), '{}') from (
          select hit->>'url' as url
          from calls, jsonb_array_elements(case when jsonb_typeof(output->'results') = 'array' then output->'results' else '[]' end) as hit
          where request_id = ${ref.request} and user_id = ${ref.user} and skill = ${SEARCH_SKILL} and status = 'done' and hit->>'url' is not null
          limit ${MOST_FOUND}) f) as found`),
  );
}
