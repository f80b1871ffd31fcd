import { ProblemError } from '../contracts/problem.js';
import {
  type Atom,
  type AtomOrigin,
  type AtomPatch,
  type AtomReference,
  type JsonValue,
  type Metadata,
  MetadataSchema,
  type NewAtom,
  type Page,
  type Permission,
  type SpaceEvent,
} from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor, wrongCursor } from '../store/paging.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { ATOM_COLUMNS, type AtomRow, presentAtom, type SearchableText, searchableText } from './atom-rows.js';
import { type Actor, principalsOf } from './principal.js';
import { provenanceAfter } from './provenance.js';
import { checkPermission, grantsOf, heldGrants, requirePermission } from './spaces.js';

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
  await checkReferences(tx, actor, space, atom.references ?? []);
  const id = newId('atm');
  const content: AtomContent = {
    payload: atom.payload,
    mediaType: atom.mediaType ?? mediaTypeOf(atom.payload),
    metadata: atom.metadata ?? {},
    references: atom.references ?? [],
    deprecated: false,
    comment: atom.comment,
  };
  const { at, seq } = await insertHead(tx, actor, { id, space }, content);
  const change = { id, space, version: 1, kind: 'put', origin: actor.origin, people: [actor.user] } as const;
  await tx.run(versionAndEvent(actor, change, content, sql`select ${seq}::bigint as event_seq`));
  tx.announce({ space, seq });
  const head = { version: 1, people: [actor.user], origin: actor.origin, created_at: at, updated_at: at };
  return present(actor, { id, space }, content, head);
}

/** Changes an atom; `stale` when `ifVersion` is not the newest, `invalid-body` when its metadata would be too large. */
export async function updateAtom(tx: Tx, actor: Actor, space: string, id: string, patch: AtomPatch): Promise<Atom> {
  const before = await lockAtom(tx, actor, space, id);
  if (patch.ifVersion !== undefined && patch.ifVersion !== before.version) {
    throw new ProblemError(
      'stale',
      `The atom is at version ${before.version} by now, not ${patch.ifVersion}. Read it again and repeat the change.`,
    );
  }
  if (patch.references !== undefined) await checkReferences(tx, actor, space, patch.references);
  return writeChange(tx, actor, before, 'update', {
    payload: patch.payload === undefined ? before.payload : patch.payload,
    mediaType: before.mediaType,
    metadata: patch.metadata === undefined ? before.metadata : mergeMetadata(before.metadata, patch.metadata),
    references: patch.references ?? before.references,
    deprecated: before.deprecated,
    comment: patch.comment,
  });
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
  return writeChange(tx, actor, before, deprecated ? 'deprecate' : 'restore', { ...before, deprecated, comment });
}

const HISTORY_BYTES = 8 * 1024 * 1024;

/** Every version, newest first. A page also ends before its payloads exceed 8 MiB of text, but holds one version at least. */
export async function atomHistory(
  tx: Tx,
  actor: Actor,
  space: string,
  id: string,
  page: { limit: number; cursor?: string },
): Promise<Page<Atom>> {
  const head = await getAtom(tx, actor, space, id);
  const before = readVersion(page.cursor);
  const rows = await tx.rows<AtomRow & { found: number }>(sql`
    with sized as materialized (
      select version, octet_length(payload::text) as bytes from atom_versions
      where atom_id = ${id} and ${before === undefined ? sql`true` : sql`version < ${before}::bigint`} order by version desc limit ${page.limit + 1}),
    placed as (select version, row_number() over newest as place, sum(bytes) over newest as bytes from sized window newest as (order by version desc))
    select v.atom_id as id, v.space_id, v.version, v.payload, v.media_type, v.metadata, v."references", v.author,
      v.people, v.origin, v.comment, v.deprecated,
      ${head.createdAt}::timestamptz as created_at, v.at as updated_at, (select count(*)::int from sized) as found
    from placed p join atom_versions v on v.atom_id = ${id} and v.version = p.version
    where p.place = 1 or (p.place <= ${page.limit} and p.bytes <= ${HISTORY_BYTES}) order by v.version desc`);
  const last = rows.at(-1);
  const items = rows.map(presentAtom);
  return last === undefined || last.found === rows.length ? { items } : { items, cursor: String(last.version) };
}

