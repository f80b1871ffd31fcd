import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { TurnSource } from '../stand-ins/anthropic.js';
import { claimSilent, reconcileSilent } from '../../engine/janitor.js';
import { sql } from '../../store/sql.js';
import { fateOf } from '../../workers/temporal.js';
import { openStage, type Stage } from './stage.js';

const TASK_THEN_ASK: readonly TurnSource[] = [
  { calls: [{ name: 'tasks_create', input: { title: 'written before' } }] },
  { calls: [{ name: 'ask_user', input: { question: 'Go on?' } }] },
  { text: 'went on' },
];

describe('recovery', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  async function waiting(): Promise<string> {
    const request = await stage.play(TASK_THEN_ASK);
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    return request;
  }

  /** What the janitor does in its round, for everything that is open. */
  async function keepHouse(): Promise<void> {
    const { engine } = stage.world.serving.installation;
    await vi.waitFor(async () => {
      for (const ref of await claimSilent(engine, 0, 100))
        await reconcileSilent(engine, ref, await fateOf(stage.client, `request:${ref.request}`));
    });
  }

  async function expectNothingDoubled(request: string): Promise<void> {
    const view = await stage.world.view(request);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'went on' } });
    expect(view.result?.outputs).toHaveLength(1);
    expect(view.cost.charges).toHaveLength(3);
    expect(stage.asked(request)).toHaveLength(3);
    expect((await stage.callsOf(request)).map((call) => call.status)).toEqual(['done', 'done']);
  }

  test('ends a request whose workflow a person terminated', async () => {
    const request = await waiting();
    await stage.client.workflow.getHandle(`request:${request}`).terminate('by hand');
    await keepHouse();
    const view = await stage.world.view(request);
    expect(view).toMatchObject({
      status: 'failed',
      waitingFor: [],
      error: { type: 'terminated' },
      agents: [{ status: 'ended' }],
    });
    await expect(stage.say(request, 'hello?')).rejects.toMatchObject({ type: 'conflict' });
    expect((await stage.callsOf(request)).map((call) => call.status)).toEqual(['done', 'cancelled']);
  });

  test('ends a request whose workflow a person cancelled', async () => {
    const request = await waiting();
    const handle = stage.client.workflow.getHandle(`request:${request}`);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    await keepHouse();
    expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled' });
  });

  test('starts a workflow again that has vanished, and nothing is done twice', async () => {
    const request = await waiting();
    const execution = { workflowId: `request:${request}` };
    await stage.client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: execution });
    await vi.waitFor(async () => expect(await fateOf(stage.client, execution.workflowId)).toBe('gone'), {
      timeout: 10_000,
    });
    await keepHouse();
    await vi.waitFor(async () => expect(await fateOf(stage.client, execution.workflowId)).toBe('open'), {
      timeout: 5_000,
    });
    expect(await stage.world.view(request)).toMatchObject({ status: 'waiting_user', waitingFor: [{ text: 'Go on?' }] });
    await stage.say(request, 'yes');
    await stage.world.ended(request);
    await expectNothingDoubled(request);
  });

  test('leaves a request alone whose workflow is open', async () => {
    const request = await waiting();
    await keepHouse();
    expect(await stage.world.view(request)).toMatchObject({ status: 'waiting_user' });
    await stage.say(request, 'yes');
    await stage.world.ended(request);
    await expectNothingDoubled(request);
  });

  test('ends an open request past its deadline even when its workflow does not', async () => {
    const request = await waiting();
    const { db } = stage.world.serving.installation.engine;
    await db.as(stage.world.owner, (tx) =>
      tx.run(sql`update requests set deadline_at = now() - interval '1 second' where id = ${request}`),
    );
    await keepHouse();
    expect(await stage.world.view(request)).toMatchObject({ status: 'failed', error: { type: 'deadline' } });
    expect(await stage.client.workflow.getHandle(`request:${request}`).result()).toBe('failed');
  });

  // The last one: from here on nothing is delivered at once any more.
  test('starts and wakes a request whose commands were lost after the commit', async () => {
    const { installation } = stage.world.serving;
    const lost: unknown[] = [];
    installation.deliverThrough({ poke: (rows) => lost.push(...rows) });
    const request = await waiting();
    await stage.say(request, 'yes');
    await stage.world.ended(request);
    expect(lost).toHaveLength(2);
    await expectNothingDoubled(request);
  });
});

describe('a restart', () => {
  test('goes on with an open question and a call that was interrupted', async () => {
    const scripts = new Map();
    const first = await openStage({ scripts });
    let runs = 0;
    const behaviour = async (): Promise<{ runs: number }> => {
      runs += 1;
      if (runs === 1) await new Promise(() => undefined);
      return { runs };
    };
    first.outside('interrupted', behaviour);
    const asking = await first.play(TASK_THEN_ASK);
    const working = await first.play([
      { calls: [{ name: 'probe', input: { name: 'interrupted' } }] },
      { text: 'finished it' },
    ]);
    await first.world.until(asking, (view) => view.status === 'waiting_user');
    await vi.waitFor(() => expect(runs).toBe(1));
    await first.close({ keepHome: true });

    const second = await openStage({
      scripts,
      model: first.model,
      home: first.world.home,
      taskQueue: first.world.taskQueue,
    });
    try {
      second.outside('interrupted', behaviour);
      await postAnswer(second, asking);
      expect(await second.world.ended(asking)).toMatchObject({
        status: 'completed',
        result: { text: 'went on', outputs: [{ title: 'written before' }] },
      });
      expect(await second.world.ended(working, 30_000)).toMatchObject({
        status: 'completed',
        result: { text: 'finished it' },
      });
      expect(runs).toBe(2);
      expect((await second.world.view(asking)).cost.charges).toHaveLength(3);
      second.assertClean();
    } finally {
      await second.close();
    }
  });
});

async function postAnswer(stage: Stage, request: string): Promise<void> {
  expect(await stage.world.view(request)).toMatchObject({ status: 'waiting_user', waitingFor: [{ text: 'Go on?' }] });
  await stage.say(request, 'yes');
}
