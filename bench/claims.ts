import pg from 'pg';

/** A reminder that has become a request. */
export interface Claimed {
  readonly reminder: string;
  readonly request: string;
  /** When its transaction was committed, in milliseconds since 1970. */
  readonly at: number;
}

const claimed: Claimed[] = [];
let isWatching = false;

/** What this process has claimed since the last call; the first call begins to watch. */
export function takeClaims(): Claimed[] {
  if (!isWatching) watch();
  isWatching = true;
  return claimed.splice(0);
}

/** How many would be taken. */
export const claimsSoFar = (): number => claimed.length;

interface Made {
  readonly source: string;
  readonly request: string;
}

function watch(): void {
  const prototype = pg.Client.prototype as unknown as {
    query: (this: object, ...given: unknown[]) => unknown;
  };
  const { query } = prototype;
  const open = new WeakMap<object, Made[]>();
  prototype.query = function claimingQuery(this: object, ...given: unknown[]): unknown {
    const answer = query.apply(this, given);
    if (!(answer instanceof Promise)) return answer;
    const text = textOf(given[0]);
    const made = open.get(this);
    if (text === 'commit' && made !== undefined) return answer.then((result: unknown) => note(made, result));
    if (text.startsWith('begin') || text === 'rollback') open.delete(this);
    if (!text.includes('insert into occasions') || !text.includes('insert into requests')) return answer;
    return answer.then((result: pg.QueryResult<Made>) => {
      open.set(this, [...(open.get(this) ?? []), ...result.rows]);
      return result;
    });
  };
}

function note<T>(made: readonly Made[], result: T): T {
  const at = Date.now();
  for (const { source, request } of made) claimed.push({ reminder: source, request, at });
  return result;
}

function textOf(given: unknown): string {
  return typeof given === 'string' ? given : ((given as { text?: string }).text ?? '');
}
