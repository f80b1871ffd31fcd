import type { EventBus, TextDelta } from '../../engine/event-feed.js';

/** Hints that something about a request may have changed: from the bus, or because a second has passed. */
export interface Wakeups {
  /** Resolves at the next hint, or at once when one came since the last call. */
  next(waitMs?: number): Promise<void>;
  wake(): void;
  close(): void;
}

const POLL_MS = 1_000;

interface Listening {
  readonly onDelta?: (delta: TextDelta) => void;
  /** Hints about anything but the status are not wanted. */
  readonly statusOnly?: boolean;
}

/** The bus may lose hints, so each wait also ends by itself. */
export function watchRequest(bus: EventBus, request: string, listen: Listening = {}): Wakeups {
  let hinted = false;
  let resolveWait: (() => void) | undefined;
  const wake = (): void => {
    hinted = true;
    resolveWait?.();
  };
  const unsubscribe = bus.subscribe(request, {
    onNotice: (notice) => {
      if (listen.statusOnly !== true || notice.status !== undefined) wake();
    },
    onDelta: (delta) => listen.onDelta?.(delta),
  });
  return {
    wake,
    close: unsubscribe,
    async next(waitMs = POLL_MS) {
      if (!hinted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(0, waitMs));
          resolveWait = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        resolveWait = undefined;
      }
      hinted = false;
    },
  };
}

export interface Waiting extends Pick<Listening, 'statusOnly'> {
  readonly bus: EventBus;
  readonly request: string;
  readonly limitMs: number;
  readonly abort: AbortSignal;
}

/** Asks again at every hint until there is an answer, or the time is over. */
export async function waitForChange<T>(waiting: Waiting, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const { abort } = waiting;
  const until = Date.now() + waiting.limitMs;
  const wakeups = watchRequest(waiting.bus, waiting.request, waiting);
  abort.addEventListener('abort', wakeups.wake);
  try {
    for (;;) {
      const answer = await ask();
      if (answer !== undefined || Date.now() >= until || abort.aborted) return answer;
      await wakeups.next(Math.min(POLL_MS, until - Date.now()));
    }
  } finally {
    abort.removeEventListener('abort', wakeups.wake);
    wakeups.close();
  }
}
