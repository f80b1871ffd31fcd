import { ProblemError } from '../contracts/problem.js';
import type {
  Atom,
  AtomOrigin,
  AtomPatch,
  AtomReference,
  JsonValue,
  Metadata,
  NewAtom,
  Page,
} from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { json, sql } from '../store/sql.js';
import { ATOM_COLUMNS, type AtomRow, presentAtom, searchableText } from './atom-rows.js';
import type { Actor } from './principal.js';
import { requirePermission } from './spaces.js';

interface AtomContent {
  readonly payload: JsonValue;
  readonly mediaType: string;
  readonly metadata: Metadata;
  readonly references: readonly AtomReference[];
  readonly deprecated: boolean;
  readonly comment: string;
}

/** One atom; `not-found` when it is not in this space or the space may not be read. */
export async function getAtom(tx: Tx, actor: Actor, space: string, id: string): Promise<Atom> {
  await requirePermission(tx, actor, space, 'read');
  const row = await tx.maybe<AtomRow>(
    sql`select ${ATOM_COLUMNS} from atoms a where a.id = ${id} and a.space_id = ${space}`,
  );
  if (row === undefined) throw noAtom(id);
  return presentAtom(row);
}

/** Atoms of a space, newest first. */
export async function listAtoms(
  tx: Tx,
  actor: Actor,
  space: string,
  page: { limit: number; cursor?: string; includeDeprecated?: boolean },
): Promise<Page<Atom>> {
  await requirePermission(tx, actor, space, 'read');
  const after = readCursor(page.cursor);
  const rows = await tx.rows<AtomRow>(sql`
    select ${ATOM_COLUMNS} from atoms a
    where a.space_id = ${space} and ${page.includeDeprecated ? sql`true` : sql`not a.deprecated`}
      and ${after === undefined ? sql`true` : sql`(a.created_at, a.id) < (${after.at}::timestamptz, ${after.id})`}
    order by a.created_at desc, a.id desc limit ${page.limit + 1}`);
  return pageCursor(rows, page.limit, (row) => ({ at: row.created_at, id: row.id }), presentAtom);
}

export async function putAtom(tx: Tx, actor: Actor, space: string, atom: NewAtom): Promise<Atom> {
  await requirePermission(tx, actor, space, 'append');
  const id = newId('atm');
  await checkReferences(tx, atom.references ?? []);
  const content = {
    payload: atom.payload,
    mediaType: atom.mediaType ?? mediaTypeOf(atom.payload),
    metadata: atom.metadata ?? {},
    references: atom.references ?? [],
    deprecated: false,
    comment: atom.comment,
  };
  return writeVersion(tx, actor, { id, space, version: 1 }, content);
}

/** Changes an atom; `stale` when `ifVersion` is not the newest. */
export async function updateAtom(tx: Tx, actor: Actor, space: string, id: string, patch: AtomPatch): Promise<Atom> {
  const before = await lockAtom(tx, actor, space, id);
  if (patch.ifVersion !== undefined && patch.ifVersion !== before.version) {
    throw new ProblemError(
      'stale',
      `The atom is at version ${before.version} by now, not ${patch.ifVersion}. Read it again and repeat the change.`,
    );
  }
  if (patch.references !== undefined) await checkReferences(tx, patch.references);
  return writeVersion(
    tx,
    actor,
    { id, space, version: before.version + 1 },
    {
      payload: patch.payload === undefined ? before.payload : patch.payload,
      mediaType: before.mediaType,
      metadata: mergeMetadata(before.metadata, patch.metadata ?? {}),
      references: patch.references ?? before.references,
      deprecated: before.deprecated,
      comment: patch.comment,
    },
  );
}

/** Marks an atom as outdated (or takes that back); it stays readable and keeps its history. */
export async function setDeprecated(
  tx: Tx,
  actor: Actor,
  space: string,
  id: string,
  deprecated: boolean,
  comment: string,
): Promise<Atom> {
  const before = await lockAtom(tx, actor, space, id);
  return writeVersion(tx, actor, { id, space, version: before.version + 1 }, { ...before, deprecated, comment });
}

/** Every version, newest first. */
export async function atomHistory(tx: Tx, actor: Actor, space: string, id: string): Promise<Atom[]> {
  const head = await getAtom(tx, actor, space, id);
  const rows = await tx.rows<AtomRow>(sql`
    select v.atom_id as id, v.space_id, v.version, v.payload, v.media_type, v.metadata, v."references", v.author, v.origin, v.comment, v.deprecated,
      ${head.createdAt}::timestamptz as created_at, v.at as updated_at
    from atom_versions v where v.atom_id = ${id} order by v.version desc limit 1000`);
  return rows.map(presentAtom);
}

async function lockAtom(tx: Tx, actor: Actor, space: string, id: string): Promise<Atom> {
  await requirePermission(tx, actor, space, 'write');
  const row = await tx.maybe<AtomRow>(
    sql`select ${ATOM_COLUMNS} from atoms a where a.id = ${id} and a.space_id = ${space} for update of a`,
  );
  if (row === undefined) throw noAtom(id);
  return presentAtom(row);
}

