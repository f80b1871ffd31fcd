import type { Label } from '../../contracts/effect-class.js';
import type { CatchUp, Overlap } from '../../contracts/reminder.js';
import type { ClockInput, ClockStep, Look } from '../../contracts/step.js';
import type { TriggerKind, TriggerSpecs } from '../../contracts/trigger.js';
import type { Recurrence } from '../../times/occurrences.js';
import { ProblemError } from '../../contracts/problem.js';
import { RuleError } from '../../times/rule.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { fire, type Firing } from './firing.js';
import { type Plan, planDue, type Timed } from './plan.js';
import { todaysDue } from './todays-due.js';
import { periodSeconds } from '../triggers/trigger-rows.js';
import { windowMs } from './windows.js';

/** Rows of each kind that one step claims. */
const MOST_AT_ONCE = 200;
/** Requests of one step that begin at once; of a burst each adds to the time until it begins. */
const MOST_BEGUN_AT_ONCE = 3;
const HOLD_MS = 40;
const LONGEST_HOLD_MS = 8_000;
/** How long after a time of a queue finds the one before still at work it is looked at again. */
const QUEUE_MS = 15_000;
/** After this a look counts as lost. */
const LOST_LOOK_MS = 300_000;
/** How long what could not be claimed is left alone. */
const PUT_OFF_MS = 300_000;

/** Something with times of its own: a reminder, or a schedule. */
interface DueRow {
  id: string;
  conversation_id: string;
  text: string;
  time_zone: string;
  local_start: string | null;
  recurrence: string | null;
  due_at: string;
  snoozed_to: string | null;
  catch_up: CatchUp;
  catch_up_window: string | null;
  overlap: Overlap | null;
  agent: string;
  skills: string[] | null;
  labels: Label[];
  /** USD as a decimal string. */
  budget_usd: string | null;
  /** The request of the time before has not ended. */
  is_busy: boolean;
}

/** A look that is due, or a time of a schedule. */
interface TriggerRow
  extends Omit<
    DueRow,
    'time_zone' | 'local_start' | 'recurrence' | 'snoozed_to' | 'catch_up' | 'catch_up_window' | 'overlap'
  > {
  kind: TriggerKind;
  spec: TriggerSpecs['cron'] & { everySeconds?: number };
  /** It has fired so lately that it must not yet again. */
  is_cooling: boolean;
  fence: number;
}

/**
 * Claims what of the user has come due by the workflow's clock: each becomes a request of its own, or is written down as
 * missed, in one transaction with its next time. What was cancelled or changed before is not there any more; what is
 * changed meanwhile waits for this. Times are compared with `at` alone, never with the clock of the machine. What cannot
 * be claimed is put off, so that it holds up nothing else.
 */
export async function claimDue(engine: Engine, input: ClockInput): Promise<ClockStep> {
  try {
    return await claimSome(engine, input, MOST_AT_ONCE);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    engine.log?.warn({ err: error }, 'what has come due could not be claimed together; it is claimed one by one');
  }
  try {
    return { ...(await claimSome(engine, input, 1)), more: true };
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    engine.log?.warn(
      { err: error },
      'something that has come due could not be claimed; it is tried again in some minutes',
    );
    await putOff(engine, input);
    return { more: true, looks: [], summary: 'something could not be claimed' };
  }
}

async function claimSome(engine: Engine, { user, at }: ClockInput, most: number): Promise<ClockStep> {
  return engine.db.as(user, async (tx) => {
    const reminders = await dueReminders(tx, user, at, most);
    const triggers = await dueTriggers(tx, user, at, most);
    const schedules = triggers.filter(({ kind }) => kind === 'cron');
    await settleReminders(tx, engine, user, at, reminders);
    await settleSchedules(tx, engine, user, at, schedules);
    const looks = await beginLooks(
      tx,
      at,
      triggers.filter(({ kind }) => kind !== 'cron'),
    );
    const { next } = await tx.one<{ next: string | null }>(sql`
      select least((select min(next_at) from reminders where user_id = ${user}), (select min(next_at) from triggers where user_id = ${user} and enabled)) as next`);
    const more = reminders.length === most || triggers.length === most;
    if (next === null) return { more, looks, summary: 'nothing comes due' };
    const iso = new Date(next).toISOString();
    return { more: more || iso <= at, looks, next: iso, summary: `next at ${iso}` };
  });
}

