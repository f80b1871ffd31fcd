import type { Output, RequestStatus } from '../contracts/request.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { wakeAgents } from '../store/outbox.js';
import { admitAtEnd } from './agents/admission.js';
import { finishedEvent } from './agents/agent-ending.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { changeRequest, type NewEvent, statusEvent } from './events.js';
import { bookEstimated, openReservations } from './reservations.js';
import type { Reservation, WaitRow } from './rows.js';
import { voidedRows } from './voided.js';

export interface Ending {
  readonly status: Extract<RequestStatus, 'completed' | 'failed' | 'cancelled'>;
  /** What the last turn said; the outputs of the calls are added from their rows. */
  readonly text?: string;
  readonly error?: { readonly type: string; readonly message: string };
  /** USD spent, as far as the caller knows it; for the reader of the Temporal web UI. */
  readonly usd?: number;
  /** What the caller knows to be under way outside; the workflow sees it to its end. */
  readonly waits?: readonly WaitRow[];
  /** What is still reserved and ends with the request at its bound, where the caller knows it; read otherwise. */
  readonly reserved?: readonly Reservation[];
  /** Turns the agent has now, when its last one is stored in the same statement. */
  readonly turns?: number;
}

/**
 * Ends a request whose row the caller holds: result, agents, open calls, events, and what else belongs to it. A call that
 * runs outside at this moment is told to stop; should it have done its work all the same, `finishCall` still stores that.
 */
export async function endRequest(
  tx: Tx,
  ref: AgentRef,
  ending: Ending,
  before: readonly NewEvent[] = [],
  also: readonly RawBuilder<unknown>[] = [],
): Promise<Step> {
  const { status } = ending;
  const stopped = status === 'completed' ? [] : await stopTeam(tx, ref);
  await bookEstimated(tx, ref, ending.reserved ?? (await openReservations(tx, ref.request)));
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
    [...before, ...stopped, statusEvent(status, []), { type: 'done', data: { status } }],
    [
      ...also,
      ...(status === 'completed' ? [] : voidedRows(ref.request)),
      sql`update agents set status = 'ended', ended_at = now(), turns = case when id = ${ref.agent} then coalesce(${ending.turns ?? null}, turns) else turns end where request_id = ${ref.request} and ended_at is null`,
      sql`update calls set status = 'cancelled', ended_at = now() where request_id = ${ref.request} and status in ('pending', 'waiting', 'delegated')`,
    ],
  );
  if (ending.waits?.some((wait) => wait.ledger?.open === true))
    return { kind: 'wait', until: new Date().toISOString(), waitingFor: 'approval', summary: status };
  return { kind: 'done', status, usd: ending.usd ?? 0, summary: status };
}

/** Everybody who works for the request is told to stop. */
async function stopTeam(tx: Tx, ref: AgentRef): Promise<NewEvent[]> {
  const left = sql`request_id = ${ref.request} and parent_id is not null and ended_at is null`;
  const others = sql`select id from agents where request_id = ${ref.request} and ended_at is null and id <> ${ref.agent}`;
  await wakeAgents(tx, ref, others, 'the request has ended');
  const agents = await tx.rows<{ id: string; label: string }>(sql`
    update agents set outcome = 'cancelled' where ${left} returning id, label`);
  if (agents.length > 0) admitAtEnd(tx);
  return [
    ...(await stoppedCalls(tx, ref.request)),
    ...agents.map(({ id, label }) => finishedEvent(id, label, 'cancelled')),
  ];
}

/** An event for every call that had begun and now stops. A last turn leaves none open. */
async function stoppedCalls(tx: Tx, request: string): Promise<NewEvent[]> {
  const calls = await tx.rows<{ id: string; agent_id: string; skill: string }>(sql`
    select id, agent_id, skill from calls
    where request_id = ${request} and (status in ('waiting', 'delegated') or (status = 'pending' and attempts > 0)) order by turn, position`);
  return calls.map(({ id, agent_id, skill }) => ({
    type: 'skill.finished',
    agent: agent_id,
    data: { call: id, skill, outcome: 'cancelled' },
  }));
}

/** What one call has produced from now on, while its row still says otherwise. */
interface ChangedOutputs {
  readonly call: string;
  readonly outputs: readonly Output[];
}

/** The result object: given text (or the text already there) and everything the calls produced. */
export function resultOf(request: string, text: string | undefined, changed?: ChangedOutputs): RawBuilder<unknown> {
  const { outputs, counts } =
    changed === undefined
      ? { outputs: sql`c.outputs`, counts: sql`c.status = 'done'` }
      : {
          outputs: sql`case when c.id = ${changed.call} then ${json(changed.outputs)} else c.outputs end`,
          counts: sql`(c.status = 'done' or c.id = ${changed.call})`,
        };
  return sql`jsonb_build_object(
    'text', coalesce(${text ?? null}::text, result->>'text', ''),
    'outputs', coalesce((
      select jsonb_agg(item order by g.born, c.turn, c.position, o.place)
      from calls c join agents g on g.id = c.agent_id, jsonb_array_elements(${outputs}) with ordinality as o(item, place)
      where c.request_id = ${request} and ${counts}), '[]'::jsonb))`;
}
