import { ProblemError } from '../contracts/problem.js';
import type { CallInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import { type BegunCall, finishCall, type PendingOutcome } from '../engine/calls.js';
import type { ActivityDeps } from './deps.js';
import { retryIn } from './failure.js';
import { OutOfTime, TimeOver } from './within-time.js';

/** Attempts of one call before its failure is handed to the model. */
export const MOST_ATTEMPTS = 4;

/** A skill's refusal, carried out of a transaction that must leave nothing behind. */
export class SkillRefusal extends Error {}

/** A problem in words for the model, with the wrong fields. */
export function explained(error: ProblemError): string {
  return wellFormed([error.message, ...error.errors.map((field) => `${field.path}: ${field.message}`)].join('\n'));
}

/** A service whose calls may take longer than this may have done, and billed, what nobody waited for. */
const LONG_MS = 60_000;

/**
 * A refusal is the model's to handle at once, and so is a long skill that ran out of time; anything else is tried again a
 * few times first, not before the service wants to be asked again.
 */
export function retryOrExplain(deps: ActivityDeps, begun: BegunCall, error: unknown): string {
  if (error instanceof SkillRefusal) return error.message;
  if (error instanceof ProblemError && error.type !== 'unavailable') return explained(error);
  deps.log.warn({ err: error, skill: begun.call.skill, call: begun.call.id }, 'a skill failed');
  if (begun.call.attempts < MOST_ATTEMPTS && !(begun.call.timeout_ms > LONG_MS && error instanceof TimeOver)) {
    const wanted = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
    throw retryIn('SkillFailed', Math.max(wanted, 200 * 2 ** begun.call.attempts));
  }
  // What a service could not do for now is told in its own words: they say what a person can mend.
  if (error instanceof ProblemError) return explained(error);
  return error instanceof OutOfTime
    ? error.message
    : `${begun.call.skill} failed ${begun.call.attempts} times. Go on without it and tell the user.`;
}

/** What cannot be stored however often it is tried becomes an error that the model is told of. */
export async function storeOutcome(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  outcome: PendingOutcome,
): Promise<void> {
  try {
    await finishCall(deps.engine, input, outcome);
  } catch (error) {
    if (error instanceof SkillRefusal) return finishCall(deps.engine, input, { error: error.message });
    if (error instanceof ProblemError || begun.call.attempts < MOST_ATTEMPTS) throw error;
    deps.log.error({ err: error, skill: begun.call.skill, call: begun.call.id }, 'a result cannot be stored');
    const message = `${begun.call.skill} ran, but its result could not be stored. Go on without it and tell the user.`;
    await finishCall(deps.engine, input, { error: message });
  }
}
