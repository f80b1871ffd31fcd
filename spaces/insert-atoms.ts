import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { AtomVersion } from '../contracts/space-file.js';
import { type SearchableText, searchableText } from './atom-rows.js';
import type { Actor } from './principal.js';

const CHUNK_ROWS = 250;
const CHUNK_CHARACTERS = 200_000;
const CHUNK_EVENTS = 1_000;

/** A version to be written; without `at` it is made now. */
type WrittenVersion = Omit<AtomVersion, 'author' | 'people' | 'at'> & { readonly at?: string };

/** A new atom with its versions, oldest first. References name atoms that exist or are written with it. */
export interface WrittenAtom {
  readonly id: string;
  readonly versions: readonly WrittenVersion[];
}

/** A piece of work that is short, and done again as a whole where its transaction has lost a race. */
export type Insertion = (tx: Tx) => Promise<void>;

/** In the order in which lists of one instant have them. */
export function newAtomIds(count: number): string[] {
  return Array.from({ length: count }, () => newId('atm')).toSorted();
}

/** Adds atoms with their history and one event each, in the caller's transaction; see `insertions`. */
export async function insertAtoms(tx: Tx, actor: Actor, space: string, atoms: readonly WrittenAtom[]): Promise<void> {
  for (const insertion of insertions(actor, space, atoms, sql`now()`)) await insertion(tx);
}

/**
 * What adds atoms with their history and one event each to a space, in bounded pieces for one transaction or several, to
 * be run in this order. Times that are missing or ahead of `now` become it. The caller has seen to the references and to
 * the permissions; versions before the newest need a system transaction.
 */
export function* insertions(
  actor: Actor,
  space: string,
  atoms: readonly WrittenAtom[],
  now: RawBuilder<unknown>,
): Generator<Insertion> {
  for (const rows of chunks(atoms, headOf)) yield (tx) => insertHeads(tx, actor, space, rows, now);
  for (const rows of chunks(atoms, versionsOf)) yield (tx) => insertVersions(tx, actor, space, rows, now);
  for (const rows of chunks(atoms, referencesOf)) yield (tx) => insertReferences(tx, rows);
  for (let place = 0; place < atoms.length; place += CHUNK_EVENTS) {
    const ids = atoms.slice(place, place + CHUNK_EVENTS).map(({ id }) => id);
    yield (tx) => recordPuts(tx, actor, space, ids);
  }
}

/** One event for each of these new atoms, in this order. */
export async function recordPuts(tx: Tx, actor: Actor, space: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { seq } = await tx.one<{ seq: number }>(
    sql`update spaces set event_seq = event_seq + ${ids.length} where id = ${space} returning event_seq as seq`,
  );
  await tx.run(sql`
    insert into space_events (space_id, seq, atom_id, version, author, comment, kind, hop)
    select ${space}, ${seq - ids.length} + o.place, a.id, a.version, a.author, a.comment, 'put', ${actor.hop ?? 0}
    from unnest(${[...ids]}::text[]) with ordinality as o(id, place) join atoms a on a.id = o.id`);
  tx.announce({ space, seq });
}

type NumberedVersion = WrittenVersion & { readonly id: string; readonly version: number };

function headOf({
  id,
  versions,
}: WrittenAtom): (NumberedVersion & { createdAt: string | undefined; mixed: boolean } & SearchableText)[] {
  const newest = versions.at(-1);
  if (newest === undefined) throw new Error(`the atom ${id} has no version`);
  const words = searchableText(newest.payload, newest.metadata);
  const mixed = versions.some(({ origin }) => origin === 'untrusted');
  return [{ ...newest, id, version: versions.length, createdAt: versions[0]?.at, mixed, ...words }];
}

function versionsOf({ id, versions }: WrittenAtom): NumberedVersion[] {
  return versions.map((version, index) => ({ ...version, id, version: index + 1 }));
}

function referencesOf({ id, versions }: WrittenAtom): unknown[] {
  return (versions.at(-1)?.references ?? []).map(({ type, atom }, index) => ({
    id,
    type,
    target: atom,
    place: index + 1,
  }));
}

async function insertHeads(
  tx: Tx,
  actor: Actor,
  space: string,
  rows: RawBuilder<unknown>,
  now: RawBuilder<unknown>,
): Promise<void> {
  await tx.run(sql`
    insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, mixed, origin, comment, deprecated, words, created_at, updated_at)
    select item->>'id', ${space}, (item->>'version')::integer, item->'payload', item->>'mediaType', item->'metadata', ${actor.author}, ${[actor.user]}::text[],
      (item->>'mixed')::boolean, item->>'origin', item->>'comment', (item->>'deprecated')::boolean, retinue_words(item->>'title', item->>'body'),
      least((item->>'createdAt')::timestamptz, ${now}), least((item->>'at')::timestamptz, ${now})
    from jsonb_array_elements(${rows}) as r(item)`);
}

async function insertVersions(
  tx: Tx,
  actor: Actor,
  space: string,
  rows: RawBuilder<unknown>,
  now: RawBuilder<unknown>,
): Promise<void> {
  await tx.run(sql`
    insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, people, brought_by, brought_origin, origin, comment, deprecated, call_id, at)
    select item->>'id', (item->>'version')::integer, ${space}, item->'payload', item->>'mediaType', item->'metadata', item->'references', ${actor.author}, ${actor.user}, ${[actor.user]}::text[], ${[actor.user]}::text[], item->>'origin',
      item->>'origin', item->>'comment', (item->>'deprecated')::boolean, ${actor.callId ?? null}, least((item->>'at')::timestamptz, ${now})
    from jsonb_array_elements(${rows}) as r(item)`);
}

async function insertReferences(tx: Tx, rows: RawBuilder<unknown>): Promise<void> {
  await tx.run(sql`
    insert into atom_references (atom_id, type, target_id, position)
    select item->>'id', item->>'type', item->>'target', (item->>'place')::integer from jsonb_array_elements(${rows}) as r(item)
    on conflict do nothing`);
}

/** The rows of all atoms as JSON arrays of a bounded size, each made when it is asked for. */
function* chunks(
  atoms: readonly WrittenAtom[],
  rowsOf: (atom: WrittenAtom) => readonly unknown[],
): Generator<RawBuilder<unknown>> {
  let texts: string[] = [];
  let characters = 0;
  for (const atom of atoms) {
    for (const row of rowsOf(atom)) {
      const text = JSON.stringify(row);
      if (texts.length > 0 && (texts.length >= CHUNK_ROWS || characters + text.length > CHUNK_CHARACTERS)) {
        yield jsonRows(texts);
        texts = [];
        characters = 0;
      }
      texts.push(text);
      characters += text.length;
    }
  }
  if (texts.length > 0) yield jsonRows(texts);
}

function jsonRows(texts: readonly string[]): RawBuilder<unknown> {
  return sql`${`[${texts.join(',')}]`}::jsonb`;
}
