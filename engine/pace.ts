import type { SkillManifest } from '../contracts/skill.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { lockRequest } from './rows.js';

/** How fast calls of one skill may follow one another for one user. */
export interface Pace {
  readonly skill: string;
  /** Calls at work at once. */
  readonly maxConcurrent: number;
  /** Between the beginnings of two calls. */
  readonly minIntervalMs: number;
}

/** A call or an approved action that has to keep a pace. */
export interface PacedWork {
  readonly user: string;
  /** Id of the call or of the effect; the same one again goes on where it was. */
  readonly work: string;
  /** How long it may be at work at most; from then on it counts no more, whatever became of it. */
  readonly limitMs: number;
  /** It asks again after this time at the latest. */
  readonly longestWaitMs: number;
}

/** Undefined for a skill that may be called as fast as anybody likes. */
export function paceOf({
  name,
  maxConcurrent,
  minIntervalSeconds,
}: Pick<SkillManifest, 'name' | 'maxConcurrent' | 'minIntervalSeconds'>): Pace | undefined {
  if (maxConcurrent === undefined && minIntervalSeconds === undefined) return undefined;
  return {
    skill: name,
    maxConcurrent: maxConcurrent ?? Number.POSITIVE_INFINITY,
    minIntervalMs: (minIntervalSeconds ?? 0) * 1000,
  };
}

/** Whoever waits stands in the table too, under this and the name of its work: since when, and until when it is counted on. */
const WAITING = 'waits:';
/** Whoever does not ask again for so long after its time has lost its place. */
const GRACE_MS = 30_000;
const SHORTEST_LOOK_MS = 200;
const LONGEST_LOOK_MS = 30_000;
const KEPT_MS = 3_600_000;

interface PaceRow {
  readonly work: string;
  /** Milliseconds since 1970: of its beginning, or of its first question. */
  readonly began: number;
  readonly until: number;
}

/**
 * Lets the work begin, or answers with the milliseconds after which it is to ask again. Whoever has asked first begins
 * first. From here to the end of the transaction nobody else is let in.
 */
