import { Client, Connection } from '@temporalio/client';
import type { Approval } from '../contracts/approval.js';
import { requestWorkflowId } from '../contracts/ids.js';
import { desk, type Sendings, type Unit } from './outward.js';
import type { StatementTime } from './statements.js';
import { clock, median, round } from './tools.js';

export interface Profiled {
  readonly unit: Unit;
  readonly sendings: Sendings;
  readonly temporalAddress: string;
  readonly approvals: readonly Approval[];
}

/** Where the time of a decision goes: statements of the database, and what Temporal's history says of each step. */
export async function profileDecisions({ unit, sendings, temporalAddress, approvals }: Profiled): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection });
  const before: StatementTime[][] = [];
  const steps: Record<string, number>[] = [];
  const whole: number[] = [];
  await unit.statements();
  try {
    for (const approval of approvals) {
      await unit.statements();
      const { asked, answered } = await desk.approve(unit, approval);
      const sent = await sendings.of(approval.id);
      await unit.ended([approval.request]);
      const statements = await unit.statements();
      before.push(statements.filter(({ from }) => from >= asked && from < sent));
      whole.push(statements.length);
      const history = await client.workflow.getHandle(requestWorkflowId(approval.request)).fetchHistory();
      const seen = stepsIn((history.events ?? []) as unknown as HistoryEvent[]);
      steps.push({ ...seen, answered: answered - asked, provider: sent - asked, ...since(seen, asked) });
    }
  } finally {
    await connection.close();
  }
  reportStatements(before, whole);
  reportSteps(steps);
}

/** What is read of a history's event. */
interface HistoryEvent {
  readonly eventTime?: { readonly seconds?: unknown; readonly nanos?: number | null } | null;
  readonly workflowExecutionSignaledEventAttributes?: unknown;
  readonly workflowTaskScheduledEventAttributes?: unknown;
  readonly workflowTaskStartedEventAttributes?: unknown;
  readonly workflowTaskCompletedEventAttributes?: unknown;
  readonly activityTaskStartedEventAttributes?: unknown;
  readonly activityTaskCompletedEventAttributes?: unknown;
}

/** The steps of a decision in their order, each with the event that stands for it. */
const STEPS = [
  ['signal', 'workflowExecutionSignaledEventAttributes'],
  ['task scheduled', 'workflowTaskScheduledEventAttributes'],
  ['task started', 'workflowTaskStartedEventAttributes'],
  ['task completed', 'workflowTaskCompletedEventAttributes'],
  ['sending started', 'activityTaskStartedEventAttributes'],
  ['sending completed', 'activityTaskCompletedEventAttributes'],
] as const;

/** Times of the first signal and of the steps after it, by Temporal's clock. */
function stepsIn(events: readonly HistoryEvent[]): Record<string, number> {
  const times: Record<string, number> = {};
  let place = 0;
  for (const [name, attributes] of STEPS) {
    while (place < events.length && events[place]?.[attributes] == null) place += 1;
    const time = events[place]?.eventTime;
    if (time == null) break;
    times[name] = Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6;
  }
  return times;
}

/** The same times, counted from the moment the decision was sent. */
function since(times: Readonly<Record<string, number>>, asked: number): Record<string, number> {
  const offset = performance.timeOrigin + performance.now() - clock();
  return Object.fromEntries(Object.entries(times).map(([name, time]) => [name, time - offset - asked]));
}

function reportSteps(steps: readonly Readonly<Record<string, number>>[]): void {
  const names = [...new Set(steps.flatMap(Object.keys))];
  const middle = names.map((name) => ({ name, at: median(steps.flatMap((step) => step[name] ?? [])) }));
  const line = middle.toSorted((a, b) => a.at - b.at).map(({ name, at }) => `${name} ${round(at)}`);
  console.log(`decide, ms after the decision (p50 of ${steps.length}): ${line.join(', ')}`);
}

const MOST_SHOWN = 40;

function reportStatements(before: readonly StatementTime[][], whole: readonly number[]): void {
  const sums = before.map((statements) => statements.reduce((sum, { ms }) => sum + ms, 0));
  console.log(
    `decide: ${median(before.map((statements) => statements.length))} statements until the provider is called, ${round(median(sums))} ms of database time; ${median(whole)} statements until the request has ended`,
  );
  if (process.env['BENCH_DETAIL'] === undefined) return;
  const byText = new Map<string, number[]>();
  for (const { text, ms } of before.flat()) byText.set(text, [...(byText.get(text) ?? []), ms]);
  const rows = [...byText].map(([text, times]) => ({
    text,
    each: times.length / before.length,
    ms: times.reduce((sum, time) => sum + time, 0) / before.length,
    least: Math.min(...times),
  }));
  for (const { text, each, ms, least } of rows.toSorted((a, b) => b.ms - a.ms).slice(0, MOST_SHOWN))
    console.log(`  ${round(ms, 2)} ms a decision, ${round(each, 2)} times, at least ${round(least, 2)} ms: ${text}`);
}
