import { Agent, fetch, type Headers as UndiciHeaders } from 'undici';
import type { LookupFunction } from 'node:net';
import { isIPv6 } from 'node:net';

const CONNECT_MS = 10_000;
const USER_AGENT = 'Retinue/0.1 (personal assistant; reads single pages for its user)';

/** The answer's body grew beyond what was asked for. */
export class TooManyBytes extends Error {}

/** The time of the whole exchange is over. */
export class TimeIsOver extends Error {}

export interface WebAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Unpacked; empty where the body was not wanted. */
  readonly bytes: Uint8Array;
}

interface FetchOptions {
  /** What may answer; the name is not looked up again. Without it the name is looked up as usual. */
  readonly addresses?: readonly string[];
  readonly accept: string;
  readonly mostBytes: number;
  readonly abortSignal: AbortSignal;
  /** Whether the body is read at all; where not, the line is cut. */
  readonly wantsBody: (status: number, headers: Headers) => boolean;
}

/**
 * One GET on a line of its own, without cookies or credentials; follows no redirects. Throws `TooManyBytes`, the reason of
 * the signal, and whatever the network says.
 */
export async function fetchBytes(url: URL, options: FetchOptions): Promise<WebAnswer> {
  const { addresses, accept, mostBytes, abortSignal, wantsBody } = options;
  abortSignal.throwIfAborted();
  const connect = { timeout: CONNECT_MS, ...(addresses === undefined ? {} : { lookup: always(addresses) }) };
  const agent = new Agent({ connect, pipelining: 0 });
  try {
    const answer = await fetch(url, {
      dispatcher: agent,
      redirect: 'manual',
      credentials: 'omit',
      headers: { accept, 'user-agent': USER_AGENT },
      signal: abortSignal,
    });
    const headers = plainHeaders(answer.headers);
    const isWanted = answer.body !== null && wantsBody(answer.status, headers);
    const bytes = isWanted ? await bytesOf(answer.body, mostBytes) : new Uint8Array();
    return { status: answer.status, headers, bytes };
  } finally {
    await agent.destroy();
  }
}

/** Answers every question for an address with those that were checked. */
function always(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_name, { all }, answer) => {
    const [first] = found;
    if (all === true || first === undefined) answer(null, found);
    else answer(null, first.address, first.family);
  };
}

function plainHeaders(headers: UndiciHeaders): Headers {
  return new Headers([...headers]);
}

async function bytesOf(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > mostBytes) throw new TooManyBytes();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Runs work that has to end in time: its signal stops it then, with `TimeIsOver`, or when the caller wants no more. */
export async function inTime<T>(
  timeoutMs: number,
  abortSignal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  abortSignal.throwIfAborted();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new TimeIsOver()), timeoutMs);
  try {
    return await work(AbortSignal.any([abortSignal, over.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** What the network said, through whatever it is wrapped in; an empty text where it gave no code. */
export function networkCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return networkCode(error.cause);
}