/** Head, version, references and event of one change: one statement each way, all in the caller's transaction. */
async function writeVersion(
  tx: Tx,
  actor: Actor,
  place: { id: string; space: string; version: number },
  content: AtomContent,
): Promise<Atom> {
  const words = searchableText(content.payload, content.metadata);
  const references = json(content.references);
  const isNew = place.version === 1;
  const { origin } = await tx.one<{ origin: AtomOrigin }>(
    isNew ? insertHead(actor, place, content, words) : updateHead(actor, place, content, words),
  );
  const row = await tx.one<{ created_at: string; updated_at: string }>(sql`
    with version as (
      insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, origin, comment, deprecated, call_id)
      values (${place.id}, ${place.version}, ${place.space}, ${json(content.payload)}, ${content.mediaType}, ${json(content.metadata)}, ${references},
        ${actor.author}, ${origin}, ${content.comment}, ${content.deprecated}, ${actor.callId ?? null})),
    counter as (update spaces set event_seq = event_seq + 1 where id = ${place.space} returning event_seq),
    event as (
      insert into space_events (space_id, seq, atom_id, version, author, comment)
      select ${place.space}, event_seq, ${place.id}, ${place.version}, ${actor.author}, ${content.comment} from counter)
    select created_at, updated_at from atoms where id = ${place.id}`);
  await replaceReferences(tx, place.id, content.references, isNew);
  return {
    id: place.id,
    space: place.space,
    version: place.version,
    payload: content.payload,
    mediaType: content.mediaType,
    metadata: content.metadata,
    references: [...content.references],
    author: actor.author,
    origin,
    comment: content.comment,
    deprecated: content.deprecated,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function insertHead(actor: Actor, place: { id: string; space: string }, content: AtomContent, words: string) {
  return sql<{ origin: AtomOrigin }>`
    insert into atoms (id, space_id, version, payload, media_type, metadata, author, origin, comment, deprecated, words)
    values (${place.id}, ${place.space}, 1, ${json(content.payload)}, ${content.mediaType}, ${json(content.metadata)}, ${actor.author}, ${actor.origin},
      ${content.comment}, false, to_tsvector('simple', ${words}) || to_tsvector('english', ${words}))
    returning origin`;
}

/** A payload that came from outside stays untrusted, whoever changes what is around it or puts it back. */
function updateHead(actor: Actor, place: { id: string; version: number }, content: AtomContent, words: string) {
  return sql<{ origin: AtomOrigin }>`
    update atoms set version = ${place.version}, payload = ${json(content.payload)}, metadata = ${json(content.metadata)}, author = ${actor.author},
      origin = case when exists (select from atom_versions v where v.atom_id = ${place.id} and v.origin = 'untrusted' and v.payload = ${json(content.payload)})
        then 'untrusted' else ${actor.origin} end, comment = ${content.comment}, deprecated = ${content.deprecated}, updated_at = now(),
      words = to_tsvector('simple', ${words}) || to_tsvector('english', ${words})
    where id = ${place.id} returning origin`;
}

async function replaceReferences(
  tx: Tx,
  id: string,
  references: readonly AtomReference[],
  isNew: boolean,
): Promise<void> {
  if (!isNew) await tx.run(sql`delete from atom_references where atom_id = ${id}`);
  if (references.length === 0) return;
  await tx.run(sql`
    insert into atom_references (atom_id, type, target_id, position)
    select ${id}, r.item->>'type', r.item->>'atom', r.place
    from jsonb_array_elements(${json(references)}) with ordinality as r(item, place) on conflict do nothing`);
}

/** A reference may only point at an atom its author can read. */
async function checkReferences(tx: Tx, references: readonly AtomReference[]): Promise<void> {
  if (references.length === 0) return;
  const ids = references.map((reference) => reference.atom);
  const found = await tx.rows<{ id: string }>(sql`select id from atoms where id = any(${ids})`);
  const known = new Set(found.map((row) => row.id));
  const errors = references.flatMap((reference, index) =>
    known.has(reference.atom)
      ? []
      : [{ path: `references.${index}.atom`, message: 'there is no atom with this id that you may read' }],
  );
  if (errors.length > 0)
    throw new ProblemError('invalid-body', 'A reference points at an atom that does not exist.', {
      errors,
      status: 422,
    });
}

function mergeMetadata(before: Metadata, patch: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries({ ...before, ...patch }).filter(([key, value]) => !(value === null && key in patch)),
  );
}

function mediaTypeOf(payload: JsonValue): string {
  return typeof payload === 'string' ? 'text/plain' : 'application/json';
}

function noAtom(id: string): ProblemError {
  return new ProblemError('not-found', `There is no atom ${id.slice(0, 80)} in this space.`);
}
