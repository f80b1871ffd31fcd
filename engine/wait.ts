/** A pause that a hint cuts short; a hint that comes before it begins is not lost. */
export interface Wait {
  /** Resolves at the next hint, or at once when one came since the last call, or when the time is over. */
  readonly next: (waitMs?: number) => Promise<void>;
  readonly wake: () => void;
}

export function createWait(): Wait {
  let hinted = false;
  let resume: (() => void) | undefined;
  return {
    wake: () => {
      hinted = true;
      resume?.();
    },
    async next(waitMs) {
      if (!hinted)
        await new Promise<void>((resolve) => {
          const timer = waitMs === undefined ? undefined : setTimeout(resolve, Math.max(0, waitMs));
          resume = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      resume = undefined;
      hinted = false;
    },
  };
}
