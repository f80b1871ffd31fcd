import { z } from 'zod';
import { CleanTextSchema, DEFAULT_LIMIT, IdSchema } from '../contracts/text.js';
import { ProblemSchema } from './problem.js';

export const IdParamsSchema = z.strictObject({ id: IdSchema });

/** `limit` and `cursor` of every list; spread into the schema of a list's query. */
export const pageFields = {
  limit: z.coerce.number().int().min(1).max(200).default(DEFAULT_LIMIT).describe('How many items at most.'),
  cursor: CleanTextSchema.max(500).optional().describe('The cursor of the page before.'),
};
export const PageQuerySchema = z.strictObject(pageFields);

/** For calls that must not happen twice when they are sent twice. */
export const KeyHeadersSchema = z.looseObject({
  'idempotency-key': CleanTextSchema.min(1)
    .max(255)
    .optional()
    .describe('The same key does it once, however often it is sent.'),
});

/** Bodies of calls that need none. */
export const NoBodySchema = z.strictObject({}).nullish();

export const NoQuerySchema = z.strictObject({});

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), cursor: z.string().optional() });
}

const PROBLEM_ANSWER = {
  description: 'What is wrong, as problem+json (RFC 9457)',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

/** The answers of a route: those given here, and problems for everything else. */
export function answers<T extends Record<number, unknown>>(given: T) {
  return { ...given, default: PROBLEM_ANSWER };
}

/** The answer to a deletion. */
export const DeletedSchema = z.object({ id: z.string(), deleted: z.literal(true) });