function readVersion(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^\d{1,16}$/.test(cursor)) return cursor;
  throw wrongCursor();
}

interface LockedAtom extends Atom {
  /** Not only trusted hands of one person have written there. */
  readonly isMixed: boolean;
}

async function lockAtom(tx: Tx, actor: Actor, space: string, id: string): Promise<LockedAtom> {
  // In a statement of its own: what waited for the space sees what was committed meanwhile.
  await requirePermission(tx, actor, space, 'write');
  const row = await tx.maybe<AtomRow & { mixed: boolean }>(
    sql`select ${ATOM_COLUMNS}, a.mixed from atoms a where a.id = ${id} and a.space_id = ${space} for update of a`,
  );
  if (row === undefined) throw noAtom(id);
  return { ...presentAtom(row), isMixed: row.mixed };
}

interface InsertedRow {
  user: Permission | null;
  agent: Permission | null;
  seq: number | null;
  at: string | null;
}

/** The grant, the next number of the space and the head, in one statement; nothing is written without the permission. */
async function insertHead(
  tx: Tx,
  actor: Actor,
  place: { id: string; space: string },
  content: AtomContent,
): Promise<{ seq: number; at: string }> {
  const row = await tx.one<InsertedRow>(sql`
    with held as materialized (${heldGrants(actor, place.space)}),
    counted as (
      update spaces set event_seq = event_seq + 1
      where id = ${place.space} and (select count(*) from held where retinue_covers(permission, 'append')) = ${principalsOf(actor).length}
      returning event_seq),
    made as (
      insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, mixed, origin, comment, deprecated, words)
      select ${place.id}, ${place.space}, 1, ${json(content.payload)}, ${content.mediaType}, ${json(content.metadata)}, ${actor.author}, ${[actor.user]}::text[],
        ${actor.origin === 'untrusted'}, ${actor.origin}, ${content.comment}, false, ${wordsOf(content)} from counted
      returning created_at)
    select (select permission from held where principal like 'user:%') as "user", (select permission from held where principal like 'agent:%') as agent,
      (select event_seq from counted) as seq, (select created_at from made) as at`);
  if (row.seq !== null && row.at !== null) return { seq: row.seq, at: row.at };
  checkPermission(actor, place.space, row.user === null ? undefined : { user: row.user, agent: row.agent }, 'append');
  throw new Error(`the atom ${place.id} was not written`);
}

/** A new version of an atom that this transaction holds. */
async function writeChange(
  tx: Tx,
  actor: Actor,
  before: LockedAtom,
  kind: SpaceEvent['type'],
  content: AtomContent,
): Promise<Atom> {
  const place = { id: before.id, space: before.space, version: before.version + 1 };
  const isMixed = before.isMixed || actor.origin === 'untrusted' || !before.people.every((id) => id === actor.user);
  const { origin, people } = await provenanceAfter(tx, actor, { ...before, isMixed }, content);
  const head = await tx.one<{ created_at: string; updated_at: string }>(sql`
    update atoms set version = ${place.version}, payload = ${json(content.payload)}, metadata = ${json(content.metadata)}, author = ${actor.author}, people = ${people}::text[],
      mixed = ${isMixed}, origin = ${origin}, comment = ${content.comment}, deprecated = ${content.deprecated}, updated_at = now(), words = ${wordsOf(content)}
    where id = ${place.id} returning created_at, updated_at`);
  const counter = sql`update spaces set event_seq = event_seq + 1 where id = ${place.space} returning event_seq`;
  const change = { ...place, kind, origin, people };
  const isSame = content.references === before.references;
  const { seq } = await tx.one<{ seq: number }>(
    versionAndEvent(actor, change, content, counter, isSame ? 'kept' : 'replaced'),
  );
  tx.announce({ space: place.space, seq });
  return present(actor, place, content, { ...head, origin, people, version: place.version });
}

interface Change {
  readonly id: string;
  readonly space: string;
  readonly version: number;
  readonly kind: SpaceEvent['type'];
  readonly origin: AtomOrigin;
  readonly people: readonly string[];
}

