import { ProblemError } from '../contracts/problem.js';
import type { MetadataConditions, Page, Search, SearchHit } from '../contracts/space.js';
import { DEFAULT_LIMIT } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { ATOM_COLUMNS, type AtomRow, presentAtom, withParts } from './atom-rows.js';
import { allOf, metadataFilter } from './conditions.js';
import type { Actor } from './principal.js';
import { grantsOf, requirePermission } from './spaces.js';

/** What a text means, as the model of that name puts it in numbers. */
export interface Meaning {
  readonly model: string;
  readonly vector: readonly number[];
}

/** Which state of the atoms is searched: `rows` to find them in, `content` to show them from. */
export interface SearchedAtoms {
  readonly rows: RawBuilder<unknown>;
  readonly content: RawBuilder<unknown>;
}

const CURRENT: SearchedAtoms = { rows: sql`readable_atoms`, content: sql`atoms` };

const MOST_WORDS = 64;
/** Atoms that share a word with the query and are looked at more closely: the newest, and the newest that have all words. */
const MOST_SHARING = 4_000;
const MOST_HAVING_ALL = 1_000;
const MOST_NEAR = 100;
/** How deep a ranking can be paged; lists without a query have no end. */
const MOST_RANKED = 500;
/** The usual constant of reciprocal rank fusion. */
const FUSION = 60;

interface HitRow extends AtomRow {
  score: number;
}

/**
 * Atoms of the spaces the actor may read, in one statement. Metadata and states of references filter. A query ranks by
 * its words, of which none is required, and by its meaning where that is known; both rankings are fused by reciprocal
 * rank. Without a query the latest changed come first. Pages after the first go on with the ranking of the first.
 */
export async function searchAtoms(
  tx: Tx,
  actor: Actor,
  search: Search,
  { meaning, atoms = CURRENT }: { meaning?: Meaning | undefined; atoms?: SearchedAtoms } = {},
): Promise<Page<SearchHit>> {
  for (const space of search.spaces ?? []) await requirePermission(tx, actor, space, 'read');
  const limit = search.limit ?? DEFAULT_LIMIT;
  const words = queryWords(search.query);
  if (words === undefined) return latest(tx, actor, search, atoms, limit);
  if (search.cursor !== undefined) return continued(tx, actor, readRanking(search.cursor), atoms, limit);
  return ranked(tx, actor, { search, words, meaning }, atoms, limit);
}

function queryWords(query: string | undefined): string | undefined {
  const said = query?.trim() ?? '';
  return said === '' ? undefined : withParts(said.split(/\s+/).slice(0, MOST_WORDS).join(' ')).replace(/\s+/g, ' ');
}

async function latest(
  tx: Tx,
  actor: Actor,
  search: Search,
  atoms: SearchedAtoms,
  limit: number,
): Promise<Page<SearchHit>> {
  const after = readCursor(search.cursor);
  const rows = await tx.rows<AtomRow>(sql`
    with page as materialized (
      select a.id, a.updated_at from ${atoms.rows} a join ${grantsOf(actor)} on g.space_id = a.space_id
      where ${filters(actor, search)} and ${after === undefined ? sql`true` : sql`(a.updated_at, a.id) < (${after.at}::timestamptz, ${after.id})`}
      order by a.updated_at desc, a.id desc limit ${limit + 1})
    select ${ATOM_COLUMNS} from page join ${atoms.content} a on a.id = page.id order by page.updated_at desc, page.id desc`);
  return pageCursor(
    rows,
    limit,
    (row) => ({ at: row.updated_at, id: row.id }),
    (row) => ({ atom: presentAtom(row), score: 0 }),
  );
}

interface RankedRow extends HitRow {
  place: number;
  rest: [string, number][] | null;
}

