import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Work } from '../../contracts/agent-access.js';
import { shortened } from '../../contracts/text.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { stopRequest } from '../cancel.js';
import { lockRequest } from '../rows.js';
import { stopAgent } from './agent-ending.js';
import { leaveNote, noAgent } from './notes.js';
import { queuePosition } from './queue.js';
import type { Holder } from './rights.js';

const MOST_WORK = 200;
const LONGEST_SAID = 300;
const LONGEST_REPORT = 1_000;

interface WorkRow {
  request: string;
  said: string | null;
  agent: string;
  label: string;
  parent: string | null;
  task: string | null;
  status: string;
  position: number | null;
  outcome: string | null;
  spoken: string | null;
  waiting_for: string | null;
  usd: string;
  /** Of the agent and, where nobody typed what the request began with, of the one that it began with. */
  labels: Label[];
}

/**
 * What is under way, with what each agent said last. A first agent sees the open requests of its conversation, its own
 * team included; a subagent sees those below itself.
 */
export async function listWork(tx: Tx, holder: Holder): Promise<{ work: Work[]; labels: Label[] }> {
  const scope =
    holder.parent === null
      ? sql`r.conversation_id = ${holder.conversation} and (r.ended_at is null or r.id = ${holder.request}) and a.id <> ${holder.id}`
      : sql`r.id = ${holder.request} and ${holder.id} = any(a.path) and a.id <> ${holder.id}`;
  const rows = await tx.rows<WorkRow>(sql`
    select r.id as request, (select m.text from messages m where m.request_id = r.id and m.role = 'user' order by m.seq limit 1) as said,
      a.id as agent, a.label, a.parent_id as parent, a.task, a.status,
      case when exists (select from messages m where m.request_id = r.id and m.role = 'user' and not m.spoken)
        then a.labels || (select f.labels from agents f where f.id = r.agent_id) else a.labels end as labels, ${queuePosition(sql`a`)} as position, a.outcome,
      coalesce(a.result, (select string_agg(b.item->>'text', '' order by b.place) from turns t, jsonb_array_elements(t.content) with ordinality as b(item, place)
        where t.agent_id = a.id and b.item->>'type' = 'text' group by t.number order by t.number desc limit 1)) as spoken,
      (select string_agg(w.item->>'text', '; ') from jsonb_array_elements(r.waiting_for) as w(item) where a.parent_id is null) as waiting_for,
      (select coalesce(trim_scale(sum(c.usd)), 0)::text from charges c where c.request_id = r.id and c.agent_id = a.id) as usd
    from agents a join requests r on r.id = a.request_id
    where r.user_id = ${holder.user} and ${scope} order by r.created_at desc, a.born limit ${MOST_WORK}`);
  const work = rows.map((row) => ({
    request: row.request,
    said: shortened(row.said ?? '', LONGEST_SAID),
    agent: row.agent,
    label: row.label,
    ...(row.parent === null ? {} : { parent: row.parent }),
    ...(row.task === null ? {} : { task: shortened(row.task, LONGEST_SAID) }),
    status: row.status,
    ...(row.position === null ? {} : { position: row.position }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.spoken === null || row.spoken === '' ? {} : { said_last: shortened(row.spoken, LONGEST_REPORT) }),
    ...(row.waiting_for === null ? {} : { waitingFor: row.waiting_for }),
    costUsd: row.usd,
  }));
  return { work, labels: [...new Set(rows.flatMap((row) => row.labels))] };
}

interface Governed {
  id: string;
  label: string;
  request: string;
  parent: string | null;
}

/**
 * An agent that the holder may steer and stop: one below itself; for a first agent also those of the other open requests
 * of its conversation, since it speaks for the user there. Nobody else's.
 */
async function governed(tx: Tx, holder: Holder, target: string): Promise<Governed> {
  const found = await tx.maybe<Governed & { mine: boolean }>(sql`
    select a.id, a.label, a.request_id as request, a.parent_id as parent,
      (${holder.id} = any(a.path) and a.id <> ${holder.id}) or (${holder.parent === null} and r.conversation_id = ${holder.conversation} and r.id <> ${holder.request}) as mine
    from agents a join requests r on r.id = a.request_id where a.id = ${target} and a.user_id = ${holder.user} and a.ended_at is null`);
  if (found === undefined) throw noAgent(target);
  if (!found.mine)
    throw new ProblemError(
      'forbidden',
      `The agent “${found.label}” is not yours to lead. Write to it with message_agent, or to your coordinator.`,
    );
  return found;
}

/** Tells an agent what it is to do differently. Throws `not-found` and `forbidden`. */
export async function steerWork(tx: Tx, holder: Holder, target: string, text: string): Promise<{ label: string }> {
  const agent = await governed(tx, holder, target);
  const place = { user: holder.user, request: agent.request };
  // So that it cannot end unheard.
  if (agent.request !== holder.request && (await lockRequest(tx, place)).ended_at !== null) throw noAgent(target);
  await leaveNote(tx, place, { to: agent.id, from: holder.id, kind: 'steer', text, labels: holder.labels });
  return { label: agent.label };
}

/** Stops an agent with everything below it, or a whole request of the conversation. Throws `not-found` and `forbidden`. */
export async function cancelWork(
  tx: Tx,
  engine: Engine,
  holder: Holder,
  target: string,
  reason: string,
): Promise<{ stopped: string }> {
  const request = await tx.maybe<{ id: string }>(sql`
    select id from requests where id = ${target} and user_id = ${holder.user} and conversation_id = ${holder.conversation} and ended_at is null`);
  if (request !== undefined) {
    if (holder.parent !== null || request.id === holder.request)
      throw new ProblemError('forbidden', 'Your own request ends when you answer. Stop agents one by one instead.');
    await stopRequest(tx, holder.user, request.id);
    return { stopped: target };
  }
  const agent = await governed(tx, holder, target);
  if (agent.parent === null) {
    await stopRequest(tx, holder.user, agent.request);
    return { stopped: agent.request };
  }
  const ref = { user: holder.user, request: agent.request, agent: agent.id };
  const error = { type: 'cancelled', message: `Stopped by ${holder.label}: ${reason}` };
  await stopAgent(tx, engine, ref, { outcome: 'cancelled', error });
  return { stopped: agent.id };
}
