import type { FastifyBaseLogger } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import type { Engine } from '../../engine/deps.js';
import { type EventBus, newestEvents, type TextDelta } from '../../engine/event-feed.js';

const POLL_MS = 1_000;
const MOST_ASKED = 2_000;

export interface Listening {
  readonly onDelta?: (delta: TextDelta) => void;
  /** Hints about anything but the status are not wanted. */
  readonly statusOnly?: boolean;
}

/** One reader's ear for what happens to a request. */
export interface Wakeups {
  /** Resolves at the next hint, or at once when one came since the last call, or when the time is over. */
  next(waitMs?: number): Promise<void>;
  readonly wake: () => void;
  readonly close: () => void;
}

interface Watched {
  /** Newest event known to have been told; undefined until the first look. */
  newest: number | undefined;
  readonly wakers: Set<() => void>;
}

/**
 * Tells readers that something about a request may have changed. Hints come from the bus, which may lose them, so one
 * look a second at all requests that are read makes good for every reader of this process at once.
 */
export class RequestWatch {
  readonly #engine: Engine;
  readonly #bus: EventBus;
  readonly #log: FastifyBaseLogger;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(engine: Engine, bus: EventBus, log: FastifyBaseLogger) {
    this.#engine = engine;
    this.#bus = bus;
    this.#log = log;
  }

  listen(request: string, listening: Listening = {}): Wakeups {
    const { next, wake } = createWait();
    const unsubscribe = this.#bus.subscribe(request, {
      onNotice: (notice) => {
        if (listening.statusOnly !== true || notice.status !== undefined) wake();
      },
      onDelta: (delta) => listening.onDelta?.(delta),
    });
    this.#add(request, wake);
    const close = (): void => {
      unsubscribe();
      this.#remove(request, wake);
    };
    return { next, wake, close };
  }

  /** Asks again at every hint until there is an answer, the time is over, or the signal fires. */
  async waitFor<T>(
    waiting: { request: string; limitMs: number; abort: AbortSignal; statusOnly?: boolean },
    ask: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { abort } = waiting;
    const until = Date.now() + waiting.limitMs;
    const wakeups = this.listen(waiting.request, waiting);
    abort.addEventListener('abort', wakeups.wake);
    try {
      for (;;) {
        const answer = await ask();
        if (answer !== undefined || Date.now() >= until || abort.aborted) return answer;
        await wakeups.next(until - Date.now());
      }
    } finally {
      abort.removeEventListener('abort', wakeups.wake);
      wakeups.close();
    }
  }

  #add(request: string, wake: () => void): void {
    const watched = this.#watched.get(request) ?? { newest: undefined, wakers: new Set() };
    watched.wakers.add(wake);
    this.#watched.set(request, watched);
    this.#timer ??= setInterval(() => void this.#look(), POLL_MS);
  }

  #remove(request: string, wake: () => void): void {
    const watched = this.#watched.get(request);
    watched?.wakers.delete(wake);
    if (watched?.wakers.size === 0) this.#watched.delete(request);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const requests = [...this.#watched.keys()];
      for (let start = 0; start < requests.length; start += MOST_ASKED) {
        for (const [request, seq] of await newestEvents(this.#engine, requests.slice(start, start + MOST_ASKED)))
          this.#found(request, seq);
      }
    } catch (error) {
      if (!(error instanceof ProblemError && error.type === 'unavailable'))
        this.#log.error({ err: error }, 'running requests could not be looked at');
    } finally {
      this.#looking = false;
    }
  }

  #found(request: string, newest: number): void {
    const watched = this.#watched.get(request);
    if (watched === undefined || watched.newest === newest) return;
    watched.newest = newest;
    for (const wake of watched.wakers) wake();
  }
}

function createWait(): Pick<Wakeups, 'next' | 'wake'> {
  let hinted = false;
  let resolveWait: (() => void) | undefined;
  return {
    wake: () => {
      hinted = true;
      resolveWait?.();
    },
    async next(waitMs) {
      if (!hinted)
        await new Promise<void>((resolve) => {
          const timer = waitMs === undefined ? undefined : setTimeout(resolve, Math.max(0, waitMs));
          resolveWait = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      resolveWait = undefined;
      hinted = false;
    },
  };
}