export async function beginPaced(tx: Tx, pace: Pace, work: PacedWork): Promise<number | undefined> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtextextended(${`retinue-pace:${work.user}:${pace.skill}`}, 0))`);
  // A statement of its own, so that it sees what was written while it waited for the lock.
  const { at, rows } = await tx.one<{ at: number; rows: PaceRow[] }>(sql`
    select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at, (
      select coalesce(json_agg(json_build_object('work', p.work, 'began', extract(epoch from p.began_at) * 1000, 'until', extract(epoch from p.until) * 1000)), '[]')
      from paces p where p.user_id = ${work.user} and p.skill = ${pace.skill}
        and (p.work = ${WAITING + work.work} or not (
          exists (select from calls c where c.id = substr(p.work, ${WAITING.length + 1}::int) and c.status <> 'pending')
          or exists (select from effects e where e.key = substr(p.work, ${WAITING.length + 1}::int) and e.status <> 'ready')))) as rows`);
  const turn = turnOf(pace, rows, work.work, at);
  if (turn.kind === 'begin') {
    await put(tx, pace, work, { work: work.work, began: at, until: at + work.limitMs });
    await forget(tx, pace, work, at);
    return undefined;
  }
  const waitMs = Math.ceil(Math.min(turn.waitMs, work.longestWaitMs));
  await put(tx, pace, work, { work: WAITING + work.work, began: turn.asked, until: at + waitMs + GRACE_MS });
  return waitMs;
}

type Turn = { readonly kind: 'begin' } | { readonly kind: 'wait'; readonly waitMs: number; readonly asked: number };

function turnOf({ maxConcurrent, minIntervalMs }: Pace, rows: readonly PaceRow[], work: string, at: number): Turn {
  const begun = rows.filter((row) => !row.work.startsWith(WAITING));
  const atWork = begun.filter((row) => row.until > at);
  const asked = rows.find((row) => row.work === WAITING + work)?.began ?? at;
  // What was interrupted has had its turn.
  const isResumed = atWork.some((row) => row.work === work);
  const ahead = isResumed ? 0 : rows.filter((row) => isAhead(row, { work, asked, at })).length;
  const isFull = maxConcurrent - atWork.filter((row) => row.work !== work).length <= ahead;
  const last = Math.max(0, ...begun.map((row) => row.began));
  const apartMs = minIntervalMs === 0 ? 0 : Math.max(0, last + minIntervalMs - at) + ahead * minIntervalMs;
  if (!isFull && apartMs === 0) return { kind: 'begin' };
  // Nobody knows when a place is given back: the longer those at work take, and the more are ahead, the more rarely it is
  // looked for.
  const takenMs = at - Math.min(at, ...atWork.map((row) => row.began));
  const lookMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, takenMs / 4) * (1 + ahead));
  return { kind: 'wait', waitMs: isFull ? Math.max(apartMs, lookMs) : apartMs, asked };
}

function isAhead(row: PaceRow, own: { readonly work: string; readonly asked: number; readonly at: number }): boolean {
  const name = WAITING + own.work;
  if (!row.work.startsWith(WAITING) || row.work === name || row.until <= own.at) return false;
  return row.began < own.asked || (row.began === own.asked && row.work < name);
}

async function put(tx: Tx, { skill }: Pace, { user }: PacedWork, row: PaceRow): Promise<void> {
  const [began, until] = [iso(row.began), iso(row.until)];
  await tx.run(sql`
    insert into paces (user_id, skill, work, began_at, until) values (${user}, ${skill}, ${row.work}, ${began}, ${until})
    on conflict (user_id, skill, work) do update set began_at = excluded.began_at, until = excluded.until`);
}

/** The newest beginning stands for all that are over, and whoever has begun waits no more. */
async function forget(tx: Tx, { skill }: Pace, { user, work }: PacedWork, at: number): Promise<void> {
  await tx.run(sql`
    delete from paces where user_id = ${user} and skill = ${skill} and (work = ${WAITING + work}
      or (work <> ${work} and until <= case when starts_with(work, ${WAITING}) then ${iso(at - KEPT_MS)}::timestamptz else ${iso(at)}::timestamptz end))`);
}

/** The work has ended, however it did. Its beginning is kept as long as others have to stay apart from it. */
export async function endPaced(tx: Tx, pace: Pace, { user, work }: Pick<PacedWork, 'user' | 'work'>): Promise<void> {
  await tx.run(sql`
    delete from paces where user_id = ${user} and skill = ${pace.skill} and work = ${work}
      and began_at <= clock_timestamp() - make_interval(secs => ${pace.minIntervalMs / 1000})`);
  await tx.run(sql`
    update paces set until = least(until, clock_timestamp()) where user_id = ${user} and skill = ${pace.skill} and work = ${work}`);
}

/** The work has not begun after all. */
export async function withdrawPaced(
  tx: Tx,
  pace: Pace,
  { user, work }: Pick<PacedWork, 'user' | 'work'>,
): Promise<void> {
  await tx.run(sql`delete from paces where user_id = ${user} and skill = ${pace.skill} and work = ${work}`);
}

/** A call asks again after half a minute at the latest: its activity is tried again then. */
const LONGEST_CALL_WAIT_MS = 30_000;
/** Between the end of a call's own time and that of its activity. */
const CALL_MARGIN_MS = 5_000;
/** What is shown as its beginning is not when it came to wait. */
const BEGUN = sql`started_at = case when attempts = 1 then clock_timestamp() else started_at end`;

/**
 * Lets a call begin that holds its attempt; otherwise that attempt does not count, and the milliseconds to wait are
 * returned.
 */
export async function beginPacedCall(
  engine: Engine,
  ref: AgentRef & { readonly callId: string },
  pace: Pace,
  timeoutMs: number,
): Promise<number | undefined> {
  return engine.db.as(ref.user, async (tx) => {
    await lockRequest(tx, ref);
    const waitMs = await beginPaced(tx, pace, {
      user: ref.user,
      work: ref.callId,
      limitMs: timeoutMs + CALL_MARGIN_MS,
      longestWaitMs: LONGEST_CALL_WAIT_MS,
    });
    const change = waitMs === undefined ? BEGUN : sql`attempts = greatest(0, attempts - 1)`;
    await tx.run(sql`update calls set ${change} where id = ${ref.callId} and status = 'pending'`);
    return waitMs;
  });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
