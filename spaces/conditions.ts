import type { MetadataCondition, MetadataConditions, MetadataValue } from '../contracts/space.js';
import { json, type RawBuilder, sql } from '../store/sql.js';

/** `column` is a jsonb object; keys and values are always parameters. Equal values are looked up in its index. */
export function metadataFilter(column: RawBuilder<unknown>, conditions: MetadataConditions): RawBuilder<unknown> {
  const entries = Object.entries(conditions);
  const equal = entries.filter(([, condition]) => condition !== null && typeof condition !== 'object');
  const parts = entries.flatMap(([key, condition]) =>
    condition === null || typeof condition === 'object' ? [conditionFilter(column, key, condition)] : [],
  );
  if (equal.length > 0) parts.unshift(sql`${column} @> ${json(Object.fromEntries(equal))}`);
  return allOf(parts);
}

const COMPARISONS = [
  ['lt', sql`<`],
  ['lte', sql`<=`],
  ['gt', sql`>`],
  ['gte', sql`>=`],
] as const;

function conditionFilter(
  column: RawBuilder<unknown>,
  key: string,
  condition: Exclude<MetadataCondition, string | number | boolean>,
): RawBuilder<unknown> {
  const value = sql`(${column} -> ${key}::text)`;
  if (condition === null) return equals(value, null);
  const parts: RawBuilder<unknown>[] = [];
  for (const [operator, symbol] of COMPARISONS) {
    const bound = condition[operator];
    if (bound !== undefined) parts.push(comparison(value, symbol, bound));
  }
  if (condition.in !== undefined) parts.push(anyOf(condition.in.map((item) => equals(value, item))));
  if (condition.not !== undefined) parts.push(sql`not ${equals(value, condition.not)}`);
  return parts.length === 0 ? sql`${value} is not null` : sql`(${allOf(parts)})`;
}

/** Numbers with numbers and text with text, by code points, the same on every database; anything else never. */
function comparison(
  value: RawBuilder<unknown>,
  symbol: RawBuilder<unknown>,
  bound: string | number,
): RawBuilder<unknown> {
  if (typeof bound === 'number') return sql`(jsonb_typeof(${value}) = 'number' and ${value} ${symbol} ${json(bound)})`;
  return sql`(jsonb_typeof(${value}) = 'string' and (${value} #>> '{}') collate "C" ${symbol} ${bound})`;
}

/** A missing key counts as null. */
function equals(value: RawBuilder<unknown>, expected: MetadataValue): RawBuilder<unknown> {
  return sql`(coalesce(${value}, 'null'::jsonb) = ${json(expected)})`;
}

export function allOf(parts: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` and `);
}

function anyOf(parts: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return parts.length === 0 ? sql`false` : sql`(${sql.join(parts, sql` or `)})`;
}
