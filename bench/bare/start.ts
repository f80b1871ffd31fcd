import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { createBareActivities } from './activities.js';

export interface Bare {
  run(scenario: string): Promise<void>;
  close(): Promise<void>;
}

/** A worker with nothing around it, tuned as the product's own is. */
export async function startBare(modelUrl: string, address: string): Promise<Bare> {
  const connection = await NativeConnection.connect({ address });
  const taskQueue = `bare-${randomBytes(4).toString('hex')}`;
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
    activities: createBareActivities(modelUrl),
    stickyQueueScheduleToStartTimeout: '1s',
    maxCachedWorkflows: 300,
  });
  const running = worker.run();
  const client = new Client({ connection });
  return {
    async run(scenario) {
      await client.workflow.execute('bare', {
        taskQueue,
        workflowId: `bare-${randomBytes(8).toString('hex')}`,
        args: [scenario],
        workflowTaskTimeout: '2s',
        requestEagerStart: true,
      });
    },
    async close() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
