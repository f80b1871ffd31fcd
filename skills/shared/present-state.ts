import { ProblemError } from '../../contracts/problem.js';

/**
 * Runs `change`, which reads an atom and writes it with the version it read, once more where somebody wrote in between:
 * whoever was refused for an old version holds the atom, so that nobody writes it before this transaction ends.
 */
export async function onPresentState<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'stale') return change();
    throw error;
  }
}
