import { ProblemError } from '../contracts/problem.js';
import type { Page } from '../contracts/space.js';

interface Place {
  readonly at: string;
  readonly id: string;
}

/** Where a page ended, as callers hand it back. Throws `invalid-body` for anything else. */
export function readCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [at, id, ...more] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  if (at === undefined || id === undefined || more.length > 0 || !isOurInstant(at) || !/^[\w-]{1,64}$/.test(id)) {
    throw wrongCursor();
  }
  return { at, id };
}

/** A cursor that was made up, or that belongs to another kind of list. */
export function wrongCursor(from: 'list' | 'search' = 'list'): ProblemError {
  return new ProblemError('invalid-body', `The cursor is not one that a ${from} returned.`, {
    errors: [{ path: 'cursor', message: 'must be the cursor of an earlier page' }],
  });
}

/** Exactly as the store gives times out: of a year the database knows, in UTC with milliseconds. */
function isOurInstant(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) || text.startsWith('0000')) return false;
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString() === text;
}

/** A page of at most `limit` items out of up to one more row, with the cursor to go on from. */
export function pageCursor<R, T>(
  rows: readonly R[],
  limit: number,
  place: (row: R) => Place,
  present: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  if (rows.length <= limit || last === undefined) return { items: shown.map(present) };
  const { at, id } = place(last);
  return { items: shown.map(present), cursor: Buffer.from(`${at}|${id}`).toString('base64url') };
}
