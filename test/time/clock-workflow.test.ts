import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { ClockStep, LookInput } from '../../contracts/step.js';
import { installTemporalRuntime } from '../../workers/worker.js';
import { resolvers } from '../e2e/stage.js';

type Bundle = Awaited<ReturnType<typeof bundleWorkflowCode>>;

let native: NativeConnection;
let connection: Connection;
let workflowBundle: Bundle;

beforeAll(async () => {
  installTemporalRuntime(pino({ level: 'silent' }));
  const address = inject('temporalAddress');
  [native, connection, workflowBundle] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
    bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
  ]);
});
afterAll(async () => {
  await connection.close();
  await native.close();
});

/** A clock whose steps the test says; `end` is called once its worker has nothing more to do. */
async function startClock(
  historyLimit: number,
  claimDue: () => Promise<ClockStep>,
  lookAt: (look: LookInput) => Promise<void> = () => Promise.resolve(),
) {
  const name = `clock-${randomBytes(6).toString('hex')}`;
  const activities = { claimDue, lookAt };
  const worker = await Worker.create({
    connection: native,
    taskQueue: name,
    workflowBundle,
    activities,
    stickyQueueScheduleToStartTimeout: '1s',
  });
  const running = worker.run();
  const handle = await new Client({ connection }).workflow.start('reminders', {
    workflowId: `reminders:${name}`,
    taskQueue: name,
    args: [{ user: 'usr_x', historyLimit }],
  });
  return {
    handle,
    end: async () => {
      worker.shutdown();
      await running;
    },
  };
}

test('a wake that comes while the last look is made is answered by another look', async () => {
  const [begun, held] = [resolvers(), resolvers()];
  let claims = 0;
  const clock = await startClock(1_000, async () => {
    claims += 1;
    begun.resolve();
    await held.promise;
    return { more: false, looks: [], summary: 'nothing comes due' };
  });
  await begun.promise;
  await clock.handle.signal('wake', 'a reminder was set', []);
  const seen = async () => (await clock.handle.fetchHistory()).events?.at(-1)?.workflowTaskCompletedEventAttributes;
  await expect.poll(seen, { timeout: 10_000 }).toBeTruthy();
  held.resolve();
  await clock.handle.result();
  await clock.end();
  expect(claims).toBe(2);
});

test('a run goes on as new also while more and more is due', async () => {
  let claims = 0;
  const clock = await startClock(20, () => {
    claims += 1;
    return Promise.resolve({ more: claims < 30, looks: [], summary: 'nothing comes due' });
  });
  await clock.handle.result();
  await clock.end();
  const { historyLength } = await new Client({ connection }).workflow.getHandle(clock.handle.workflowId).describe();
  expect(claims).toBe(30);
  expect(historyLength).toBeLessThan(40);
});

test('a long run makes room for the next one while looks are under way, and loses none', async () => {
  const looked: string[] = [];
  let claims = 0;
  const clock = await startClock(
    20,
    () => {
      claims += 1;
      const looks = claims <= 40 ? [{ trigger: `trg_${claims}`, fence: claims, summary: 'look' }] : [];
      return Promise.resolve({ more: claims <= 40, looks, summary: 'looking' });
    },
    async ({ trigger }) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      looked.push(trigger);
    },
  );
  await clock.handle.result();
  await clock.end();
  expect(looked.toSorted()).toEqual(Array.from({ length: 40 }, (_, place) => `trg_${place + 1}`).toSorted());
  const { historyLength } = await new Client({ connection }).workflow.getHandle(clock.handle.workflowId).describe();
  expect(historyLength).toBeLessThan(300);
});
