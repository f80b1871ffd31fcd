import { RuleError } from '../../times/rule.js';
import type { Db, Tx } from '../../store/db.js';
import { wakeClock } from '../../store/outbox.js';
import { pause } from '../../store/pause.js';
import { json, type RawBuilder, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { todaysDue } from './todays-due.js';

/** Rows looked at between two breaths, and how long those are: finding the times of a rule costs up to two milliseconds. */
const A_BATCH = 20;
const BREATH_MS = 10;

interface WallClockRow {
  id: string;
  user_id: string;
  due_at: string;
  zone: string;
  local_start: string;
  rrule: string | null;
}

/** Something with times on a wall clock: where its rows are, and what they mean. */
interface Kind {
  readonly table: 'reminders' | 'triggers';
  readonly columns: RawBuilder<unknown>;
  readonly condition: RawBuilder<unknown>;
  /** A further time that was put in by hand, if the kind has such. */
  readonly byHand: RawBuilder<unknown>;
}

const KINDS: readonly Kind[] = [
  {
    table: 'reminders',
    columns: sql`t.time_zone as zone, t.local_start, t.recurrence as rrule`,
    condition: sql`t.status in ('pending', 'paused') and t.local_start is not null`,
    byHand: sql`t.snoozed_to`,
  },
  {
    table: 'triggers',
    columns: sql`coalesce(t.spec->>'timeZone', 'UTC') as zone, t.spec->>'start' as local_start, t.spec->>'rrule' as rrule`,
    condition: sql`t.kind = 'cron' and t.due_at is not null and t.spec->>'start' is not null`,
    byHand: sql`null::timestamptz`,
  },
];

/**
 * Brings what is to come in line with the zone rules of today, for everybody: what was meant on a wall clock stays there
 * when a country moves its clocks. Changes only what differs, and has the clocks of its users look again. Returns how
 * many times were moved. Stops between two batches when told to.
 */
export async function recomputeDue({ db }: Pick<Engine, 'db'>, stop: AbortSignal): Promise<number> {
  let moved = 0;
  for (const kind of KINDS) {
    for (let after: string | undefined = ''; after !== undefined && !stop.aborted; ) {
      const rows = await batchAfter(db, kind, after);
      const suspects = rows.filter((row) => movedTo(row) !== undefined).map(({ id }) => id);
      if (suspects.length > 0) moved += await db.system((tx) => move(tx, kind, suspects));
      after = rows.length < A_BATCH ? undefined : rows.at(-1)?.id;
      if (after !== undefined) await pause(BREATH_MS, stop);
    }
  }
  return moved;
}

function batchAfter(db: Db, { table, columns, condition }: Kind, after: string): Promise<WallClockRow[]> {
  return db.system((tx) =>
    tx.rows<WallClockRow>(sql`
      select t.id, t.user_id, t.due_at, ${columns} from ${sql.table(table)} t where ${condition} and t.id > ${after} order by t.id limit ${A_BATCH}`),
  );
}

/** Looks again at rows that seem to differ, now that nobody else can change them. */
async function move(tx: Tx, { table, columns, condition, byHand }: Kind, ids: readonly string[]): Promise<number> {
  const rows = await tx.rows<WallClockRow>(sql`
    select t.id, t.user_id, t.due_at, ${columns} from ${sql.table(table)} t where ${condition} and t.id = any(${[...ids]}::text[]) order by t.id for update`);
  const moves = rows.flatMap((row) => {
    const due = movedTo(row);
    return due === undefined ? [] : [{ id: row.id, user: row.user_id, due: new Date(due).toISOString() }];
  });
  await tx.run(sql`
    update ${sql.table(table)} t set due_at = s.due, next_at = case when t.next_at is not null then least(s.due, ${byHand}) end, version = t.version + 1, updated_at = now()
    from jsonb_to_recordset(${json(moves)}) as s(id text, due timestamptz) where t.id = s.id`);
  for (const user of new Set(moves.map((each) => each.user))) await wakeClock(tx, user, 'a zone has new rules');
  return moves.length;
}

/** Undefined where the stored time holds, or nobody can tell: what comes of a broken rule is told when it is due. */
function movedTo({ due_at, zone, local_start, rrule }: WallClockRow): number | undefined {
  const due = Date.parse(due_at);
  try {
    const today = todaysDue({ due, zone, localStart: local_start, rrule: rrule ?? undefined });
    return today === due ? undefined : today;
  } catch (error) {
    if (error instanceof RuleError) return undefined;
    throw error;
  }
}
