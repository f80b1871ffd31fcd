import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { createActivities } from '../../activities/index.js';
import { clockWorkflowId } from '../../contracts/ids.js';
import type { NewReminder, Reminder, ReminderPatch } from '../../contracts/reminder.js';
import { cancelReminder, changeReminder } from '../../engine/reminders/change-reminder.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import { OUTBOX_COLUMNS, type OutboxRow } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import { createCourier } from '../../workers/temporal.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { startTimeSkipping } from '../helpers/time-skipping.js';

const TASK_QUEUE = 'days';
/** Few enough that runs are continued as new while days pass. */
const HISTORY_LIMIT = 60;

/** One time that a reminder came due. */
export interface Day {
  readonly outcome: 'fired' | 'missed' | 'skipped';
  /** RFC 3339. */
  readonly due: string;
  readonly late: boolean;
  /** Milliseconds from its time to the claim, by the server's clock. */
  readonly after: number;
  /** Of earlier times that did not happen any more. */
  readonly missed: { readonly count: number; readonly first: string; readonly last: string } | null;
  readonly key: string;
}

/** The real workflow of reminders and its real activities on a server whose days pass when told to. */
export interface Days {
  readonly kit: EngineKit;
  /** By the server's clock, in milliseconds since 1970. */
  now(): Promise<number>;
  remind(wish: NewReminder): Promise<Reminder>;
  change(id: string, patch: ReminderPatch): Promise<Reminder>;
  cancel(ids: readonly string[]): Promise<void>;
  view(id: string): Promise<Reminder>;
  /** Lets time pass, with everything that comes due in it. */
  skip(ms: number): Promise<void>;
  skipTo(at: number): Promise<void>;
  /** Lets time pass while no worker runs; something must come due in it. */
  beAway(ms: number): Promise<void>;
  daysOf(id: string): Promise<Day[]>;
  close(): Promise<void>;
}

export async function openDays(): Promise<Days> {
  const [server, kit, workflowBundle] = await Promise.all([
    startTimeSkipping(),
    openEngine(),
    bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
  ]);
  const { environment } = server;
  const { testService } = environment.connection;
  if (testService === undefined) throw new Error('this server cannot let time pass');
  const { db } = kit.engine;
  const user = kit.owner;
  const activities = createActivities(kit.deps);
  const startWorker = async (): Promise<() => Promise<void>> => {
    const worker = await Worker.create({
      connection: environment.nativeConnection,
      taskQueue: TASK_QUEUE,
      workflowBundle,
      activities: { claimDue: activities.claimDue, lookAt: activities.lookAt },
      // Each step replays the run, and one that waits is nobody's: a worker that comes later takes it.
      maxCachedWorkflows: 0,
    });
    const running = worker.run();
    return async () => {
      worker.shutdown();
      await running;
    };
  };
  const client = new Client({ connection: environment.connection });
  const courier = createCourier({
    client,
    taskQueue: TASK_QUEUE,
    historyLimit: HISTORY_LIMIT,
    searchable: () => false,
    eager: false,
  });
  /** What the relay does, for the clock alone: requests stay where they are. */
  const deliver = async (): Promise<void> => {
    const rows = await db.system((tx) =>
      tx.rows<OutboxRow>(sql`delete from outbox where kind = 'revive' returning ${OUTBOX_COLUMNS}`),
    );
    for (const row of rows) await courier(row);
  };
  const isWaiting = async (): Promise<boolean> => {
    const { events } = await client.workflow.getHandle(clockWorkflowId(user)).fetchHistory();
    return events?.at(-1)?.workflowTaskScheduledEventAttributes != null;
  };
  let stopWorker = await startWorker();
  const now = () => environment.currentTimeMs();
  const spoken = async () => ({ now: await now(), timeZone: 'Europe/Berlin' });
  const skip = async (ms: number): Promise<void> => {
    await deliver();
    await environment.sleep(ms);
  };
  return {
    kit,
    now,
    async remind(wish) {
      const maker = { user, author: `user:${user}`, agent: 'default', labels: [], skills: null, ...(await spoken()) };
      return said(await db.as(user, (tx) => makeReminder(tx, maker, wish)));
    },
    async change(id, patch) {
      const when = await spoken();
      return said(await db.as(user, (tx) => changeReminder(tx, user, id, patch, when)));
    },
    async cancel(ids) {
      for (const id of ids) await db.as(user, (tx) => cancelReminder(tx, user, id));
    },
    view: (id) => db.as(user, (tx) => viewReminder(tx, user, id)),
    skip,
    skipTo: async (at) => skip(at - (await now())),
    async beAway(ms) {
      await skip(1_000);
      await stopWorker();
      const passing = environment.sleep(ms);
      // Time stands still as long as a step of a workflow waits for a worker: here it is to pass all the same.
      while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 20));
      await testService.unlockTimeSkipping({});
      await passing;
      await testService.lockTimeSkipping({});
      stopWorker = await startWorker();
      await environment.sleep(1_000);
    },
    daysOf: (id) => daysOf(kit, id),
    async close() {
      await stopWorker();
      await kit.close();
      await server.close();
    },
  };
}

function said(made: Reminder | { readonly question: string }): Reminder {
  if ('question' in made) throw new Error(made.question);
  return made;
}

function daysOf(kit: EngineKit, id: string): Promise<Day[]> {
  return kit.engine.db.system((tx) =>
    tx.rows<Day>(sql`
      select o.outcome, o.due_at as due, o.late, o.facts->'missed' as missed, r.idempotency_key as key,
        (extract(epoch from (r.settings->>'occurredAt')::timestamptz - o.due_at) * 1000)::int as after
      from occasions o join requests r on r.id = o.request_id and r.origin = 'reminder' where o.source_id = ${id} order by o.due_at, o.occurrence`),
  );
}