/** The first of each kind, as a claim of one takes them. */
async function putOff(engine: Engine, { user, at }: ClockInput): Promise<void> {
  const until = iso(Date.parse(at) + PUT_OFF_MS);
  for (const table of ['reminders', 'triggers'])
    await engine.db.as(user, (tx) =>
      tx.run(sql`
        update ${sql.table(table)} set next_at = ${until}::timestamptz where id = (
          select t.id from ${sql.table(table)} t where t.user_id = ${user} and t.next_at <= ${at}::timestamptz ${table === 'triggers' ? sql`and t.enabled` : sql``}
          order by t.next_at, t.id limit 1 for update skip locked)`),
    );
}

const IS_BUSY = sql`exists (select from requests q where q.id = t.last_request and q.ended_at is null)`;

async function dueReminders(tx: Tx, user: string, at: string, most: number): Promise<DueRow[]> {
  return tx.rows<DueRow>(sql`
    select t.id, t.conversation_id, t.text, t.time_zone, t.local_start, t.recurrence, t.due_at, t.snoozed_to, t.catch_up, t.catch_up_window, t.overlap, t.agent, t.skills, t.labels, trim_scale(t.budget_usd)::text as budget_usd,
      t.overlap is not null and ${IS_BUSY} as is_busy
    from reminders t where t.user_id = ${user} and t.next_at <= ${at}::timestamptz order by t.next_at, t.id limit ${most} for update of t skip locked`);
}

async function dueTriggers(tx: Tx, user: string, at: string, most: number): Promise<TriggerRow[]> {
  return tx.rows<TriggerRow>(sql`
    select t.id, t.conversation_id, t.instructions as text, t.kind, t.spec, t.due_at, t.agent, t.skills, t.labels, trim_scale(t.budget_usd)::text as budget_usd, t.fence,
      t.last_fired_at > ${at}::timestamptz - make_interval(secs => t.cooldown_seconds) as is_cooling, t.spec ? 'overlap' and ${IS_BUSY} as is_busy
    from triggers t where t.user_id = ${user} and t.enabled and t.next_at <= ${at}::timestamptz order by t.next_at, t.id limit ${most} for update of t skip locked`);
}

/** What a claimed row becomes. */
interface Settled extends Told {
  readonly id: string;
  readonly due_at: string;
  readonly snoozed_to: string | null;
  readonly next_at: string | null;
  readonly status: 'pending' | 'fired' | 'missed';
  /** Its rule has come to an end, and only the time put in by hand is left. */
  readonly isOnce: boolean;
}

/** What is told of this time, if anything. */
interface Told {
  readonly firing?: Firing;
  /** The time that was left out. */
  readonly skipped?: string;
}

async function settleReminders(
  tx: Tx,
  engine: Engine,
  user: string,
  at: string,
  due: readonly DueRow[],
): Promise<void> {
  if (due.length === 0) return;
  const settled = due.map((row) => settle(row, at, { origin: 'reminder', priority: 3 }));
  const requests = await fire(tx, engine, user, at, firingsOf(settled), heldMs(due.length));
  const rows = settled.map(({ firing, skipped: _skipped, ...row }) => ({
    ...row,
    request: requests.get(row.id) ?? null,
    late: firing?.outcome === 'fired' ? firing.isLate : null,
  }));
  await tx.run(sql`
    update reminders t set due_at = s.due_at, snoozed_to = s.snoozed_to, next_at = s.next_at, status = s.status, version = version + 1, updated_at = ${at}::timestamptz,
      fired_at = case when s.late is null then fired_at else ${at}::timestamptz end, late = coalesce(s.late, t.late), last_request = coalesce(s.request, last_request),
      local_start = case when s."isOnce" then null else local_start end, recurrence = case when s."isOnce" then null else recurrence end
    from jsonb_to_recordset(${json(rows)}) as s(id text, due_at timestamptz, snoozed_to timestamptz, next_at timestamptz, status text, request text, late boolean, "isOnce" boolean)
    where t.id = s.id`);
  await noteSkipped(tx, user, settled);
}

