/** Problem types of the API; the value is the last part of `/problems/…`. Free of zod. */
const PROBLEM_STATUS = {
  'invalid-body': 400,
  unauthorised: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  decided: 409,
  stale: 409,
  expired: 410,
  'too-large': 413,
  'unsupported-media': 415,
  'reused-key': 422,
  'rate-limited': 429,
  unavailable: 503,
} as const;
export type ProblemType = keyof typeof PROBLEM_STATUS;

export interface FieldError {
  /** Path of the wrong field, such as `attachments.0.mediaType`. */
  readonly path: string;
  readonly message: string;
}

/**
 * A refusal that a caller can act on, thrown by the engine, the spaces and the skills alike:
 * the API answers with it as problem+json, a skill call returns `detail` to the model.
 */
export class ProblemError extends Error {
  readonly type: ProblemType;
  readonly status: number;
  readonly errors: readonly FieldError[];
  /** How long a service asked not to be called again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    type: ProblemType,
    detail: string,
    options: {
      errors?: readonly FieldError[];
      status?: number;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProblemError';
    this.type = type;
    this.status = options.status ?? PROBLEM_STATUS[type];
    this.errors = options.errors ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}
