import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import pino from 'pino';
import { cliCacheDir } from '../../workers/dev-server/find-temporal-cli.js';
import { installTemporalRuntime } from '../../workers/worker.js';

const LAUNCHER = path.join(cliCacheDir(process.env, homedir()), '..', 'time-skipping-server-1.32.0', 'run');

/** What has to be there for it, for `needs`. */
export const TIME_SKIPPING_NEEDS = 'Java, and its test server: node scripts/time-skipping-server.mjs';

/** A Temporal server on whose clock days pass at once, when told to. */
export interface TimeSkipping {
  readonly environment: TestWorkflowEnvironment;
  /** host:port. */
  readonly address: string;
  close(): Promise<void>;
}

export function hasTimeSkipping(): boolean {
  if (!existsSync(LAUNCHER)) return false;
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** It is given five seconds each time, which on a busy machine are few for Java. */
const MOST_STARTS = 8;

export async function startTimeSkipping(): Promise<TimeSkipping> {
  installTemporalRuntime(pino({ level: 'silent' }));
  const environment = await startEnvironment(MOST_STARTS);
  return { environment, address: environment.address, close: () => environment.teardown() };
}

async function startEnvironment(left: number): Promise<TestWorkflowEnvironment> {
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: LAUNCHER } },
    });
  } catch (error) {
    if (left <= 1) throw error;
    return startEnvironment(left - 1);
  }
}
