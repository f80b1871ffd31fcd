import pg from 'pg';
import { clock } from './tools.js';

/** One statement as the store sent it. */
export interface StatementTime {
  readonly text: string;
  readonly from: number;
  readonly ms: number;
}

const SHOWN = 90;
const seen: StatementTime[] = [];
let isWatching = false;

/** Statements since the last call; the first call begins to watch. */
export function takeStatements(): StatementTime[] {
  if (!isWatching) watch();
  isWatching = true;
  return seen.splice(0);
}

function watch(): void {
  const prototype = pg.Client.prototype as unknown as {
    query: (this: unknown, ...given: unknown[]) => unknown;
  };
  const { query } = prototype;
  prototype.query = function timedQuery(this: unknown, ...given: unknown[]): unknown {
    const from = clock();
    const answer = query.apply(this, given);
    if (answer instanceof Promise) {
      const note = (): void => void seen.push({ text: textOf(given[0]), from, ms: clock() - from });
      answer.then(note, note);
    }
    return answer;
  };
}

function textOf(given: unknown): string {
  const text = typeof given === 'string' ? given : (given as { text?: string }).text;
  return (text ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, SHOWN);
}
