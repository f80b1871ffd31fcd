import type { Event } from '../../contracts/request.js';
import { type EventBus, readEvents, type TextDelta } from '../../engine/event-feed.js';
import type { Engine } from '../../engine/deps.js';
import { ProblemError } from '../../contracts/problem.js';
import type { EventWriter } from './event-writer.js';
import { TextProgress } from './text-progress.js';
import type { RequestWatch } from './request-watch.js';
import type { Wakeups } from './watch.js';

const PAGE = 200;
/** Text waiting for a slow reader; beyond it the connection is cut and the reader comes back. */
const MOST_WAITING_CHARACTERS = 512 * 1024;

export interface StreamOptions {
  readonly engine: Engine;
  readonly bus: EventBus;
  readonly watch: RequestWatch;
  readonly user: string;
  readonly request: string;
  /** Number of the last event the reader has. */
  readonly after: number;
  /** The reader had an earlier connection and may hold text of a turn that is not finished. */
  readonly resumed: boolean;
  /** The request had ended before: what is stored is all there is. */
  readonly ended: boolean;
}

/**
 * Sends a request's events in order, each once: stored ones first, then what happens, with the text being written in
 * between. Ends after `done`, or when the reader is gone.
 */
export async function streamEvents(options: StreamOptions, writer: EventWriter, stop: AbortSignal): Promise<void> {
  const stream = new EventStream(options, writer, stop);
  try {
    await stream.run();
  } finally {
    stream.close();
  }
}

class EventStream {
  readonly #options: StreamOptions;
  readonly #writer: EventWriter;
  readonly #stop: AbortSignal;
  readonly #progress: TextProgress;
  readonly #wakeups: Wakeups;
  #waiting: TextDelta[] = [];
  #waitingCharacters = 0;
  #last: number;
  #done = false;

  constructor(options: StreamOptions, writer: EventWriter, stop: AbortSignal) {
    this.#options = options;
    this.#writer = writer;
    this.#stop = stop;
    this.#last = options.after;
    this.#progress = new TextProgress(options.request, options.resumed);
    this.#wakeups = options.watch.listen(options.request, { onDelta: (delta) => this.#hear(delta) });
    stop.addEventListener('abort', this.#wakeups.wake);
  }

  async run(): Promise<void> {
    if ((await this.#sendStored()) && this.#options.ended) this.#done = true;
    const begun = this.#done ? [] : this.#options.bus.unfinished(this.#options.request);
    for (const piece of begun) await this.#sendAll(this.#progress.snapshot(piece, now()));
    while (!this.#isOver()) {
      await this.#wakeups.next();
      const heard = this.#takeWaiting();
      if (!(await this.#sendStored())) continue;
      for (const piece of heard) await this.#sendAll(this.#progress.live(piece, now()));
    }
    this.#writer.end();
  }

  close(): void {
    this.#stop.removeEventListener('abort', this.#wakeups.wake);
    this.#wakeups.close();
  }

  #isOver(): boolean {
    return this.#done || this.#writer.closed;
  }

  #hear(delta: TextDelta): void {
    this.#waitingCharacters += delta.delta.length;
    if (this.#waitingCharacters > MOST_WAITING_CHARACTERS) this.#writer.cut();
    else this.#waiting.push(delta);
    this.#wakeups.wake();
  }

  #takeWaiting(): TextDelta[] {
    const heard = this.#waiting;
    this.#waiting = [];
    this.#waitingCharacters = 0;
    return heard;
  }

  /** False when the database is away: the reader is kept and misses nothing, later text waits for its row. */
  async #sendStored(): Promise<boolean> {
    for (;;) {
      const page = await this.#readPage();
      if (page === undefined) return false;
      for (const event of page) await this.#sendStoredEvent(event);
      if (page.length < PAGE || this.#writer.closed) return true;
    }
  }

  async #sendStoredEvent(event: Event): Promise<void> {
    await this.#sendAll(this.#progress.stored(event));
    this.#last = Number(event.id);
    if (event.type === 'done') this.#done = true;
  }

  async #readPage(): Promise<Event[] | undefined> {
    const { engine, user, request } = this.#options;
    try {
      return await readEvents(engine, user, request, this.#last, PAGE);
    } catch (error) {
      if (error instanceof ProblemError && error.type === 'unavailable') return undefined;
      throw error;
    }
  }

  async #sendAll(events: readonly Event[]): Promise<void> {
    for (const event of events) await this.#writer.send(event);
  }
}

function now(): string {
  return new Date().toISOString();
}
