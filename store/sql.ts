import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from 'kysely';

export { sql };
export type { RawBuilder };

/** Compiles only; statements run on the transaction they are handed to. */
const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export interface Statement {
  readonly name: string | undefined;
  readonly text: string;
  readonly values: unknown[];
}

const MOST_PREPARED = 500;
const names = new Map<string, string>();

/** Turns a `sql` template into a statement; texts seen before are prepared under a stable name. */
export function compileStatement(query: RawBuilder<unknown>): Statement {
  const compiled = query.compile(compiler);
  return { name: preparedName(compiled.sql), text: compiled.sql, values: [...compiled.parameters] };
}

function preparedName(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= MOST_PREPARED) return undefined;
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}

/** A value for a jsonb column or parameter. */
export function json(value: unknown): RawBuilder<unknown> {
  return sql`${JSON.stringify(value)}::jsonb`;
}
