import type { Label } from '../../contracts/effect-class.js';
import type { RequestStatus } from '../../contracts/request.js';
import type { JsonValue } from '../../contracts/space.js';
import { shortened } from '../../contracts/text.js';
import { localText } from '../../times/local-text.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { CapturedContext, Source } from './context.js';
import { atomLabels, ATOM_TITLE, earlierExchanges, type ExchangeRow, titleLine } from './context-rows.js';
import { sliceOf } from './slice.js';

/** What a reminder was made from, when it is due: what was said then, what has changed since, and what the words carry with them. */
interface RecalledContext {
  /** What was said about it when it was set; undefined where nothing was. */
  readonly before?: string | undefined;
  /** Undefined where nothing has changed. */
  readonly since?: string | undefined;
  /** Ids of the atoms it is about that are still there. */
  readonly atoms: readonly string[];
  readonly labels: readonly Label[];
}

/** Where it is recalled, and what of. */
interface Recalling {
  readonly user: string;
  readonly conversation: string;
  /** The request that it has become. */
  readonly request: string;
  readonly timeZone: string;
  /** The words of the reminder. */
  readonly text: string;
  /** When it was made, RFC 3339, and in which request, where it was made in one. */
  readonly setAt: string;
  readonly setIn: string | null;
}

const MOST_EXCHANGES = 30;
const MOST_CHARACTERS = 24_000;
/** Of these, as much as is kept for what was said since. */
const MOST_SINCE = 10;
const SINCE_CHARACTERS = 8_000;
/** Of one saying. */
const LONGEST_LINE = 2_000;
const LONGEST_COMMENT = 200;
const LONGEST_PAYLOAD = 600;
const MOST_CHANGES = 5;

/** A piece of text with what it carries with it. */
interface Piece {
  readonly text: string;
  readonly labels: readonly Label[];
}

/** Reads again what was captured, and compares it with how it is now. Nothing of other topics or other people's requests appears. */
export async function recallContext(tx: Tx, place: Recalling, captured: CapturedContext): Promise<RecalledContext> {
  const ids = idsOf(captured.sources, 'request');
  const all = (await earlierExchanges(tx, place, ids)).filter(({ id }) => id !== place.request);
  const known = all.filter(({ id }) => ids.includes(id));
  const later = laterOf(all, known, place);
  const said = within(
    later.map((row) => exchangePiece(row, place.timeZone)),
    MOST_SINCE,
    SINCE_CHARACTERS,
  );
  const room = MOST_CHARACTERS - sizeOf(said);
  const earlier = within(
    known.map((row) => earlierPiece(row, place)),
    MOST_EXCHANGES - said.length,
    room,
  );
  const atoms = await atomsNow(tx, place.user, captured.sources);
  const changes = [
    ...known.flatMap((row) => endedPiece(row, place)),
    ...captured.sources.flatMap((source) => atomPiece(source, atoms.get(source.ref), place)),
    ...(await goneFiles(tx, place.user, captured.sources)),
    ...said,
  ];
  const about = captured.sources.flatMap((source) => aboutPiece(source, atoms.get(source.ref)));
  const before = [...leftOut(known.length - earlier.length), ...earlier, ...about];
  return {
    before: textOf(before),
    since: textOf(changes),
    atoms: [...atoms.values()].map(({ id }) => id),
    labels: [...new Set([...before, ...changes].flatMap(({ labels }) => labels))],
  };
}

function idsOf(sources: readonly Source[], kind: 'request' | 'atom' | 'file'): string[] {
  return sources.flatMap(({ ref }) => (ref.startsWith(`${kind}:`) ? [ref.slice(kind.length + 1)] : []));
}