async function ranked(
  tx: Tx,
  actor: Actor,
  { search, words, meaning }: { search: Search; words: string; meaning: Meaning | undefined },
  atoms: SearchedAtoms,
  limit: number,
): Promise<Page<SearchHit>> {
  const found = sql`from ${atoms.rows} a join ${grantsOf(actor)} on g.space_id = a.space_id where ${filters(actor, search)}`;
  const rows = await tx.rows<RankedRow>(sql`
    with query as materialized (select parts, retinue_any(parts) as any_word, retinue_all(parts) as all_words from (select retinue_query(${words}) as parts) q),
    sharing as materialized (
      (select a.id, a.words, a.created_at ${found} and a.words @@ (select any_word from query) order by a.updated_at desc, a.id limit ${MOST_SHARING})
      union
      (select a.id, a.words, a.created_at ${found} and a.words @@ (select all_words from query) order by a.updated_at desc, a.id limit ${MOST_HAVING_ALL})),
    held as materialized (select s.id, p.part from sharing s, query q, unnest(q.parts) with ordinality as p(word, part) where s.words @@ p.word),
    rarity as (select part, ln(1 + (select count(*) from sharing)::float8 / count(*)) as weight from held group by part),
    by_words as (
      select s.id, s.created_at, row_number() over (order by h.weight + ts_rank_cd(s.words, (select any_word from query), 1) desc, s.created_at desc, s.id) as place
      from sharing s join (select id, sum(weight) as weight from held join rarity using (part) group by id) h on h.id = s.id),
    by_meaning as (${meaning === undefined ? sql`select null::text as id, null::timestamptz as created_at, null::bigint as place where false` : nearest(found, meaning)}),
    fused as (
      select id, coalesce(w.created_at, m.created_at) as created_at, coalesce(1.0 / (${FUSION} + w.place), 0)::float8 + coalesce(1.0 / (${FUSION} + m.place), 0)::float8 as score
      from by_words w full join by_meaning m using (id)),
    placed as materialized (
      select id, score, row_number() over (order by score desc, created_at desc, id) as place from fused order by place limit ${MOST_RANKED})
    select ${ATOM_COLUMNS}, placed.score, placed.place,
      case when placed.place = 1 then (select json_agg(json_build_array(p.id, round(p.score::numeric, 6)::float8) order by p.place) from placed p where p.place > ${limit}) end as rest
    from placed join ${atoms.content} a on a.id = placed.id where placed.place <= ${limit} order by placed.place`);
  const rest = rows.find((row) => row.rest !== null)?.rest ?? [];
  return pageOf(rows, rest);
}

/** The nearest by meaning, out of the same atoms. */
function nearest(found: RawBuilder<unknown>, meaning: Meaning): RawBuilder<unknown> {
  const vector = `[${meaning.vector.join(',')}]`;
  return sql`
    select n.id, n.created_at, row_number() over (order by n.distance, n.created_at desc, n.id) as place from (
      select c.id, c.created_at, v.embedding <=> ${vector}::vector as distance
      from (select a.id, a.created_at ${found}) c join atom_vectors v on v.atom_id = c.id and v.model = ${meaning.model}
      order by distance limit ${MOST_NEAR}) n`;
}

/** What the first page left, as far as the actor may still read it. */
async function continued(
  tx: Tx,
  actor: Actor,
  ranking: readonly [string, number][],
  atoms: SearchedAtoms,
  limit: number,
): Promise<Page<SearchHit>> {
  const shown = ranking.slice(0, limit);
  const rows = await tx.rows<HitRow>(sql`
    select ${ATOM_COLUMNS}, r.score from unnest(${shown.map(([id]) => id)}::text[], ${shown.map(([, score]) => score)}::float8[]) with ordinality as r(id, score, place)
    join ${atoms.content} a on a.id = r.id join ${grantsOf(actor)} on g.space_id = a.space_id order by r.place`);
  return pageOf(rows, ranking.slice(limit));
}

function pageOf(rows: readonly HitRow[], rest: readonly (readonly [string, number])[]): Page<SearchHit> {
  const items = rows.map((row) => ({ atom: presentAtom(row), score: row.score }));
  if (rest.length === 0) return { items };
  const text = rest.map(([id, score]) => `${id} ${score}`).join('\n');
  return { items, cursor: Buffer.from(text).toString('base64url') };
}

function readRanking(cursor: string): [string, number][] {
  const lines = Buffer.from(cursor, 'base64url').toString('utf8').split('\n');
  return lines.map((line) => {
    const [, id, score] = /^([\w-]{1,64}) (\d(?:\.\d{1,20})?(?:e-\d{1,2})?)$/.exec(line) ?? [];
    if (id !== undefined && score !== undefined && lines.length <= MOST_RANKED) return [id, Number(score)];
    throw new ProblemError('invalid-body', 'The cursor is not one that a search returned.', {
      errors: [{ path: 'cursor', message: 'must be the cursor of an earlier page' }],
    });
  });
}

function filters(actor: Actor, search: Search): RawBuilder<unknown> {
  return allOf([
    ...(search.spaces === undefined ? [] : [sql`a.space_id = any(${search.spaces}::text[])`]),
    ...(search.includeDeprecated ? [] : [sql`not a.deprecated`]),
    metadataFilter(sql`a.metadata`, search.metadata ?? {}),
    ...Object.entries(search.references ?? {}).map(([type, conditions]) => referenceFilter(actor, type, conditions)),
  ]);
}

/** Every referenced atom of the type must meet the conditions; an unreadable one never does; none at all is fine. */
export function referenceFilter(
  actor: Actor,
  type: string,
  conditions: MetadataConditions,
  readable: RawBuilder<unknown> = sql`readable_atoms`,
): RawBuilder<unknown> {
  return sql`not exists (
    select from atom_references r
    left join (${readable} t join ${grantsOf(actor)} on g.space_id = t.space_id) on t.id = r.target_id
    where r.atom_id = a.id and r.type = ${type} and (t.id is null or not (${metadataFilter(sql`t.metadata`, conditions)})))`;
}
