import { ProblemError } from '../contracts/problem.js';

/** PostgreSQL classes and codes that mean "the database is away", not "the statement is wrong". */
const AWAY_CODES = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);
const AWAY_MESSAGES = [
  /connection terminated/i,
  /timeout exceeded when trying to connect/i,
  /query read timeout/i,
  /client has encountered a connection error/i,
  /not queryable/i,
  /after calling end on the pool/i,
];
const RETRY_CODES = new Set(['40001', '40P01']);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function isAway(error: unknown): boolean {
  const code = codeOf(error);
  if (AWAY_CODES.has(code) || code.startsWith('08')) return true;
  if (error instanceof AggregateError) return error.errors.some(isAway);
  return error instanceof Error && code === '' && AWAY_MESSAGES.some((pattern) => pattern.test(error.message));
}

/** A transaction lost against another one and may simply run again. */
export function isRetryable(error: unknown): boolean {
  return RETRY_CODES.has(codeOf(error));
}

export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return (
    codeOf(error) === '23505' && error instanceof Error && 'constraint' in error && error.constraint === constraint
  );
}

/** What callers get while the database cannot be reached; the API answers it with 503 and Retry-After. */
export function awayProblem(cause: unknown): ProblemError {
  return new ProblemError(
    'unavailable',
    'The database cannot be reached. What was asked may or may not have been done: repeat it in a few seconds, with the same Idempotency-Key.',
    { cause },
  );
}