/** Version, references and event of one change, in one statement after the one that wrote the head. */
function versionAndEvent(
  actor: Actor,
  change: Change,
  content: AtomContent,
  counter: RawBuilder<unknown>,
  references: 'new' | 'kept' | 'replaced' = 'new',
): RawBuilder<{ seq: number }> {
  return sql<{ seq: number }>`
    with version as (
      insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, people, brought_by, brought_origin, origin, comment, deprecated, call_id)
      values (${change.id}, ${change.version}, ${change.space}, ${json(content.payload)}, ${content.mediaType}, ${json(content.metadata)}, ${json(content.references)},
        ${actor.author}, ${actor.user}, ${[...change.people]}::text[], ${[actor.user]}::text[], ${actor.origin}, ${change.origin}, ${content.comment}, ${content.deprecated}, ${actor.callId ?? null})),
    ${referenceChanges(change.id, content.references, references)}
    counter as (${counter})
    insert into space_events (space_id, seq, atom_id, version, author, comment, kind, hop)
    select ${change.space}, event_seq, ${change.id}, ${change.version}, ${actor.author}, ${content.comment}, ${change.kind}, ${actor.hop ?? 0} from counter
    returning seq`;
}

function referenceChanges(
  id: string,
  references: readonly AtomReference[],
  mode: 'new' | 'kept' | 'replaced',
): RawBuilder<unknown> {
  if (mode === 'kept' || (mode === 'new' && references.length === 0)) return sql``;
  const wanted = sql`select distinct on (r.item->>'type', r.item->>'atom') r.item->>'type' as type, r.item->>'atom' as target, r.place
    from jsonb_array_elements(${json(references)}) with ordinality as r(item, place) order by r.item->>'type', r.item->>'atom', r.place`;
  return sql`
    wanted as materialized (${wanted}),
    dropped as (
      delete from atom_references d where d.atom_id = ${id} and ${mode === 'replaced'}
        and not exists (select from wanted w where w.type = d.type and w.target = d.target_id)),
    added as (
      insert into atom_references (atom_id, type, target_id, position) select ${id}, type, target, place from wanted
      on conflict (atom_id, type, target_id) do update set position = excluded.position),`;
}

/** A reference may only point at an atom its author can read. */
async function checkReferences(
  tx: Tx,
  actor: Actor,
  space: string,
  references: readonly AtomReference[],
): Promise<void> {
  if (references.length === 0) return;
  // Who may not even read the space is told only that.
  await requirePermission(tx, actor, space, 'append');
  const ids = references.map((reference) => reference.atom);
  const found = await tx.rows<{ id: string }>(
    sql`select a.id from atoms a join ${grantsOf(actor)} on g.space_id = a.space_id where a.id = any(${ids}::text[])`,
  );
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

function wordsOf(content: AtomContent): RawBuilder<unknown> {
  const { title, body }: SearchableText = searchableText(content.payload, content.metadata);
  return sql`retinue_words(${title}, ${body})`;
}

function present(
  actor: Actor,
  place: { id: string; space: string },
  content: AtomContent,
  head: { version: number; people: readonly string[]; origin: AtomOrigin; created_at: string; updated_at: string },
): Atom {
  return {
    id: place.id,
    space: place.space,
    version: head.version,
    payload: content.payload,
    mediaType: content.mediaType,
    metadata: content.metadata,
    references: [...content.references],
    author: actor.author,
    people: [...head.people],
    origin: head.origin,
    comment: content.comment,
    deprecated: content.deprecated,
    createdAt: head.created_at,
    updatedAt: head.updated_at,
  };
}

/** What is merged keeps the limits of what is put at once. */
function mergeMetadata(before: Metadata, patch: Metadata): Metadata {
  const merged = Object.fromEntries(
    Object.entries({ ...before, ...patch }).filter(([key, value]) => !(value === null && key in patch)),
  );
  const checked = MetadataSchema.safeParse(merged);
  if (checked.success) return merged;
  throw new ProblemError('invalid-body', 'With this change the metadata would be too large. Delete keys with null.', {
    errors: checked.error.issues.map(({ message }) => ({ path: 'metadata', message })),
    status: 422,
  });
}

function mediaTypeOf(payload: JsonValue): string {
  return typeof payload === 'string' ? 'text/plain' : 'application/json';
}

function noAtom(id: string): ProblemError {
  return new ProblemError('not-found', `There is no atom ${id.slice(0, 80)} in this space.`);
}