/** What was said about it after it was set; what it was set in may be about other things too. */
function laterOf(all: readonly ExchangeRow[], known: readonly ExchangeRow[], place: Recalling): ExchangeRow[] {
  const setAt = Date.parse(place.setAt);
  const others = all.filter(({ id }) => id !== place.setIn);
  const places = known.flatMap((row) => (row.id === place.setIn ? [] : [others.indexOf(row)]));
  return sliceOf(others, { text: place.text, known: places }).flatMap((at) => {
    const row = others[at];
    return row === undefined || known.includes(row) || Date.parse(row.created_at) <= setAt ? [] : [row];
  });
}

/** What it was set in is at work at that moment, which says nothing. */
function isOpenThen({ id, created_at, ended_at }: ExchangeRow, { setAt, setIn }: Recalling): boolean {
  const at = Date.parse(setAt);
  return id !== setIn && Date.parse(created_at) <= at && (ended_at === null || Date.parse(ended_at) > at);
}

function earlierPiece(row: ExchangeRow, place: Recalling): Piece {
  const shown = isOpenThen(row, place) ? { ...row, reply: '(still in progress then)' } : row;
  return exchangePiece(shown, place.timeZone);
}

function exchangePiece(row: ExchangeRow, timeZone: string): Piece {
  const { said, spoken, reply, created_at } = row;
  const lines = [
    `${localText(Date.parse(created_at), timeZone)}`,
    `${spoken ? 'User' : 'Came due'}: ${oneLine(said, LONGEST_LINE)}`,
    ...(reply === '' ? [] : [`Assistant: ${oneLine(reply, LONGEST_LINE)}`]),
  ];
  return { text: lines.join('\n'), labels: carried(row) };
}

/** The user's own words carry nothing with them; an answer does, and what came due. */
function carried({ spoken, reply, labels }: ExchangeRow): readonly Label[] {
  return spoken && reply === '' ? [] : labels;
}

/** How a request has ended that was open when the reminder was set. */
function endedPiece(row: ExchangeRow, place: Recalling): Piece[] {
  if (!isOpenThen(row, place)) return [];
  const answer = row.reply === '' ? '' : ` It answered: ${oneLine(row.reply, LONGEST_LINE)}`;
  const what = row.spoken ? 'The request' : 'What came due:';
  const text = `- ${what} “${oneLine(row.said, LONGEST_COMMENT)}” was open then; it ${ENDED[row.status]}.${answer}`;
  return [{ text, labels: carried(row) }];
}

const ENDED: Readonly<Record<RequestStatus, string>> = {
  queued: 'is still open',
  running: 'is still open',
  waiting_approval: 'still waits for an approval',
  waiting_user: 'still waits for the user',
  completed: 'has ended since',
  failed: 'was stopped by an error since',
  cancelled: 'was cancelled since',
};

interface AtomNow {
  id: string;
  space_id: string;
  version: number;
  title: string;
  payload: JsonValue;
  deprecated: boolean;
  labels: Label[];
  changes: {
    version: number;
    author: string;
    author_user: string | null;
    comment: string;
    origin: string;
    at: string;
  }[];
}

/** The atoms that are still there for the user, by reference, with their versions since. */
async function atomsNow(tx: Tx, user: string, sources: readonly Source[]): Promise<Map<string, AtomNow>> {
  const wanted = sources.filter(({ ref }) => ref.startsWith('atom:'));
  if (wanted.length === 0) return new Map();
  const rows = await tx.rows<AtomNow>(sql`
    select a.id, a.space_id, a.version, ${ATOM_TITLE} as title, case when octet_length(a.payload::text) <= 10000 then a.payload else to_jsonb(left(a.payload::text, 2000)) end as payload,
      a.deprecated, ${atomLabels(user)} as labels,
      (select coalesce(json_agg(v order by v.version), '[]') from (
        select v.version, v.author, v.author_user, v.comment, v.origin, v.at from atom_versions v where v.atom_id = a.id and v.version > w.version
        order by v.version desc limit ${MOST_CHANGES}) v) as changes
    from jsonb_to_recordset(${json(wanted.map(({ ref, version = 0 }) => ({ id: ref.slice(5), version })))}) as w(id text, version int)
    join atoms a on a.id = w.id join spaces s on s.id = a.space_id`);
  return new Map(rows.map((row) => [`atom:${row.id}`, row]));
}

