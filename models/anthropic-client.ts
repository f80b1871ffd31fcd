import Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import {
  ModelError,
  type ModelCallOptions,
  type ModelClient,
  type ModelReply,
  type ModelRequest,
} from '../contracts/model.js';
import { type CallLimits, type CallWatch, watchCall } from './call-watch.js';
import { MessageAssembler } from './message-assembler.js';
import { type ModelErrorContext, toModelError } from './model-errors.js';
import { toWireRequest } from './wire-request.js';

/** Where the Messages API is when nothing else is configured. */
const ANTHROPIC_URL = 'https://api.anthropic.com';

/** Sent where a base URL needs no key, because the SDK insists on one. */
const NO_KEY = 'none';

/** How long an endpoint may take to close the connection after it said that the message is over. */
const CLOSING_MS = 250;

export interface AnthropicClientOptions extends CallLimits {
  /** An endpoint that speaks the Messages API, with or without a trailing `/v1`; default is Anthropic's own. */
  readonly baseUrl?: string | undefined;
  /** May be left out only with a `baseUrl`. */
  readonly apiKey?: string | undefined;
  /** Replaces the network, as the in-process rehearsal model does. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * A client of one endpoint that speaks the Messages API. One call is one HTTP request: nothing is retried here.
 * An answer is returned whole or not at all; every failure is a `ModelError`, except what `onText` itself throws.
 * Aborting closes the connection. Throws a `ModelError` `unauthorised` when neither key nor base URL is given.
 */
export function createAnthropicClient(options: AnthropicClientOptions): ModelClient {
  if (!options.apiKey && !options.baseUrl) {
    throw new ModelError(
      'unauthorised',
      'There is no key for the model; set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for an endpoint without one.',
    );
  }
  const baseUrl = withoutVersion(options.baseUrl ?? ANTHROPIC_URL);
  const sdk = createSdk(options, baseUrl);
  return {
    complete: async (request, callOptions) => {
      const context: ModelErrorContext = {
        model: request.model,
        baseUrl,
        ...(options.apiKey ? { secret: options.apiKey } : {}),
      };
      const watch = watchCall(callOptions.abortSignal, options);
      try {
        return await Promise.race([callOnce(sdk, request, callOptions, watch, context), watch.ended]);
      } finally {
        watch.close();
      }
    },
  };
}

function createSdk(options: AnthropicClientOptions, baseUrl: string): Anthropic {
  return new Anthropic({
    baseURL: baseUrl,
    apiKey: options.apiKey || NO_KEY,
    webhookKey: null,
    maxRetries: 0,
    timeout: options.timeoutMs,
    // The SDK would print broken answers, which are private, to the console.
    logLevel: 'off',
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });
}

async function callOnce(
  sdk: Anthropic,
  request: ModelRequest,
  options: ModelCallOptions,
  watch: CallWatch,
  context: ModelErrorContext,
): Promise<ModelReply> {
  const assembler = new MessageAssembler();
  const response = await translated(context, () => open(sdk, request, watch.abortSignal));
  try {
    return await readAnswer(response, assembler, options, watch, context);
  } catch (error) {
    throw error instanceof ModelError ? afterAnswerBegan(error, assembler) : error;
  }
}

/** Once an answer has begun it is billed, however it ends. */
function afterAnswerBegan(error: ModelError, assembler: MessageAssembler): ModelError {
  const { kind, message, retryAfterMs, cause } = error;
  return new ModelError(kind, message, { retryAfterMs, cause, billed: 'maybe', usage: assembler.finalUsage });
}

async function readAnswer(
  response: Response,
  assembler: MessageAssembler,
  options: ModelCallOptions,
  watch: CallWatch,
  context: ModelErrorContext,
): Promise<ModelReply> {
  const events = Stream.rawEvents(response)[Symbol.asyncIterator]();
  while (!assembler.stopped) {
    const { value, done } = await translated(context, () => events.next());
    if (done || watch.abortSignal.aborted) break;
    watch.touch();
    const text = assembler.push(await translated(context, () => parseEvent(value, response.headers)));
    if (text !== '') options.onText(text);
  }
  const reply = assembler.finish(response.headers.get('request-id') ?? undefined);
  watch.stopWatching();
  await letClose(events);
  return reply;
}

async function open(sdk: Anthropic, request: ModelRequest, signal: AbortSignal): Promise<Response> {
  const response = await sdk.messages.create(toWireRequest(request), { signal }).asResponse();
  const type = response.headers.get('content-type');
  if (type === null || /^text\/event-stream\b/i.test(type)) return response;
  await response.body?.cancel();
  throw new ModelError(
    'invalid',
    `The endpoint answered with ${type} where a stream of the Messages API was expected; check ANTHROPIC_BASE_URL.`,
  );
}

type ServerSentEvent = Exclude<Awaited<ReturnType<ReturnType<typeof Stream.rawEvents>['next']>>['value'], void>;

function parseEvent(event: ServerSentEvent, headers: Headers): Readonly<Record<string, unknown>> {
  if (event.data === '') return {};
  const data: unknown = JSON.parse(event.data);
  const body = isObject(data) ? data : {};
  if (event.event === 'error' || body['type'] === 'error') throw errorOf(body, headers);
  return body;
}

function errorOf(body: Readonly<Record<string, unknown>>, headers: Headers): Error {
  return new Anthropic.APIError(undefined, body, undefined, headers);
}

/**
 * Reads on to the end so that the connection can be used again, but does not wait long for it. The message is complete
 * by now: whatever goes wrong while the connection closes changes nothing.
 */
async function letClose(events: AsyncIterator<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSING_MS);
  });
  await Promise.race([Promise.allSettled([drain(events)]), patience]);
  clearTimeout(timer);
}

async function drain(events: AsyncIterator<unknown>): Promise<void> {
  let next = await events.next();
  while (!next.done) next = await events.next();
}

async function translated<T>(context: ModelErrorContext, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw toModelError(error, context);
  }
}

function withoutVersion(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/v1$/, '');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
