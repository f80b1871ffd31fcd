import { z } from 'zod';
import { ProblemError, type ProblemType } from '../contracts/problem.js';

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof ProblemSchema>;

const TITLES: Record<ProblemType, string> = {
  'invalid-body': 'The request is not right',
  unauthorised: 'Not signed in',
  forbidden: 'Not allowed',
  'not-found': 'Not found',
  conflict: 'Not possible any more',
  decided: 'Already decided',
  stale: 'Changed meanwhile',
  expired: 'Expired',
  'too-large': 'Too large',
  'unsupported-media': 'Unsupported kind of content',
  'reused-key': 'Idempotency key used twice',
  'rate-limited': 'Too many requests',
  unavailable: 'Not available right now',
};

/** Refusals of the web framework and its plugins, by code. */
const FRAMEWORK: Readonly<Record<string, readonly [ProblemType, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'too-large',
    'The body is larger than this address takes: JSON may have 8 MiB, files 25 MiB.',
  ],
  FST_REQ_FILE_TOO_LARGE: ['too-large', 'A file may have at most 25 MiB.'],
  FST_PARTS_LIMIT: ['too-large', 'The form has too many parts.'],
  FST_FILES_LIMIT: ['too-large', 'The form has too many files; 20 are the most.'],
  FST_FIELDS_LIMIT: ['too-large', 'The form has too many fields.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media',
    'This content type is not accepted here. Send application/json, or multipart/form-data where files are taken.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid-body', 'The body is shorter or longer than its Content-Length says.'],
  FST_ERR_HANDLER_TIMEOUT: ['unavailable', 'This took too long and was given up. Try again in a few seconds.'],
  FST_INVALID_JSON_FIELD_ERROR: ['invalid-body', 'A part of the form is declared as JSON and is not.'],
  FST_PROTO_VIOLATION: ['invalid-body', 'A part of the form has a name that is not allowed.'],
  FST_MP_PREMATURE_CLOSE: ['invalid-body', 'The form ended before it was complete.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not-found', 'There is nothing at this address.'],
  FST_ERR_BAD_URL: ['not-found', 'This address is not well-formed.'],
};

/** The problem a caller is told about, or undefined when the error is ours and nothing of it may be told. */
export function problemOf(error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = Object.hasOwn(FRAMEWORK, code) ? FRAMEWORK[code] : undefined;
  if (known !== undefined) return new ProblemError(known[0], known[1], { cause: error });
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  return new ProblemError('invalid-body', 'The request could not be read.', { cause: error });
}

export function problemBody(problem: ProblemError): Problem {
  return {
    type: `/problems/${problem.type}`,
    title: TITLES[problem.type],
    status: problem.status,
    detail: problem.message,
    ...(problem.errors.length === 0 ? {} : { errors: [...problem.errors] }),
  };
}

/** A problem without a type of its own, as RFC 9457 has it. */
export function plainProblem(status: number, title: string, detail: string): Problem {
  return { type: 'about:blank', title, status, detail };
}
