import { setTimeout as delay } from 'node:timers/promises';
import type { Event, Request, TraceNode } from '../../contracts/request.js';

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A small client of the HTTP API of a process. Calls that fail reject; `until` and what builds on it ask again. */
export interface ApiClient {
  readonly url: string;
  get<T = unknown>(path: string, limitMs?: number): Promise<Answer<T>>;
  post<T = unknown>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer<T>>;
  /** Sends a message, insists on 202 and gives the request's id. */
  send(text: string, more?: object, headers?: Readonly<Record<string, string>>): Promise<string>;
  request(id: string): Promise<Request>;
  /** Asks until the request is as wanted, also through failed calls; fails with its last state after the limit. */
  until(id: string, isThere: (request: Request) => boolean, limitMs?: number): Promise<Request>;
  ended(id: string, limitMs?: number): Promise<Request>;
  trace(id: string): Promise<TraceNode>;
  /** Events from the stream until `isEnough`, the end of the stream or a broken connection. */
  events(id: string, options?: EventOptions): Promise<Event[]>;
}

export interface EventOptions {
  readonly after?: string;
  readonly isEnough?: (events: readonly Event[]) => boolean;
  readonly onEvent?: (event: Event) => void;
  readonly limitMs?: number;
}

const CALL_MS = 30_000;
const END_MS = 40_000;

export function createApiClient(url: string, token: string | (() => string)): ApiClient {
  const bearer = (): string => `Bearer ${typeof token === 'string' ? token : token()}`;
  const call = async <T>(path: string, init: RequestInit, limitMs = CALL_MS): Promise<Answer<T>> => {
    const headers = { authorization: bearer(), ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(`${url}${path}`, { ...init, headers, signal: AbortSignal.timeout(limitMs) });
    return { status: response.status, headers: response.headers, body: parsed(await response.text()) as T };
  };
  const client: ApiClient = {
    url,
    get: (path, limitMs) => call(path, {}, limitMs),
    post: (path, body, headers = {}) =>
      call(path, {
        method: 'POST',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async send(text, more = {}, headers = {}) {
      const answer = await client.post<Request>('/v1/requests', { text, ...more }, headers);
      return good(answer, 202).id;
    },
    request: async (id) => good(await client.get<Request>(`/v1/requests/${id}`), 200),
    async until(id, isThere, limitMs = END_MS) {
      const end = Date.now() + limitMs;
      let last: unknown;
      for (;;) {
        try {
          const request = await client.request(id);
          if (isThere(request)) return request;
          last = request;
        } catch (error) {
          last = String(error);
        }
        if (Date.now() > end)
          throw new Error(`the request ${id} did not get there in ${limitMs} ms: ${JSON.stringify(last, null, 1)}`);
        await delay(50);
      }
    },
    ended: (id, limitMs) => client.until(id, ({ endedAt }) => endedAt !== undefined, limitMs),
    trace: async (id) => good(await client.get<TraceNode>(`/v1/requests/${id}/trace`), 200),
    events: (id, options = {}) => readEvents(`${url}/v1/requests/${id}/events`, bearer(), options),
  };
  return client;
}

function good<T>(answer: Answer<T>, status: number): T {
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readEvents(url: string, authorization: string, options: EventOptions): Promise<Event[]> {
  const { after, isEnough = () => false, onEvent, limitMs = END_MS } = options;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limitMs);
  const events: Event[] = [];
  try {
    const headers = { authorization, ...(after === undefined ? {} : { 'last-event-id': after }) };
    const response = await fetch(url, { headers, signal: stop.signal });
    if (response.status !== 200 || response.body === null) throw new Error(`the stream answered ${response.status}`);
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const event of blocks.flatMap(eventIn)) {
        events.push(event);
        onEvent?.(event);
      }
      if (isEnough(events)) break;
    }
  } catch (error) {
    if (stop.signal.aborted)
      throw new Error(`the stream did not end within ${limitMs} ms: ${JSON.stringify(events)}`, { cause: error });
    // A connection that broke is an end like any other: the reader comes back with the last number.
    if (!(error instanceof TypeError)) throw error;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  return events;
}

function eventIn(block: string): Event[] {
  const data = block.split('\n').find((line) => line.startsWith('data: '));
  return data === undefined ? [] : [JSON.parse(data.slice('data: '.length)) as Event];
}
