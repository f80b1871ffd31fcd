import type { Label } from '../../contracts/effect-class.js';
import { shortened } from '../../contracts/text.js';
import { userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { trustedAtoms } from '../../spaces/trusted.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { atomLabels, ATOM_TITLE, earlierExchanges, type ExchangeRow, titleLine } from './context-rows.js';
import { contentWords } from './slice-words.js';
import { sliceOf } from './slice.js';

/** Something that a reminder was made from, as it was then. */
export interface Source {
  /** `request:ID`, `atom:ID` or `file:ID`. */
  readonly ref: string;
  /** Of an atom. */
  readonly version?: number;
  readonly title?: string;
  /** What the title carries with it. */
  readonly labels?: readonly Label[];
  /** The atom stood in a space of somebody else. */
  readonly shared?: boolean;
}

/** What a reminder takes with it from the conversation it was made in. */
export interface CapturedContext {
  readonly summary: string;
  readonly sources: readonly Source[];
}

/** Where and about what a reminder is made. */
interface Capturing {
  readonly user: string;
  readonly conversation: string;
  /** The request in which it is made; undefined where a person makes it by the API. */
  readonly request?: string | undefined;
  readonly text: string;
  /** What whoever makes it says it is about. */
  readonly about?: string | undefined;
}

const LONGEST_SUMMARY = 400;
/** Requests that are taken along besides the one it is set in, the newest of the topic. */
const MOST_REQUESTS = 29;
const MOST_ATOMS = 30;
const MOST_FILES = 20;
/** Atoms that were not named in the conversation, and how much of the reminder's words such a one must have. */
const MOST_FOUND = 3;
const FOUND_SHARE = 0.6;

/**
 * Chooses what of the conversation, and which atoms and files, the reminder is about. Only references are kept, with the
 * titles of atoms and files and one short line of what it is about.
 */
export async function captureContext(tx: Tx, capturing: Capturing): Promise<CapturedContext> {
  const { user, request, text, about } = capturing;
  const all = await earlierExchanges(tx, capturing);
  const setting = all.find(({ id }) => id === request);
  const chosen = chosenOf(
    all.filter(({ id }) => id !== request),
    { text, about, said: setting?.said },
  );
  const topic = new Set(contentWords([text, about ?? '', ...chosen.map(wordsOf)].join('\n')));
  const named = new Set(contentWords(`${text}\n${about ?? ''}`));
  const requests = [...chosen, ...(setting === undefined ? [] : [setting])];
  const touched = requests.length === 0 ? NOTHING : await touchedBy(tx, user, chosen, requests);
  const atoms = touched.atoms.filter(({ wrote, title }) => wrote || sharesWords(title, topic));
  const found = await foundAtoms(tx, user, `${text}\n${about ?? ''}`, named);
  const known = new Set(atoms.map(({ id }) => id));
  const sources = [
    ...requests.map(({ id }) => ({ ref: `request:${id}` })),
    ...[...atoms.slice(0, MOST_ATOMS), ...found.filter(({ id }) => !known.has(id))].map(atomSource),
    ...touched.files.map(fileSource),
  ];
  return { summary: summaryOf(about ?? setting?.said ?? ''), sources };
}

function wordsOf({ said, reply }: ExchangeRow): string {
  return `${said}\n${reply}`;
}

/** The words of the request count only where the reminder's own name nothing: it may be about other things too. */
function chosenOf(
  exchanges: readonly ExchangeRow[],
  { text, about, said }: { text: string; about: string | undefined; said: string | undefined },
): ExchangeRow[] {
  const own = sliceOf(exchanges, { text, about });
  const places = own.length > 0 ? own : sliceOf(exchanges, { text, about, said });
  return places.slice(-MOST_REQUESTS).flatMap((place) => exchanges[place] ?? []);
}

function summaryOf(words: string): string {
  return shortened(words.replace(/\s+/g, ' ').trim(), LONGEST_SUMMARY);
}

interface TouchedAtom {
  id: string;
  version: number;
  title: string;
  labels: Label[];
  shared: boolean;
  /** A request of the topic has written it; all others have only named it. */
  wrote: boolean;
}

interface TouchedFile {
  id: string;
  name: string;
  /** It holds somebody else's words. */
  forwarded: boolean;
}

interface Touched {
  readonly atoms: readonly TouchedAtom[];
  readonly files: readonly TouchedFile[];
}

const NOTHING: Touched = { atoms: [], files: [] };

/** Atoms that the calls of these requests have written or named, and files that came with what was said. */
async function touchedBy(
  tx: Tx,
  user: string,
  chosen: readonly ExchangeRow[],
  requests: readonly ExchangeRow[],
): Promise<Touched> {
  const ids = requests.map(({ id }) => id);
  return tx.one<Touched>(sql`
    with own as materialized (
      select c.id, c.request_id, c.output, c.outputs from calls c where c.request_id = any(${ids}::text[]) and c.status = 'done'),
    touched as (
      select v.atom_id, c.request_id = any(${chosen.map(({ id }) => id)}::text[]) as wrote from own c join atom_versions v on v.call_id = c.id
      union all
      select n.found[1], false from own c, regexp_matches(concat_ws(' ', left(c.output::text, 100000), c.outputs::text), 'atm_[0-9a-f]{32}', 'g') as n(found)),
    atoms_of as (
      select a.id, a.version, ${ATOM_TITLE} as title, ${atomLabels(user)} as labels, s.owner_id <> ${user} as shared, t.wrote, a.updated_at
      from (select atom_id, bool_or(wrote) as wrote from touched group by atom_id limit 500) t join atoms a on a.id = t.atom_id join spaces s on s.id = a.space_id
      where not a.deprecated and s.role is distinct from 'bus' and not s.tags && array['convention', 'dm'])
    select (select coalesce(json_agg(a order by a.wrote desc, a.updated_at desc, a.id), '[]') from atoms_of a) as atoms,
      (select coalesce(json_agg(f order by f.created_at, f.id), '[]') from (
        select f.id, f.name, f.created_at, bool_or(f.id = any(m.forwarded)) as forwarded from messages m join files f on f.id = any(m.files)
        where m.request_id = any(${ids}::text[]) and m.files <> '{}' group by f.id order by f.created_at limit ${MOST_FILES}) f) as files`);
}

function sharesWords(title: string, topic: ReadonlySet<string>): boolean {
  return contentWords(title).some((word) => topic.has(word));
}

/** Atoms of the user's own that have most of the words that the reminder names, in trusted words. */
async function foundAtoms(tx: Tx, user: string, query: string, named: ReadonlySet<string>): Promise<TouchedAtom[]> {
  if (named.size === 0) return [];
  const options = { atoms: trustedAtoms(user) };
  const { items } = await searchAtoms(tx, userActor(user), { query, limit: MOST_FOUND * 4 }, options);
  const fitting = items.filter(({ atom }) => {
    const words = new Set(contentWords(JSON.stringify(atom.payload).slice(0, 10_000)));
    return [...named].filter((word) => words.has(word)).length >= Math.max(1, named.size * FOUND_SHARE);
  });
  if (fitting.length === 0) return [];
  const ids = fitting.map(({ atom }) => atom.id);
  return tx.rows<TouchedAtom>(sql`
    select a.id, a.version, ${ATOM_TITLE} as title, ${atomLabels(user)} as labels, s.owner_id <> ${user} as shared, false as wrote
    from atoms a join spaces s on s.id = a.space_id
    where a.id = any(${ids}::text[]) and (s.role is null or s.role in ('tasks', 'meetings', 'contacts')) and not s.tags && array['convention', 'dm']
    order by array_position(${ids}::text[], a.id) limit ${MOST_FOUND}`);
}

function atomSource({ id, version, title, labels, shared }: TouchedAtom): Source {
  return {
    ref: `atom:${id}`,
    version,
    title: titleLine(title),
    ...(labels.length === 0 ? {} : { labels }),
    ...(shared ? { shared } : {}),
  };
}

function fileSource({ id, name, forwarded }: TouchedFile): Source {
  const labels = forwarded ? { labels: ['untrusted'] as const } : {};
  return { ref: `file:${id}`, title: titleLine(name), ...labels };
}
