import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AnthropicError,
} from '@anthropic-ai/sdk';
import { type Billed, ModelError, type ModelErrorKind } from '../contracts/model.js';
import { retryAfterOf } from '../contracts/retry-after.js';

/** What the texts of an error may name, and what they must not. */
export interface ModelErrorContext {
  /** The model id that was asked for. */
  readonly model?: string;
  /** The endpoint's address, named when it cannot be reached. */
  readonly baseUrl?: string;
  /** The key in use; every occurrence of it is blanked out. */
  readonly secret?: string;
  /** Milliseconds since the epoch that an HTTP-date is measured from; default is the present. */
  readonly nowMs?: number;
}

const KIND_OF_STATUS: Readonly<Record<number, ModelErrorKind>> = {
  400: 'invalid',
  401: 'unauthorised',
  402: 'billing',
  403: 'unauthorised',
  404: 'invalid',
  408: 'timeout',
  409: 'server',
  413: 'too_large',
  429: 'rate_limited',
  504: 'timeout',
  529: 'overloaded',
};

const KIND_OF_TYPE: Readonly<Record<string, ModelErrorKind>> = {
  invalid_request_error: 'invalid',
  authentication_error: 'unauthorised',
  billing_error: 'billing',
  permission_error: 'unauthorised',
  not_found_error: 'invalid',
  request_too_large: 'too_large',
  rate_limit_error: 'rate_limited',
  timeout_error: 'timeout',
  api_error: 'server',
  overloaded_error: 'overloaded',
  conflict_error: 'server',
};

const TOO_LARGE_CODES: ReadonlySet<string> = new Set(['prompt_too_long', 'request_body_too_large_after_decoding']);

/** The vendor gives these two refusals status 400 and no code, so their wording is the only sign there is. */
const PROMPT_TOO_LONG = /\bprompt is too long\b|\bexceeds? the (?:maximum )?context (?:window|length)\b/i;
const OUT_OF_MONEY = /\bcredit balance is too low\b|\breached your specified .*usage limits\b/i;

/**
 * Turns whatever the SDK, `fetch` or a stream threw into a `ModelError` whose text says what to do next.
 * A `ModelError` is returned as it is.
 */
export function toModelError(error: unknown, context: ModelErrorContext = {}): ModelError {
  if (error instanceof ModelError) return error;
  const kind = kindOf(error);
  const text = `${adviceFor(kind, error, context)}${said(error)}`;
  return new ModelError(kind, withoutSecret(text, context.secret), {
    retryAfterMs: kind === 'aborted' ? undefined : retryAfterMs(error, context.nowMs ?? Date.now()),
    billed: billedOf(error),
    cause: safeCause(error, context.secret),
  });
}

/** Statuses with which a gateway says that it lost sight of a call that may have been worked on. */
const LOST_STATUSES: ReadonlySet<number> = new Set([408, 502, 504]);

/** Codes of a connection that never came about, so that nothing was sent. */
const NEVER_SENT = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** An endpoint that refuses with a status bills nothing, and neither does one that was never reached. */
function billedOf(error: unknown): Billed | undefined {
  if (error instanceof APIError && error.status !== undefined) return LOST_STATUSES.has(error.status) ? 'maybe' : 'no';
  return wasNeverSent(error) ? 'no' : undefined;
}

function wasNeverSent(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && NEVER_SENT.test(cause.code)) return true;
    if (cause instanceof AggregateError) return cause.errors.every(wasNeverSent);
  }
  return false;
}

/** Milliseconds that response headers ask to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP-date. */
export function retryAfterFromHeaders(headers: Headers, nowMs: number): number | undefined {
  const milliseconds = nonNegative(headers.get('retry-after-ms'));
  if (milliseconds !== undefined) return Math.ceil(milliseconds);
  return retryAfterOf(headers.get('retry-after'), nowMs);
}

function kindOf(error: unknown): ModelErrorKind {
  if (error instanceof APIUserAbortError) return 'aborted';
  if (error instanceof APIConnectionTimeoutError) return 'timeout';
  if (error instanceof APIConnectionError) return isTimeout(error) ? 'timeout' : 'network';
  if (error instanceof APIError) return kindOfAnswer(error);
  if (error instanceof AnthropicError || error instanceof SyntaxError) return 'cut_off';
  if (error instanceof Error && error.name === 'AbortError') return 'aborted';
  if (error instanceof TypeError) return kindOfFetchFailure(error);
  return 'server';
}

