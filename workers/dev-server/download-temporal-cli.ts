const PATIENCE_MS = 180_000;

/** Lets the SDK fetch its own Temporal CLI to the system's temporary folder, by starting a server from it for a moment. */
export async function downloadTemporalCli(): Promise<void> {
  // Hardly ever needed, and slow to load.
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const tooLong = new Promise<never>((_, reject) => {
    patience.addEventListener('abort', () => reject(new Error('the download took longer than three minutes')), {
      once: true,
    });
  });
  const environment = await Promise.race([TestWorkflowEnvironment.createLocal(), tooLong]);
  await environment.teardown();
}
