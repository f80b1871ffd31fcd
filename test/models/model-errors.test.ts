import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { MODEL_ERROR_KINDS, ModelError, type ModelErrorKind } from '../../contracts/model.js';
import { retryAfterFromHeaders, toModelError } from '../../models/model-errors.js';

const NOW = Date.parse('2026-11-21T09:00:00Z');

function answered(status: number | undefined, error: object, headers: Record<string, string> = {}): Error {
  return new Anthropic.APIError(status, { type: 'error', error }, undefined, new Headers(headers));
}

const AFTER_200: readonly [type: string, kind: ModelErrorKind][] = [
  ['invalid_request_error', 'invalid'],
  ['authentication_error', 'unauthorised'],
  ['billing_error', 'billing'],
  ['permission_error', 'unauthorised'],
  ['not_found_error', 'invalid'],
  ['rate_limit_error', 'rate_limited'],
  ['timeout_error', 'timeout'],
  ['api_error', 'server'],
  ['overloaded_error', 'overloaded'],
  ['conflict_error', 'server'],
  ['an_error_of_tomorrow', 'server'],
];

const THROWN: readonly [name: string, error: unknown, kind: ModelErrorKind][] = [
  ['a stop by the SDK', new Anthropic.APIUserAbortError(), 'aborted'],
  ['a stop of fetch', new DOMException('stopped', 'AbortError'), 'aborted'],
  ['no connection', new Anthropic.APIConnectionError({ message: 'Connection error.' }), 'network'],
  ['a connection that took too long', new Anthropic.APIConnectionTimeoutError(), 'timeout'],
  ['a broken connection', new Anthropic.AnthropicError('terminated'), 'cut_off'],
  ['a broken body', new TypeError('terminated'), 'cut_off'],
  ['a silent body', new TypeError('terminated', { cause: named('BodyTimeoutError') }), 'timeout'],
  ['a failed fetch', new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }), 'network'],
  ['an early end', new Anthropic.AnthropicError('stream ended without producing a Message'), 'cut_off'],
  ['bad JSON', new SyntaxError('Unexpected end of JSON input'), 'cut_off'],
  ['an unknown 4xx', answered(422, { type: 'invalid_request_error', message: 'no' }), 'invalid'],
  ['an unknown 5xx', answered(502, { type: 'api_error', message: 'no' }), 'server'],
  ['a contract limit', limit('contract_spend_limit_reached'), 'billing'],
  ['a ramp limit', limit('ramp_limit_exceeded'), 'rate_limited'],
  ['no credit', answered(400, { type: 'invalid_request_error', message: 'Your credit balance is too low' }), 'billing'],
  ['something else', 'what?', 'server'],
];

function named(name: string): Error {
  return Object.assign(new Error('quiet'), { name });
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function limit(error_code: string): Error {
  return answered(429, { type: 'rate_limit_error', message: 'limit', details: { error_code } });
}

describe('a model error', () => {
  it.each(AFTER_200)('of type %s in a stream is %s', (type, kind) => {
    expect(toModelError(answered(undefined, { type, message: 'no' })).kind).toBe(kind);
  });

  it.each(THROWN)('from %s has the right kind, a text and its cause', (_, error, kind) => {
    const result = toModelError(error, { model: 'm', baseUrl: 'http://x.invalid', secret: 'sk-1' });
    expect(result).toMatchObject({ kind, cause: error });
    expect(result.message.length).toBeGreaterThan(20);
    expect(MODEL_ERROR_KINDS).toContain(result.kind);
  });

  it.each([
    ['a refusal with a status', answered(529, { type: 'overloaded_error', message: 'no' }), 'no'],
    ['a failure with a status', answered(500, { type: 'api_error', message: 'no' }), 'no'],
    ['a gateway that lost it', answered(504, { type: 'timeout_error', message: 'no' }), 'maybe'],
    ['a broken answer', new TypeError('terminated'), 'maybe'],
    ['a stop', new Anthropic.APIUserAbortError(), 'maybe'],
    ['a dropped connection', new TypeError('fetch failed', { cause: coded('ECONNRESET') }), 'maybe'],
    ['a refused connection', new TypeError('fetch failed', { cause: coded('ECONNREFUSED') }), 'no'],
    [
      'addresses that all refuse',
      new TypeError('fetch failed', { cause: new AggregateError([coded('ECONNREFUSED'), coded('EHOSTUNREACH')]) }),
      'no',
    ],
    ['an unknown name', new TypeError('fetch failed', { cause: coded('ENOTFOUND') }), 'no'],
  ] as const)('from %s says whether the call may be billed', (_, error, billed) => {
    expect(toModelError(error).billed).toBe(billed);
  });

  it('is not wrapped again', () => {
    const error = new ModelError('billing', 'pay');
    expect(toModelError(error)).toBe(error);
  });

  it('keeps what the endpoint said, up to a length', () => {
    const { message } = toModelError(
      answered(400, { type: 'invalid_request_error', message: `max_tokens ${'x'.repeat(9_000)}` }),
    );
    expect(message).toContain('max_tokens');
    expect(message.length).toBeLessThan(800);
  });
});

describe('the time to wait', () => {
  it.each([
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': 'Sat, 21 Nov 2026 09:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 08:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('from %j is %s ms', (headers, expected) => {
    expect(retryAfterFromHeaders(new Headers(Object.entries(headers)), NOW)).toBe(expected);
  });
});
