import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  type NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { Context } from '@temporalio/activity';
import { type Activities, createActivities } from '../activities/index.js';
import { retryIn } from '../activities/failure.js';
import type { CallInput } from '../contracts/step.js';
import type { Installation } from './installation.js';

/** Sends Temporal's own log to ours and keeps its hands off the process's signals. Call once, before anything of Temporal. */
export function installTemporalRuntime(log: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) =>
      log[level === 'ERROR' ? 'error' : 'warn']({ meta }, `temporal: ${message}`),
    ),
    // Without `forward` the native part prints to the terminal by itself.
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) } },
  });
}

/** The bundle made at build time; from sources it is made now. */
async function workflowBundle(): Promise<NonNullable<WorkerOptions['workflowBundle']>> {
  const built = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(built)) return { codePath: built };
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
}

/** Calls of store skills come under their skill's name; what only a newer version knows waits for a worker that has it. */
function runNamedSkill(activities: Activities, input: CallInput): Promise<void> {
  if (!Context.current().info.activityType.startsWith('skill:')) throw retryIn('NotKnownHere', 5_000);
  return activities.runSkill(input);
}

export interface RunningWorker {
  /** Lets running activities finish for a moment, then ends them; resolves when nothing of it runs. */
  stop(): Promise<void>;
}

const REST_MS = 1_000;

/** Runs workflows and activities of this installation; a worker that ends by a fault of its own is made anew. */
export async function startWorker(
  installation: Installation,
  connection: NativeConnection,
  taskQueue: string,
): Promise<RunningWorker> {
  const bundle = await workflowBundle();
  const activities = createActivities(installation.activityDeps);
  const make = (): Promise<Worker> =>
    Worker.create({
      connection,
      namespace: installation.config.environment.TEMPORAL_NAMESPACE,
      taskQueue,
      workflowBundle: bundle,
      activities: { ...activities, default: (input: CallInput) => runNamedSkill(activities, input) },
      maxCachedWorkflows: installation.config.file.temporal.cachedWorkflows,
      stickyQueueScheduleToStartTimeout: '1s',
      maxHeartbeatThrottleInterval: '1500ms',
      defaultHeartbeatThrottleInterval: '1500ms',
      shutdownGraceTime: '2s',
      shutdownForceTime: '8s',
    });
  let worker: Worker | undefined = await make();
  let stopping = false;
  const keepRunning = async (): Promise<void> => {
    while (!stopping) {
      try {
        worker ??= await make();
        const ended = worker.run();
        if (stopping) worker.shutdown();
        await ended;
      } catch (error) {
        installation.log.error({ err: error }, 'the worker ended; it is made anew in a second');
      }
      worker = undefined;
      if (!stopping) await delay(REST_MS);
    }
  };
  const running = keepRunning();
  return {
    async stop() {
      if (!stopping) {
        stopping = true;
        if (worker?.getState() === 'RUNNING') worker.shutdown();
      }
      await running;
    },
  };
}