function kindOfAnswer(error: APIError): ModelErrorKind {
  if (error.errorCode?.endsWith('spend_limit_reached')) return 'billing';
  const kind = kindOfStatus(error.status) ?? KIND_OF_TYPE[error.type ?? ''] ?? 'server';
  return kind === 'invalid' ? kindOfBadRequest(error) : kind;
}

function kindOfStatus(status: number | undefined): ModelErrorKind | undefined {
  if (status === undefined) return undefined;
  return KIND_OF_STATUS[status] ?? (status >= 400 && status < 500 ? 'invalid' : 'server');
}

function kindOfBadRequest(error: APIError): ModelErrorKind {
  const text = error.apiMessage ?? error.message;
  if (TOO_LARGE_CODES.has(error.errorCode ?? '') || PROMPT_TOO_LONG.test(text)) return 'too_large';
  return OUT_OF_MONEY.test(text) ? 'billing' : 'invalid';
}

/** `fetch` throws TypeErrors: "terminated" when the answer breaks off, "fetch failed" when none came. */
function kindOfFetchFailure(error: TypeError): ModelErrorKind {
  if (isTimeout(error)) return 'timeout';
  return error.message === 'terminated' ? 'cut_off' : 'network';
}

function isTimeout(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name.endsWith('TimeoutError') || /\bETIMEDOUT\b/.test(cause.message)) return true;
  }
  return false;
}

function adviceFor(kind: ModelErrorKind, error: unknown, context: ModelErrorContext): string {
  const endpoint = context.baseUrl === undefined ? 'The model endpoint' : `The model endpoint ${context.baseUrl}`;
  const model = context.model === undefined ? 'The model' : `The model "${context.model}"`;
  switch (kind) {
    case 'overloaded':
      return `${model} is overloaded at the moment; it is worth trying again, or another model.`;
    case 'rate_limited':
      return `${endpoint} asks for fewer calls per minute; it is worth waiting and trying again.`;
    case 'server':
      return `${endpoint} failed on its own side; it is worth trying again.`;
    case 'network':
      return `${endpoint} could not be reached; check the network and ANTHROPIC_BASE_URL.`;
    case 'timeout':
      return `${endpoint} did not answer in time; it is worth trying again.`;
    case 'cut_off':
      return `The answer of the model broke off before it was complete; nothing of it was used and it is worth trying again.`;
    case 'unauthorised':
      return `${endpoint} refused the key; check ANTHROPIC_API_KEY and what it may use.`;
    case 'billing':
      return `${endpoint} refused because of billing or a spending limit; check the account's credit and limits.`;
    case 'invalid':
      return isNotFound(error)
        ? `${model} is not known to the endpoint; set a model that it offers, and check ANTHROPIC_BASE_URL.`
        : `${endpoint} refused the request as wrong; repeating it will not help.`;
    case 'too_large':
      return `The conversation is too long for ${model.replace('The', 'the')}; it must be shortened first.`;
    case 'aborted':
      return 'The model call was stopped.';
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof APIError && (error.status === 404 || error.type === 'not_found_error');
}

function said(error: unknown): string {
  if (error instanceof APIUserAbortError) return '';
  const detail = error instanceof APIError ? (error.apiMessage ?? plainMessage(error)) : reasonOf(error);
  const id = error instanceof APIError && error.requestID ? ` [${error.requestID}]` : '';
  return detail === '' ? id : ` (${detail.slice(0, 500)})${id}`;
}

function plainMessage(error: APIError): string {
  return error instanceof APIConnectionError ? reasonOf(error) : error.message;
}

function reasonOf(error: unknown): string {
  let innermost: unknown = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  return innermost instanceof Error ? innermost.message : String(innermost);
}

function retryAfterMs(error: unknown, nowMs: number): number | undefined {
  if (!(error instanceof APIError) || error.status === undefined || error.headers === undefined) return undefined;
  return retryAfterFromHeaders(error.headers, nowMs);
}

function nonNegative(text: string | null): number | undefined {
  if (text === null || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined;
  return Number(text);
}

function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined || secret === '' ? text : text.replaceAll(secret, '[key]');
}

/** An endpoint may echo the key; then the original error must not travel along. */
function safeCause(error: unknown, secret: string | undefined): unknown {
  if (secret === undefined || secret === '') return error;
  const text = everythingIn(error);
  return text.includes(secret) ? new Error(withoutSecret(reasonOf(error), secret)) : error;
}

function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const body = error instanceof APIError ? JSON.stringify(error.error ?? null) : '';
  return `${error.message}\n${error.stack ?? ''}\n${body}\n${error.cause === undefined ? '' : everythingIn(error.cause)}`;
}
