/** Runs `work` after everything given earlier for the same key has ended, however it ended. */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Queues within this process, one a key; an empty one takes no memory. */
export function createQueues(): InTurn {
  const tails = new Map<string, Promise<void>>();
  return async (key, work) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(work);
    // The next in turn does not care how this one ended; its caller gets `result`.
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (tails.get(key) === tail) tails.delete(key);
    }
  };
}
