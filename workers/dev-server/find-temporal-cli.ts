import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../connectors/local/system-error.js';
import { type Environment, essentialEnvironment } from './environment.js';
import { installTemporalCli } from './install-temporal-cli.js';

const run = promisify(execFile);
const EXECUTABLE = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

export interface FindCliOptions {
  /** Folder for the one binary that is kept between installations; see `cliCacheDir`. */
  readonly cacheDir: string;
  /** `PATH` is searched; the rest is what the Go tool chain needs (`HOME`, `GOPROXY`, …). */
  readonly environment: Environment;
  /** Gets one plain line at a time: what was found, or how the installation goes. */
  readonly log: (line: string) => void;
  /** Where the SDK keeps its own download; default the system's temporary folder. */
  readonly tmpDir?: string;
  /** Fetches the SDK's own download to that place; may fail. Without it nothing is downloaded. */
  readonly download?: () => Promise<void>;
}

/** The user's cache folder for the CLI: `$XDG_CACHE_HOME/retinue/bin`, else `~/.cache/retinue/bin`. */
export function cliCacheDir(environment: Environment, home: string): string {
  const base = environment['XDG_CACHE_HOME'];
  // The specification tells to ignore a relative path.
  return join(base !== undefined && isAbsolute(base) ? base : join(home, '.cache'), 'retinue', 'bin');
}

/**
 * Path of a Temporal CLI that answers `--version`: from PATH, the cache folder, the SDK's own download (made now if it can
 * be), or else built by `go install` into the cache folder (minutes, once). Throws an error that says what to do when none of it works.
 */
export async function findTemporalCli(options: FindCliOptions): Promise<string> {
  const found = await firstUsable(options, await candidates(options));
  if (found !== undefined) return found;
  const downloaded = options.download === undefined ? undefined : await downloadedNow(options, options.download);
  if (downloaded !== undefined) return downloaded;
  return installTemporalCli({
    ...options,
    target: join(options.cacheDir, EXECUTABLE),
    isUsable: async (path) => (await isExecutable(path)) && (await answersVersion(path, options.environment)),
  });
}

async function firstUsable(options: FindCliOptions, paths: readonly string[]): Promise<string | undefined> {
  for (const candidate of paths) {
    if (!(await isExecutable(candidate))) continue;
    if (await answersVersion(candidate, options.environment)) return candidate;
    options.log(`${candidate} does not answer --version like the Temporal CLI; looking further`);
  }
  return undefined;
}

async function downloadedNow(options: FindCliOptions, download: () => Promise<void>): Promise<string | undefined> {
  options.log('downloading the Temporal CLI, once');
  try {
    await download();
  } catch {
    options.log('it could not be downloaded; building it instead');
    return undefined;
  }
  return firstUsable(options, await sdkDownloads(options.tmpDir ?? tmpdir()));
}

async function candidates(options: FindCliOptions): Promise<string[]> {
  const folders = (options.environment['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return [
    ...folders.map((folder) => join(folder, EXECUTABLE)),
    join(options.cacheDir, EXECUTABLE),
    ...(await sdkDownloads(options.tmpDir ?? tmpdir())),
  ];
}

/** The SDK names its download `temporal-sdk-typescript-<version>`; the newest version first. */
async function sdkDownloads(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const newestFirst = new Intl.Collator('en', { numeric: true });
  return names
    .filter((name) => /^temporal-sdk-typescript-\d+\.\d+\.\d+(\.exe)?$/.test(name))
    .sort((a, b) => newestFirst.compare(b, a))
    .map((name) => join(folder, name));
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** False when the program is something else, is broken or hangs for 20 s. */
async function answersVersion(path: string, environment: Environment): Promise<boolean> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 20_000, env: essentialEnvironment(environment) });
    return /^temporal version .+/m.test(stdout);
  } catch {
    return false;
  }
}
