import { ProblemError } from '../contracts/problem.js';
import type { MetadataCondition, MetadataConditions, Page, Search, SearchHit } from '../contracts/space.js';
import { DEFAULT_LIMIT } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { ATOM_COLUMNS, type AtomRow, presentAtom, withParts } from './atom-rows.js';
import type { Actor } from './principal.js';
import { requirePermission } from './spaces.js';

interface HitRow extends AtomRow {
  score: number;
}

/** How deep a search can be paged. */
const MOST_OFFSET = 10_000;
const MOST_WORDS = 64;

/**
 * One statement: words rank and none is required to match all, metadata and states of references filter,
 * and only spaces the actor may read are looked at. `atoms` stands for the table of them.
 */
export async function searchAtoms(
  tx: Tx,
  actor: Actor,
  search: Search,
  atoms: RawBuilder<unknown> = sql`atoms`,
): Promise<Page<SearchHit>> {
  for (const space of search.spaces ?? []) await requirePermission(tx, actor, space, 'read');
  const limit = search.limit ?? DEFAULT_LIMIT;
  const offset = readOffset(search.cursor);
  const query = search.query === undefined ? undefined : wordsQuery(search.query);
  const rows = await tx.rows<HitRow>(sql`
    select ${ATOM_COLUMNS}, ${query === undefined ? sql`0::float8` : sql`ts_rank_cd(a.words, ${query}, 1)::float8`} as score
    from ${atoms} a join space_grants g on g.space_id = a.space_id and g.principal = ${`user:${actor.user}`}
    where ${search.spaces === undefined ? sql`true` : sql`a.space_id = any(${search.spaces})`}
      and ${search.includeDeprecated ? sql`true` : sql`not a.deprecated`}
      and ${query === undefined ? sql`true` : sql`a.words @@ ${query}`}
      and ${metadataFilter(sql`a.metadata`, search.metadata ?? {})}
      and ${referencesFilter(actor, search.references ?? {})}
    order by score desc, a.updated_at desc, a.id limit ${limit + 1} offset ${offset}`);
  const items = rows.slice(0, limit).map((row) => ({ atom: presentAtom(row), score: row.score }));
  if (rows.length <= limit || offset + limit > MOST_OFFSET) return { items };
  return { items, cursor: Buffer.from(String(offset + limit)).toString('base64url') };
}

function readOffset(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (/^\d{1,5}$/.test(text) && Number(text) <= MOST_OFFSET) return Number(text);
  throw new ProblemError('invalid-body', 'The cursor is not one that a search returned.', {
    errors: [{ path: 'cursor', message: 'must be the cursor of an earlier page' }],
  });
}

/** Any of the words, in plain and stemmed form, cut into words by the database as the stored text was. */
function wordsQuery(query: string): RawBuilder<unknown> {
  const text = withParts(query.trim().split(/\s+/).slice(0, MOST_WORDS).join(' '));
  // Words hold no blanks, so only the operators between them are changed.
  const anyOf = (language: string): RawBuilder<unknown> =>
    sql`replace(plainto_tsquery(${sql.lit(language)}, ${text})::text, ' & ', ' | ')::tsquery`;
  return sql`(${anyOf('simple')} || ${anyOf('english')})`;
}

/** `column` is a jsonb object; keys and values are always parameters. */
function metadataFilter(column: RawBuilder<unknown>, conditions: MetadataConditions): RawBuilder<unknown> {
  const parts = Object.entries(conditions).map(([key, condition]) => conditionFilter(column, key, condition));
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` and `);
}

function conditionFilter(column: RawBuilder<unknown>, key: string, condition: MetadataCondition): RawBuilder<unknown> {
  const value = sql`(${column} -> ${key}::text)`;
  if (condition === null || typeof condition !== 'object') return equals(value, condition);
  const parts: RawBuilder<unknown>[] = [];
  for (const [operator, symbol] of [
    ['lt', sql`<`],
    ['lte', sql`<=`],
    ['gt', sql`>`],
    ['gte', sql`>=`],
  ] as const) {
    const bound = condition[operator];
    if (bound !== undefined)
      parts.push(
        sql`(jsonb_typeof(${value}) = ${typeof bound === 'number' ? 'number' : 'string'} and ${value} ${symbol} ${json(bound)})`,
      );
  }
  if (condition.in !== undefined)
    parts.push(
      condition.in.length === 0
        ? sql`false`
        : sql`(${sql.join(
            condition.in.map((item) => equals(value, item)),
            sql` or `,
          )})`,
    );
  if (condition.not !== undefined) parts.push(sql`not ${equals(value, condition.not)}`);
  return parts.length === 0 ? sql`${value} is not null` : sql`(${sql.join(parts, sql` and `)})`;
}

/** A missing key counts as null. */
function equals(value: RawBuilder<unknown>, expected: string | number | boolean | null): RawBuilder<unknown> {
  return sql`(coalesce(${value}, 'null'::jsonb) = ${json(expected)})`;
}

/** Every referenced atom of the type must meet the conditions; an unreadable one never does; none at all is fine. */
function referencesFilter(actor: Actor, references: NonNullable<Search['references']>): RawBuilder<unknown> {
  const parts = Object.entries(references).map(
    ([type, conditions]) => sql`not exists (
      select from atom_references r
      left join atoms t on t.id = r.target_id and exists (select from space_grants tg where tg.space_id = t.space_id and tg.principal = ${`user:${actor.user}`})
      where r.atom_id = a.id and r.type = ${type} and (t.id is null or not (${metadataFilter(sql`t.metadata`, conditions)})))`,
  );
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` and `);
}
