import type { AgentRef } from '../contracts/step.js';
import { enqueue } from '../store/outbox.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { admitAtEnd } from './agents/admission.js';
import { stopAgent } from './agents/agent-ending.js';
import { settleUndo } from './calls.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { lockRequest } from './rows.js';
import { DEADLINE } from './turn-context.js';

/** Actions whose end nobody has seen and nobody was asked about: their request, and the agent that wanted each. */
const underWay = sql`(select e.request_id, p.agent_id from effects e join approvals p on p.id = e.key where e.closed_at is null and not exists (
  select from approvals q where q.about = e.key and q.status = 'pending' and q.expires_at > now())) under_way`;

/** How much longer a request may be silent that waits for a person: ten thousand of them are nothing unusual. */
const PATIENCE = 12;

/** Requests that are open, or have a call to take back, and whose rows have not moved for a while; each is looked at once in that time. */
export async function claimSilent(engine: Engine, silentSeconds: number, limit: number): Promise<AgentRef[]> {
  return engine.db.system((tx) =>
    tx.rows<AgentRef>(sql`
      with open as (
        select id from requests where ended_at is null and moved_at < now() - make_interval(secs => ${silentSeconds})
          and (status in ('queued', 'running') or moved_at < now() - make_interval(secs => ${silentSeconds * PATIENCE}))
        order by moved_at limit ${limit} for update skip locked),
      undoing as (
        select id from requests where ended_at is not null and moved_at < now() - make_interval(secs => ${silentSeconds})
          and (id in (select request_id from calls where status = 'undoing') or id in (select request_id from ${underWay}))
        order by moved_at limit ${limit} for update skip locked)
      update requests set moved_at = now() where id in (select id from open union all select id from undoing)
      returning user_id as "user", id as request, agent_id as agent`),
  );
}

/** Ids of the workflows that run or are about to, for the start after a crash; those of requests come first. */
export async function runningWorkflows(engine: Engine, limit: number): Promise<string[]> {
  const rows = await engine.db.system((tx) =>
    tx.rows<{ id: string }>(sql`
      with open as (
        select id, agent_id, created_at from requests
        where (ended_at is null and status in ('queued', 'running')) or id in (select request_id from effects where closed_at is null)
        order by created_at desc limit ${limit})
      select retinue_workflow(agent_id) as id from open
      union all select 'agent:' || a.id from open o join agents a on a.request_id = o.id
        where a.parent_id is not null and a.hosted_by is null and a.started_at is not null and a.ended_at is null
      union all select 'reminders:' || u.id from users u where exists (select from reminders where user_id = u.id and next_at is not null)
        or exists (select from triggers where user_id = u.id and next_at is not null)`),
  );
  return rows.map(({ id }) => id);
}

/** The agents of a request that have a workflow of their own and should be at work in it, or waiting. */
export async function agentsAtWork(engine: Engine, { user, request }: AgentRef): Promise<AgentRef[]> {
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<{ id: string }>(sql`
      select id from agents where request_id = ${request} and parent_id is not null and hosted_by is null and (started_at is not null or status = 'running')
        and ended_at is null order by born`),
  );
  return rows.map(({ id }) => ({ user, request, agent: id }));
}

/** As `reconcileSilent`, for an agent that another one has spawned. */
export async function reconcileAgent(engine: Engine, ref: AgentRef, fate: WorkflowFate): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    await lockRequest(tx, ref);
    switch (fate) {
      case 'terminated':
      case 'cancelled': {
        const error = { type: 'terminated', message: `Its workflow was ${fate} by hand in Temporal.` };
        await stopAgent(tx, engine, ref, { outcome: fate === 'terminated' ? 'failed' : 'cancelled', error });
        return;
      }
      case 'open':
        await enqueue(tx, { kind: 'wake', target: ref, reason: 'silent' });
        return;
      case 'gone':
        await tx.run(sql`update agents set started_at = null where hosted_by = ${ref.agent} and ended_at is null`);
        await enqueue(tx, { kind: 'start', target: ref, reason: 'started again' });
    }
  });
}

