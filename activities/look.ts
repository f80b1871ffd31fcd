import type { LookInput } from '../contracts/step.js';
import type { ActivityDeps } from './deps.js';

/** Looks once at what a trigger watches, and makes a request of what it finds. */
export async function look(_deps: ActivityDeps, _input: LookInput, _abortSignal: AbortSignal): Promise<void> {
  return Promise.resolve();
}
