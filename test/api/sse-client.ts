import { get, type IncomingMessage } from 'node:http';
import type { Event } from '../../contracts/request.js';

export interface Received<E = Event> {
  /** The `id:` line, which the data repeats. */
  readonly id: string | undefined;
  readonly type: string;
  readonly event: E;
}

/** A reader of server-sent events that keeps everything it got. */
export interface SseReader<E = Event> {
  readonly received: Received<E>[];
  readonly comments: string[];
  readonly status: Promise<number>;
  /** Resolves when the stream has ended by itself or was closed. */
  readonly ended: Promise<void>;
  /** Waits until the predicate holds of what came so far. */
  until(predicate: (received: readonly Received<E>[]) => boolean): Promise<void>;
  close(): void;
  /** Stops taking bytes from the socket. */
  pause(): void;
}

export function readEvents<E = Event>(url: string, headers: Record<string, string>): SseReader<E> {
  const received: Received<E>[] = [];
  const comments: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  let answer: IncomingMessage | undefined;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = () => {
      resolve();
      wake();
    };
  });
  const request = get(url, { headers, agent: false });
  const status = new Promise<number>((resolve, reject) => {
    request.on('error', (error) => {
      finish();
      reject(error);
    });
    request.on('response', (response) => {
      answer = response;
      resolve(response.statusCode ?? 0);
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) take(block, received, comments);
        wake();
      });
      response.on('close', finish);
    });
  });
  status.catch(() => undefined);
  return {
    received,
    comments,
    status,
    ended,
    close: () => request.destroy(),
    pause: () => answer?.pause(),
    until: (predicate) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`did not come: ${JSON.stringify(received.slice(-5), null, 1)}`));
        }, 10_000);
        const check = (): void => {
          if (!predicate(received)) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

function take<E>(block: string, received: Received<E>[], comments: string[]): void {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) comments.push(line);
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const data = fields.get('data');
  if (data !== undefined)
    received.push({ id: fields.get('id'), type: fields.get('event') ?? '', event: JSON.parse(data) as E });
}

/** What a simple page would show: each text appended at its offset, a turn emptied at a reset. Throws on a gap. */
export class Page {
  readonly texts = new Map<string, string>();
  lastId = '';

  show({ id, event }: Received): void {
    if (id !== undefined) this.lastId = id;
    if (event.type !== 'text' && event.type !== 'text.reset') return;
    const { agent, turn, offset, delta } = event.data as { agent: string; turn: number; offset: number; delta: string };
    const key = `${agent}/${turn}`;
    const before = event.type === 'text.reset' ? '' : (this.texts.get(key) ?? '');
    if (event.type === 'text' && offset !== before.length)
      throw new Error(`text at ${offset}, but ${before.length} are shown`);
    this.texts.set(key, event.type === 'text.reset' ? '' : before + delta);
  }
}
