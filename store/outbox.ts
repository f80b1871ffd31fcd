import type { AgentRef } from '../contracts/step.js';
import { agentWorkflowId, clockWorkflowId, requestWorkflowId } from '../contracts/ids.js';
import { json, type RawBuilder, sql } from './sql.js';
import type { Db, Tx } from './db.js';

/** A command to a workflow that is part of a transaction: start it, wake it if it runs, or wake it even if it must start again for that. */
export interface OutboxRow {
  readonly id: string;
  /** Grows when a second command joins one that is not delivered yet; only the newest may be struck off. */
  readonly generation: number;
  readonly workflowId: string;
  /** `admit` is a wake that says who may work. */
  readonly kind: 'start' | 'wake' | 'revive' | 'admit';
  /** Of a user's reminders the user alone. */
  readonly target: Pick<AgentRef, 'user'> & Partial<AgentRef>;
  /** Whose loops in the workflow are to look again. */
  readonly agents: readonly string[];
  readonly priority: number;
  /** For the reader of the Temporal web UI; never content. */
  readonly reason: string;
}

export interface OutboxCommand {
  readonly kind: Exclude<OutboxRow['kind'], 'admit'>;
  readonly target: AgentRef;
  readonly reason: string;
  readonly priority?: number;
}

/**
 * Queues a command in this transaction, in one statement with whatever else belongs to it. An equal one that still waits
 * is joined, so no wake is lost between send and strike-off.
 */
export async function enqueue(
  tx: Tx,
  command: OutboxCommand,
  also: readonly RawBuilder<unknown>[] = [],
): Promise<void> {
  const parts = also.map((statement, index) => sql`${sql.raw(`part_${index}`)} as (${statement})`);
  const row = await tx.one<OutboxRow>(sql`
    ${parts.length === 0 ? sql`` : sql`with ${sql.join(parts)}`}
    insert into outbox (workflow_id, kind, target, agents, priority, reason)
    values (${workflowOf(command)}, ${command.kind}, ${json(command.target)}, ${[command.target.agent]}, ${command.priority ?? 3}, ${command.reason})
    on conflict (workflow_id, kind) do update set ${JOINED}
    returning ${OUTBOX_COLUMNS}`);
  tx.dispatch(row);
}

export const OUTBOX_COLUMNS = sql`id::text as id, generation, workflow_id as "workflowId", kind, target, agents, priority, reason`;

/** How a command joins an equal one that still waits: whoever was to look again still is. */
const JOINED = sql`generation = outbox.generation + 1, claimed_until = null,
  agents = (select array_agg(distinct a) from unnest(outbox.agents || excluded.agents) as a)`;

/** The workflow that runs the agent's loop. A request that is written in the same statement is not seen yet. */
function workflowOf({ kind, target }: OutboxCommand): RawBuilder<unknown> {
  const own = requestWorkflowId(target.request);
  if (kind === 'wake') return sql`coalesce(retinue_workflow(${target.agent}), ${own})`;
  return sql`(select coalesce((select case when parent_id is null then ${own} else ${agentWorkflowId(target.agent)} end from agents where id = ${target.agent}), ${own}))`;
}

/** Has the workflow of the user's reminders look again at what comes due next, also where it must be started for that. */
export async function wakeClock(tx: Tx, user: string, reason: string): Promise<void> {
  const row = await tx.one<OutboxRow>(sql`
    insert into outbox (workflow_id, kind, target, priority, reason)
    values (${clockWorkflowId(user)}, 'revive', ${json({ user })}, 2, ${reason})
    on conflict (workflow_id, kind) do update set generation = outbox.generation + 1, claimed_until = null
    returning ${OUTBOX_COLUMNS}`);
  tx.dispatch(row);
}

/** Wakes the loops of several agents of one request at once. */
export async function wakeAgents(
  tx: Tx,
  place: Pick<AgentRef, 'user' | 'request'>,
  agents: RawBuilder<unknown>,
  reason: string,
): Promise<void> {
  const rows = await tx.rows<OutboxRow>(sql`
    insert into outbox (workflow_id, kind, target, agents, priority, reason)
    select retinue_workflow(w.id), 'wake', ${json(place)} || jsonb_build_object('agent', min(w.id)), array_agg(w.id), 3, ${reason} from (${agents}) as w(id) group by 1
    on conflict (workflow_id, kind) do update set ${JOINED}
    returning ${OUTBOX_COLUMNS}`);
  for (const row of rows) tx.dispatch(row);
}

/** Strikes delivered rows off, except those that a newer command has joined meanwhile. */
export async function strikeOff(db: Db, rows: readonly OutboxRow[]): Promise<void> {
  const delivered = json(rows.map(({ id, generation }) => ({ id, generation })));
  await db.system((tx) =>
    tx.run(sql`
      delete from outbox using jsonb_to_recordset(${delivered}) as d(id bigint, generation int) where outbox.id = d.id and outbox.generation = d.generation`),
  );
}

/**
 * Takes rows that nobody delivered for a second; each belongs to the caller for ten seconds. Those that waited longest
 * come first, so a row that fails again and again goes to the end of the queue each time.
 */
export async function claimUndelivered(db: Db, limit: number): Promise<OutboxRow[]> {
  return db.system((tx) =>
    tx.rows<OutboxRow>(sql`
      update outbox set claimed_until = now() + interval '10 seconds'
      where id in (
        select id from outbox
        where created_at < now() - interval '1 second' and (claimed_until is null or claimed_until < now())
        order by coalesce(claimed_until, created_at), id limit ${limit} for update skip locked)
      returning ${OUTBOX_COLUMNS}`),
  );
}

/** Lets a row that was refused wait longer each time: 10 s, 20 s … 10 minutes. A newer command that joined it is not held up. */
export async function backOff(db: Db, row: OutboxRow): Promise<void> {
  await db.system((tx) =>
    tx.run(sql`
      update outbox set attempts = attempts + 1, claimed_until = now() + least(interval '10 seconds' * power(2, least(attempts, 10)), interval '10 minutes')
      where id = ${row.id}::bigint and generation = ${row.generation}`),
  );
}

/** Commands that wait for delivery, for the metrics page. */
export async function countUndelivered(tx: Tx): Promise<number> {
  return (await tx.one<{ count: number }>(sql`select count(*)::int as count from outbox`)).count;
}
