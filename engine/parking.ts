import type { WaitingFor } from '../contracts/request.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { refreshAtEnd } from './agents/team-status.js';
import { resultOf } from './ending.js';
import { changeRequest, type NewEvent, type RequestChange, statusEvent } from './events.js';
import { type HeldRequest, holdRequest } from './rows.js';

/** What a person has to decide before the agent goes on. */
export function pendingApprovals(waits: HeldRequest['waits']): WaitingFor[] {
  return waits
    .filter((wait) => wait.status === 'pending')
    .map((wait) => ({ kind: 'approval', id: wait.id, text: wait.title }));
}

/** Where only questions are left of a turn, everything that could run beside them is done and the user is waited for. */
export async function parkOnQuestions(tx: Tx, ref: AgentRef, request: HeldRequest): Promise<void> {
  const isAsking = request.open.length > 0 && request.open.every((call) => call.status === 'waiting');
  const asked = request.waiting_for.filter((item) => item.kind === 'user');
  if (request.ended_at !== null || request.status !== 'running' || !isAsking || asked.length === 0) return;
  if (request.team) {
    if (request.self.status === 'running')
      await tx.run(sql`update agents set status = 'waiting' where id = ${ref.agent}`);
    refreshAtEnd(tx, ref);
    return;
  }
  const waitingFor = [...asked, ...pendingApprovals(request.waits)];
  await changeRequest(
    tx,
    ref,
    { status: 'waiting_user', waitingFor, result: resultOf(ref.request, undefined) },
    [statusEvent('waiting_user', waitingFor)],
    [sql`update agents set status = 'waiting' where id = ${ref.agent} and ended_at is null`],
  );
}

/** A turn has been claimed and is not stored yet, such as one for a message that came meanwhile. */
async function isThinking(tx: Tx, ref: AgentRef): Promise<boolean> {
  const agent = await tx.maybe<{ attempts: number }>(sql`select attempts from agents where id = ${ref.agent}`);
  return (agent?.attempts ?? 0) > 0;
}

/**
 * Writes rows that ask a person something and shows the request as waiting for it, where its agent has had its say
 * already. An agent that is still at work is not interrupted.
 */
export async function askMeanwhile(
  tx: Tx,
  ref: AgentRef,
  asked: { readonly id: string; readonly title: string },
  events: readonly NewEvent[],
  rows: readonly RawBuilder<unknown>[],
  change: Pick<RequestChange, 'result'> = {},
): Promise<void> {
  const request = await holdRequest(tx, ref);
  if (request.team) {
    await changeRequest(tx, ref, change, events, rows);
    refreshAtEnd(tx, ref);
    return;
  }
  if (request.ended_at !== null || !request.resting || (await isThinking(tx, ref))) {
    await changeRequest(tx, ref, change, events, rows);
    return;
  }
  const waitingFor = [
    ...pendingApprovals(request.waits),
    { kind: 'approval' as const, id: asked.id, text: asked.title },
  ];
  await changeRequest(
    tx,
    ref,
    { ...change, status: 'waiting_approval', waitingFor },
    [...events, statusEvent('waiting_approval', waitingFor)],
    [...rows, sql`update agents set status = 'waiting' where id = ${ref.agent} and ended_at is null`],
  );
}
