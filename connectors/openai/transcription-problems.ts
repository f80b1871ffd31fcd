import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { retryAfterOf } from '../../contracts/retry-after.js';

/** What may be said of a service. */
export interface Service {
  readonly host: string;
  readonly model: string;
  readonly hasKey: boolean;
}

const ErrorSchema = z.object({
  error: z.object({
    code: z.string().nullish().catch(undefined),
    type: z.string().nullish().catch(undefined),
    param: z.string().nullish().catch(undefined),
    message: z.string().catch(''),
  }),
});

/** Nobody answered, or not to the end. May pass by itself. */
export function unreachable({ host }: Service, cause: unknown): ProblemError {
  if (cause instanceof TypeError && 'code' in cause && cause.code === 'ERR_INVALID_CHAR')
    return new ProblemError(
      'forbidden',
      'TRANSCRIPTION_API_KEY holds characters that no key has, such as a line break. Set it again and restart.',
    );
  return new ProblemError(
    'unavailable',
    `The transcription service at ${host} cannot be reached or broke off. Check that it runs and that TRANSCRIPTION_BASE_URL is right.`,
    { cause },
  );
}

/** What came is no transcript. */
export function unreadable({ host }: Service): ProblemError {
  return new ProblemError(
    'conflict',
    `What answers at ${host} does not answer as a transcription service does. Check TRANSCRIPTION_BASE_URL.`,
  );
}

/**
 * What an answer other than 200 means for a person, or `format` when only the form of the answer is refused. The
 * service's own words are not passed on: they may hold the key.
 */
export function complaintOf(
  service: Service,
  answer: {
    readonly status: number;
    readonly text: string;
    readonly headers: IncomingHttpHeaders;
    readonly name: string;
  },
): ProblemError | 'format' {
  const { host, model, hasKey } = service;
  const { status, name } = answer;
  const { code, type, param, message } = errorOf(answer.text);
  if (code === 'insufficient_quota' || type === 'insufficient_quota')
    return new ProblemError('forbidden', `The account at ${host} has no credit left. Top it up, then try again.`);
  if (status === 408 || status === 429 || status >= 500)
    return new ProblemError('unavailable', `The transcription service at ${host} is busy or failed (${status}).`, {
      retryAfterMs: retryAfterMs(answer.headers),
    });
  if (status === 401 || status === 403)
    return new ProblemError(
      'forbidden',
      hasKey
        ? `The transcription service at ${host} refuses the key. Set TRANSCRIPTION_API_KEY to one that is valid there and restart.`
        : `The transcription service at ${host} wants a key. Set TRANSCRIPTION_API_KEY and restart.`,
    );
  if (status === 413)
    return new ProblemError(
      'too-large',
      `The recording ${name} is too long for the transcription service at ${host}. Send it in shorter parts.`,
    );
  if (param === 'model' || code === 'model_not_found')
    return new ProblemError(
      'not-found',
      `The transcription service at ${host} has no model ${model}. Set TRANSCRIPTION_MODEL to one that it has and restart.`,
    );
  if (param === 'language')
    return new ProblemError(
      'invalid-body',
      `The transcription service at ${host} does not know this language. Leave it out.`,
    );
  if (status === 400 || status === 415 || status === 422) {
    if (param === 'response_format' || /response_format|verbose_json/.test(message)) return 'format';
    return new ProblemError(
      'unsupported-media',
      `The transcription service at ${host} cannot read the recording ${name}. Send it in another format, such as mp3, m4a, ogg or wav.`,
    );
  }
  return new ProblemError(
    'not-found',
    `There is no transcription service at the address that is set for ${host} (it answered ${status}). Check TRANSCRIPTION_BASE_URL.`,
  );
}

const LONGEST_WAIT_MS = 60_000;

/** What the service asks to wait, but never longer than a minute. */
function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const waitMs = retryAfterOf(headers['retry-after'], Date.now());
  return waitMs === undefined ? undefined : Math.min(LONGEST_WAIT_MS, waitMs);
}

function errorOf(text: string): Partial<z.infer<typeof ErrorSchema>['error']> & { readonly message: string } {
  try {
    const parsed = ErrorSchema.safeParse(JSON.parse(text), { reportInput: false });
    return parsed.success ? parsed.data.error : { message: '' };
  } catch {
    return { message: '' };
  }
}
