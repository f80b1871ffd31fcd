import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { requestWorkflowId } from '../contracts/ids.js';
import { startProduct } from './product.js';
import { round, startModel, startTemporal } from './tools.js';

/** What histories hold: of 100 turns, each with 200 kB in the model's input, and of a short and a long recording. */
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
    const long = await historyOf(client, await product.run('long'));
    console.log(
      `100 turns with 200 kB of context each: history ${round(long.bytes / 1e6, 2)} MB in ${long.events} events and ${long.runs} runs (${round(long.bytes / 100 / 1000)} kB a turn)`,
    );
    const note = await historyOf(client, await product.run('note'));
    const hour = await historyOf(client, await product.run('hour'));
    console.log(
      `a voice note of 90 seconds: ${round(note.bytes / 1000)} kB in ${note.events} events; of one hour (60 kB of words): ${round(hour.bytes / 1000)} kB in ${hour.events} events; ratio ${round(hour.bytes / note.bytes, 2)}`,
    );
  } finally {
    await product.close();
    rmSync(product.home, { recursive: true, force: true });
    await model.close();
    await temporal.clean();
  }
}

/** What the histories of a request hold, over all its runs. */
async function historyOf(client: Client, request: string): Promise<{ bytes: number; events: number; runs: number }> {
  const workflowId = requestWorkflowId(request);
  const sum = { bytes: 0, events: 0, runs: 0 };
  for await (const execution of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const history = await client.workflow.getHandle(workflowId, execution.runId).fetchHistory();
    sum.events += history.events?.length ?? 0;
    sum.bytes += proto.temporal.api.history.v1.History.encode(history).finish().length;
    sum.runs += 1;
  }
  return sum;
}