async function settleSchedules(
  tx: Tx,
  engine: Engine,
  user: string,
  at: string,
  due: readonly TriggerRow[],
): Promise<void> {
  if (due.length === 0) return;
  const settled = due.map((row) => {
    const { spec, is_cooling, is_busy } = row;
    const timed: DueRow = {
      ...row,
      time_zone: spec.timeZone ?? 'UTC',
      local_start: spec.start ?? null,
      recurrence: spec.rrule,
      snoozed_to: null,
      catch_up: spec.catchUp ?? 'latest',
      catch_up_window: spec.catchUpWindow ?? null,
      overlap: is_cooling ? 'skip' : (spec.overlap ?? null),
      is_busy: is_busy || is_cooling,
    };
    return settle(timed, at, {
      origin: 'trigger',
      priority: 4,
    });
  });
  const requests = await fire(tx, engine, user, at, firingsOf(settled), heldMs(due.length));
  const rows = settled.map(({ id, due_at, next_at, firing }) => ({
    id,
    due_at,
    next_at,
    request: requests.get(id) ?? null,
    fired: firing?.outcome === 'fired',
  }));
  await tx.run(sql`
    update triggers t set due_at = s.due_at, next_at = s.next_at, version = version + 1, updated_at = ${at}::timestamptz, last_request = coalesce(s.request, last_request),
      last_fired_at = case when s.fired then ${at}::timestamptz else last_fired_at end
    from jsonb_to_recordset(${json(rows)}) as s(id text, due_at timestamptz, next_at timestamptz, request text, fired boolean) where t.id = s.id`);
  await noteSkipped(tx, user, settled);
}

/**
 * How long what came due together waits before it starts. Where much is due at one moment, all of it is claimed first, also
 * that of other users: beginning to work on some of it would hold up the claims of the others by much more.
 */
function heldMs(count: number): number {
  return count <= MOST_BEGUN_AT_ONCE ? 0 : Math.min(LONGEST_HOLD_MS, count * HOLD_MS);
}

function firingsOf(settled: readonly Settled[]): Firing[] {
  return settled.flatMap(({ firing }) => (firing === undefined ? [] : [firing]));
}

