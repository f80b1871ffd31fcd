import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { endProcess, findProcesses, type ProcessInfo } from '../../workers/dev-server/process-info.js';
import { databaseMark } from '../../workers/dev-server/server-command.js';
import { createApiClient, type ApiClient } from './api-client.js';
import { copyDatabase } from './store.js';

/** The token every process gets unless the test says otherwise. */
export const TEST_TOKEN = 'test-token-of-the-owner';

/** The built product; another build may be put to the test. */
export const DIST = process.env.RETINUE_TEST_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
// Starts take seconds, and several times that on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const READY = /Retinue .*is ready (?:at|on) /;
const READY_MS = 60_000;
const STOP_MS = 20_000;

export type Entry = 'start' | 'start-api' | 'start-worker';

export interface ProductOptions {
  readonly home: string;
  readonly entry?: Entry;
  /** A script that runs instead of an entry point. */
  readonly script?: string;
  /** Default is a free one. */
  readonly port?: number;
  /** Beside PATH, HOME and what the helper sets; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A module that is loaded before the product. */
  readonly preload?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the product, in a process group of its own. */
export interface Product {
  readonly pid: number;
  readonly home: string;
  readonly port: number;
  readonly api: ApiClient;
  readonly exit: Promise<Exit>;
  /** Everything it printed, both streams. */
  output(): string;
  /** Waits until it has printed something like this; fails when it ends before. */
  printed(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
  /** As a shell's `kill` does, or with `group` as a terminal's Ctrl-C. */
  signal(name: NodeJS.Signals, to?: 'parent' | 'group'): void;
  /** Ends it by SIGKILL; its Temporal server lives on. */
  kill(): Promise<void>;
  /** Ends it and its Temporal server by SIGKILL. */
  killAll(): Promise<void>;
  /** Waits for its end; fails when that takes too long. */
  ended(limitMs?: number): Promise<Exit>;
  /** SIGINT and the end. */
  stop(): Promise<Exit>;
}

const running = new Set<{ child: ChildProcess; exit: Promise<Exit> }>();
const homes = new Set<string>();

/** A folder for a home, made new or as a copy of one that nobody uses; removed by `removeHomes`. */
export function newHome(template?: string): string {
  const home = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'retinue-home-'))), 'home');
  homes.add(home);
  if (template === undefined) mkdirSync(home);
  else cpSync(template, home, { recursive: true });
  // Copies that start side by side must not fight for the same ports.
  rmSync(path.join(home, 'temporal', 'server.json'), { force: true });
  return home;
}

/** A home that was used once and stopped cleanly: starting on a copy of it saves the making of the database. */
export async function prepareHome(): Promise<string> {
  const home = newHome();
  await copyDatabase(path.join(home, 'database'));
  const product = await startProduct({ home });
  const { code } = await product.stop();
  if (code !== 0) throw new Error(`the template did not end cleanly:\n${product.output()}`);
  return product.home;
}

/** Starts a process and waits until it says that it is ready. */
export async function startProduct(options: ProductOptions): Promise<Product> {
  const product = await spawnProduct(options);
  await product.printed(READY, READY_MS);
  return product;
}

