import { clockWorkflowId } from '../../contracts/ids.js';
import type { ClockStep } from '../../contracts/step.js';
import { claimDue } from '../../engine/clock/due.js';
import { newId } from '../../store/new-id.js';
import { json, sql } from '../../store/sql.js';
import type { EngineKit } from '../engine/engine-kit.js';

/** A row of `reminders`, as somebody left it. */
export interface Waiting {
  readonly user?: string;
  readonly due: string;
  readonly zone?: string;
  readonly localStart?: string;
  readonly rrule?: string;
  readonly snoozedTo?: string;
  readonly status?: 'pending' | 'paused' | 'fired';
  readonly catchUp?: 'all' | 'latest' | 'skip';
  readonly overlap?: 'skip' | 'queue';
  readonly lastRequest?: string;
}

export interface ReminderState {
  readonly status: string;
  readonly due: string;
  readonly snoozed: string | null;
  readonly next: string | null;
  readonly version: number;
}

/** Puts a reminder into the store, as it is, and returns its id. */
export async function put(kit: EngineKit, waiting: Waiting): Promise<string> {
  const { user = kit.owner, zone = 'Europe/Berlin', status = 'pending', catchUp = 'latest' } = waiting;
  const [id, conversation] = [newId('rem'), newId('cnv')];
  const next = [waiting.due, waiting.snoozedTo ?? waiting.due].toSorted()[0];
  await kit.engine.db.system(async (tx) => {
    await tx.run(sql`insert into conversations (id, user_id, title) values (${conversation}, ${user}, 'x')`);
    await tx.run(sql`
      insert into reminders (id, user_id, conversation_id, text, time_zone, local_start, recurrence, due_at, snoozed_to, next_at, status, catch_up, overlap, agent, last_request)
      values (${id}, ${user}, ${conversation}, 'look', ${zone}, ${waiting.localStart ?? null}, ${waiting.rrule ?? null}, ${waiting.due}, ${waiting.snoozedTo ?? null},
        ${status === 'pending' ? next : null}, ${status}, ${catchUp}, ${waiting.overlap ?? null}, 'default', ${waiting.lastRequest ?? null})`);
  });
  return id;
}

/** Puts a trigger into the store and returns its id. */
export async function putTrigger(
  kit: EngineKit,
  trigger: { readonly due: string; readonly spec: object; readonly enabled?: boolean },
): Promise<string> {
  const [id, conversation] = [newId('trg'), newId('cnv')];
  await kit.engine.db.system(async (tx) => {
    await tx.run(sql`insert into conversations (id, user_id, title) values (${conversation}, ${kit.owner}, 'x')`);
    await tx.run(sql`
      insert into triggers (id, user_id, conversation_id, kind, spec, instructions, agent, enabled, due_at, next_at)
      values (${id}, ${kit.owner}, ${conversation}, 'cron', ${json(trigger.spec)}, 'look', 'default', ${trigger.enabled ?? true}, ${trigger.due}, ${trigger.due})`);
  });
  return id;
}

export async function stateOf(kit: EngineKit, id: string): Promise<ReminderState> {
  return kit.engine.db.system((tx) =>
    tx.one<ReminderState>(sql`
      select status, version, to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as due, to_char(next_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as next,
        to_char(snoozed_to at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as snoozed from reminders where id = ${id}`),
  );
}

/** Each time that something came due, in order: what became of it, when it was due, and what was missed besides. */
export async function occasionsOf(kit: EngineKit, id: string): Promise<string[]> {
  const rows = await kit.engine.db.system((tx) =>
    tx.rows<{ outcome: string; due: string; late: boolean; missed: number | null }>(sql`
      select outcome, to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as due, late, (facts->'missed'->>'count')::int as missed
      from occasions where source_id = ${id} order by due_at, outcome`),
  );
  return rows.map(
    ({ outcome, due, late, missed }) =>
      `${outcome} ${due}${late ? ' late' : ''}${missed === null ? '' : `, ${missed} missed`}`,
  );
}

/** What the workflow does at one moment: claims until nothing more is due. Returns the last step. */
export async function clock(kit: EngineKit, at: string): Promise<ClockStep> {
  for (let steps = 0; steps < 20; steps += 1) {
    const step = await claimDue(kit.engine, { user: kit.owner, at: new Date(`${at}Z`).toISOString() });
    if (!step.more) return step;
  }
  throw new Error(`the clock never came to rest at ${at}`);
}

/** Users whose clocks are to look again; forgets them. */
export async function takeWakes(kit: EngineKit): Promise<string[]> {
  const rows = await kit.engine.db.system((tx) =>
    tx.rows<{ id: string }>(
      sql`delete from outbox where kind = 'revive' and workflow_id like ${clockWorkflowId('%')} returning target->>'user' as id`,
    ),
  );
  return rows.map(({ id }) => id).toSorted();
}
