/** How an attempt to act outside can fail; what follows is decided by the ledger alone. Free of zod. */

/**
 * `refused`: nothing happened and trying again may help. `rejected`: nothing happened and never will.
 * `stale`: nothing happened, because what was approved no longer fits the world. `ambiguous`: it may have happened.
 */
export type SendFailure = 'refused' | 'rejected' | 'stale' | 'ambiguous';

/** Thrown by connectors and skills while they act outside. Its message is shown to the user and to the model. */
export class SendError extends Error {
  readonly failure: SendFailure;
  /** Milliseconds the provider asked to wait before the next attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: SendFailure,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SendError';
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An attempt that was about to send, as the journal beside the embedded database knows it. */
export interface JournalEntry {
  readonly key: string;
  readonly fence: number;
  /** RFC 3339. */
  readonly at: string;
}