/** The atoms that it is about, so that they can be looked up. */
function aboutPiece(source: Source, now: AtomNow | undefined): Piece[] {
  if (now === undefined) return [];
  const title = source.title ?? titleLine(now.title);
  return [
    {
      text: `About “${title}” (atom ${now.id} in space ${now.space_id}).`,
      labels: [...(source.labels ?? []), ...now.labels],
    },
  ];
}

function atomPiece(source: Source, now: AtomNow | undefined, place: Recalling): Piece[] {
  if (!source.ref.startsWith('atom:')) return [];
  const title = source.title ?? 'Something without a title';
  if (now === undefined) {
    const gone = source.shared === true ? 'is not there any more: deleted, or not shared any longer' : 'was deleted';
    return [{ text: `- “${title}” ${gone}.`, labels: source.labels ?? [] }];
  }
  const { changes } = now;
  if (changes.length === 0) return [];
  const isForeign = changes.some(({ origin, author_user }) => origin === 'untrusted' || author_user !== place.user);
  const labels: Label[] = [...(source.labels ?? []), ...now.labels, ...(isForeign ? (['untrusted'] as const) : [])];
  const last = changes.at(-1);
  const lines = changes.map(
    ({ version, at, comment, author, author_user }) =>
      `  - version ${version}, ${localText(Date.parse(at), place.timeZone)}, by ${nameOf(author, author_user, place.user)}: ${oneLine(comment, LONGEST_COMMENT)}`,
  );
  if (now.deprecated)
    return [{ text: `- “${title}” was deprecated: ${oneLine(last?.comment ?? '', LONGEST_COMMENT)}`, labels }];
  const renamed = titleLine(now.title) === title ? '' : `, now called “${titleLine(now.title)}”`;
  const text = [
    `- “${title}” was changed, version ${source.version ?? 0} → ${now.version}${renamed}:`,
    ...lines,
    `  Now: ${shortened(JSON.stringify(now.payload), LONGEST_PAYLOAD)}`,
  ].join('\n');
  return [{ text, labels }];
}

function nameOf(author: string, person: string | null, user: string): string {
  const whose = person === user ? 'the user' : 'another person';
  return author.startsWith('agent:') ? `an assistant of ${whose}` : whose;
}

async function goneFiles(tx: Tx, user: string, sources: readonly Source[]): Promise<Piece[]> {
  const ids = idsOf(sources, 'file');
  if (ids.length === 0) return [];
  const there = await tx.rows<{ id: string }>(
    sql`select id from files where id = any(${ids}::text[]) and user_id = ${user}`,
  );
  const left = new Set(there.map(({ id }) => `file:${id}`));
  return sources.flatMap(({ ref, title, labels = [] }) =>
    ref.startsWith('file:') && !left.has(ref) ? [{ text: `- The file “${title ?? ref}” was deleted.`, labels }] : [],
  );
}

/** The newest that fit, in order. */
function within(pieces: readonly Piece[], most: number, characters: number): Piece[] {
  const kept: Piece[] = [];
  let left = characters;
  for (const piece of pieces.toReversed()) {
    if (kept.length === most || piece.text.length > left) break;
    left -= piece.text.length;
    kept.unshift(piece);
  }
  return kept;
}

function sizeOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text }) => sum + text.length, 0);
}

function leftOut(count: number): Piece[] {
  const words = count === 1 ? '1 earlier exchange is' : `${count} earlier exchanges are`;
  return count <= 0 ? [] : [{ text: `(${words} left out.)`, labels: [] }];
}

function textOf(pieces: readonly Piece[]): string | undefined {
  return pieces.length === 0 ? undefined : pieces.map(({ text }) => text).join('\n');
}

/** What somebody has said cannot pass for a line of somebody else. */
function oneLine(text: string, most: number): string {
  return shortened(text.trim().replace(/\s*\n\s*/g, ' ⏎ '), most);
}