/** Times that were left out because the one before was still at work are written down. */
async function noteSkipped(tx: Tx, user: string, settled: readonly Settled[]): Promise<void> {
  const rows = settled.flatMap(({ id, skipped }) => (skipped === undefined ? [] : [{ id, due: skipped }]));
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into occasions (source_id, occurrence, user_id, outcome, due_at)
    select id, due, ${user}, 'skipped', due::timestamptz from jsonb_to_recordset(${json(rows)}) as s(id text, due text) on conflict do nothing`);
}

function settle(row: DueRow, at: string, how: Pick<Firing, 'origin' | 'priority'>): Settled {
  const now = Date.parse(at);
  if (row.is_busy && row.overlap === 'queue') {
    const due_at = iso(Date.parse(row.due_at));
    const next_at = iso(now + QUEUE_MS);
    return { id: row.id, due_at, snoozed_to: row.snoozed_to, next_at, status: 'pending', isOnce: false };
  }
  const plan = planned(row, now);
  const { id } = row;
  const next = plan.next === undefined ? undefined : iso(plan.next);
  const snoozed = plan.endsSnooze ? null : row.snoozed_to;
  const told = outcome(row, plan, how);
  if (next !== undefined)
    return {
      id,
      due_at: next,
      snoozed_to: snoozed,
      next_at: earliest(next, snoozed),
      status: 'pending',
      isOnce: false,
      ...told,
    };
  if (snoozed !== null)
    return { id, due_at: snoozed, snoozed_to: null, next_at: snoozed, status: 'pending', isOnce: true, ...told };
  const due_at = iso(plan.fires?.due ?? plan.missed?.last ?? Date.parse(row.due_at));
  const status = plan.fires === undefined ? 'missed' : 'fired';
  return { id, due_at, snoozed_to: null, next_at: null, status, isOnce: false, ...told };
}

/** What is left out because the time before is still at work is written down; what was missed is told all the same. */
function outcome(row: DueRow, plan: Plan, how: Pick<Firing, 'origin' | 'priority'>): Told {
  const { fires, ...rest } = plan;
  if (!row.is_busy || row.overlap !== 'skip' || fires === undefined) return firingFor(row, plan, how);
  return { skipped: iso(fires.due), ...firingFor(row, rest, how) };
}

/** A rule that cannot be followed any more ends what it is of, and its user is told. */
function planned(row: DueRow, now: number): Plan {
  try {
    return planDue(timedOf(row), now);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const due = Date.parse(row.due_at);
    return { missed: { count: 1, first: due, last: due }, next: undefined, endsSnooze: false };
  }
}

function timedOf(row: DueRow): Timed {
  const { time_zone: zone, local_start, recurrence } = row;
  const due = Date.parse(row.due_at);
  return {
    due: todaysDue({ due, zone, localStart: local_start ?? undefined, rrule: recurrence ?? undefined }),
    snoozedTo: row.snoozed_to === null ? undefined : Date.parse(row.snoozed_to),
    recurrence: recurrenceOf(row),
    catchUp: row.catch_up,
    // What waits in a queue is late by no fault of its own.
    windowMs: windowMs(row.overlap === 'queue' ? 'latest' : row.catch_up, row.catch_up_window),
  };
}

function recurrenceOf({ recurrence, local_start, time_zone }: DueRow): Recurrence | undefined {
  if (recurrence === null || local_start === null) return undefined;
  return { rrule: recurrence, start: local_start, zone: time_zone };
}

function firingFor(row: DueRow, { fires, missed }: Plan, how: Pick<Firing, 'origin' | 'priority'>): Told {
  const due = fires?.due ?? missed?.last;
  if (due === undefined) return {};
  const told =
    missed === undefined ? {} : { missed: { count: missed.count, first: iso(missed.first), last: iso(missed.last) } };
  const waited = row.overlap === 'queue' && fires?.isLate === true ? { queued: true } : {};
  return {
    firing: {
      ...how,
      source: row.id,
      occurrence: fires === undefined ? `missed:${iso(due)}` : iso(due),
      outcome: fires === undefined ? 'missed' : 'fired',
      dueAt: iso(due),
      isLate: fires?.isLate ?? true,
      conversation: row.conversation_id,
      text: row.text,
      agent: row.agent,
      skills: row.skills,
      labels: row.labels,
      ...(row.budget_usd === null ? {} : { budgetUsd: row.budget_usd }),
      facts: { ...told, ...waited },
    },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function earliest(one: string | undefined, other: string | null): string | null {
  if (one === undefined) return other;
  return other === null || one < iso(Date.parse(other)) ? one : other;
}

/**
 * Each look gets a number. Until its outcome is stored the trigger waits a while and no longer for the next one, so that
 * one that was lost on its way is made again.
 */
async function beginLooks(tx: Tx, at: string, due: readonly TriggerRow[]): Promise<Look[]> {
  if (due.length === 0) return [];
  const rows = due.map(({ id, kind, spec }) => ({
    id,
    next: iso(Date.parse(at) + Math.min(periodSeconds(kind, spec) * 1000, LOST_LOOK_MS)),
  }));
  const begun = await tx.rows<{ id: string; fence: number; kind: string }>(sql`
    update triggers t set fence = fence + 1, next_at = s.next from jsonb_to_recordset(${json(rows)}) as s(id text, next timestamptz)
    where t.id = s.id returning t.id, t.fence, t.kind`);
  return begun.map(({ id, fence, kind }) => ({ trigger: id, fence, summary: `look: ${kind} ${id}` }));
}
