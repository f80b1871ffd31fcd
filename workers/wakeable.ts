/** A pause between rounds of work that a hint may cut short; hints that come while work is done are not lost. */
export function wakeable(stop: AbortSignal): { readonly wake: () => void; next(ms: number): Promise<void> } {
  let hinted = false;
  let resume: (() => void) | undefined;
  const wake = (): void => {
    hinted = true;
    resume?.();
  };
  stop.addEventListener('abort', wake);
  return {
    wake,
    async next(ms) {
      if (!hinted && !stop.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
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
