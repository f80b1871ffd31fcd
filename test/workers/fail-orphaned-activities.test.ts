import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failOrphanedActivities } from '../../workers/dev-server/fail-orphaned-activities.js';
import { cliCacheDir, findTemporalCli } from '../../workers/dev-server/find-temporal-cli.js';
import { type DevServer, startDevServer } from '../../workers/dev-server/start-dev-server.js';
import { killHard, runFixture } from './fixtures/processes.js';

const workflowsPath = fileURLToPath(new URL('./fixtures/orphan-workflow.ts', import.meta.url));
const namespace = 'default';
let home: string;
let server: DevServer;
let connection: NativeConnection;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'retinue-orphans-'));
  const log = (): void => undefined;
  const cliPath = await findTemporalCli({
    cacheDir: cliCacheDir(process.env, homedir()),
    environment: process.env,
    log,
  });
  server = await startDevServer({ home, cliPath, log });
  connection = await NativeConnection.connect({ address: server.address });
}, 600_000);

afterAll(async () => {
  await connection.close();
  await server.stop();
  await rm(home, { recursive: true, force: true });
});

it('gives the activity of a killed worker to the next one within about a second', { timeout: 60_000 }, async () => {
  const taskQueue = 'orphans';
  const client = new Client({ connection });
  const handle = await client.workflow.start('oneStep', {
    taskQueue,
    workflowId: 'orphaned',
    workflowTaskTimeout: '2s',
  });
  const { child } = await runFixture('hanging-worker.ts', [server.address, taskQueue]);
  await killHard(child);

  let startedAt = 0;
  const step = (): Promise<string> => {
    startedAt = performance.now();
    return Promise.resolve('second attempt');
  };
  const worker = await Worker.create({ connection, taskQueue, workflowsPath, activities: { step } });
  await worker.runUntil(async () => {
    const calledAt = performance.now();
    const workflowIds = ['orphaned', 'never-existed', ...Array.from({ length: 40 }, (_, index) => `unknown-${index}`)];
    expect(await failOrphanedActivities({ connection, namespace, workflowIds })).toBe(1);
    expect(await handle.result()).toBe('second attempt');
    expect(startedAt - calledAt).toBeLessThan(1500);
  });
  expect(await failOrphanedActivities({ connection, namespace, workflowIds: ['orphaned'] })).toBe(0);
});
