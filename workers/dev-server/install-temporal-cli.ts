import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withFileLock } from '../../connectors/local/file-lock.js';
import type { Environment } from './environment.js';

/** The newest version `go install` accepts (later ones have a `replace` directive); it holds server 1.29 and the web UI. */
const PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const PROGRESS_MS = 5_000;
const LIMIT_MS = 20 * 60_000;
const REMEDY =
  'Install Go 1.23 or newer (https://go.dev/dl) and start again, or put the Temporal CLI `temporal` on PATH, ' +
  'or set TEMPORAL_ADDRESS to a Temporal server that already runs.';

export interface InstallCliOptions {
  /** Where the binary goes; its folder is made. */
  readonly target: string;
  readonly environment: Environment;
  readonly log: (line: string) => void;
  readonly isUsable: (path: string) => Promise<boolean>;
}

/**
 * Builds the Temporal CLI with the Go tool chain and moves it to `target` in one step. Of several starts at once one builds,
 * the others wait for it. Throws an error that says what to do when Go is missing or the build fails.
 */
export async function installTemporalCli(options: InstallCliOptions): Promise<string> {
  const folder = dirname(options.target);
  await mkdir(folder, { recursive: true });
  const onWait = every(PROGRESS_MS, () => options.log('another start is installing the Temporal CLI; waiting for it'));
  return withFileLock(join(folder, '.install.lock'), { waitMs: LIMIT_MS, onWait }, async () => {
    if (!(await options.isUsable(options.target))) await build(options, folder);
    return options.target;
  });
}

async function build(options: InstallCliOptions, folder: string): Promise<void> {
  await requireGo(options.environment);
  const workshop = await mkdtemp(join(folder, '.build-'));
  try {
    await goInstall(options, workshop);
    const built = join(workshop, basename(options.target));
    if (!(await options.isUsable(built)))
      throw new Error(`The Temporal CLI was built but does not answer --version. ${REMEDY}`);
    await rename(built, options.target);
    options.log(`the Temporal CLI is installed: ${options.target}`);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

async function requireGo(environment: Environment): Promise<void> {
  const { code, output } = await runGo(['version'], environment).catch((error: unknown) => {
    throw new Error(`The Temporal CLI was not found, and Go, which could build it, is missing. ${REMEDY}`, {
      cause: error,
    });
  });
  if (code !== 0)
    throw new Error(`The Temporal CLI was not found, and Go, which could build it, does not work: ${output} ${REMEDY}`);
}

async function goInstall(options: InstallCliOptions, gobin: string): Promise<void> {
  const start = Date.now();
  options.log('the Temporal CLI was not found; building it once with `go install` (a few minutes)');
  const progress = setInterval(() => {
    options.log(`building the Temporal CLI: ${Math.round((Date.now() - start) / 1000)} s`);
  }, PROGRESS_MS);
  try {
    const { code, output } = await runGo(['install', PACKAGE], { ...options.environment, GOBIN: gobin });
    if (code !== 0) throw new Error(`go install ${PACKAGE} failed:\n${output}\n${REMEDY}`);
  } finally {
    clearInterval(progress);
  }
}

/** Rejects only when Go cannot be started at all; `output` is the end of what it printed. */
function runGo(args: readonly string[], environment: Environment): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('go', args, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let output = '';
    const keepEnd = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-2000);
    };
    child.stdout?.on('data', keepEnd);
    child.stderr?.on('data', keepEnd);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}

/** Lets one call in `milliseconds` through. */
function every(milliseconds: number, call: () => void): () => void {
  let last = 0;
  return () => {
    if (Date.now() - last < milliseconds) return;
    last = Date.now();
    call();
  };
}
