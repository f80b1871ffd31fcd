import type { RequestStatus } from '../contracts/request.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { changeRequest, type NewEvent, statusEvent } from './events.js';

export interface Ending {
  readonly status: Extract<RequestStatus, 'completed' | 'failed' | 'cancelled'>;
  /** What the last turn said; the outputs of the calls are added from their rows. */
  readonly text?: string;
  readonly error?: { readonly type: string; readonly message: string };
  /** USD spent, as far as the caller knows it; for the reader of the Temporal web UI. */
  readonly usd?: number;
  /** Turns the agent has now, when its last one is stored in the same statement. */
  readonly turns?: number;
}

/** Ends a request whose row the caller holds: result, agents, calls that never ran, events, and what else belongs to it. */
export async function endRequest(
  tx: Tx,
  ref: AgentRef,
  ending: Ending,
  before: readonly NewEvent[] = [],
  also: readonly RawBuilder<unknown>[] = [],
): Promise<Step> {
  const { status } = ending;
  await changeRequest(
    tx,
    ref,
    {
      status,
      waitingFor: [],
      result: resultOf(ref.request, ending.text),
      ended: true,
      ...(ending.error === undefined ? {} : { error: ending.error }),
    },
    [...before, statusEvent(status, []), { type: 'done', data: { status } }],
    [
      ...also,
      sql`update agents set status = 'ended', ended_at = now(), turns = case when id = ${ref.agent} then coalesce(${ending.turns ?? null}, turns) else turns end where request_id = ${ref.request} and ended_at is null`,
      sql`update calls set status = 'cancelled', ended_at = now() where request_id = ${ref.request} and status in ('pending', 'waiting')`,
    ],
  );
  return { kind: 'done', status, usd: ending.usd ?? 0, summary: status };
}

/** The result object: given text (or the text already there) and everything the calls produced. */
export function resultOf(request: string, text: string | undefined): RawBuilder<unknown> {
  return sql`jsonb_build_object(
    'text', coalesce(${text ?? null}::text, result->>'text', ''),
    'outputs', coalesce((
      select jsonb_agg(item order by c.turn, c.position, o.place)
      from calls c, jsonb_array_elements(c.outputs) with ordinality as o(item, place)
      where c.request_id = ${request} and c.status = 'done'), '[]'::jsonb))`;
}
