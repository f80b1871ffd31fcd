import { ProblemError } from '../contracts/problem.js';
import type { Tx } from '../store/db.js';
import { enqueue } from '../store/outbox.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import type { CallRow } from './rows.js';
import { lockRequest } from './rows.js';

/** Ends the request at once; what still runs is told and can store nothing more. Cancelling twice is harmless. */
export async function cancelRequest(engine: Engine, user: string, request: string): Promise<void> {
  await engine.db.as(user, (tx) => stopRequest(tx, user, request));
}

/** As `cancelRequest`, in the caller's transaction. */
export async function stopRequest(tx: Tx, user: string, request: string): Promise<void> {
  const row = await lockRequest(tx, { user, request });
  if (row.status === 'cancelled') return;
  if (row.ended_at !== null) throw new ProblemError('conflict', `The request has already ended (${row.status}).`);
  const ref = { user, request, agent: row.agent_id };
  await endRequest(tx, ref, { status: 'cancelled' });
  await enqueue(tx, { kind: 'wake', target: ref, reason: 'cancelled' });
}

/** Queues the undo of a finished internal call; also for a request that has ended. Asking twice is harmless. */
export async function requestUndo(engine: Engine, user: string, call: string): Promise<{ request: string }> {
  return engine.db.as(user, async (tx) => {
    const found = await tx.maybe<Pick<CallRow, 'request_id'>>(
      sql`select request_id from calls where id = ${call} and user_id = ${user}`,
    );
    if (found === undefined) throw new ProblemError('not-found', `There is no call ${call.slice(0, 80)}.`);
    const request = await lockRequest(tx, { user, request: found.request_id });
    const row = await tx.one<Pick<CallRow, 'status' | 'undo' | 'skill' | 'agent_id'>>(
      sql`select status, undo, skill, agent_id from calls where id = ${call}`,
    );
    if (row.status === 'undone') return { request: request.id };
    if (row.status !== 'undoing' && (row.status !== 'done' || row.undo === null)) {
      throw new ProblemError(
        'conflict',
        row.status === 'done'
          ? `What ${row.skill} did cannot be undone.`
          : `The call has not done anything that could be undone (${row.status}).`,
      );
    }
    const target = { user, request: request.id, agent: row.agent_id };
    // Also when it is under way: should its workflow be lost, asking again brings it back.
    // Its loop may run in the workflow of another agent at this moment; two loops would do everything twice.
    const hosted = await tx.maybe(
      sql`select 1 from agents where id = ${row.agent_id} and hosted_by is not null and ended_at is null and started_at is not null`,
    );
    const kind = hosted === undefined ? 'revive' : 'wake';
    await enqueue(tx, { kind, target, reason: 'undo', priority: request.settings.priority }, [
      sql`update calls set status = 'undoing' where id = ${call}`,
      sql`update requests set moved_at = now() where id = ${request.id}`,
    ]);
    return { request: request.id };
  });
}
