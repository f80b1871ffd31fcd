import { KINDS, type LabelledQuery } from './queries.js';

/** How good a ranking is, from 0 to 1 each. */
export interface Quality {
  /** How many queries it is the mean of. */
  readonly queries: number;
  readonly recallAt5: number;
  readonly recallAt10: number;
  /** Mean of one by the place of the first atom that is wanted, 0 where none of the first ten is. */
  readonly mrr: number;
}

/** One query with the ids that were found, best first. */
export interface Ranking {
  readonly query: LabelledQuery;
  readonly found: readonly string[];
}

/** The half of the queries that the search is tuned on, or the one that only checks it; by the query's text alone. */
export function isHeldOut({ query }: LabelledQuery): boolean {
  let hash = 2_166_136_261;
  for (const character of query) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  return ((hash >>> 16) & 1) === 1;
}

export function qualityOf(rankings: readonly Ranking[]): Quality {
  const mean = (score: (ranking: Ranking) => number): number =>
    rankings.reduce((sum, ranking) => sum + score(ranking), 0) / Math.max(1, rankings.length);
  return {
    queries: rankings.length,
    recallAt5: mean(recallAt(5)),
    recallAt10: mean(recallAt(10)),
    mrr: mean(reciprocal),
  };
}

const recallAt =
  (depth: number) =>
  ({ query: { relevant }, found }: Ranking): number => {
    const wanted = new Set(relevant);
    return found.slice(0, depth).filter((id) => wanted.has(id)).length / Math.min(depth, wanted.size);
  };

function reciprocal({ query: { relevant }, found }: Ranking): number {
  const place = found.slice(0, 10).findIndex((id) => relevant.includes(id));
  return place === -1 ? 0 : 1 / (place + 1);
}

/** One line a kind, then both halves and all, for each way of searching. */
export function qualityTable(ways: Readonly<Record<string, readonly Ranking[]>>): string {
  const groups: [string, (ranking: Ranking) => boolean][] = [
    ...KINDS.map((kind): [string, (ranking: Ranking) => boolean] => [kind, ({ query }) => query.kind === kind]),
    ['English', ({ query }) => query.lang === 'en'],
    ['German', ({ query }) => query.lang === 'de'],
    ['tuned on', ({ query }) => !isHeldOut(query)],
    ['held out', ({ query }) => isHeldOut(query)],
    ['all', () => true],
  ];
  const lines = Object.entries(ways).flatMap(([way, rankings]) => [
    `${way.padEnd(24)}    n   R@5  R@10   MRR`,
    ...groups.map(([name, isIn]) => {
      const { queries, recallAt5, recallAt10, mrr } = qualityOf(rankings.filter(isIn));
      return `  ${name.padEnd(22)} ${String(queries).padStart(4)} ${[recallAt5, recallAt10, mrr].map((score) => score.toFixed(3)).join(' ')}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}
