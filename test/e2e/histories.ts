import type { Client } from '@temporalio/client';
import type proto from '@temporalio/proto';

export type History = proto.temporal.api.history.v1.IHistory;
export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;

/** The histories of all runs of a workflow, oldest run first, as far as they were continued as new. */
export async function allRuns(client: Client, workflowId: string): Promise<History[]> {
  const runs: History[] = [];
  for (let runId: string | undefined | null; ; ) {
    const history: History = await client.workflow.getHandle(workflowId, runId ?? undefined).fetchHistory();
    runs.unshift(history);
    runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    if (!runId) return runs;
  }
}

/** Every string and every payload of a value, decoded, one a line. */
export function everythingIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(everythingIn).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, inner]) => `${key}\n${everythingIn(inner)}`)
    .join('\n');
}

/** A summary that the web UI shows beside an event. */
export function summaryOf(event: HistoryEvent): unknown {
  const data = event.userMetadata?.summary?.data;
  return data == null ? undefined : JSON.parse(Buffer.from(data).toString('utf8'));
}