/** Lets in whoever waits although there is room, as after a change of the limits. */
export async function admitWaiting(engine: Engine): Promise<void> {
  await engine.db.system(async (tx) => admitAtEnd(tx));
}

/** What became of a request's workflow, as Temporal tells it. */
export type WorkflowFate = 'open' | 'gone' | 'terminated' | 'cancelled';

/** Brings the rows of a silent request in line with its workflow: started again, or ended as a person wanted. */
export async function reconcileSilent(engine: Engine, ref: AgentRef, fate: WorkflowFate): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const { priority } = request.settings;
    if (request.ended_at !== null) {
      await seeToItsEnd(tx, ref, fate, priority);
      return;
    }
    const overdue = Date.parse(request.deadline_at) <= Date.now();
    switch (fate) {
      case 'terminated':
        await endRequest(tx, ref, {
          status: 'failed',
          error: { type: 'terminated', message: 'The workflow was terminated by hand in Temporal.' },
        });
        return;
      case 'cancelled':
        await endRequest(tx, ref, { status: 'cancelled' });
        return;
      case 'open':
        if (!overdue) {
          if (request.status === 'running') await enqueue(tx, { kind: 'wake', target: ref, reason: 'silent' });
          return;
        }
        await endRequest(tx, ref, { status: 'failed', error: DEADLINE });
        await enqueue(tx, { kind: 'wake', target: ref, reason: 'deadline' });
        return;
      case 'gone':
        if (overdue) await endRequest(tx, ref, { status: 'failed', error: DEADLINE });
        else {
          // Loops that ran in the workflow are begun anew with it.
          await tx.run(sql`update agents set started_at = null where hosted_by = ${ref.agent} and ended_at is null`);
          await enqueue(tx, { kind: 'start', target: ref, reason: 'started again', priority });
        }
    }
  });
}

/** What was begun outside is seen to its end even where somebody ended the workflow, each by the agent that wanted it. */
async function seeToItsEnd(tx: Tx, ref: AgentRef, fate: WorkflowFate, priority: number): Promise<void> {
  const agents = await tx.rows<{ id: string }>(
    sql`select distinct agent_id as id from ${underWay} where request_id = ${ref.request}`,
  );
  for (const { id } of agents)
    await enqueue(tx, { kind: 'revive', target: { ...ref, agent: id }, reason: 'under way', priority });
  if (agents.length === 0) await resumeUndo(tx, ref, fate, priority);
}

/** What is to be taken back after the end is taken back by a workflow that runs for it; a person who stopped that one is obeyed. */
async function resumeUndo(tx: Tx, ref: AgentRef, fate: WorkflowFate, priority: number): Promise<void> {
  const calls = await tx.rows<{ id: string; agent: string; skill: string }>(
    sql`select id, agent_id as agent, skill from calls where request_id = ${ref.request} and status = 'undoing' order by turn, position`,
  );
  if (fate === 'open' || fate === 'gone') {
    for (const agent of new Set(calls.map((call) => call.agent)))
      await enqueue(tx, { kind: 'revive', target: { ...ref, agent }, reason: 'undo', priority });
    return;
  }
  for (const { id, skill } of calls)
    await settleUndo(tx, { ...ref, callId: id }, skill, `Its workflow was ${fate} by hand in Temporal.`);
}

const MOST_SWEPT = 1_000;

/** Removes times that were left out more than 30 days ago, at most 1,000 at once. Returns whether there may be more. */
export async function pruneOccasions(tx: Tx): Promise<boolean> {
  const pruned = await tx.run(sql`
    delete from occasions where (source_id, occurrence) in (
      select source_id, occurrence from occasions where outcome = 'skipped' and at < now() - interval '30 days' limit ${MOST_SWEPT})`);
  return pruned === MOST_SWEPT;
}
