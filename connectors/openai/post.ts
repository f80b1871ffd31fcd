import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Answer, type Service, unreachable, unreadable } from './service-problems.js';

const CONNECT_MS = 10_000;

/** What is sent, and how it is written. */
interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The answer's body grew beyond what was asked for. */
class BodyTooLarge extends Error {}

export async function formBody(form: FormData): Promise<Body> {
  const encoded = new Response(form);
  const bytes = Buffer.from(await encoded.arrayBuffer());
  return { type: encoded.headers.get('content-type') ?? 'multipart/form-data', bytes };
}

export function jsonBody(value: unknown): Body {
  return { type: 'application/json', bytes: Buffer.from(JSON.stringify(value)) };
}

/**
 * Sends a body and returns the whole answer, whatever its status. Throws `ProblemError`: `unavailable` where nobody
 * answers to the end, `conflict` where the answer is larger than `mostBytes`; and the reason of the signal when that
 * stops it.
 */
export async function exchange(
  service: Service,
  url: URL,
  body: Body,
  {
    headers,
    mostBytes,
    abortSignal,
  }: {
    readonly headers: Readonly<Record<string, string>>;
    readonly mostBytes: number;
    readonly abortSignal: AbortSignal;
  },
): Promise<Answer> {
  try {
    const answer = await post(url, body, headers, abortSignal);
    const text = await textOf(answer, mostBytes);
    return { status: answer.statusCode ?? 0, text, headers: answer.headers };
  } catch (error) {
    abortSignal.throwIfAborted();
    if (error instanceof BodyTooLarge) throw unreadable(service);
    throw unreachable(service, error);
  }
}

/**
 * Not `fetch`, which gives up on every answer that begins later than after five minutes, and that is what long
 * recordings need. Follows no redirects.
 */
async function post(
  url: URL,
  { type, bytes }: Body,
  headers: Readonly<Record<string, string>>,
  abortSignal: AbortSignal,
): Promise<IncomingMessage> {
  abortSignal.throwIfAborted();
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-type': type, 'content-length': bytes.length },
        signal: abortSignal,
      },
      resolve,
    );
    sent.on('error', reject);
    sent.on('socket', (socket) => giveUpConnecting(socket, sent));
    sent.end(bytes);
  });
}

/** An address where nobody listens may swallow everything without a word. */
function giveUpConnecting(socket: Socket, sent: ClientRequest): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => sent.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
}

async function textOf(answer: IncomingMessage, mostBytes: number): Promise<string> {
  let size = 0;
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostBytes) answer.destroy(new BodyTooLarge());
  });
  return (await buffer(answer)).toString('utf8');
}
