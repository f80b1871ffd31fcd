import { executeChild, ParentClosePolicy, proxyActivities } from '@temporalio/workflow';
import type { createBareActivities } from './activities.js';

const { llm, tool, transcribe } = proxyActivities<ReturnType<typeof createBareActivities>>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '100ms' },
});

/** LLM → calls in parallel → LLM …, content carried in the history, nothing stored besides: the lower bound. */
export async function bare(scenario: string): Promise<string> {
  const messages: unknown[] = [{ role: 'user', content: `bench ${scenario}` }];
  for (;;) {
    const reply = await llm(messages);
    if (reply.calls.length === 0) return reply.text;
    const isRecording = messages.length === 1 && (scenario === 'note' || scenario === 'hour');
    const isTeam = scenario.startsWith('fan');
    const results = await Promise.all(
      reply.calls.map((call) => (isTeam ? child() : isRecording ? transcribe(scenario) : tool(call))),
    );
    messages.push(
      { role: 'assistant', content: reply.content },
      {
        role: 'user',
        content: results.map((content, index) => ({ type: 'tool_result', tool_use_id: reply.calls[index], content })),
      },
    );
  }
}

/** One agent with one call of the model. */
async function child(): Promise<string> {
  return executeChild(bare, {
    args: ['leaf'],
    workflowTaskTimeout: '2s',
    parentClosePolicy: ParentClosePolicy.ABANDON,
  });
}
