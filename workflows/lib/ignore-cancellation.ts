import { isCancellation } from '@temporalio/workflow';

/** What was cancelled has been dealt with; everything else is thrown on. */
export function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
