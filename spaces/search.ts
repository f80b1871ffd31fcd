import type { MetadataConditions, Page, Search, SearchHit } from '../contracts/space.js';
import { DEFAULT_LIMIT } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { pageCursor, readCursor, wrongCursor } from '../store/paging.js';
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

const READABLE = sql`readable_atoms`;
const CURRENT: SearchedAtoms = { rows: READABLE, content: sql`atoms` };

const MOST_WORDS = 64;
/** Atoms that are looked at closely: the newest that have a word, for all words together, and the newest that have all. */
const MOST_SHARING = 2_000;
const LEAST_SHARING = 100;
const MOST_HAVING_ALL = 500;
const MOST_NEAR = 100;
/** How deep a ranking can be paged; lists without a query have no end. */
const MOST_RANKED = 500;
/** The usual constant of reciprocal rank fusion. */
const FUSION = 60;
/** What a word counts that only begins or ends a longer one, next to one that stands by itself. */
const COMPOUND = 0.6;
/** Rarity is judged among so many atoms more than are looked at: in a small store two words outweigh a rarer one. */
const MORE_ATOMS = 100;
/** What a place by words counts next to the same place by meaning: who types a name wants that name. */
const BY_WORDS = 1.5;
/** How much of the way from the nearest to the average still is near, and which distance is next to none anyway. */
const NEAR = 0.65;
const NEXT_TO_NONE = 0.05;

interface HitRow extends AtomRow {
  score: number;
}

/**
 * Atoms of the spaces the actor may read, in one statement. Metadata and states of references filter. A query ranks by
 * its words, of which none is required, and by its meaning where that is known; both rankings are fused by reciprocal
 * rank, weighed by how much of the query an atom has and how near it is. Without a query the latest changed come first.
 * Pages after the first go on with the ranking of the first.
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
  return said === '' ? undefined : withParts(said).split(/\s+/).slice(0, MOST_WORDS).join(' ');
}

async function latest(
  tx: Tx,
  actor: Actor,
  search: Search,
  atoms: SearchedAtoms,
  limit: number,
): Promise<Page<SearchHit>> {
  const after = readCursor(search.cursor);
  const candidates = sql`select a.id, a.updated_at from ${atoms.rows} a
    where (a.space_id in (select space_id from scope)) is true and ${inSpaces(search)} and ${filters(search)}
      and ${after === undefined ? sql`true` : sql`(a.updated_at, a.id) < (${after.at}::timestamptz, ${after.id})`}`;
  const wanted = sql`order by a.updated_at desc, a.id desc limit ${limit + 1}`;
  // Without a filter every space gives its newest; with one, how many of them it lets pass is the database's to guess.
  const rows = await tx.rows<AtomRow>(sql`
    with ${scope(actor, search)},
    page as materialized (${isFiltered(search) ? sql`${candidates} ${wanted}` : sql`select a.id, a.updated_at from scope cross join lateral (${candidates} and a.space_id = scope.space_id ${wanted}) a ${wanted}`})
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
  // The words are looked up in their index, and what they find is filtered: in this form no other index is read beside it.
  const found = sql`from ${atoms.rows} a where (a.space_id in (select space_id from scope)) is true and ${inSpaces(search)} and ${filters(search, 'beside words')}`;
  const share = Math.max(LEAST_SHARING, Math.floor(MOST_SHARING / words.split(' ').length));
  const newest = (patterns: RawBuilder<unknown>, most: number): RawBuilder<unknown> => sql`
      select n.* from query q, unnest(${patterns}) as p(word) cross join lateral (
        select a.id, a.created_at, a.words ${found} and a.words @@ p.word order by a.updated_at desc, a.id limit ${most}) n`;
  const trust = meaning === undefined ? sql`1` : sql`${BY_WORDS}::float8 * w.share`;
  const rows = await tx.rows<RankedRow>(sql`
    with ${scope(actor, search)},
    query as materialized (
      select parts, compounds, parts || compounds as patterns, retinue_any(parts) as any_word, retinue_all(parts) as all_words
      from (select retinue_query(${words}) as parts, retinue_compounds(${words}) as compounds) q),
    looked_at as (${newest(sql`q.parts`, share)} union all ${newest(sql`q.compounds`, Math.floor(share / 2))} union all
      (select a.id, a.created_at, a.words ${found} and a.words @@ (select all_words from query) order by a.updated_at desc, a.id limit ${MOST_HAVING_ALL})),
    sharing as materialized (
      select a.id, a.created_at, a.words, array(select p.part from query q, unnest(q.patterns) with ordinality as p(word, part) where a.words @@ p.word) as held
      from (select distinct on (id) id, created_at, words from looked_at) a),
    rarity as materialized (
      select array(
        select coalesce(ln(1 + (${MORE_ATOMS} + (select count(*) from sharing))::float8 / c.count), 0) * case when part > cardinality(q.parts) then ${COMPOUND}::float8 else 1 end
        from query q, generate_subscripts(q.patterns, 1) as g(part) left join (select part, count(*) as count from sharing, unnest(held) as h(part) group by part) c using (part)
        order by part) as weights),
    best as materialized (
      select s.id, s.created_at, s.words, (select sum(r.weights[part]) from unnest(s.held) as h(part)) as weight from sharing s, rarity r
      order by weight desc, s.created_at desc, s.id limit ${MOST_RANKED}),
    by_words as (
      select id, created_at, weight / (select sum(w) from rarity, unnest(weights) as w) as share,
        row_number() over (order by weight + ts_rank_cd(words, (select any_word from query), 1) desc, created_at desc, id) as place from best),
    by_meaning as (${meaning === undefined ? sql`select null::text as id, null::timestamptz as created_at, null::float8 as share, null::bigint as place where false` : nearest(found, meaning)}),
    fused as (
      select id, coalesce(w.created_at, m.created_at) as created_at,
        coalesce(${trust}::float8 / (${FUSION} + w.place), 0) + coalesce(m.share / (${FUSION} + m.place), 0) as score
      from by_words w full join by_meaning m using (id)),
    placed as materialized (
      select id, score, row_number() over (order by score desc, created_at desc, id) as place from fused order by place limit ${MOST_RANKED})
    select ${ATOM_COLUMNS}, placed.score, placed.place,
      case when placed.place = 1 then (select json_agg(json_build_array(p.id, round(p.score::numeric, 6)::float8) order by p.place) from placed p where p.place > ${limit}) end as rest
    from placed join ${atoms.content} a on a.id = placed.id where placed.place <= ${limit} order by placed.place`);
  const rest = rows.find((row) => row.rest !== null)?.rest ?? [];
  return pageOf(rows, rest);
}

/**
 * The nearest by meaning, out of the same atoms. Everything is at some distance: what counts is nearer to the nearest than
 * to the average, the more the nearer. Vectors of another length come from another model and cannot be compared.
 */
