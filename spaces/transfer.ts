import { ProblemError } from '../contracts/problem.js';
import type { AtomOrigin, Space } from '../contracts/space.js';
import {
  type AtomVersion,
  type FiledAtom,
  SPACE_FILE_FORMAT,
  SPACE_FILE_VERSION,
  type SpaceFileHeader,
} from '../contracts/space-file.js';
import type { Db, Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { sql } from '../store/sql.js';
import type { AtomRow } from './atom-rows.js';
import { insertions, newAtomIds, type WrittenAtom } from './insert-atoms.js';
import { type Actor, principalsOf } from './principal.js';
import { createPace, readSpaceFile } from './space-file.js';
import { createSpace, getSpace, grantsOf } from './spaces.js';

const PAGE_ATOMS = 200;
const PAGE_BYTES = 1_000_000;
const LOOKED_UP_AT_ONCE = 5_000;
const REMOVED_AT_ONCE = 250;
/** What is not whole by then is not opened any more, and removed after twice the time. */
const LONGEST_IMPORT_MINUTES = 60;

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
      select a.id, a.created_at, coalesce((select sum(octet_length(v.payload::text) + octet_length(v.metadata::text)) from atom_versions v where v.atom_id = a.id), 0) as bytes
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
  return JSON.stringify({ format: SPACE_FILE_FORMAT, version: SPACE_FILE_VERSION, name, description, ...named, tags });
}

async function atomLines(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.rows<VersionRow>(sql`
    select v.atom_id, v.space_id, v.version, v.payload, v.media_type, v.metadata, v."references", v.author, v.author_user, v.origin, v.comment, v.deprecated, v.at
    from atom_versions v where v.atom_id = any(${[...ids]}::text[]) order by v.version`);
  const histories = new Map<string, AtomVersion[]>(ids.map((id) => [id, []]));
  for (const row of rows) histories.get(row.atom_id)?.push(exportedVersion(row));
  return ids.map((id) => JSON.stringify({ id, versions: histories.get(id) }));
}

