import { ProblemError } from '../contracts/problem.js';
import {
  type AtomOrigin,
  AtomOriginSchema,
  AtomSchema,
  NewAtomSchema,
  NewSpaceSchema,
  type Space,
  SpaceSchema,
} from '../contracts/space.js';
import { IdSchema, InstantSchema } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { type AtomRow, type SearchableText, searchableText } from './atom-rows.js';
import { newAtomIds, recordPuts } from './fork.js';
import type { Actor } from './principal.js';
import { createSpace, getSpace, grantsOf } from './spaces.js';

const FORMAT = 'retinue-space';
const FORMAT_VERSION = 1;

const PAGE_ATOMS = 200;
const PAGE_BYTES = 1_000_000;
const MOST_BYTES = 25 * 1024 * 1024;
const MOST_ATOMS = 20_000;
const MOST_VERSIONS = 1_000;
/** Of one line; a payload is three levels inside. */
const MOST_LEVELS = 70;
const CHUNK_ROWS = 500;
const CHUNK_CHARACTERS = 1_000_000;

/** The first line of a file. */
const HeaderSchema = NewSpaceSchema.required({ description: true, tags: true }).extend({
  format: SpaceSchema.shape.name.refine((format) => format === FORMAT, { error: `must be ${FORMAT}` }),
  version: SpaceSchema.shape.atomCount.refine((version) => version === FORMAT_VERSION, {
    error: `must be ${FORMAT_VERSION}; other versions of the format cannot be read here`,
  }),
});
type Header = ReturnType<typeof HeaderSchema.parse>;

const VersionSchema = NewAtomSchema.required().extend({
  author: AtomSchema.shape.author,
  people: AtomSchema.shape.people,
  origin: AtomOriginSchema,
  deprecated: AtomSchema.shape.deprecated,
  at: InstantSchema,
});

/** Every other line: an atom with its versions, oldest first. */
const AtomLineSchema = AtomSchema.pick({ id: true }).extend({
  id: IdSchema,
  versions: VersionSchema.array()
    .min(1)
    .max(MOST_VERSIONS, `must be at most ${MOST_VERSIONS.toLocaleString('en')} versions; leave out the oldest ones`),
});
type AtomLine = ReturnType<typeof AtomLineSchema.parse>;

/** A part of a file; with `cursor` another one follows. */
export interface ExportedPage {
  readonly lines: string[];
  readonly cursor?: string;
}

type VersionRow = Omit<AtomRow, 'id' | 'people' | 'created_at' | 'updated_at'> & {
  atom_id: string;
  author_user: string | null;
  at: string;
};

/**
 * The next lines of a space's file, without line ends: first what the space says of itself, then one atom a line, oldest
 * first, with all its versions. Each page is read in a transaction of its own, so an atom is as its page found it.
 */
export async function exportSpace(tx: Tx, actor: Actor, space: string, cursor?: string): Promise<ExportedPage> {
  const header = headerLine(await getSpace(tx, actor, space));
  const after = readCursor(cursor);
  const rows = await tx.rows<{ id: string; created_at: string; before: number }>(sql`
    select id, created_at, (sum(bytes) over (order by created_at, id) - bytes)::float8 as before from (
      select a.id, a.created_at, coalesce((select sum(pg_column_size(v.payload)) from atom_versions v where v.atom_id = a.id), 0) as bytes
      from atoms a where a.space_id = ${space} and ${after === undefined ? sql`true` : sql`(a.created_at, a.id) > (${after.at}::timestamptz, ${after.id})`}
      order by a.created_at, a.id limit ${PAGE_ATOMS + 1}) page
    order by created_at, id`);
  const fitting = rows.filter((row) => row.before < PAGE_BYTES).length;
  const place = (row: { id: string; created_at: string }) => ({ at: row.created_at, id: row.id });
  const page = pageCursor(rows, Math.min(fitting, PAGE_ATOMS), place, (row) => row.id);
  const lines = await atomLines(tx, page.items);
  return { ...page, lines: cursor === undefined ? [header, ...lines] : lines };
}

