import { fileText } from '../contracts/file-text.js';
import { ProblemError } from '../contracts/problem.js';
import type { NewMessage } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { enqueue } from '../store/outbox.js';
import { json, sql } from '../store/sql.js';
import { refreshAtEnd } from './agents/team-status.js';
import type { Engine } from './deps.js';
import { appendEvents } from './events.js';
import { insertFiles, type PreparedFiles, prepareFiles, requireFiles, type StoredFile } from './files.js';
import { lockRequest, type RequestRow } from './rows.js';

/**
 * A further message while the request is open: it answers the oldest waiting question, or steers what runs.
 * `conflict` after the end. The agent sees it in its next turn.
 */
export async function postMessage(
  engine: Engine,
  user: string,
  request: string,
  body: NewMessage,
): Promise<{ message: string }> {
  if (body.text === undefined && (body.attachments ?? []).length === 0) {
    throw new ProblemError('invalid-body', 'A message needs text or an attachment.', {
      errors: [{ path: 'text', message: 'text or attachments is required' }],
    });
  }
  const place = { user, request };
  const { attachments, forwarded } = body;
  const files = await prepareFiles(engine, { attachments, forwarded }, (known) =>
    engine.db.as(user, async (tx) => void (await holdOpen(tx, place, known))),
  );
  return engine.db.as(user, async (tx) => {
    const row = await holdOpen(tx, place, files.known);
    const unseen = await countUnseen(tx, request);
    if (unseen >= MOST_UNSEEN)
      throw new ProblemError(
        'rate-limited',
        `${unseen} messages wait for the agent already. Wait until it has read them, then send the next one.`,
      );
    if (files.rows.length > 0) await tx.run(insertFiles(user, files.rows));
    const said = [body.text ?? '', ...(await fileTexts(tx, files))].filter((part) => part !== '').join('\n');
    const answered = await answerOldest(tx, request, said);
    const message = newId('msg');
    await tx.run(sql`
      insert into messages (id, user_id, conversation_id, request_id, role, text, files, forwarded, answers_call)
      values (${message}, ${user}, ${row.conversation_id}, ${request}, 'user', ${body.text ?? ''}, ${files.ids}, ${files.forwarded}, ${answered?.id ?? null})`);
    if (answered !== undefined) await leaveWait(tx, user, request, answered);
    else if (unseen > 0 && RUNS.has(row.status)) return { message };
    await enqueue(tx, {
      kind: 'wake',
      target: { user, request, agent: answered?.agent_id ?? row.agent_id },
      reason: answered === undefined ? 'a message' : 'an answer',
    });
    return { message };
  });
}

/** Locks the request; throws when it has ended or a file named by id is not the user's. */
async function holdOpen(
  tx: Tx,
  place: { user: string; request: string },
  known: PreparedFiles['known'],
): Promise<RequestRow> {
  const row = await lockRequest(tx, place);
  refuseEnded(row.status);
  await requireFiles(tx, place.user, known);
  return row;
}

/** What a model is told of the files of an answer, in order, as of those of any message. */
async function fileTexts(tx: Tx, { ids, forwarded }: PreparedFiles): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx.rows<Pick<StoredFile, 'id' | 'name' | 'mediaType' | 'seconds'>>(sql`
    select f.id, f.name, f.media_type as "mediaType", f.seconds from files f
    join unnest(${ids}::text[]) with ordinality as w(id, place) on w.id = f.id order by w.place`);
  return rows.map((file) => fileText({ ...file, forwarded: forwarded.includes(file.id) }));
}

/** Messages that may wait for one agent. */
const MOST_UNSEEN = 100;
/** An agent in one of these is about to read its messages; the first unseen one has woken it already. */
const RUNS: ReadonlySet<string> = new Set(['queued', 'running']);

/** Messages after the first that the agent has not read. */
async function countUnseen(tx: Tx, request: string): Promise<number> {
  const { unseen } = await tx.one<{ unseen: number }>(sql`
    select count(*)::int as unseen from messages
    where request_id = ${request} and role = 'user' and answers_call is null and seen_in_turn is null
      and seq > (select min(seq) from messages where request_id = ${request})`);
  return unseen;
}

function refuseEnded(status: string): void {
  if (status === 'completed' || status === 'failed' || status === 'cancelled') {
    throw new ProblemError(
      'conflict',
      `The request has ended (${status}). Send a new request in the same conversation.`,
    );
  }
}

interface Answered {
  id: string;
  agent_id: string;
  skill: string;
}

async function answerOldest(tx: Tx, request: string, answer: string): Promise<Answered | undefined> {
  return tx.maybe<Answered>(sql`
    update calls set status = 'done', output = coalesce(output - 'question', '{}') || ${json({ answer })}, ended_at = now()
    where id = (select id from calls where request_id = ${request} and status = 'waiting' order by turn, position limit 1)
    returning id, agent_id, skill`);
}

/** The request runs on when its last question is answered; otherwise it waits for the others. Approvals do not hold up the agent. */
async function leaveWait(tx: Tx, user: string, request: string, answered: Answered): Promise<void> {
  const row = await tx.one<{ status: string; waiting_for: unknown; team: boolean }>(sql`
    with left_over as (
      select coalesce(jsonb_agg(w.item) filter (where exists (select from calls c where c.request_id = ${request} and c.status = 'waiting')), '[]'::jsonb) as items
      from requests r, jsonb_array_elements(r.waiting_for) as w(item) where r.id = ${request} and w.item->>'id' is distinct from ${answered.id})
    update requests set waiting_for = left_over.items, status = case when left_over.items = '[]'::jsonb then 'running' else status end
    from left_over where id = ${request} returning status, waiting_for,
      exists (select from agents a where a.request_id = requests.id and a.parent_id is not null) as team`);
  if (row.status === 'running')
    await tx.run(sql`update agents set status = 'running' where id = ${answered.agent_id} and parent_id is null`);
  if (row.team) refreshAtEnd(tx, { user, request });
  await appendEvents(tx, request, user, [
    {
      type: 'skill.finished',
      agent: answered.agent_id,
      data: { call: answered.id, skill: answered.skill, outcome: 'done' },
    },
    { type: 'status', data: { status: row.status, waitingFor: row.waiting_for } },
  ]);
}
