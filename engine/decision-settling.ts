import type { Decision } from '../contracts/approval.js';
import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { Proposal, SkillCaller } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { enqueue, wakeAgents } from '../store/outbox.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { refreshAtEnd } from './agents/team-status.js';
import type { ApprovalRow } from './approvals.js';
import { changeRequest, statusEvent } from './events.js';
import { pendingApprovals } from './parking.js';
import type { HeldRequest } from './rows.js';

/** An approval with what a proposal for it is made from again. */
export interface DecidedRow extends ApprovalRow {
  readonly labels: Label[];
  readonly caller: SkillCaller;
}

/** A proposal made anew for this decision: an edited payload, or one that is to be sent a second time. */
export interface Remade {
  readonly key: string;
  readonly payload: JsonValue;
  readonly proposal: Proposal;
}

export interface Deciding {
  readonly id: string;
  readonly decision: Decision;
  readonly remade: Remade | undefined;
  /** Where in the body this decision stands. */
  readonly path: string;
}

/**
 * The decision itself, by one conditional change; the request goes on when nothing else waits for a person. `rows` belong to
 * the same transaction, such as an edit's new payload.
 */
export async function settle(
  tx: Tx,
  ref: AgentRef,
  request: HeldRequest,
  row: DecidedRow,
  decided: { readonly status: 'approved' | 'edited' | 'rejected'; readonly reason: string | undefined },
  rows: readonly RawBuilder<unknown>[],
): Promise<void> {
  const isSilent = row.effect === 'budget' || row.effect === 'unknown' || row.effect === 'access';
  const changed = await tx.run(sql`
    update approvals set status = ${decided.status}, decided_by = ${`user:${ref.user}`}, decided_at = now(), reason = ${decided.reason ?? null},
      reported_in_turn = case when ${isSilent} then 0 end
    where id = ${row.id} and status = 'pending' and expires_at > now() and payload_hash = ${row.payload_hash}`);
  if (changed === 0) throw new ProblemError('decided', 'This was decided by somebody else at the same moment.');
  const left = pendingApprovals(request.waits.filter((wait) => wait.id !== row.id));
  const isOver = !request.team && request.status === 'waiting_approval' && left.length === 0;
  const others = request.waiting_for.filter((item) => item.id !== row.id);
  const isShown = !request.team && others.length !== request.waiting_for.length;
  await changeRequest(
    tx,
    ref,
    isOver ? { status: 'running', waitingFor: [] } : isShown ? { waitingFor: others } : {},
    isOver ? [statusEvent('running', [])] : isShown ? [statusEvent(request.status, others)] : [],
    [
      ...rows,
      ...(isOver ? [sql`update agents set status = 'running' where id = ${ref.agent} and ended_at is null`] : []),
    ],
  );
  if (request.team) refreshAtEnd(tx, ref);
  // Everybody who works for the request may have waited for its money.
  if (row.effect === 'budget' && request.team)
    await wakeAgents(
      tx,
      ref,
      sql`select id from agents where request_id = ${ref.request} and ended_at is null`,
      'decided',
    );
  else await enqueue(tx, { kind: 'wake', target: ref, reason: 'decided' });
}

export function missing(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', `${path}: ${message}`, { errors: [{ path, message }] });
}

export function wrong(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', `${path}: ${message}`, { status: 422, errors: [{ path, message }] });
}