function nearest(found: RawBuilder<unknown>, { model, vector }: Meaning): RawBuilder<unknown> {
  return sql`
    with at_distance as materialized (
      select c.id, c.created_at, v.embedding <=> ${`[${vector.join(',')}]`}::vector as distance
      from (select a.id, a.created_at ${found}) c
      join atom_vectors v on v.atom_id = c.id and v.model = ${model} and v.dimension = ${vector.length}),
    spread as (
      select min(distance) as least, greatest(${NEAR}::float8 * (avg(distance) - min(distance)), ${NEXT_TO_NONE}::float8) as reach from at_distance)
    select d.id, d.created_at, 1 - ${NEAR}::float8 * (d.distance - s.least) / s.reach as share,
      row_number() over (order by d.distance, d.created_at desc, d.id) as place
    from at_distance d, spread s where d.distance <= s.least + s.reach order by place limit ${MOST_NEAR}`;
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
    throw wrongCursor('search');
  });
}

/** The spaces that are searched, looked up once. */
function scope(actor: Actor, search: Search): RawBuilder<unknown> {
  return sql`scope as materialized (select g.space_id from ${grantsOf(actor)} where ${search.spaces === undefined ? sql`true` : sql`g.space_id = any(${search.spaces}::text[])`})`;
}

function isFiltered({ metadata = {}, references = {} }: Search): boolean {
  return Object.keys(metadata).length + Object.keys(references).length > 0;
}

function inSpaces({ spaces }: Search): RawBuilder<unknown> {
  return spaces === undefined ? sql`true` : sql`a.space_id = any(${spaces}::text[])`;
}

function filters(search: Search, use?: 'beside words'): RawBuilder<unknown> {
  const metadata = metadataFilter(sql`a.metadata`, search.metadata ?? {});
  return allOf([
    ...(search.includeDeprecated ? [] : [sql`not a.deprecated`]),
    use === undefined ? metadata : sql`(${metadata}) is true`,
    ...Object.entries(search.references ?? {}).map(([type, conditions]) => referenceFilter(type, conditions, READABLE)),
  ]);
}

/**
 * Every atom that `a` refers to by this type must be among the `readable` ones and meet the conditions; none at all is
 * fine.
 */
export function referenceFilter(
  type: string,
  conditions: MetadataConditions,
  readable: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`not exists (
    select from atom_references r where r.atom_id = a.id and r.type = ${type}
      and not exists (select from ${readable} t where t.id = r.target_id and ${metadataFilter(sql`t.metadata`, conditions)}))`;
}
