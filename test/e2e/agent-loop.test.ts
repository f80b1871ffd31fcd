import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ProblemError } from '../../contracts/problem.js';
import { blocksOf, resultText } from '../stand-ins/anthropic-body.js';
import type { RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import { barrier, openStage, type Stage } from './stage.js';

const TURNS = 8;

/** The tool results of a model call's last message, in order. */
function resultsIn(call: RecordedCall | undefined): { id: string | undefined; text: string; isError: boolean }[] {
  return blocksOf(call?.body?.messages.at(-1)?.content ?? [])
    .filter((block) => block.type === 'tool_result')
    .map((block) => ({ id: block.tool_use_id, text: resultText(block), isError: block.is_error === true }));
}

function probe(...names: string[]): ScriptTurn {
  return { calls: names.map((name) => ({ name: 'probe', input: { name } })) };
}

describe('the agent loop', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ file: { limits: { turns: TURNS } } });
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  test('runs the calls of one turn at the same time and those of the next turn after them [S0-20]', async () => {
    const together = barrier(3);
    const log: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      stage.outside(name, async () => {
        log.push(`begin ${name}`);
        await together();
        log.push(`end ${name}`);
        return { said: name };
      });
    }
    stage.outside('after', async () => {
      log.push('begin after');
      return {};
    });
    const view = await stage.finish([probe('one', 'two', 'three'), probe('after'), { text: 'all done' }]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'all done' } });
    expect(log.slice(0, 3).every((line) => line.startsWith('begin'))).toBe(true);
    expect(log.at(-1)).toBe('begin after');
    const calls = await stage.callsOf(view.id);
    const [starts, ends] = [
      calls.slice(0, 3).map((call) => Date.parse(call.started_at ?? '')),
      calls.slice(0, 3).map((call) => Date.parse(call.ended_at ?? '')),
    ];
    expect(Math.max(...starts)).toBeLessThanOrEqual(Math.min(...ends));
    expect(Date.parse(calls[3]?.started_at ?? '')).toBeGreaterThanOrEqual(Math.max(...ends));
  });

  test('offers a skill that was registered beside the built-in ones to the model and runs what it chooses [S0-21]', async () => {
    stage.outside('brand new', async () => ({ news: 'from the new tool' }));
    const view = await stage.finish([probe('brand new'), { text: 'used it' }]);
    const [first, second] = stage.asked(view.id);
    expect(first?.body?.tools?.map((tool) => tool.name)).toEqual(expect.arrayContaining(['probe', 'tasks_create']));
    expect(resultsIn(second)).toMatchObject([{ text: '{"news":"from the new tool"}', isError: false }]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'used it' } });
  });

  test('gives the results to the model in the order of its calls, under ids of its own', async () => {
    const speed: Record<string, number> = { slow: 300, middle: 100, quick: 0 };
    for (const [name, ms] of Object.entries(speed)) stage.outside(name, async () => delay(ms, { said: name }));
    const view = await stage.finish([probe('slow', 'quick', 'middle'), { text: 'thanks' }]);
    const calls = await stage.callsOf(view.id);
    const [, second] = stage.asked(view.id);
    expect(resultsIn(second).map(({ text }) => text)).toEqual([
      '{"said":"slow"}',
      '{"said":"quick"}',
      '{"said":"middle"}',
    ]);
    expect(resultsIn(second).map(({ id }) => id)).toEqual(calls.map((call) => call.id));
    expect(calls.every((call) => call.id.startsWith('call_'))).toBe(true);
  });

  test('tells the model of an unknown skill, of wrong arguments and of a repeated call id, and goes on', async () => {
    stage.outside('fine', async () => ({ said: 'fine' }));
    const wrong: ScriptTurn = {
      unknownTools: true,
      calls: [
        { name: 'make_coffee', input: {} },
        { name: 'mail.send it', input: { to: 'x' } },
        { name: 'probe', input: { title: 7 } },
        { name: 'probe', input: { name: 'fine' }, id: 'toolu_same' },
        { name: 'probe', input: { name: 'fine' }, id: 'toolu_same' },
      ],
    };
    const view = await stage.finish([wrong, { text: 'went on' }]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'went on' } });
    const results = resultsIn(stage.asked(view.id)[1]);
    expect(results.map(({ isError }) => isError)).toEqual([true, true, true, false, true]);
    expect(results[0]?.text).toContain('There is no skill called make_coffee. You have: ');
    expect(results[2]?.text).toBe('name: is missing\ntitle: is not a known field; allowed are name, note');
    expect(results[4]?.text).toContain('used twice');
  });

  test('runs 32 of 200 calls in one turn and refuses the rest', async () => {
    let runs = 0;
    stage.outside('counted', async () => {
      runs += 1;
      return { run: runs };
    });
    const view = await stage.finish([probe(...Array.from({ length: 200 }, () => 'counted')), { text: 'enough' }]);
    expect(view.status).toBe('completed');
    expect(runs).toBe(32);
    const results = resultsIn(stage.asked(view.id)[1]);
    expect(results).toHaveLength(200);
    expect(results.slice(32).every((result) => result.isError && result.text.includes('at most 32'))).toBe(true);
  });

  test('ends a model that never stops calling at the turn limit, with a clear error and what was done', async () => {
    const again: ScriptTurn = {
      text: 'once more',
      calls: [{ name: 'tasks_create', input: { title: 'never enough' } }],
    };
    const view = await stage.finish(Array.from({ length: TURNS }, () => again));
    expect(view).toMatchObject({
      status: 'failed',
      error: { type: 'turn-limit', message: expect.stringContaining(`${TURNS} turns`) },
    });
    expect(view.result?.outputs).toHaveLength(TURNS);
    expect(stage.asked(view.id)).toHaveLength(TURNS);
  });

  test('tries a skill again with growing pauses when it failed in passing, and its effect happens once [S2-13]', async () => {
    const attempts: number[] = [];
    const effects = new Set<string>();
    stage.outside('shaky', async ({ callId }) => {
      attempts.push(Date.now());
      if (attempts.length < 3) throw new Error('the line was busy');
      effects.add(callId);
      return { sent: true };
    });
    const view = await stage.finish([probe('shaky'), { text: 'it worked' }]);
    expect(view.status).toBe('completed');
    expect(resultsIn(stage.asked(view.id)[1])).toMatchObject([{ text: '{"sent":true}', isError: false }]);
    expect(attempts).toHaveLength(3);
    expect(effects.size).toBe(1);
    const [first = 0, second = 0, third = 0] = attempts;
    expect(second - first).toBeGreaterThanOrEqual(350);
    expect(third - second).toBeGreaterThanOrEqual(750);
    const events = await stage.eventsOf(view.id);
    expect(events.filter((event) => event.type === 'skill.started')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'skill.finished')).toHaveLength(1);
  });

  test('hands a skill that keeps failing to the model after four attempts', async () => {
    let runs = 0;
    stage.outside('broken', async () => {
      runs += 1;
      throw new Error('never');
    });
    const view = await stage.finish([probe('broken'), { text: 'did without' }]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'did without' } });
    expect(runs).toBe(4);
    expect(resultsIn(stage.asked(view.id)[1])[0]).toMatchObject({
      isError: true,
      text: expect.stringContaining('failed 4 times'),
    });
  });

  test('takes back everything a skill wrote before it refused', async () => {
    let runs = 0;
    stage.inside('writes, then refuses', async ({ spaces, conversation }) => {
      runs += 1;
      const board = await spaces.ofRole('tasks');
      await spaces.put(board.id, {
        payload: { title: 'ghost-task' },
        metadata: { status: 'open' },
        comment: 'to be taken back',
      });
      await conversation.post('ghost-message', []);
      throw new ProblemError('conflict', 'The board is full.', { errors: [{ path: 'title', message: 'no room' }] });
    });
    const refused: ScriptTurn = { calls: [{ name: 'probe_inside', input: { name: 'writes, then refuses' } }] };
    const view = await stage.finish([refused, { calls: [{ name: 'tasks_list', input: {} }] }, { text: 'noted' }]);
    expect(view.status).toBe('completed');
    expect(runs).toBe(1);
    const [, second, third] = stage.asked(view.id);
    expect(resultsIn(second)).toMatchObject([{ isError: true, text: 'The board is full.\ntitle: no room' }]);
    expect(resultsIn(third)[0]?.text).not.toContain('ghost-task');
    const trace = JSON.stringify(await stage.callsOf(view.id));
    expect(trace).not.toContain('ghost-message');
  });

  test('stops a skill that hangs at its time limit', async () => {
    let stopped = 0;
    stage.outside('hangs', ({ abortSignal }) => {
      abortSignal.addEventListener('abort', () => (stopped += 1));
      return new Promise(() => undefined);
    });
    const view = await stage.finish([
      { calls: [{ name: 'probe_short', input: { name: 'hangs' } }] },
      { text: 'gave up on it' },
    ]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'gave up on it' } });
    expect(resultsIn(stage.asked(view.id)[1])[0]).toMatchObject({
      isError: true,
      text: 'The skill took longer than 1 s and was stopped.',
    });
    expect(stopped).toBe(4);
  });

  test('asks before it spends more than the budget, and keeps what it did', async () => {
    const dear: ScriptTurn = {
      calls: [{ name: 'tasks_create', input: { title: 'dear task' } }],
      usage: { inputTokens: 0, outputTokens: 20_000, cacheReadTokens: 0, cacheWriteTokens: 0 },
    };
    const request = await stage.play([dear, { text: 'never asked for' }], { budgetUsd: '0.15' });
    const view = await stage.world.until(request, ({ status }) => status === 'waiting_approval');
    expect(view).toMatchObject({
      cost: { totalUsd: '0.2' },
      waitingFor: [{ kind: 'approval', text: expect.stringMatching(/^Continue for about \$\d+\.\d\d\?$/) }],
    });
    expect(view.result?.outputs).toMatchObject([{ title: 'dear task' }]);
    expect(stage.asked(view.id)).toHaveLength(1);
  });

  test('asks nothing of a model without a price', async () => {
    const view = await stage.finish([{ text: 'free lunch' }], { model: 'mystery-model-1' });
    expect(view).toMatchObject({
      status: 'failed',
      cost: { totalUsd: '0' },
      error: { type: 'unpriced-model', message: expect.stringContaining('mystery-model-1') },
    });
    expect(stage.asked(view.id)).toEqual([]);
  });

  test('holds what other people would see or what cannot be undone, and says so to the model at once', async () => {
    let ran = false;
    stage.outside('seen by others', async () => {
      ran = true;
      return {};
    });
    const outward: ScriptTurn = {
      calls: [
        { name: 'probe_outward', input: { name: 'seen by others' } },
        { name: 'probe_destructive', input: { name: 'seen by others' } },
        { name: 'send_message', input: { target: 'anna@example.com', text: 'hello' } },
        {
          name: 'calendar_create_event',
          input: {
            title: 'a talk',
            start: '2026-11-26T14:00:00Z',
            end: '2026-11-26T15:00:00Z',
            timeZone: 'UTC',
            attendees: ['anna@example.com'],
          },
        },
        { name: 'send_message', input: { target: 'me', text: 'hello' } },
      ],
    };
    const request = await stage.play([outward, { text: 'told you' }]);
    const view = await stage.world.until(request, (now) => now.status === 'waiting_approval');
    expect(view.waitingFor.map((item) => item.kind)).toEqual(Array(4).fill('approval'));
    const results = resultsIn(stage.asked(request)[1]);
    expect(results.slice(0, 4).every((result) => result.text.includes('"status":"waiting_approval"'))).toBe(true);
    expect(results.every((result) => !result.isError)).toBe(true);
    expect(ran).toBe(false);
    await stage.cancel(request);
    expect((await stage.world.ended(request)).status).toBe('cancelled');
    expect(ran).toBe(false);
  });
});

describe('the deadline', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ file: { limits: { deadlineHours: 0.01 } } });
    const limits = stage.world.serving.installation.engine.limits as { deadlineSeconds: number };
    limits.deadlineSeconds = 3;
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  test('ends a request whose model keeps it busy', async () => {
    stage.outside('long', async () => delay(4_000, {}));
    const view = await stage.finish([probe('long'), { text: 'too late' }]);
    expect(view).toMatchObject({ status: 'failed', error: { type: 'deadline' } });
    expect(stage.asked(view.id)).toHaveLength(1);
  });

  test('ends a request that waits for an answer, soon after it has passed', async () => {
    const view = await stage.finish([{ calls: [{ name: 'ask_user', input: { question: 'Which one?' } }] }]);
    expect(view).toMatchObject({ status: 'failed', error: { type: 'deadline' }, waitingFor: [] });
  });
});
