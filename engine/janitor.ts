import type { AgentRef } from '../contracts/step.js';
import { enqueue } from '../store/outbox.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { lockRequest } from './rows.js';
import { DEADLINE } from './turn-context.js';

/** Open requests whose rows have not moved for a while; each is looked at once in that time. */
export async function claimSilent(engine: Engine, silentSeconds: number, limit: number): Promise<AgentRef[]> {
  return engine.db.system((tx) =>
    tx.rows<AgentRef>(sql`
      update requests set moved_at = now() where id in (
        select id from requests where ended_at is null and moved_at < now() - make_interval(secs => ${silentSeconds})
        order by moved_at limit ${limit} for update skip locked)
      returning user_id as "user", id as request, agent_id as agent`),
  );
}

/** Every open request that runs or is about to, for the start after a crash. */
export async function runningRequests(engine: Engine, limit: number): Promise<AgentRef[]> {
  return engine.db.system((tx) =>
    tx.rows<AgentRef>(sql`
      select user_id as "user", id as request, agent_id as agent from requests
      where ended_at is null and status in ('queued', 'running') order by created_at desc limit ${limit}`),
  );
}

/** What became of a request's workflow, as Temporal tells it. */
export type WorkflowFate = 'open' | 'gone' | 'terminated' | 'cancelled';

/** Brings the rows of a silent request in line with its workflow: started again, or ended as a person wanted. */
export async function reconcileSilent(engine: Engine, ref: AgentRef, fate: WorkflowFate): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    if (request.ended_at !== null) return;
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
        if (!overdue) return;
        await endRequest(tx, ref, { status: 'failed', error: DEADLINE });
        await enqueue(tx, { kind: 'wake', target: ref, reason: 'deadline' });
        return;
      case 'gone':
        if (overdue) await endRequest(tx, ref, { status: 'failed', error: DEADLINE });
        else await enqueue(tx, { kind: 'start', target: ref, reason: 'started again' });
    }
  });
}
