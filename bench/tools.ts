import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cliCacheDir, findTemporalCli } from '../workers/dev-server/find-temporal-cli.js';
import { type DevServer, startDevServer } from '../workers/dev-server/start-dev-server.js';

/** Starts one of the compiled files beside this one as a process and gives back the first line of JSON it prints. */
export async function spawnScript<T>(
  file: string,
  args: readonly string[] = [],
): Promise<{ child: ChildProcess; hello: T }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) return { child, hello: JSON.parse(line) as T };
  }
  throw new Error(`${file} ended before it said where it is`);
}

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

export async function startModel(latencyMs: number): Promise<{ url: string; close(): Promise<void> }> {
  const { child, hello } = await spawnScript<{ port: number }>('./fake-model.js', [String(latencyMs)]);
  return { url: `http://127.0.0.1:${hello.port}`, close: () => endProcess(child) };
}

/** The dev server as the product starts it, on a folder of its own. */
export async function startTemporal(): Promise<DevServer & { home: string; clean(): Promise<void> }> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-temporal-'));
  const cliPath = await findTemporalCli({
    cacheDir: cliCacheDir(process.env, homedir()),
    environment: process.env,
    log: console.error,
  });
  const server = await startDevServer({ home, cliPath, log: () => undefined, environment: process.env });
  return {
    ...server,
    home,
    async clean() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Milliseconds `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));
