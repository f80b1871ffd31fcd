import { CancelledFailure } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { ProblemError } from '../contracts/problem.js';
import { MoneyHeld } from '../engine/reservations.js';

/**
 * What may leave an activity as an error: a code and nothing else, since failures are written to the history.
 * The store being away is tried again every second, money that other steps hold about as often; everything else by the activity's retry policy.
 */
export function toFailure(error: unknown): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof MoneyHeld) return retryIn('MoneyHeld', 500 + Math.round(Math.random() * 500));
  if (error instanceof ProblemError && error.type === 'unavailable') return retryIn('StoreAway', 1_000);
  if (error instanceof ProblemError && error.type === 'not-found') return bare('Gone', true);
  return bare('Unexpected', false);
}

/** A failure to be tried again after the given time. */
export function retryIn(code: string, delayMs: number): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: code,
    type: code,
    nonRetryable: false,
    nextRetryDelay: delayMs,
  });
  failure.stack = '';
  return failure;
}

function bare(code: string, nonRetryable: boolean): ApplicationFailure {
  const failure = ApplicationFailure.create({ message: code, type: code, nonRetryable });
  failure.stack = '';
  return failure;
}
