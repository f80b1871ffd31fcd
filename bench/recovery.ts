import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProduct } from './product.js';
import { endProcess, round, spawnScript, startModel, startTemporal } from './tools.js';

const REQUESTS = 20;
const TOOL_MS = 1_500;
const LATENCY_MS = 200;

/** S6: 20 requests with 60 calls of 1.5 s under way, kill -9, start again at once. */
export async function measureRecovery(): Promise<void> {
  const temporal = await startTemporal();
  const model = await startModel(LATENCY_MS);
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  const taskQueue = `bench-${randomBytes(4).toString('hex')}`;
  try {
    const { child, hello } = await spawnScript<{ ids: string[] }>('./recovery-process.js', [
      home,
      model.url,
      temporal.address,
      taskQueue,
      String(REQUESTS),
    ]);
    await delay(1_200);
    await endProcess(child, 'SIGKILL');
    const killed = performance.now();
    const product = await startProduct({ home, modelUrl: model.url, temporalAddress: temporal.address, taskQueue });
    const up = performance.now() - killed;
    await Promise.all(hello.ids.map((id) => product.ended(id)));
    const done = performance.now() - killed;
    const remaining = TOOL_MS + LATENCY_MS;
    console.log(
      `S6: process up after ${round(up / 1000)} s, all ${REQUESTS} done ${round(done / 1000)} s after kill -9 (remaining work ${remaining / 1000} s, so ${round((done - remaining) / 1000)} s more)`,
    );
    await product.close();
  } finally {
    await model.close();
    rmSync(home, { recursive: true, force: true });
    await temporal.clean();
  }
}
