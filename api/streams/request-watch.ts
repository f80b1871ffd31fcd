import type { FastifyBaseLogger } from 'fastify';
import type { Engine } from '../../engine/deps.js';
import { type EventBus, newestEvents, type TextDelta } from '../../engine/event-feed.js';
import { Watch, type Wakeups } from './watch.js';

interface Listening {
  readonly onDelta?: (delta: TextDelta) => void;
  /** Hints about anything but the status are not wanted. */
  readonly statusOnly?: boolean;
}

/** Tells readers that something about a request may have changed. */
export class RequestWatch {
  readonly #bus: EventBus;
  readonly #watch: Watch;

  constructor(engine: Engine, bus: EventBus, log: FastifyBaseLogger) {
    this.#bus = bus;
    this.#watch = new Watch({ name: 'requests', newest: (ids) => newestEvents(engine, ids) }, log);
  }

  listen(request: string, listening: Listening = {}): Wakeups {
    return this.#watch.listen(request, (wake) =>
      this.#bus.subscribe(request, {
        onNotice: (notice) => {
          if (listening.statusOnly !== true || notice.status !== undefined) wake();
        },
        onDelta: (delta) => listening.onDelta?.(delta),
      }),
    );
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
}
