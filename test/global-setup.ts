import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { cliCacheDir, findTemporalCli } from '../workers/dev-server/find-temporal-cli.js';
import { startDevServer } from '../workers/dev-server/start-dev-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of the run's one Temporal dev server. */
    temporalAddress: string;
    temporalCli: string;
  }
}

/** One real dev server for the whole run, tuned as the product tunes its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-test-'));
  const say = (line: string): void => console.error(`[temporal] ${line}`);
  const cliPath = await findTemporalCli({
    cacheDir: cliCacheDir(process.env, homedir()),
    environment: process.env,
    log: say,
  });
  const server = await startDevServer({ home, cliPath, log: say, environment: process.env });
  project.provide('temporalAddress', server.address);
  project.provide('temporalCli', cliPath);
  return async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
