import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** How an answer goes wrong. `moved` sends a search elsewhere; `cut` ends the connection inside the answer. */
export type WebFault =
  | 'hang'
  | 'failed'
  | 'busy'
  | 'forbidden'
  | 'endless'
  | 'bomb'
  | 'garbage'
  | 'moved'
  | 'cut'
  | 'reset';

export interface WebRequest {
  readonly path: string;
  /** The name it was asked under. */
  readonly host: string | undefined;
  readonly fault: WebFault | undefined;
}

export interface StandInPage {
  readonly body?: string | Buffer;
  readonly status?: number;
  /** `text/html; charset=utf-8` by default. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One server of the web: pages that it was given, and under `/search` a service that answers as SearXNG does. */
export interface WebStandIn {
  /** Without a path. */
  readonly url: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly requests: readonly WebRequest[];
  /** What no well-made client does. */
  readonly violations: readonly string[];
  /** Puts a page there and returns its address. */
  page(path: string, page: StandInPage): string;
  /** A page that searches find by every word of its title or content. */
  index(hit: { readonly title: string; readonly url: string; readonly content: string }): void;
  /** Faults of the next requests, in order. */
  fail(...faults: WebFault[]): void;
  /** Throws when there are violations. */
  assertClean(): void;
  close(): Promise<void>;
}

const FORBIDDEN_HEADERS = ['cookie', 'authorization', 'proxy-authorization', 'referer'];
const BOMB_BYTES = 64 * 1024 * 1024;

/** Starts the server on a free port of this machine. */
export async function startWebStandIn(): Promise<WebStandIn> {
  const requests: WebRequest[] = [];
  const violations: string[] = [];
  const pages = new Map<string, StandInPage>();
  const hits: { title: string; url: string; content: string }[] = [];
  const faults: WebFault[] = [];

  const server = http.createServer((request, response) => {
    const path = request.url ?? '';
    const fault = faults.shift();
    requests.push({ path, host: request.headers.host, fault });
    violations.push(...violationsOf(request));
    if (fault !== undefined) answerFault(fault, request, response);
    else if (path.startsWith('/search?')) answerSearch(path, response);
    else answerPage(pages.get(path), response);
  });

  function answerSearch(path: string, response: http.ServerResponse): void {
    const { searchParams } = new URL(path, 'http://search.example');
    const unknown = [...searchParams.keys()].filter((name) => name !== 'q' && name !== 'format');
    if (unknown.length > 0) violations.push(`a search asks with ${unknown.join(', ')}`);
    const words = (searchParams.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) {
      violations.push('a search asks for nothing');
      sendJson(response, 400, { error: 'No query' });
      return;
    }
    if (searchParams.get('format') !== 'json') violations.push('a search asks for no JSON');
    const results = hits.filter(({ title, content }) => {
      const text = `${title} ${content}`.toLowerCase();
      return words.some((word) => text.includes(word));
    });
    sendJson(response, 200, {
      query: searchParams.get('q'),
      number_of_results: results.length,
      results: results.map((hit) => ({ ...hit, engine: 'stand-in', category: 'general', score: 1 })),
      answers: [],
      suggestions: [],
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    violations,
    page(path, page) {
      pages.set(path, page);
      return `http://${host}${path}`;
    },
    index: (hit) => void hits.push(hit),
    fail: (...next) => void faults.push(...next),
    assertClean: () => {
      if (violations.length > 0) throw new Error(`the web saw violations:\n${violations.join('\n')}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function violationsOf({ method, headers }: http.IncomingMessage): string[] {
  const agent = headers['user-agent'] ?? '';
  return [
    ...(method === 'GET' ? [] : [`${method} instead of GET`]),
    ...(agent.startsWith('Retinue/') ? [] : [`the user agent is ${agent}`]),
    ...FORBIDDEN_HEADERS.filter((name) => headers[name] !== undefined).map((name) => `the header ${name} is sent`),
  ];
}

function answerPage(page: StandInPage | undefined, response: http.ServerResponse): void {
  const { body = '', status = 200, type = 'text/html; charset=utf-8', headers = {} } = page ?? { status: 404 };
  response.writeHead(status, { ...(type === '' ? {} : { 'content-type': type }), ...headers });
  response.end(body);
}

function sendJson(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function answerFault(fault: WebFault, request: http.IncomingMessage, response: http.ServerResponse): void {
  const page = { 'content-type': 'text/html; charset=utf-8' };
  switch (fault) {
    case 'hang':
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'failed':
      response.writeHead(500, page).end('<p>Internal error</p>');
      return;
    case 'forbidden':
      response.writeHead(403, page).end('<p>Forbidden</p>');
      return;
    case 'busy':
      response.writeHead(429, { ...page, 'retry-after': '7' }).end('<p>Too many requests</p>');
      return;
    case 'garbage':
      response.writeHead(200, page).end('<p>{"results": [{"url": 3</p>');
      return;
    case 'moved':
      response.writeHead(302, { location: 'http://127.0.0.1:9/elsewhere' }).end();
      return;
    case 'bomb':
      response.writeHead(200, { ...page, 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(BOMB_BYTES, 'a')));
      return;
    case 'cut':
      response.writeHead(200, { ...page, 'content-length': '1000' });
      response.write('<p>half a', () => request.socket.destroy());
      return;
    case 'endless':
      response.writeHead(200, page);
      pour(response);
  }
}

const PIECE = Buffer.alloc(64 * 1024, 'a');

/** Writes as long as somebody reads. */
function pour(response: http.ServerResponse): void {
  while (!response.destroyed && response.write(PIECE));
  if (!response.destroyed) response.once('drain', () => pour(response));
}
