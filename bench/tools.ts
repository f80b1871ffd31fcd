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

/** The least, which other work on the machine hardly changes, the usual percentiles, and whether the last is within the goal. */
export function figures(values: readonly number[], goalMs?: number): string {
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(values, share));
  const text = `least ${round(Math.min(...values))} ms, p50 ${round(p50 ?? Number.NaN)} ms, p90 ${round(p90 ?? Number.NaN)} ms, p99 ${round(p99 ?? Number.NaN)} ms`;
  if (goalMs === undefined) return text;
  return `${text} (goal: p99 under ${goalMs} ms, ${(p99 ?? Number.NaN) < goalMs ? 'met' : 'missed'}; ${values.length} samples)`;
}

/** Milliseconds on the machine's own clock, which all its processes share. */
export const clock = (): number => Number(process.hrtime.bigint()) / 1e6;
