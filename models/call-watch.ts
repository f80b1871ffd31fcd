import { ModelError } from '../contracts/model.js';

/** How long a call may take in all, and how long it may be silent. Milliseconds. */
export interface CallLimits {
  readonly idleTimeoutMs: number;
  readonly timeoutMs: number;
}

/** Ends one model call from outside: on the caller's abort, on silence, or when its time is up. */
export interface CallWatch {
  /** Fires whenever the call must end; give it to whatever holds the connection. */
  readonly abortSignal: AbortSignal;
  /** Rejects with the `ModelError` that says why; never resolves. */
  readonly ended: Promise<never>;
  /** Tells that something arrived. */
  touch(): void;
  /** The answer is complete: from now on neither time nor the caller ends the call. */
  stopWatching(): void;
  /** Must be called once the call is over; closes the connection if it is still open. */
  close(): void;
}

/** Starts watching at once; an `abortSignal` that has fired already ends the call before it begins. */
export function watchCall(abortSignal: AbortSignal, limits: CallLimits): CallWatch {
  const controller = new AbortController();
  const { promise, reject } = deferred();
  const end = (error: ModelError): void => {
    reject(error);
    controller.abort(error);
  };
  const onAbort = (): void =>
    end(new ModelError('aborted', 'The model call was stopped.', { cause: abortSignal.reason }));
  const total = setTimeout(() => end(tooLong(limits.timeoutMs)), limits.timeoutMs);
  const idle = setTimeout(() => end(tooQuiet(limits.idleTimeoutMs)), limits.idleTimeoutMs);
  if (abortSignal.aborted) onAbort();
  else abortSignal.addEventListener('abort', onAbort, { once: true });
  const stopWatching = (): void => {
    clearTimeout(total);
    clearTimeout(idle);
    abortSignal.removeEventListener('abort', onAbort);
  };
  return {
    abortSignal: controller.signal,
    ended: promise,
    touch: () => void idle.refresh(),
    stopWatching,
    close: () => {
      stopWatching();
      controller.abort();
    },
  };
}

function deferred(): { promise: Promise<never>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  // A rejection that comes when nobody waits any more is not an unhandled one.
  void Promise.allSettled([promise]);
  return { promise, reject };
}

function tooLong(timeoutMs: number): ModelError {
  return new ModelError('timeout', `The model did not finish within ${seconds(timeoutMs)}; it is worth trying again.`);
}

function tooQuiet(idleTimeoutMs: number): ModelError {
  return new ModelError('timeout', `The model sent nothing for ${seconds(idleTimeoutMs)}; it is worth trying again.`);
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}
