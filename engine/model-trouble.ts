import type { WaitingFor } from '../contracts/request.js';
import type { AgentRef } from '../contracts/step.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { changeRequest, statusEvent } from './events.js';
import { lockRequest } from './rows.js';

/** Tells the user that the model is waited for; removed again by the turn that is stored. */
export async function noteModelTrouble(engine: Engine, ref: AgentRef, text: string): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const [waiting] = request.waiting_for;
    if (request.ended_at !== null || waiting?.text === text) return;
    const others = ref.agent === request.agent_id ? [] : request.waiting_for.filter((item) => item.kind !== 'model');
    const waitingFor: WaitingFor[] = [{ kind: 'model', text }, ...others];
    await changeRequest(tx, ref, { waitingFor }, [statusEvent(request.status, waitingFor)]);
  });
}

/** As `noteModelTrouble`, for trouble that only a person can mend: however long that takes, the attempts so far do not count. */
export async function noteModelParked(engine: Engine, ref: AgentRef, text: string): Promise<void> {
  await noteModelTrouble(engine, ref, text);
  await engine.db.as(ref.user, (tx) =>
    tx.run(sql`update agents set attempts = 0 where id = ${ref.agent} and ended_at is null`),
  );
}

/** Gives later turns a smaller share of the context, after the model found it too large. False when there is nothing left to drop. */
export async function shrinkContext(engine: Engine, ref: AgentRef): Promise<boolean> {
  const changed = await engine.db.as(ref.user, (tx) =>
    tx.run(sql`update agents set context_share = context_share / 2 where id = ${ref.agent} and context_share > 6`),
  );
  return changed > 0;
}
