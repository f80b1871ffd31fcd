import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { allRuns } from './histories.js';
import { openStage, resolvers, type Stage } from './stage.js';

const ASK: ScriptTurn = { calls: [{ name: 'ask_user', input: { question: 'Go on?' } }] };

describe('a request whose runs are cut at 20 events', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ file: { temporal: { historyEvents: 20 } } });
  });
  afterEach(() => {
    stage.model.latencyMs = 0;
    stage.assertClean();
  });
  afterAll(() => stage.close());

  test('comes to the same result over several runs, with nothing lost or doubled', async () => {
    const steered = resolvers();
    stage.outside('steered', async () => {
      await steered.promise;
      return {};
    });
    const task = (number: number): ScriptTurn => ({
      calls: [{ name: 'tasks_create', input: { title: `task ${number}` } }],
    });
    const steps = [
      ...[1, 2, 3, 4, 5].map(task),
      ASK,
      ...[7, 8, 9].map(task),
      { calls: [{ name: 'probe', input: { name: 'steered' } }] },
      task(11),
      { text: 'all twelve' },
    ];
    const request = await stage.play(steps);
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    await stage.say(request, 'yes, go on');
    await vi.waitFor(async () => expect((await stage.callsOf(request)).at(-1)?.skill).toBe('probe'), {
      timeout: 10_000,
    });
    await stage.say(request, 'nearly there');
    steered.resolve();
    const view = await stage.world.ended(request);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'all twelve' } });
    expect(view.result?.outputs.map((output) => output.title)).toEqual(
      [1, 2, 3, 4, 5, 7, 8, 9, 11].map((number) => `task ${number}`),
    );
    const asked = stage.asked(request);
    expect(asked).toHaveLength(12);
    const last = JSON.stringify(asked[11]?.body?.messages);
    expect(last.match(/yes, go on/g)).toHaveLength(1);
    expect(last.match(/nearly there/g)).toHaveLength(1);
    expect((await stage.turnsOf(request)).map((turn) => turn.attempt)).toEqual(Array.from({ length: 12 }, () => 1));
    await stage.client.workflow.getHandle(`request:${request}`).result();
    const runs = await allRuns(stage.client, `request:${request}`);
    expect(runs.length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...runs.map((run) => run.events?.length ?? 0))).toBeLessThan(60);
    const attributes = Object.fromEntries(
      (await stage.client.workflow.getHandle(`request:${request}`).describe()).typedSearchAttributes
        .getAll()
        .map(({ key, value }) => [key.name, value]),
    );
    expect(attributes).toMatchObject({ RetinueStatus: 'completed', RetinueAgent: view.agent });
    expect(attributes).not.toHaveProperty('RetinueWaitingFor');
  });

  test('loses no answer that comes while one run turns into the next', { timeout: 60_000 }, async () => {
    const round = async (number: number): Promise<void> => {
      // One quick call after the other makes the run long enough to be cut just before or at the question.
      const before: ScriptTurn[] = Array.from({ length: 1 + (number % 3) }, () => ({
        calls: [{ name: 'tasks_list', input: {} }],
      }));
      const request = await stage.play([...before, ASK, ASK, { text: `done ${number}` }]);
      for (let question = 1; question <= 2; question += 1) {
        const isAsked = async (): Promise<void> =>
          expect((await stage.callsOf(request)).filter((call) => call.skill === 'ask_user')).toHaveLength(question);
        await vi.waitFor(isAsked, { timeout: 20_000, interval: 5 });
        await new Promise((resolve) => setTimeout(resolve, number * 2));
        await stage.say(request, `answer ${question}`);
      }
      const view = await stage.world.ended(request);
      expect(view).toMatchObject({ status: 'completed', result: { text: `done ${number}` } });
      expect(stage.asked(request)).toHaveLength(before.length + 3);
    };
    for (const first of [0, 10]) await Promise.all(Array.from({ length: 10 }, (_, offset) => round(first + offset)));
  });
});
