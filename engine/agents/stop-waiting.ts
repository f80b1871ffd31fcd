import type { JsonValue } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { CallRow, OpenCall } from '../rows.js';

/**
 * An agent that has something to hear while it waits for others goes on without them; they go on as well, and what they
 * come to is noted to it. Returns its calls as they are now.
 */
export async function stopWaiting<C extends Pick<CallRow, 'id' | 'status' | 'output'>>(
  tx: Tx,
  agent: string,
  request: { readonly open: readonly OpenCall[]; readonly calls: readonly C[] },
): Promise<C[]> {
  const left = request.open.filter((call) => call.status === 'delegated');
  if (left.length === 0) return [...request.calls];
  const answers = new Map(left.map((call) => [call.id, stillAtWork(call.child ?? '')]));
  await tx.run(sql`
    update calls set status = 'done', output = w.item->'output', ended_at = now() from jsonb_array_elements(${json([...answers].map(([id, output]) => ({ id, output })))}) as w(item)
    where calls.id = w.item->>'id' and calls.status = 'delegated'`);
  await tx.run(sql`
    update agents set spawning = spawning || jsonb_build_object('reportTo', ${agent}::text)
    where id = any(${left.map((call) => call.child ?? '')}::text[]) and parent_id <> ${agent} and ended_at is null`);
  return request.calls.map((call) => {
    const output = answers.get(call.id);
    return output === undefined ? call : { ...call, status: 'done' as const, output };
  });
}

function stillAtWork(agent: string): JsonValue {
  const note = 'It is still at work and goes on. Its result is told to you as soon as it is there.';
  return { agent, status: 'running', note };
}