function headerLine({ name, description, convention, tags }: Space): string {
  const named = convention === undefined ? {} : { convention };
  return JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, name, description, ...named, tags });
}

async function atomLines(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.rows<VersionRow>(sql`
    select v.atom_id, v.space_id, v.version, v.payload, v.media_type, v.metadata, v."references", v.author, v.author_user, v.origin, v.comment, v.deprecated, v.at
    from atom_versions v where v.atom_id = any(${[...ids]}::text[]) order by v.version`);
  const histories = new Map<string, AtomLine['versions']>(ids.map((id) => [id, []]));
  for (const row of rows) histories.get(row.atom_id)?.push(exportedVersion(row));
  return ids.map((id) => JSON.stringify({ id, versions: histories.get(id) }));
}

function exportedVersion(row: VersionRow): AtomLine['versions'][number] {
  return {
    payload: row.payload,
    mediaType: row.media_type,
    metadata: row.metadata,
    references: row.references,
    author: row.author,
    people: row.author_user === null ? [] : [row.author_user],
    origin: row.origin,
    comment: row.comment,
    deprecated: row.deprecated,
    at: row.at,
  };
}

export interface Imported {
  readonly space: Space;
  readonly atoms: number;
  /** How many references are left out, because nobody here knows their atom or the actor may not read it. */
  readonly droppedReferences: number;
}

/**
 * A new private space from the lines of a file that `exportSpace` made, with new ids. Everything in it is the actor's,
 * whoever the file names as author. Without `trusted` it is untrusted, and the description, which agents act by, and the
 * tags stay behind; with it the actor vouches for both, up to what its own words count. Times ahead of the clock become
 * now. Throws `invalid-body` (422) at the first wrong line and `too-large` beyond 25 MiB or 20,000 atoms.
 */
export async function importSpace(
  tx: Tx,
  actor: Actor,
  lines: readonly string[],
  { name, trusted }: { name?: string; trusted: boolean },
): Promise<Imported> {
  if (trusted) refuseVoucher(actor);
  const { header, atoms } = readFile(lines);
  const { targets, dropped } = await newTargets(tx, actor, atoms);
  const space = await createSpace(tx, actor, {
    name: name ?? header.name,
    ...(trusted
      ? { description: header.description, convention: header.convention, tags: header.tags }
      : { convention: await ownConvention(tx, actor, header.convention) }),
  });
  const written = atoms.map(({ id, versions }) => ({
    id: targets.get(id) ?? newId('atm'),
    versions: versions.map((version) => ({
      ...version,
      references: version.references.flatMap(({ type, atom }) => {
        const target = targets.get(atom);
        return target === undefined ? [] : [{ type, atom: target }];
      }),
      origin: trusted ? weaker(version.origin, actor.origin) : ('untrusted' as const),
    })),
  }));
  await insertAtoms(tx, actor, space.id, written);
  return { space: await getSpace(tx, actor, space.id), atoms: atoms.length, droppedReferences: dropped };
}

function refuseVoucher(actor: Actor): void {
  if (actor.origin !== 'untrusted') return;
  throw new ProblemError(
    'forbidden',
    "After reading mail, web pages or other people's files an agent cannot vouch for a file. Import it without trusted, or ask the user to.",
  );
}

const ORIGINS: readonly AtomOrigin[] = ['untrusted', 'agent', 'user'];

function weaker(one: AtomOrigin, other: AtomOrigin): AtomOrigin {
  return ORIGINS.indexOf(one) < ORIGINS.indexOf(other) ? one : other;
}

