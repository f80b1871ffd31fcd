import { CancelledFailure } from '@temporalio/activity';

/** The work was stopped before it was done. Its message is written for the model. */
export class OutOfTime extends Error {}

/** Its own time was over, and nothing else stopped it. */
export class TimeOver extends OutOfTime {
  constructor(timeoutMs: number) {
    super(`The skill took longer than ${timeoutMs / 1000} s and was stopped.`);
  }
}

/**
 * Waits for the work until its time is over. Work that is told to stop may still come to its end, because what it has
 * done by then must be known; only a process that shuts down leaves it, to be run again.
 */
export async function withinTime<T>(
  timeoutMs: number,
  abortSignal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (abortSignal.aborted) throw new OutOfTime('The skill was stopped before it began.');
  // Not `AbortSignal.timeout`, which would keep everything around it in memory for good.
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new DOMException('The time is over.', 'TimeoutError')), timeoutMs);
  const listening = new AbortController();
  const once = { once: true, signal: listening.signal };
  const over = new Promise<never>((_, reject) => {
    const onShutdown = (): void => {
      if (isShutdown(abortSignal.reason)) reject(new OutOfTime('The skill was stopped by a shutdown.'));
    };
    timeout.signal.addEventListener('abort', () => reject(new TimeOver(timeoutMs)), once);
    abortSignal.addEventListener('abort', onShutdown, once);
  });
  try {
    return await Promise.race([work(AbortSignal.any([abortSignal, timeout.signal])), over]);
  } finally {
    clearTimeout(timer);
    listening.abort();
  }
}

function isShutdown(reason: unknown): boolean {
  return reason instanceof CancelledFailure && reason.message === 'WORKER_SHUTDOWN';
}
