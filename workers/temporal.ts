import {
  type Client,
  type ConnectionLike,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { WAKE_SIGNAL, workflowTypeOf } from '../contracts/ids.js';
import type { AgentWorkflowInput, ClockWorkflowInput } from '../contracts/step.js';
import type { WorkflowFate } from '../engine/janitor.js';
import type { OutboxRow } from '../store/outbox.js';
import type { Courier } from '../store/relay.js';

const USER = defineSearchAttributeKey('RetinueUser', SearchAttributeType.KEYWORD);
const AGENT = defineSearchAttributeKey('RetinueAgent', SearchAttributeType.KEYWORD);
const STATUS = defineSearchAttributeKey('RetinueStatus', SearchAttributeType.KEYWORD);

/** From this priority number on work is background and must wait its turn, so it is not started past the queue. */
const BACKGROUND = 4;
const DELIVERY_MS = 5_000;

export interface CourierOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly historyLimit: number;
  /** Whether this server knows our search attributes; asked at each start, since it may be found out late. */
  readonly searchable: () => boolean;
  /** True when a worker shares the client's native connection, so that a run can begin without a server round trip. */
  readonly eager: boolean;
}

/** Delivers outbox rows to Temporal. Every delivery may be repeated without harm. */
export function createCourier(options: CourierOptions): Courier {
  const { client } = options;
  return (row) =>
    client.connection.withDeadline(Date.now() + DELIVERY_MS, async () => {
      switch (row.kind) {
        case 'start':
          return start(options, row);
        case 'wake':
        case 'admit':
          return wake(client, row);
        case 'revive':
          await client.workflow.signalWithStart(workflowTypeOf(row.workflowId), {
            ...startOptions(options, row),
            signal: WAKE_SIGNAL,
            signalArgs: [row.reason, row.agents],
          });
      }
    });
}

function startOptions(options: CourierOptions, row: OutboxRow) {
  const { user, request, agent } = row.target;
  const shared = {
    workflowId: row.workflowId,
    taskQueue: options.taskQueue,
    workflowTaskTimeout: '2s',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    priority: { priorityKey: row.priority, fairnessKey: user },
  };
  if (request === undefined || agent === undefined) {
    const input: ClockWorkflowInput = { user, historyLimit: options.historyLimit };
    return {
      ...shared,
      args: [input],
      staticSummary: `reminders of ${user}`,
      ...searchedBy(options, [{ key: USER, value: user }]),
    };
  }
  const input: AgentWorkflowInput = {
    user,
    request,
    agent,
    historyLimit: options.historyLimit,
    searchable: options.searchable(),
  };
  const attributes = [
    { key: USER, value: user },
    { key: AGENT, value: agent },
    { key: STATUS, value: 'running' },
  ];
  return { ...shared, args: [input], staticSummary: `${row.reason} ${request}`, ...searchedBy(options, attributes) };
}

function searchedBy(options: CourierOptions, attributes: { key: typeof USER; value: string }[]) {
  return options.searchable() ? { typedSearchAttributes: attributes } : {};
}

async function start(options: CourierOptions, row: OutboxRow): Promise<void> {
  try {
    await options.client.workflow.start(workflowTypeOf(row.workflowId), {
      ...startOptions(options, row),
      workflowIdConflictPolicy: 'FAIL',
      ...(options.eager && row.priority < BACKGROUND ? { requestEagerStart: true } : {}),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** A workflow that is not there has ended; if its rows say otherwise, the janitor starts it again. */
async function wake(client: Client, row: OutboxRow): Promise<void> {
  try {
    await client.workflow.getHandle(row.workflowId).signal(WAKE_SIGNAL, row.reason, row.agents);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** What became of a workflow; `gone` covers ended, failed and forgotten ones. */
export async function fateOf(client: Client, workflowId: string): Promise<WorkflowFate> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    switch (status.name) {
      case 'RUNNING':
        return 'open';
      case 'TERMINATED':
        return 'terminated';
      case 'CANCELLED':
        return 'cancelled';
      default:
        return 'gone';
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'gone';
    throw error;
  }
}

/** Whether the server answers within two seconds. */
export async function answers(connection: ConnectionLike, namespace: string): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  }
}
