import type { AgentRef } from '../contracts/step.js';
import type { JournalEntry } from '../contracts/effect.js';
import { enqueue } from '../store/outbox.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';

/** Who has "decided" what the journal alone knows of: nothing is sent for it, it is only looked into. */
export const JOURNAL = 'journal';

interface ForgottenRow {
  key: string;
  user: string;
  request: string;
  agent: string;
}

/**
 * Compares the journal with the ledger at the start: what was about to be sent and the ledger does not know as started
 * may have happened, so it becomes unknown and is looked into before anything else. Returns how many there were.
 */
export async function reconcileJournal(engine: Engine, entries: readonly JournalEntry[]): Promise<number> {
  if (entries.length === 0) return 0;
  const forgotten = await engine.db.system(async (tx) => {
    const journaled = sql`
      (select j.key, max(j.fence) as fence from jsonb_to_recordset(${json(entries)}) as j(key text, fence int) group by j.key)`;
    // A database that lost its last commits may not even know of the decision.
    await tx.run(sql`
      with decided as (
        update approvals set status = 'approved', decided_by = ${JOURNAL}, decided_at = now()
        from ${journaled} j where approvals.id = j.key and approvals.status = 'pending' returning approvals.*)
      insert into effects (key, user_id, request_id, agent_id, skill, payload_hash, status)
      select a.id, a.user_id, a.request_id, a.agent_id, a.skill, a.payload_hash, 'ready' from ${journaled} j join approvals a on a.id = j.key
      where a.status in ('pending', 'approved', 'edited') and not exists (select from effects e where e.key = a.id) on conflict (key) do nothing`);
    return tx.rows<ForgottenRow>(sql`
      update effects set status = 'unknown', fence = greatest(effects.fence, j.fence) + 1, attempts = greatest(attempts, 1), due_at = now()
      from ${journaled} j where effects.key = j.key and effects.status = 'ready' and effects.fence <= j.fence
      returning effects.key, effects.user_id as "user", effects.request_id as request, effects.agent_id as agent`);
  });
  for (const row of forgotten) await look(engine, { user: row.user, request: row.request, agent: row.agent });
  return forgotten.length;
}

async function look(engine: Engine, ref: AgentRef): Promise<void> {
  await engine.db.as(ref.user, (tx) => enqueue(tx, { kind: 'revive', target: ref, reason: 'an interrupted action' }));
}
