import type { AgentRef } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import type { HeldRequest, Spawning } from '../rows.js';

/** What may go well the next time with nothing changed. */
const PASSING = new Set(['internal', 'empty-answer', 'model-unavailable']);
/** Of one task with the same model and instructions. */
const MOST_TRIES = 2;

/**
 * Lets another agent take over the task of one that failed: once more the same where that may help, then the fallback it
 * was given. A session is an identity, so the next one begins afresh, with the same rights. Returns its id; undefined
 * where the failure stands.
 */
export async function succeed(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  { self }: HeldRequest,
  error: { readonly type: string } | undefined,
): Promise<string | undefined> {
  if (self.spawning.reopened === true || error?.type === 'budget') return undefined;
  const again = PASSING.has(error?.type ?? '') && self.tries < MOST_TRIES;
  const { fallback, ...spawning } = self.spawning;
  if (!again && fallback === undefined) return undefined;
  const id = newId('agt');
  const next: Spawning = again ? self.spawning : spawning;
  const model = again || fallback?.model === undefined ? undefined : engine.resolveModel(fallback.model);
  await tx.run(sql`
    insert into agents (id, user_id, request_id, parent_id, label, model, instructions, instructions_ref, skills, labels, status, confined, task, depth, path, hosted_by,
      spawned_by, spawning, replaces, tries, priority, queued_at, timeout_seconds, budget_usd, most_depth, most_children, hosts, dm_space, hop)
    select ${id}, a.user_id, a.request_id, a.parent_id, a.label, coalesce(${model ?? null}, a.model), coalesce(${again ? null : (fallback?.instructions ?? null)}, a.instructions),
      case when ${again || fallback?.instructions === undefined} then a.instructions_ref end, a.skills,
      (select coalesce(array_agg(l order by l), '{}') from (select unnest(p.labels) union select unnest(${[...(next.labels ?? [])]}::text[])) as u(l) where not (${next.isDiode === true} and l = 'private')), 'queued', a.confined, a.task, a.depth,
      p.path || ${id}::text, a.hosted_by, a.spawned_by, ${json(next)}, a.id, ${again ? self.tries + 1 : 1}, a.priority, now(), a.timeout_seconds,
      a.budget_usd - (select coalesce(sum(c.usd), 0) from charges c join agents d on d.id = c.agent_id where d.request_id = a.request_id and a.id = any(d.path)),
      a.most_depth, a.most_children, a.hosts, a.dm_space, a.hop
    from agents a join agents p on p.id = a.parent_id where a.id = ${ref.agent}`);
  await tx.run(sql`
    insert into agent_grants (agent_id, user_id, kind, name, granted_by, reason, atom_id, expires_at)
    select ${id}, user_id, kind, name, granted_by, reason, atom_id, expires_at from agent_grants
    where agent_id = ${ref.agent} and (expires_at is null or expires_at > now())`);
  await tx.run(sql`
    select retinue_inherit(${ref.agent}, ${id})`);
  await tx.run(sql`update calls set child = ${id} where child = ${ref.agent} and status = 'delegated'`);
  return id;
}