function exportedVersion(row: VersionRow): AtomVersion {
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

interface Imported {
  readonly space: Space;
  readonly atoms: number;
  /** How many references are left out, because nobody here knows their atom or the actor may not read it. */
  readonly droppedReferences: number;
}

/**
 * A new private space from the text of a file that `exportSpace` made, with new ids. Everything in it is the actor's,
 * whoever the file names as author. Without `trusted` it is untrusted, and the description, which agents act by, and the
 * tags stay behind; with it the actor vouches for both, up to what its own words count. Times ahead of the clock become
 * now. It is written in several short transactions while nobody holds a grant on it, and is there at once with the last.
 * Throws `invalid-body` (422) at the first wrong line and `too-large` beyond 25 MiB or 20,000 atoms.
 */
export async function importSpace(
  db: Db,
  actor: Actor,
  file: string,
  { name, trusted }: { name?: string; trusted: boolean },
): Promise<Imported> {
  if (trusted) refuseVoucher(actor);
  const { header, atoms } = await readSpaceFile(file);
  const run = actingOn(db, actor);
  const { targets, dropped } = await newTargets(run, actor, atoms);
  const begun = await run((tx) => beginSpace(tx, actor, { ...header, name: name ?? header.name }, trusted));
  const written = await rewritten(actor, atoms, targets, trusted);
  // With sight of everything, because a grant of the actor's would show what is not finished.
  const now = sql`${begun.createdAt}::timestamptz`;
  for (const insertion of insertions(actor, begun.id, written, now)) await db.system(insertion);
  const space = await run((tx) => openSpace(tx, actor, begun));
  return { space, atoms: atoms.length, droppedReferences: dropped };
}

type Run = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

function actingOn(db: Db, actor: Actor): Run {
  return (work) =>
    db.as(actor.user, async (tx) => {
      if (actor.confinedTo !== undefined) await tx.confineTo(actor.confinedTo);
      return work(tx);
    });
}

/** A space on which nobody holds a grant yet, so that nobody finds it. */
async function beginSpace(tx: Tx, actor: Actor, header: SpaceFileHeader, trusted: boolean): Promise<Space> {
  const given = {
    name: header.name,
    ...(trusted
      ? { description: header.description, convention: header.convention, tags: header.tags }
      : { convention: await ownConvention(tx, actor, header.convention) }),
  };
  const space = await createSpace(tx, actor, given, trusted ? actor.user : null);
  await tx.run(sql`delete from space_grants where space_id = ${space.id}`);
  return space;
}

/** Gives its maker the grants of any new space. */
async function openSpace(tx: Tx, actor: Actor, { id, createdAt }: Space): Promise<Space> {
  const given = await tx.run(sql`
    insert into space_grants (space_id, principal, permission, granted_by)
    select ${id}, p, 'grant', ${actor.author} from unnest(${principalsOf(actor)}::text[]) as p
    where ${createdAt}::timestamptz > now() - make_interval(mins => ${LONGEST_IMPORT_MINUTES})`);
  if (given === 0) throw new Error(`the space ${id} was not imported within ${LONGEST_IMPORT_MINUTES} minutes`);
  return getSpace(tx, actor, id);
}

/** Removes spaces that an import has left unfinished, in short transactions. Returns how many. */
export async function sweepUnfinished(db: Db): Promise<number> {
  const unfinished = await db.system((tx) =>
    tx.rows<{ id: string }>(sql`
      select id from spaces s where s.created_at < now() - make_interval(mins => ${2 * LONGEST_IMPORT_MINUTES})
        and not exists (select from space_grants g where g.space_id = s.id)`),
  );
  for (const { id } of unfinished) {
    const removeSome = (tx: Tx): Promise<number> =>
      tx.run(sql`
        delete from atoms where id = any(array(select id from atoms where space_id = ${id} limit ${REMOVED_AT_ONCE}))`);
    while ((await db.system(removeSome)) > 0);
    await db.system((tx) => tx.run(sql`delete from spaces where id = ${id}`));
  }
  return unfinished.length;
}

/** The atoms of a file as they are written here. */
async function rewritten(
  actor: Actor,
  atoms: readonly FiledAtom[],
  targets: ReadonlyMap<string, string>,
  trusted: boolean,
): Promise<WrittenAtom[]> {
  const pace = createPace();
  const written: WrittenAtom[] = [];
  for (const { id, versions } of atoms) {
    written.push({
      id: targets.get(id) ?? newId('atm'),
      versions: versions.map((version) => ({
        ...version,
        references: version.references.flatMap(({ type, atom }) => {
          const target = targets.get(atom);
          return target === undefined ? [] : [{ type, atom: target }];
        }),
        origin: trusted ? weaker(version.origin, actor.origin) : ('untrusted' as const),
      })),
    });
    await pace();
  }
  return written;
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

/** What the ids of a file stand for here: a new id for each of its atoms, the same one for others that may be read. */
async function newTargets(
  run: Run,
  actor: Actor,
  atoms: readonly FiledAtom[],
): Promise<{ targets: ReadonlyMap<string, string>; dropped: number }> {
  const ids = newAtomIds(atoms.length);
  const targets = new Map(atoms.map(({ id }, index) => [id, ids[index] ?? newId('atm')]));
  const links = await linksElsewhere(atoms);
  const elsewhere = [...new Set(links.values())];
  for (let place = 0; place < elsewhere.length; place += LOOKED_UP_AT_ONCE) {
    const some = elsewhere.slice(place, place + LOOKED_UP_AT_ONCE);
    const readable = await run((tx) =>
      tx.rows<{ id: string }>(sql`
        select a.id from atoms a join ${grantsOf(actor)} on g.space_id = a.space_id where a.id = any(${some}::text[])`),
    );
    for (const { id } of readable) targets.set(id, id);
  }
  return { targets, dropped: [...links.values()].filter((atom) => !targets.has(atom)).length };
}

/** Targets outside of the file, once for each atom and type that refer to them. */
async function linksElsewhere(atoms: readonly FiledAtom[]): Promise<Map<string, string>> {
  const known = new Set(atoms.map(({ id }) => id));
  const pace = createPace();
  const links = new Map<string, string>();
  for (const { id, versions } of atoms) {
    for (const { references } of versions)
      for (const { type, atom } of references) if (!known.has(atom)) links.set(`${id} ${atom} ${type}`, atom);
    await pace();
  }
  return links;
}

/** A convention that the actor's user has taught itself: its description is trusted, whoever names it. */
async function ownConvention(tx: Tx, actor: Actor, convention: string | undefined): Promise<string | undefined> {
  if (convention === undefined) return undefined;
  const found = await tx.maybe(sql`
    select s.id from spaces s join ${grantsOf(actor)} on g.space_id = s.id
    where s.owner_id = ${actor.user} and s.convention = ${convention} and 'convention' = any(s.tags) limit 1`);
  return found === undefined ? undefined : convention;
}
