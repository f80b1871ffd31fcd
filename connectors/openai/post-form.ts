import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

const CONNECT_MS = 10_000;

/** The body grew beyond what was asked for. */
export class BodyTooLarge extends Error {}

/**
 * Sends a form and returns the answer as soon as its head is there. Not `fetch`, which gives up on every answer that
 * begins later than after five minutes, and that is what long recordings need. Follows no redirects. Throws what the
 * network throws, and the reason of the signal when that stops it.
 */
export async function postForm(
  url: URL,
  form: FormData,
  headers: Readonly<Record<string, string>>,
  abortSignal: AbortSignal,
): Promise<IncomingMessage> {
  const encoded = new Response(form);
  const body = Buffer.from(await encoded.arrayBuffer());
  const contentType = encoded.headers.get('content-type') ?? 'multipart/form-data';
  abortSignal.throwIfAborted();
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-type': contentType, 'content-length': body.length },
        signal: abortSignal,
      },
      resolve,
    );
    sent.on('error', reject);
    sent.on('socket', (socket) => giveUpConnecting(socket, sent));
    sent.end(body);
  });
}

/** An address where nobody listens may swallow everything without a word. */
function giveUpConnecting(socket: Socket, sent: ClientRequest): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => sent.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
}

/** The answer's body as text; throws `BodyTooLarge`, or what the network throws when it ends early. */
export async function textOf(answer: IncomingMessage, mostBytes: number): Promise<string> {
  let size = 0;
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostBytes) answer.destroy(new BodyTooLarge());
  });
  return (await buffer(answer)).toString('utf8');
}
