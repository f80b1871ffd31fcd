import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { requestWorkflowId } from '../contracts/ids.js';
import { startProduct } from './product.js';
import { round, startModel, startTemporal } from './tools.js';

/** A request of 100 turns, each with 200 kB in the model's input: what its history holds, over all its runs. */
export async function measureHistory(): Promise<void> {
  const temporal = await startTemporal();
  const model = await startModel(0);
  const product = await startProduct({
    modelUrl: model.url,
    temporalAddress: temporal.address,
    taskQueue: `bench-${randomBytes(4).toString('hex')}`,
  });
  try {
    const client = new Client({ connection: product.serving.connection as never });
    const workflowId = requestWorkflowId(await product.run('long'));
    let bytes = 0;
    let events = 0;
    let runs = 0;
    for await (const execution of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      const history = await client.workflow.getHandle(workflowId, execution.runId).fetchHistory();
      events += history.events?.length ?? 0;
      bytes += proto.temporal.api.history.v1.History.encode(history).finish().length;
      runs += 1;
    }
    console.log(
      `100 turns with 200 kB of context each: history ${round(bytes / 1e6, 2)} MB in ${events} events and ${runs} runs (${round(bytes / 100 / 1000)} kB a turn)`,
    );
  } finally {
    await product.close();
    rmSync(product.home, { recursive: true, force: true });
    await model.close();
    await temporal.clean();
  }
}
