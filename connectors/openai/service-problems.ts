import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { retryAfterOf } from '../../contracts/retry-after.js';

/** What may be said of a service. */
export interface Service {
  /** Also the first part of the variables that it is set with. */
  readonly kind: 'transcription' | 'embeddings';
  readonly host: string;
  readonly model: string;
  readonly hasKey: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

const ErrorSchema = z.object({
  error: z.object({
    code: z.string().nullish().catch(undefined),
    type: z.string().nullish().catch(undefined),
    param: z.string().nullish().catch(undefined),
    message: z.string().catch(''),
  }),
});

export function variableOf({ kind }: Service, name: 'BASE_URL' | 'API_KEY' | 'MODEL'): string {
  return `${kind.toUpperCase()}_${name}`;
}

/** Nobody answered, or not to the end. May pass by itself. */
export function unreachable(service: Service, cause: unknown): ProblemError {
  if (cause instanceof TypeError && 'code' in cause && cause.code === 'ERR_INVALID_CHAR')
    return new ProblemError(
      'forbidden',
      `${variableOf(service, 'API_KEY')} holds characters that no key has, such as a line break. Set it again and restart.`,
    );
  return new ProblemError(
    'unavailable',
    `The ${service.kind} service at ${service.host} cannot be reached or broke off. Check that it runs and that ${variableOf(service, 'BASE_URL')} is right.`,
    { cause },
  );
}

/** What came is not what was asked for. */
export function unreadable(service: Service): ProblemError {
  const { kind, host } = service;
  return new ProblemError(
    'conflict',
    `What answers at ${host} does not answer as ${kind === 'embeddings' ? 'an' : 'a'} ${kind} service does. Check ${variableOf(service, 'BASE_URL')}.`,
  );
}

/** There is something else, or nothing, at the address. */
export function misplaced(service: Service, status: number): ProblemError {
  return new ProblemError(
    'not-found',
    `There is no ${service.kind} service at the address that is set for ${service.host} (it answered ${status}). Check ${variableOf(service, 'BASE_URL')}.`,
  );
}

/**
 * What an answer other than 200 means for a person, as far as it says nothing of what was sent. The service's own words
 * are not passed on: they may hold the key.
 */
export function complaintOfAny(service: Service, answer: Answer): ProblemError | undefined {
  const { kind, host, model, hasKey } = service;
  const { status } = answer;
  const { code, type, param } = errorOf(answer.text);
  if (code === 'insufficient_quota' || type === 'insufficient_quota')
    return new ProblemError('forbidden', `The account at ${host} has no credit left. Top it up, then try again.`);
  if (status === 408 || status === 429 || status >= 500)
    return new ProblemError('unavailable', `The ${kind} service at ${host} is busy or failed (${status}).`, {
      retryAfterMs: retryAfterMs(answer.headers),
    });
  if (status === 401 || status === 403)
    return new ProblemError(
      'forbidden',
      hasKey
        ? `The ${kind} service at ${host} refuses the key. Set ${variableOf(service, 'API_KEY')} to one that is valid there and restart.`
        : `The ${kind} service at ${host} wants a key. Set ${variableOf(service, 'API_KEY')} and restart.`,
    );
  if (param === 'model' || code === 'model_not_found')
    return new ProblemError(
      'not-found',
      `The ${kind} service at ${host} has no model ${model}. Set ${variableOf(service, 'MODEL')} to one that it has and restart.`,
    );
  return undefined;
}

const LONGEST_WAIT_MS = 60_000;

/** What the service asks to wait, but never longer than a minute. */
function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const waitMs = retryAfterOf(headers['retry-after'], Date.now());
  return waitMs === undefined ? undefined : Math.min(LONGEST_WAIT_MS, waitMs);
}

/** What an answer says of its error, as far as it has OpenAI's shape. For looking at only. */
export function errorOf(text: string): Partial<z.infer<typeof ErrorSchema>['error']> & { readonly message: string } {
  const parsed = ErrorSchema.safeParse(parseJson(text), { reportInput: false });
  return parsed.success ? parsed.data.error : { message: '' };
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
