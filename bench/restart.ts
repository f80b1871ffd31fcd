import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcesses } from '../workers/dev-server/process-info.js';
import { endProcess, round } from './tools.js';

const ENTRY = fileURLToPath(new URL('../workers/start.js', import.meta.url));
const REST_MS = 10_000;

/** The built product as a user starts it: the second start of a set-up home until it is ready, and its memory at rest. */
export async function measureStart(): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  try {
    const first = await startOnce(home);
    await endProcess(first.child, 'SIGINT');
    const second = await startOnce(home);
    await delay(REST_MS);
    const server = (await findProcesses(path.join(home, 'temporal'))).filter((found) => found.pid !== second.child.pid);
    const memory = {
      node: residentMb(second.child.pid ?? 0),
      temporal: server.reduce((sum, found) => sum + residentMb(found.pid), 0),
    };
    console.log(`start: first ${round(first.ms / 1000)} s, restart to ready ${round(second.ms / 1000)} s`);
    console.log(
      `memory at rest: ${memory.node + memory.temporal} MB (api, worker and database ${memory.node} MB, Temporal ${memory.temporal} MB)`,
    );
    await endProcess(second.child, 'SIGINT');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function startOnce(home: string) {
  const begun = performance.now();
  const child = spawn(process.execPath, [ENTRY], {
    env: { ...process.env, RETINUE_HOME: home, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    if (line.includes('curl')) return { child, ms: performance.now() - begun };
  }
  await once(child, 'exit');
  throw new Error('the product ended before it was ready');
}

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return Math.round(Number(kb) / 1024);
}
