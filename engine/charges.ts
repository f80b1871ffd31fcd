import type { Charge } from '../contracts/request.js';
import type { Page } from '../contracts/space.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { type ChargeRow, presentCharge } from './present-request.js';
import type { SignedIn } from './users.js';

export interface ChargeFilter {
  /** Charged at or after this instant. */
  readonly from?: string | undefined;
  /** Charged before this instant. */
  readonly to?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const CHARGE_GROUPS = ['agent', 'skill', 'model', 'user'] as const;
export type ChargeGroup = (typeof CHARGE_GROUPS)[number];

/** What one agent, skill, model or user has cost in a span of time. */
export interface ChargeSum {
  readonly key: string;
  readonly usd: string;
  readonly count: number;
}

/** The user's charges, newest first. */
export async function listCharges(engine: Engine, user: string, filter: ChargeFilter): Promise<Page<Charge>> {
  const after = readCursor(filter.cursor);
  const place = after === undefined ? sql`true` : sql`(at, id) < (${after.at}::timestamptz, ${after.id})`;
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<ChargeRow>(sql`
      select id, request_id, agent_id, kind, name, quantity::float8 as quantity, unit, trim_scale(usd)::text as usd, step, estimated, at
      from charges where user_id = ${user} and ${within(filter)} and ${place} order by at desc, id desc limit ${filter.limit + 1}`),
  );
  return pageCursor(rows, filter.limit, (row) => ({ at: row.at, id: row.id }), presentCharge);
}

/** Sums of the user's charges, the dearest first. Grouped by user, the owner sees everybody's sums. */
export async function sumCharges(
  engine: Engine,
  by: SignedIn,
  group: ChargeGroup,
  filter: ChargeFilter,
): Promise<ChargeSum[]> {
  const everybody = group === 'user' && by.isOwner;
  const whose = everybody ? sql`true` : sql`user_id = ${by.id}`;
  const statement = sql<ChargeSum>`
    select ${keyOf(group)} as key, trim_scale(sum(usd))::text as usd, count(*)::int as count
    from charges where ${whose} and ${within(filter)} and ${partOf(group)} group by 1 order by sum(usd) desc, 1 limit ${filter.limit}`;
  return everybody ? engine.db.system((tx) => tx.rows(statement)) : engine.db.as(by.id, (tx) => tx.rows(statement));
}

function within(filter: ChargeFilter): RawBuilder<unknown> {
  const from = filter.from === undefined ? sql`true` : sql`at >= ${filter.from}::timestamptz`;
  const to = filter.to === undefined ? sql`true` : sql`at < ${filter.to}::timestamptz`;
  return sql`${from} and ${to}`;
}

function keyOf(group: ChargeGroup): RawBuilder<unknown> {
  switch (group) {
    case 'agent':
      return sql`agent_id`;
    case 'user':
      return sql`user_id`;
    case 'skill':
    case 'model':
      return sql`name`;
  }
}

function partOf(group: ChargeGroup): RawBuilder<unknown> {
  return group === 'skill' || group === 'model' ? sql`kind = ${group}` : sql`true`;
}
