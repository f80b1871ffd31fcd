import { ProblemError } from '../../contracts/problem.js';
import type { AgentChange, Note } from '../../contracts/request.js';
import type { Delivery, Page } from '../../contracts/space.js';
import { deliveriesAfter } from '../../spaces/subscriptions.js';
import type { Tx } from '../../store/db.js';
import { wrongCursor } from '../../store/paging.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { lockRequest } from '../rows.js';
import { admitAtEnd } from './admission.js';
import { stopAgent } from './agent-ending.js';
import { noAgentOf } from './agent-views.js';
import { leaveNote } from './notes.js';

interface Led {
  id: string;
  label: string;
  request: string;
  parent: string | null;
  outcome: string | null;
  ended_at: string | null;
}

/** An agent of the user's own, its request locked. Throws `not-found`. */
async function lead(tx: Tx, user: string, agent: string): Promise<Led> {
  const found = await tx.maybe<{ request: string }>(
    sql`select request_id as request from agents where id = ${agent} and user_id = ${user}`,
  );
  if (found === undefined) throw noAgentOf(agent);
  await lockRequest(tx, { user, request: found.request });
  return tx.one<Led>(sql`
    select id, label, request_id as request, parent_id as parent, outcome, ended_at from agents where id = ${agent}`);
}

function hasEnded({ label, outcome }: Led, instead: string): ProblemError {
  return new ProblemError('conflict', `The agent “${label}” has already ended (${outcome ?? 'ended'}). ${instead}`);
}

/**
 * Stops an agent that another one spawned, with everything below it; whoever waits for its answer is told. Stopping twice
 * is harmless. Throws `not-found`, and `conflict` for one that is done and for the first agent of a request.
 */
export async function stopAgentOf(engine: Engine, user: string, agent: string): Promise<void> {
  await engine.db.as(user, async (tx) => {
    const led = await lead(tx, user, agent);
    if (led.parent === null)
      throw new ProblemError(
        'conflict',
        `The agent “${led.label}” is the first one of its request. Cancel the request instead: POST /v1/requests/${led.request}/cancel.`,
      );
    if (led.outcome === 'cancelled') return;
    if (led.ended_at !== null) throw hasEnded(led, 'There is nothing to stop.');
    const error = { type: 'cancelled', message: 'The user stopped it.' };
    await stopAgent(tx, engine, { user, request: led.request, agent }, { outcome: 'cancelled', error });
  });
}

/** Says something to an agent in the user's own name; it reads it in its next turn. Throws `not-found`, and `conflict` after its end. */
export function steerAgent(engine: Engine, user: string, agent: string, text: string): Promise<{ id: string }> {
  return engine.db.as(user, async (tx) => {
    const led = await lead(tx, user, agent);
    if (led.ended_at !== null)
      throw hasEnded(led, 'Send a new request in the same conversation, or say it to an agent that is at work.');
    const place = { user, request: led.request };
    return { id: await leaveNote(tx, place, { to: agent, from: undefined, kind: 'steer', text, labels: [] }) };
  });
}

/**
 * Changes how urgent an agent is that another one spawned; who waits for a place may be let in by that. Throws
 * `not-found`, and `conflict` after its end and for the first agent of a request.
 */
export async function changeAgent(engine: Engine, user: string, agent: string, change: AgentChange): Promise<void> {
  await engine.db.as(user, async (tx) => {
    const led = await lead(tx, user, agent);
    if (change.priority === undefined) return;
    if (led.parent === null)
      throw new ProblemError(
        'conflict',
        `The agent “${led.label}” is the first one of its request and never queues. Its request was given its priority when it was sent.`,
      );
    if (led.ended_at !== null) throw hasEnded(led, 'It queues no more.');
    await tx.run(sql`update agents set priority = ${change.priority} where id = ${agent}`);
    admitAtEnd(tx);
  });
}

/**
 * What an agent was told, oldest first: changes of spaces it subscribes to, and notes of its user and of other agents.
 * Each kind keeps its own order. Throws `not-found`.
 */
export function readInbox(
  engine: Engine,
  user: string,
  agent: string,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<Delivery | Note>> {
  const [delivery, note] = readPlaces(page.cursor);
  return engine.db.as(user, async (tx) => {
    const mine = await tx.maybe(sql`select 1 from agents where id = ${agent} and user_id = ${user}`);
    if (mine === undefined) throw noAgentOf(agent);
    const deliveries = await deliveriesAfter(tx, agent, delivery, page.limit + 1);
    const notes = await notesAfter(tx, agent, note, page.limit + 1);
    const told = merged(deliveries, notes).slice(0, page.limit);
    if (deliveries.length + notes.length <= page.limit) return { items: told.map(({ item }) => item) };
    const lastDelivery = told.findLast(({ kind }) => kind === 'delivery')?.place ?? delivery;
    const lastNote = told.findLast(({ kind }) => kind === 'note')?.place ?? note;
    return { items: told.map(({ item }) => item), cursor: `${lastDelivery}-${lastNote}` };
  });
}

/** How far a page came, in deliveries and in notes; a page of deliveries alone may name these alone. */
function readPlaces(cursor = '0-0'): [delivery: string, note: string] {
  const found = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(cursor);
  if (found === null) throw wrongCursor();
  return [found[1] ?? '0', found[2] ?? '0'];
}

interface NoteRow {
  id: string;
  seq: string;
  kind: Note['kind'];
  from_agent: string | null;
  text: string;
  atom_id: string | null;
  seen_in_turn: number | null;
  created_at: string;
}

/** One thing that was told, and its place among those of its kind. */
interface Placed {
  readonly kind: 'delivery' | 'note';
  readonly place: string;
  readonly item: Delivery | Note;
}

async function notesAfter(tx: Tx, agent: string, after: string, limit: number): Promise<Placed[]> {
  const rows = await tx.rows<NoteRow>(sql`
    select id, seq::text as seq, kind, from_agent, text, atom_id, seen_in_turn, created_at from agent_notes
    where agent_id = ${agent} and seq > ${after}::bigint order by seq limit ${limit}`);
  return rows.map((row) => ({
    kind: 'note',
    place: row.seq,
    item: {
      id: row.id,
      agent,
      deliveredAt: row.created_at,
      kind: row.kind,
      ...(row.from_agent === null ? {} : { from: row.from_agent }),
      text: row.text,
      ...(row.atom_id === null ? {} : { atom: row.atom_id }),
      read: row.seen_in_turn !== null,
    },
  }));
}

/** By time, as far as that keeps the order of each kind: a page goes on from the last of each. */
function merged(deliveries: readonly Delivery[], notes: readonly Placed[]): Placed[] {
  const told: Placed[] = [];
  let next = 0;
  for (const item of deliveries) {
    const later = notes.findIndex((note, index) => index >= next && note.item.deliveredAt > item.deliveredAt);
    const end = later < 0 ? notes.length : later;
    told.push(...notes.slice(next, end), { kind: 'delivery', place: item.id, item });
    next = end;
  }
  return [...told, ...notes.slice(next)];
}
