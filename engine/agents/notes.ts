import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Actor } from '../../spaces/principal.js';
import { putAtom } from '../../spaces/atoms.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { enqueue } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { admitAtEnd } from './admission.js';
import type { Holder } from './rights.js';

export type NoteKind = 'message' | 'steer' | 'report' | 'access' | 'granted' | 'denied' | 'revoked';

/** What is told to an agent; it stands in its context from its next turn on. */
export interface Note {
  readonly to: string;
  /** Undefined where the user says it. */
  readonly from: string | undefined;
  readonly kind: NoteKind;
  readonly text: string;
  readonly atom?: string | undefined;
  /** What the words carry with them. */
  readonly labels: readonly Label[];
}

/** Notes that may wait for one agent. */
const MOST_UNSEEN = 100;

/** Leaves a note and wakes the agent; returns the note's id. */
export async function leaveNote(tx: Tx, place: { user: string; request: string }, note: Note): Promise<string> {
  await refuseFlood(tx, note.to);
  const id = newId('not');
  await tx.run(sql`
    insert into agent_notes (id, user_id, request_id, agent_id, from_agent, kind, text, atom_id, labels)
    values (${id}, ${place.user}, ${place.request}, ${note.to}, ${note.from ?? null}, ${note.kind}, ${note.text}, ${note.atom ?? null}, ${[...note.labels]})`);
  await enqueue(tx, { kind: 'wake', target: { ...place, agent: note.to }, reason: `a note: ${note.kind}` });
  return id;
}

async function refuseFlood(tx: Tx, agent: string): Promise<void> {
  const { unseen } = await tx.one<{ unseen: number }>(
    sql`select count(*)::int as unseen from agent_notes where agent_id = ${agent} and seen_in_turn is null`,
  );
  if (unseen < MOST_UNSEEN) return;
  throw new ProblemError(
    'rate-limited',
    `${unseen} notes wait for that agent already. Let it read them first, or go on without it.`,
  );
}

/** Writes down what two agents say to each other where their user sees it; undefined for an agent without such a space. */
export async function writeToDm(
  tx: Tx,
  actor: Actor,
  dmSpace: string | null,
  entry: { readonly kind: string; readonly text: string; readonly about?: Readonly<Record<string, string>> },
): Promise<string | undefined> {
  if (dmSpace === null) return undefined;
  const atom = await putAtom(tx, actor, dmSpace, {
    payload: { text: entry.text },
    metadata: { kind: entry.kind, ...entry.about },
    comment: entry.kind,
  });
  return atom.id;
}

interface Addressee {
  id: string;
  label: string;
  ended_at: string | null;
  outcome: string | null;
  dm_space: string | null;
}

/**
 * Says something to an agent of the same request; to the coordinator where nobody is named. One that has answered already
 * goes on with it in the same session. Throws `ProblemError` where there is no such agent or it cannot go on.
 */
export async function messageAgent(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  holder: Holder,
  to: string | undefined,
  { text, waits }: { readonly text: string; readonly waits: boolean },
): Promise<{ agent: string; label: string }> {
  const wanted = to === undefined || to === 'coordinator' ? holder.parent : to;
  if (wanted === null)
    throw new ProblemError(
      'invalid-body',
      'You have no coordinator. Name the agent that is meant; list_work knows them.',
      {
        errors: [{ path: 'agent', message: 'is required' }],
      },
    );
  const found = await tx.maybe<Addressee>(sql`
    select id, label, ended_at, outcome, dm_space from agents where id = ${wanted} and request_id = ${holder.request} and id <> ${holder.id}`);
  if (found === undefined) throw noAgent(wanted);
  if (waits && holder.path.includes(found.id))
    throw new ProblemError(
      'conflict',
      'Whoever leads you answers with a message of its own: leave out wait, and end your turn if you cannot go on.',
    );
  if (found.ended_at !== null && found.outcome !== 'completed')
    throw new ProblemError(
      'conflict',
      `The agent “${found.label}” has ended (${found.outcome ?? 'ended'}) and cannot be asked. Spawn another one, or go on without it.`,
    );
  const dm = found.id === holder.parent ? holder.dmSpace : found.dm_space;
  const isPair = found.id === holder.parent || (await isChildOf(tx, found.id, holder.id));
  const atom = isPair ? await writeToDm(tx, actor, dm, { kind: 'message', text }) : undefined;
  if (found.ended_at !== null) await reopen(tx, engine, found.id, holder.id);
  const place = { user: holder.user, request: holder.request };
  await leaveNote(tx, place, { to: found.id, from: holder.id, kind: 'message', text, atom, labels: holder.labels });
  return { agent: found.id, label: found.label };
}

async function isChildOf(tx: Tx, agent: string, parent: string): Promise<boolean> {
  return (await tx.maybe(sql`select 1 from agents where id = ${agent} and parent_id = ${parent}`)) !== undefined;
}

/** An agent that has answered is needed again: it goes on in its own session, and tells whoever has asked. */
async function reopen(tx: Tx, engine: Engine, agent: string, asker: string): Promise<void> {
  const changed = await tx.run(sql`
    update agents set status = 'queued', queued_at = now(), ended_at = null, outcome = null, started_at = null, deadline_at = null, hosted_by = null,
      spawning = spawning || jsonb_build_object('reportTo', ${asker}::text, 'reopened', true)
    where id = ${agent} and outcome = 'completed' and turns < ${engine.limits.turns}
      and exists (select from agents p where p.id = agents.parent_id and p.ended_at is null)`);
  if (changed === 0)
    throw new ProblemError(
      'conflict',
      'The agent cannot go on: it has used all its turns, or the one that spawned it has ended. Spawn another one.',
    );
  admitAtEnd(tx);
}

export function noAgent(id: string): ProblemError {
  return new ProblemError(
    'not-found',
    `There is no agent ${id.slice(0, 80)} that you can reach. list_work names those there are.`,
  );
}
