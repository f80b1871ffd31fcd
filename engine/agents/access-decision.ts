import { AccessPayloadSchema } from '../../contracts/approval.js';
import type { AgentRef } from '../../contracts/step.js';
import { userActor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { type DecidedRow, type Deciding, settle, wrong } from '../decision-settling.js';
import type { Engine } from '../deps.js';
import type { HeldRequest } from '../rows.js';
import { settleAccess } from './access.js';

/** A person's decision about what an agent may use from now on; it is given as it was asked for, or not at all. */
export async function decideAccess(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  request: HeldRequest,
  row: DecidedRow,
  { decision, path }: Deciding,
): Promise<void> {
  const { decision: kind, reason } = decision;
  if (kind !== 'approve' && kind !== 'reject') throw wrong(`${path}decision`, 'answer with approve or reject');
  if (decision.remember !== undefined || decision.payload !== undefined)
    throw wrong(`${path}decision`, 'an access is approved as it was asked for, or rejected');
  const isGiven = kind === 'approve';
  await settle(tx, ref, request, row, { status: isGiven ? 'approved' : 'rejected', reason }, []);
  const { access } = AccessPayloadSchema.parse(row.payload);
  const said = reason ?? (isGiven ? 'The user has agreed.' : 'The user has not agreed.');
  await settleAccess(tx, engine, userActor(ref.user), access, { isGiven, reason: said });
}
