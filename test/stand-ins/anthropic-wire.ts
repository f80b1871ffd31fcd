import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamEvent } from './anthropic-answer.js';

const DRIP_BYTES = 24;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** How a streamed answer goes out. */
export interface StreamPlan {
  readonly events: readonly StreamEvent[];
  /** Milliseconds between small pieces; without it every event is written at once. */
  readonly dripMs: number | undefined;
  /** Replaces the event at this place by one that is not JSON. */
  readonly brokenAt: number | undefined;
}

/** The whole body as text, or undefined when it is over 32 MB. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

/** Answers with JSON and the request id of the call. */
export function sendJson(
  response: ServerResponse,
  status: number,
  id: string,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': id, ...headers });
  response.end(JSON.stringify(body));
}

/** Streams events and leaves the answer open; stops without an error when the client goes away. */
export async function sendEvents(response: ServerResponse, id: string, plan: StreamPlan): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'request-id': id,
  });
  for (const [place, event] of plan.events.entries()) {
    if (response.destroyed) return;
    await write(response, place === plan.brokenAt ? BROKEN : eventText(event), plan.dripMs);
  }
}

const BROKEN = 'event: content_block_delta\ndata: {"type":"content_block_de\n\n';

function eventText(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function write(response: ServerResponse, text: string, dripMs: number | undefined): Promise<void> {
  if (dripMs === undefined) {
    response.write(text);
    return;
  }
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length && !response.destroyed; start += DRIP_BYTES) {
    response.write(bytes.subarray(start, start + DRIP_BYTES));
    await sleep(dripMs);
  }
}