/** Starts a process and does not wait for it. */
export async function spawnProduct(options: ProductOptions): Promise<Product> {
  const { home } = options;
  const port = options.port ?? (await freePort());
  const token = options.env && 'RETINUE_TOKEN' in options.env ? options.env['RETINUE_TOKEN'] : TEST_TOKEN;
  const child = spawn(
    process.execPath,
    [options.script ?? path.join(DIST, 'workers', `${options.entry ?? 'start'}.js`)],
    {
      cwd: home,
      env: environmentOf(options, port, token),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  homes.add(home);
  const exit = exitOf(child);
  const tracked = { child, exit };
  running.add(tracked);
  void exit.finally(() => running.delete(tracked));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const pid = child.pid ?? 0;
  const ended = (limitMs = STOP_MS): Promise<Exit> =>
    within(exit, limitMs, () => `the process did not end within ${limitMs} ms:\n${output}`);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended();
  };
  return {
    pid,
    home,
    port,
    api: createApiClient(
      `http://127.0.0.1:${port}`,
      token ?? (() => readFileSync(path.join(home, 'token'), 'utf8').trim()),
    ),
    exit,
    output: () => output,
    printed: (pattern, limitMs = 30_000) => printed(pattern, limitMs, () => output, child),
    signal: (name, to = 'parent') => process.kill(to === 'group' ? -pid : pid, name),
    kill,
    killAll: async () => {
      const servers = await temporalServers(home);
      child.kill('SIGKILL');
      for (const server of servers) killNow(server.pid);
      await ended();
      for (const server of servers) await endProcess(server, 0);
    },
    ended,
    stop: () => {
      process.kill(pid, 'SIGINT');
      return ended();
    },
  };
}

function environmentOf(options: ProductOptions, port: number, token: string | undefined): Record<string, string> {
  const { home, preload } = options;
  const all: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: String(port),
    RETINUE_HOME: home,
    NODE_OPTIONS: preload === undefined ? undefined : `--import=${preload}`,
    ...options.env,
    RETINUE_TOKEN: token,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not `exit`: what it printed last shall have arrived.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

async function printed(
  pattern: RegExp,
  limitMs: number,
  output: () => string,
  child: ChildProcess,
): Promise<RegExpExecArray> {
  const until = Date.now() + limitMs;
  for (;;) {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    const found = pattern.exec(output());
    if (found !== null) return found;
    if (isOver)
      throw new Error(
        `the process ended (${child.exitCode ?? child.signalCode}) and did not print ${pattern}:\n${output()}`,
      );
    if (Date.now() > until) throw new Error(`the process did not print ${pattern} within ${limitMs} ms:\n${output()}`);
    await delay(20);
  }
}

/** The Temporal servers that run on this home, whoever started them. */
export async function temporalServers(home: string): Promise<ProcessInfo[]> {
  return existsSync(home) ? findProcesses(databaseMark(path.join(realpathSync(home), 'temporal', 'temporal.db'))) : [];
}

/** Everything that runs for a home: processes of the product and Temporal servers name it in their environment or command. */
export async function leftOvers(product: Product): Promise<string[]> {
  const servers = await temporalServers(product.home);
  return [
    ...(isAlive(product.pid) ? [`the process ${product.pid}`] : []),
    ...servers.map(({ commandLine }) => commandLine),
  ];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends every process that was started here, by its id; for `afterEach`. */
export async function endEverything(): Promise<void> {
  for (const { child, exit } of [...running]) {
    child.kill('SIGKILL');
    await exit;
  }
  for (const home of homes) for (const server of await temporalServers(home)) await endProcess(server, 0);
}

/** For `afterAll`. */
export async function removeHomes(): Promise<void> {
  await endEverything();
  for (const home of homes) rmSync(path.dirname(home), { recursive: true, force: true });
  homes.clear();
}

/** The last resort, when the test's process ends without its hooks. */
process.once('exit', () => {
  for (const { child } of running) child.kill('SIGKILL');
  for (const home of homes) {
    killRememberedServer(home);
    rmSync(path.dirname(home), { recursive: true, force: true });
  }
});

function killRememberedServer(home: string): void {
  const state = path.join(home, 'temporal', 'server.json');
  if (!existsSync(state)) return;
  const { pid } = JSON.parse(readFileSync(state, 'utf8')) as { pid: number };
  const commandLine = `/proc/${pid}/cmdline`;
  if (existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes(home)) killNow(pid);
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Asks until the answer is something else than undefined or false; fails with what `describe` says after the limit. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false>,
  limitMs: number,
  describe: () => unknown,
): Promise<T> {
  const until = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > until)
      throw new Error(`it did not get there within ${limitMs} ms: ${JSON.stringify(describe(), null, 1)}`);
    await delay(50);
  }
}

async function within<T>(work: Promise<T>, limitMs: number, complaint: () => string): Promise<T> {
  const over = new AbortController();
  const late = delay(limitMs, undefined, { signal: over.signal }).then(
    () => {
      throw new Error(complaint());
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