function readFile(lines: readonly string[]): { header: Header; atoms: AtomLine[] } {
  if (lines.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0) > MOST_BYTES + 1)
    throw new ProblemError('too-large', `A file of a space may have ${MOST_BYTES / 1024 / 1024} MiB; split it.`);
  const filled = [...lines.entries()].filter(([, line]) => line.trim() !== '');
  if (filled.length > MOST_ATOMS + 1)
    throw new ProblemError(
      'too-large',
      `A file of a space may have ${MOST_ATOMS.toLocaleString('en')} atoms; split it.`,
    );
  const [[index, first] = [0, ''], ...rest] = filled;
  const header = readLine(HeaderSchema, first, index + 1);
  const seen = new Map<string, number>();
  const atoms = rest.map(([place, line]) => {
    const atom = readLine(AtomLineSchema, line, place + 1);
    const earlier = seen.get(atom.id);
    if (earlier !== undefined)
      throw wrongLine(place + 1, [{ path: 'id', message: `is that of line ${earlier} as well` }]);
    seen.set(atom.id, place + 1);
    return atom;
  });
  return { header, atoms };
}

interface Parser<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

function readLine<T>(schema: Parser<T>, line: string, number: number): T {
  const value = parseJson(line, number);
  if (isDeeper(value, MOST_LEVELS))
    throw wrongLine(number, [{ path: '', message: `must not be nested more than ${MOST_LEVELS} levels deep` }]);
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw wrongLine(
    number,
    read.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
  );
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw wrongLine(number, [{ path: '', message: 'must be one JSON object' }], error);
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function wrongLine(
  number: number,
  problems: readonly { path: string; message: string }[],
  cause?: unknown,
): ProblemError {
  return new ProblemError('invalid-body', `Line ${number} of the file is wrong; nothing was imported.`, {
    errors: problems.map(({ path, message }) => ({ path: `line ${number}: ${path}`.replace(/: $/, ''), message })),
    status: 422,
    cause,
  });
}

/** What the ids of a file stand for here: a new id for each of its atoms, the same one for others that may be read. */
async function newTargets(
  tx: Tx,
  actor: Actor,
  atoms: readonly AtomLine[],
): Promise<{ targets: ReadonlyMap<string, string>; dropped: number }> {
  const ids = newAtomIds(atoms.length);
  const targets = new Map(atoms.map(({ id }, index) => [id, ids[index] ?? newId('atm')]));
  const links = new Map(
    atoms.flatMap(({ id, versions }) =>
      versions.flatMap(({ references }) =>
        references.flatMap(({ type, atom }) => (targets.has(atom) ? [] : ([[`${id} ${atom} ${type}`, atom]] as const))),
      ),
    ),
  );
  const readable = await tx.rows<{ id: string }>(sql`
    select a.id from atoms a join ${grantsOf(actor)} on g.space_id = a.space_id where a.id = any(${[...new Set(links.values())]}::text[])`);
  for (const { id } of readable) targets.set(id, id);
  return { targets, dropped: [...links.values()].filter((atom) => !targets.has(atom)).length };
}

/** A convention that the actor's user has taught itself: its description is trusted, whoever names it. */
async function ownConvention(tx: Tx, actor: Actor, convention: string | undefined): Promise<string | undefined> {
  if (convention === undefined) return undefined;
  const found = await tx.maybe(sql`
    select s.id from spaces s join ${grantsOf(actor)} on g.space_id = s.id
    where s.owner_id = ${actor.user} and s.convention = ${convention} and 'convention' = any(s.tags) limit 1`);
  return found === undefined ? undefined : convention;
}

/** A version to be written; without `at` it is made now. */
type WrittenVersion = Omit<AtomLine['versions'][number], 'author' | 'people' | 'at'> & { readonly at?: string };

/** A new atom with its versions, oldest first. References name atoms that exist or are written with it. */
export interface WrittenAtom {
  readonly id: string;
  readonly versions: readonly WrittenVersion[];
}

/**
 * Adds atoms with their history and one event each, in few statements. The caller has seen to the references and to the
 * permissions: `grant` where an atom has a history, `append` where none has.
 */
export async function insertAtoms(tx: Tx, actor: Actor, space: string, atoms: readonly WrittenAtom[]): Promise<void> {
  for (const { rows } of chunks(atoms.map(headOf))) await insertHeads(tx, actor, space, rows);
  for (const { rows } of chunks(atoms.map(newestOf))) await insertNewest(tx, actor, space, rows);
  for (const chunk of chunks(atoms.flatMap(earlierOf))) await insertEarlier(tx, actor, space, chunk);
  for (const { rows } of chunks(atoms.flatMap(referencesOf))) await insertReferences(tx, rows);
  const ids = atoms.map(({ id }) => id);
  await recordPuts(tx, actor, space, ids);
}

type NumberedVersion = WrittenVersion & { readonly id: string; readonly version: number };

function newestOf({ id, versions }: WrittenAtom): NumberedVersion {
  const newest = versions.at(-1);
  if (newest === undefined) throw new Error(`the atom ${id} has no version`);
  return { ...newest, id, version: versions.length };
}

function earlierOf({ id, versions }: WrittenAtom): NumberedVersion[] {
  return versions.slice(0, -1).map((version, index) => ({ ...version, id, version: index + 1 }));
}

function headOf(atom: WrittenAtom): NumberedVersion & { createdAt: string | undefined } & SearchableText {
  const newest = newestOf(atom);
  return { ...newest, createdAt: atom.versions[0]?.at, ...searchableText(newest.payload, newest.metadata) };
}

/** Of a version `item`; a time that is missing is now. */
const AT = sql`least((item->>'at')::timestamptz, now())`;

async function insertHeads(tx: Tx, actor: Actor, space: string, rows: RawBuilder<unknown>): Promise<void> {
  await tx.run(sql`
    insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, origin, comment, deprecated, words, created_at, updated_at)
    select item->>'id', ${space}, (item->>'version')::integer, item->'payload', item->>'mediaType', item->'metadata', ${actor.author}, ${[actor.user]}::text[],
      item->>'origin', item->>'comment', (item->>'deprecated')::boolean, retinue_words(item->>'title', item->>'body'),
      least((item->>'createdAt')::timestamptz, now()), ${AT}
    from jsonb_array_elements(${rows}) as r(item)`);
}

async function insertNewest(tx: Tx, actor: Actor, space: string, rows: RawBuilder<unknown>): Promise<void> {
  await tx.run(sql`
    insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, origin, comment, deprecated, call_id, at)
    select item->>'id', (item->>'version')::integer, ${space}, item->'payload', item->>'mediaType', item->'metadata', item->'references', ${actor.author}, ${actor.user},
      item->>'origin', item->>'comment', (item->>'deprecated')::boolean, ${actor.callId ?? null}, ${AT}
    from jsonb_array_elements(${rows}) as r(item)`);
}

async function insertEarlier(tx: Tx, actor: Actor, space: string, { rows, count }: Chunk): Promise<void> {
  const { written } = await tx.one<{ written: number }>(
    sql`select retinue_history(${space}, ${actor.author}, ${actor.callId ?? null}, ${rows}) as written`,
  );
  if (written !== count) throw new Error(`${count - written} versions of the space ${space} were not written`);
}

function referencesOf({ id, versions }: WrittenAtom): unknown[] {
  return (versions.at(-1)?.references ?? []).map(({ type, atom }, index) => ({
    id,
    type,
    target: atom,
    place: index + 1,
  }));
}

async function insertReferences(tx: Tx, rows: RawBuilder<unknown>): Promise<void> {
  await tx.run(sql`
    insert into atom_references (atom_id, type, target_id, position)
    select item->>'id', item->>'type', item->>'target', (item->>'place')::integer from jsonb_array_elements(${rows}) as r(item)
    on conflict do nothing`);
}

interface Chunk {
  readonly rows: RawBuilder<unknown>;
  readonly count: number;
}

/** Rows as JSON arrays of a bounded size. */
function* chunks(rows: readonly unknown[]): Generator<Chunk> {
  let texts: string[] = [];
  let characters = 0;
  const chunk = (): Chunk => ({ rows: sql`${`[${texts.join(',')}]`}::jsonb`, count: texts.length });
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (texts.length > 0 && (texts.length >= CHUNK_ROWS || characters + text.length > CHUNK_CHARACTERS)) {
      yield chunk();
      texts = [];
      characters = 0;
    }
    texts.push(text);
    characters += text.length;
  }
  if (texts.length > 0) yield chunk();
}
