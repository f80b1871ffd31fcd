import type { ConnectionLike } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { GRPC, grpcCode, withinLimit } from './grpc-call.js';

type PendingActivity = proto.temporal.api.workflow.v1.IPendingActivityInfo;
const STATES = proto.temporal.api.enums.v1.PendingActivityState;
const CONCURRENCY = 16;

/** What the history shows for the attempt; the server retries it as the activity's retry policy allows, without its back-off. */
const PROCESS_ENDED: proto.temporal.api.failure.v1.IFailure = {
  message: 'the process that ran it ended',
  source: 'retinue',
  applicationFailureInfo: { type: 'ProcessEnded', nonRetryable: false, nextRetryDelay: msToTs(1) },
};

export interface FailOrphanedOptions {
  readonly connection: ConnectionLike;
  readonly namespace: string;
  /** Open workflows to look at; unknown and closed ones are passed over. */
  readonly workflowIds: readonly string[];
}

/**
 * Fails every activity that counts as running in these workflows, so that the server gives it to a worker again at once
 * instead of after its timeout, and makes the server forget which worker had them cached. Returns how many. Call it only when it is certain that no worker of this namespace runs:
 * at the embedded boot, with the home folder's lock held and before the own worker starts.
 */
export async function failOrphanedActivities(options: FailOrphanedOptions): Promise<number> {
  const rest = options.workflowIds.values();
  const lane = async (): Promise<number> => {
    let failed = 0;
    // The lanes share one iterator, so each id is taken once.
    for (const workflowId of rest) failed += await failInWorkflow(options, workflowId);
    return failed;
  };
  const counts = await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function failInWorkflow(options: FailOrphanedOptions, workflowId: string): Promise<number> {
  const { connection, namespace } = options;
  const description = await unlessGone(() =>
    withinLimit(connection, () =>
      connection.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
    ),
  );
  const runId = description?.workflowExecutionInfo?.execution?.runId;
  if (!description || !runId) return 0;
  await forgetWorker(options, { workflowId, runId });
  let failed = 0;
  for (const activity of description.pendingActivities.filter(isRunning)) {
    if (await failActivity(options, { workflowId, runId, activityId: activity.activityId ?? '' })) failed++;
  }
  return failed;
}

/** Otherwise the next workflow task would first be offered to the dead worker's own queue, for as long as that may take. */
async function forgetWorker(
  { connection, namespace }: FailOrphanedOptions,
  execution: { workflowId: string; runId: string },
): Promise<void> {
  await unlessGone(() =>
    withinLimit(connection, () => connection.workflowService.resetStickyTaskQueue({ namespace, execution })),
  );
}

/** A cancelled activity still waits for its worker's answer, as far as it was started. */
function isRunning(activity: PendingActivity): boolean {
  if (activity.state === STATES.PENDING_ACTIVITY_STATE_STARTED) return true;
  return activity.state === STATES.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED && activity.lastStartedTime != null;
}

async function failActivity(
  options: FailOrphanedOptions,
  ids: { workflowId: string; runId: string; activityId: string },
): Promise<boolean> {
  const { connection, namespace } = options;
  const request = { namespace, ...ids, failure: PROCESS_ENDED, identity: 'retinue boot' };
  const answer = await unlessGone(() =>
    withinLimit(connection, () => connection.workflowService.respondActivityTaskFailedById(request)),
  );
  return answer !== null;
}

/** Null when the workflow or the attempt has ended meanwhile: then there is nothing left to do. */
async function unlessGone<R>(call: () => Promise<R>): Promise<R | null> {
  try {
    return await call();
  } catch (error) {
    if (grpcCode(error) === GRPC.notFound) return null;
    throw error;
  }
}
