import type { RequestStatus } from '../contracts/request.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';
import { appendEvents, type NewEvent } from './events.js';

export interface Ending {
  readonly status: Extract<RequestStatus, 'completed' | 'failed' | 'cancelled'>;
  /** What the last turn said; the outputs of the calls are added from their rows. */
  readonly text?: string;
  readonly error?: { readonly type: string; readonly message: string };
}

/** Ends a request whose row the caller holds: result, agents, calls that never ran, events. */
export async function endRequest(tx: Tx, ref: AgentRef, ending: Ending, before: readonly NewEvent[] = []): Promise<Step> {
  const { usd } = await tx.one<{ usd: number }>(sql`
    with ended_agents as (
      update agents set status = 'ended', ended_at = now() where request_id = ${ref.request} and ended_at is null),
    dropped_calls as (
      update calls set status = 'cancelled', ended_at = now() where request_id = ${ref.request} and status in ('pending', 'waiting'))
    update requests set status = ${ending.status}, waiting_for = '[]', error = ${ending.error === undefined ? null : json(ending.error)},
      result = ${resultOf(ref.request, ending.text)}, ended_at = now(), moved_at = now()
    where id = ${ref.request} returning ${spentUsd(ref.request)} as usd`);
  await appendEvents(tx, ref.request, ref.user, [
    ...before,
    { type: 'status', data: { status: ending.status, waitingFor: [] } },
    { type: 'done', data: { status: ending.status } },
  ]);
  return { kind: 'done', status: ending.status, usd, summary: ending.status };
}

/** What the request has cost so far, as a number for people to read in Temporal; the charges are the truth. */
export function spentUsd(request: string) {
  return sql<number>`(select coalesce(sum(ch.usd), 0)::float8 from charges ch where ch.request_id = ${request})`;
}

/** The result object: given text (or the text already there) and everything the calls produced. */
export function resultOf(request: string, text: string | undefined) {
  return sql`jsonb_build_object(
    'text', coalesce(${text ?? null}::text, result->>'text', ''),
    'outputs', coalesce((
      select jsonb_agg(item order by c.turn, c.position, o.place)
      from calls c, jsonb_array_elements(c.outputs) with ordinality as o(item, place)
      where c.request_id = ${request} and c.status = 'done'), '[]'::jsonb))`;
}
