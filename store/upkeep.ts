import type pg from 'pg';

/** Rows that may have changed since the planner last looked, besides a share of the table. */
const FEW_ROWS = 200;
/** Pages that a table may have grown by, for what was counted before a restart and is forgotten. */
const FEW_PAGES = 10;
const CHANGED_SHARE = 0.1;
const DEAD_SHARE = 0.2;

/** What is done about a table, and how many milliseconds others waited for it. */
export interface Upkept {
  readonly table: string;
  readonly done: 'analyze' | 'vacuum';
  readonly ms: number;
}

/**
 * Brings the statistics and pages of the embedded database up to date, which it does not do by itself: analyzes tables of
 * which more than a tenth has changed, vacuums those of which more than a sixth is dead rows. One statement at a time,
 * each outside of any transaction, so that others come in between; nothing more is begun after `stop`. The database counts
 * changes from its start on; what a table has grown by tells of those before. Returns what was done, in order.
 */
export async function keepUp(pool: Pick<pg.Pool, 'query'>, stop: AbortSignal): Promise<Upkept[]> {
  const analyzed = await eachOf(pool, stop, 'analyze', await tablesOf(pool, CHANGED));
  // Analyzing estimates the dead rows that were there before the start.
  const vacuumed = await eachOf(pool, stop, 'vacuum', await tablesOf(pool, MANY_DEAD));
  return [...analyzed, ...vacuumed];
}

const CHANGED = `s.n_mod_since_analyze > ${FEW_ROWS} + ${CHANGED_SHARE} * greatest(c.reltuples, 0)
  or abs(pg_relation_size(c.oid) / current_setting('block_size')::int - c.relpages) > ${FEW_PAGES} + ${CHANGED_SHARE} * c.relpages`;
const MANY_DEAD = `s.n_dead_tup > ${FEW_ROWS} + ${DEAD_SHARE} * s.n_live_tup`;

async function tablesOf(pool: Pick<pg.Pool, 'query'>, condition: string): Promise<string[]> {
  // What this connection has counted is kept for itself for a minute otherwise.
  await pool.query('select pg_stat_force_next_flush()');
  const { rows } = await pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_stat_user_tables s on s.relid = c.oid where ${condition} order by c.relpages, name`,
  );
  return rows.map(({ name }) => name);
}

async function eachOf(
  pool: Pick<pg.Pool, 'query'>,
  stop: AbortSignal,
  done: Upkept['done'],
  tables: readonly string[],
): Promise<Upkept[]> {
  const all: Upkept[] = [];
  for (const table of tables) {
    if (stop.aborted) break;
    const begun = performance.now();
    await pool.query(`${done} ${table}`);
    all.push({ table, done, ms: performance.now() - begun });
  }
  return all;
}
