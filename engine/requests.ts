import { ProblemError } from '../contracts/problem.js';
import type { RequestStatus } from '../contracts/request.js';
import type { Page } from '../contracts/space.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { agentColumns, agentCosts, readUserFacts } from './agents/agent-views.js';
import type { Engine } from './deps.js';
import { presentRequest, type RequestView, type ViewRow } from './present-request.js';

export type { RequestView } from './present-request.js';

/** Charges shown with one request; their sum always counts all of them. */
const MOST_CHARGES = 500;
const MOST_AGENTS = 200;
const MOST_MESSAGES = 200;

export interface RequestFilter {
  readonly status?: RequestStatus | undefined;
  readonly conversation?: string | undefined;
  /** Arrived at or after this instant. */
  readonly from?: string | undefined;
  /** Arrived before this instant. */
  readonly to?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One request with its agents and costs; `not-found` when there is none or it is somebody else's. */
export async function viewRequest(engine: Engine, user: string, id: string): Promise<RequestView> {
  return engine.db.as(user, async (tx) => {
    const row = await tx.maybe(viewRows(user, sql`r.id = ${id}`, sql``));
    if (row === undefined) throw new ProblemError('not-found', `There is no request ${id.slice(0, 80)}.`);
    return presentRequest(engine, row, await readUserFacts(tx, user));
  });
}

/** Requests of the user, newest first. */
export async function listRequests(engine: Engine, user: string, filter: RequestFilter): Promise<Page<RequestView>> {
  const after = readCursor(filter.cursor);
  const conditions = [
    filter.status === undefined ? undefined : sql`r.status = ${filter.status}`,
    filter.conversation === undefined ? undefined : sql`r.conversation_id = ${filter.conversation}`,
    filter.from === undefined ? undefined : sql`r.created_at >= ${filter.from}::timestamptz`,
    filter.to === undefined ? undefined : sql`r.created_at < ${filter.to}::timestamptz`,
    after === undefined ? undefined : sql`(r.created_at, r.id) < (${after.at}::timestamptz, ${after.id})`,
  ].filter((condition) => condition !== undefined);
  const where = conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
  return engine.db.as(user, async (tx) => {
    const rows = await tx.rows(
      viewRows(user, where, sql`order by r.created_at desc, r.id desc limit ${filter.limit + 1}`),
    );
    const facts = await readUserFacts(tx, user);
    return pageCursor(
      rows,
      filter.limit,
      (row) => ({ at: row.created_at, id: row.id }),
      (row) => presentRequest(engine, row, facts),
    );
  });
}

/** Status alone, for a caller that only waits for it. */
export async function requestStatus(engine: Engine, user: string, id: string): Promise<RequestStatus> {
  const row = await engine.db.as(user, (tx) =>
    tx.maybe<{ status: RequestStatus }>(sql`select status from requests where id = ${id} and user_id = ${user}`),
  );
  if (row === undefined) throw new ProblemError('not-found', `There is no request ${id.slice(0, 80)}.`);
  return row.status;
}

/** Everything about the requests in one statement: a round trip costs more than its size. */
function viewRows(user: string, condition: RawBuilder<unknown>, rest: RawBuilder<unknown>): RawBuilder<ViewRow> {
  return sql<ViewRow>`
    select r.id, r.user_id, r.conversation_id, r.agent_id, r.status, r.waiting_for, r.settings, r.result, r.error, r.deadline_at, r.created_at, r.ended_at, r.origin,
      said.text,
      (select coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'mediaType', f.media_type, 'size', f.size, 'sha256', f.sha256, 'seconds', f.seconds, 'createdAt', f.created_at)
          order by array_position(said.files, f.id)), '[]'::json) from files f where f.id = any(said.files)) as files,
      (select coalesce(json_agg(a), '[]'::json) from (
        select ${agentColumns(false)} from agents a left join ${agentCosts(sql`r.id`)} on s.agent_id = a.id
        where a.request_id = r.id order by a.born limit ${MOST_AGENTS}) a) as agents,
      (select coalesce(json_agg(c), '[]'::json) from (
        select id, request_id, agent_id, kind, name, quantity, unit, trim_scale(usd)::text as usd, step, estimated, at
        from charges where request_id = r.id order by at, id limit ${MOST_CHARGES}) c) as charges,
      (select coalesce(trim_scale(sum(c.usd)), 0)::text from charges c where c.request_id = r.id) as usd,
      (select coalesce(json_agg(json_build_object('id', m.id, 'text', m.text, 'files', m.files, 'at', m.created_at) order by m.seq), '[]'::json) from (
        select id, seq, text, files, created_at from messages where request_id = r.id and role = 'assistant' order by seq limit ${MOST_MESSAGES}) m) as messages,
      (select coalesce(json_agg(json_build_object('effect', e.key, 'skill', e.skill, 'title', p.title) order by e.created_at), '[]'::json)
        from effects e join approvals p on p.id = e.key where e.request_id = r.id and e.closed_at is null and e.status in ('started', 'unknown')) as under_way
    from requests r
    left join lateral (select m.text, m.files from messages m where m.request_id = r.id and m.role = 'user' order by m.seq limit 1) said on true
    where r.user_id = ${user} and ${condition} ${rest}`;
}
