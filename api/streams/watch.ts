import type { FastifyBaseLogger } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import { createWait, type Wait } from '../../engine/wait.js';

const POLL_MS = 1_000;
const MOST_ASKED = 2_000;

/** One reader's ear for what happens to a request or a space. */
export interface Wakeups extends Wait {
  readonly close: () => void;
}

interface WatchSource {
  /** What is watched, for the log. */
  readonly name: string;
  /** Number of the newest event of each of these ids; an id that is gone is left out. */
  readonly newest: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
}

interface Watched {
  /** Newest event known to have been told; undefined until the first look. */
  newest: number | undefined;
  readonly wakers: Set<() => void>;
}

/**
 * Tells readers that something they read may have changed. Hints come from the bus, which may lose them, so one look a
 * second at everything that is read makes good for every reader of this process at once.
 */
export class Watch {
  readonly #source: WatchSource;
  readonly #log: FastifyBaseLogger;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(source: WatchSource, log: FastifyBaseLogger) {
    this.#source = source;
    this.#log = log;
  }

  /** `hear` connects the reader to the hints of the bus and returns how to disconnect it. */
  listen(id: string, hear: (wake: () => void) => () => void): Wakeups {
    const { next, wake } = createWait();
    const unhear = hear(wake);
    this.#add(id, wake);
    const close = (): void => {
      unhear();
      this.#remove(id, wake);
    };
    return { next, wake, close };
  }

  #add(id: string, wake: () => void): void {
    const watched = this.#watched.get(id) ?? { newest: undefined, wakers: new Set() };
    watched.wakers.add(wake);
    this.#watched.set(id, watched);
    this.#timer ??= setInterval(() => void this.#look(), POLL_MS);
  }

  #remove(id: string, wake: () => void): void {
    const watched = this.#watched.get(id);
    watched?.wakers.delete(wake);
    if (watched?.wakers.size === 0) this.#watched.delete(id);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const ids = [...this.#watched.keys()];
      for (let start = 0; start < ids.length; start += MOST_ASKED) {
        const asked = ids.slice(start, start + MOST_ASKED);
        const newest = await this.#source.newest(asked);
        for (const id of asked) this.#found(id, newest.get(id) ?? GONE);
      }
    } catch (error) {
      if (!(error instanceof ProblemError && error.type === 'unavailable'))
        this.#log.error({ err: error }, `the ${this.#source.name} that are read could not be looked at`);
    } finally {
      this.#looking = false;
    }
  }

  #found(id: string, newest: number): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || watched.newest === newest) return;
    watched.newest = newest;
    for (const wake of watched.wakers) wake();
  }
}

/** Stands for the newest event of what is not there any more: its readers wake once and find that out. */
const GONE = -1;
