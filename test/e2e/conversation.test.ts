import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringsIn } from '../stand-ins/anthropic-body.js';
import type { RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import { openStage, resolvers, type Stage } from './stage.js';

/** As long as the server may take to tell a running step that it is not wanted any more. */
const STOP_MS = 4_000;

function ask(...questions: string[]): ScriptTurn {
  return {
    text: 'I need to know more.',
    calls: questions.map((question) => ({ name: 'ask_user', input: { question } })),
  };
}

function lastWords(call: RecordedCall | undefined): string {
  return stringsIn(call?.body?.messages.at(-1)).join('\n');
}

function allWords(call: RecordedCall | undefined): string {
  return stringsIn(call?.body?.messages).join('\n');
}

describe('a conversation', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  });
  afterEach(() => {
    stage.model.latencyMs = 0;
    stage.assertClean();
  });
  afterAll(() => stage.close());

  test('shows the model a message that came while it was thinking before the request ends', async () => {
    stage.model.latencyMs = 600;
    const request = await stage.play([{ text: 'It will be Monday.' }, { text: 'It will be Tuesday then.' }]);
    await vi.waitFor(() => expect(stage.asked(request)).toHaveLength(1), { timeout: 10_000 });
    await stage.say(request, 'make it Tuesday instead');
    const view = await stage.world.ended(request);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'It will be Tuesday then.' } });
    expect(lastWords(stage.asked(request)[1])).toContain('make it Tuesday instead');
  });

  test('shows the model a message that came while a skill ran in its next turn', async () => {
    const running = resolvers();
    const over = resolvers();
    stage.outside('steered', async () => {
      running.resolve();
      await over.promise;
      return { found: 3 };
    });
    const request = await stage.play([
      { calls: [{ name: 'probe', input: { name: 'steered' } }] },
      { text: 'Three, in short.' },
    ]);
    await running.promise;
    await stage.say(request, 'keep it short');
    over.resolve();
    expect(await stage.world.ended(request)).toMatchObject({
      status: 'completed',
      result: { text: 'Three, in short.' },
    });
    expect(stage.asked(request)).toHaveLength(2);
    expect(lastWords(stage.asked(request)[1])).toMatch(/"found":3[^]*keep it short/);
  });

  test('waits for the answer to a question with what is known so far, and goes on with it', async () => {
    const request = await stage.play([ask('Which Anna?'), { text: 'Mailed to the right one.' }]);
    const waiting = await stage.world.until(request, (view) => view.status === 'waiting_user');
    expect(waiting).toMatchObject({
      waitingFor: [{ kind: 'user', text: 'Which Anna?' }],
      result: { text: 'I need to know more.' },
      agents: [{ status: 'waiting' }],
    });
    await stage.say(request, 'Anna Weber');
    const view = await stage.world.ended(request);
    expect(view).toMatchObject({ status: 'completed', waitingFor: [], result: { text: 'Mailed to the right one.' } });
    expect(lastWords(stage.asked(request)[1])).toContain('{"answer":"Anna Weber"}');
    const statuses = (await stage.eventsOf(request))
      .filter((event) => event.type === 'status')
      .map((event) => event.data['status']);
    expect(statuses).toEqual(['queued', 'running', 'waiting_user', 'running', 'completed']);
  });

  test('loses no answer that is given the moment the question is stored', async () => {
    const { bus } = stage.world.serving.installation.activityDeps;
    for (let round = 0; round < 8; round += 1) {
      const request = await stage.play([ask('Quick?'), { text: `quick enough ${round}` }]);
      const answered = resolvers();
      bus.subscribe(request, {
        onNotice: ({ status }) => {
          if (status === 'waiting_user') stage.say(request, 'yes').then(answered.resolve, answered.reject);
        },
        onDelta: () => undefined,
      });
      await answered.promise;
      expect(await stage.world.ended(request, 10_000)).toMatchObject({ result: { text: `quick enough ${round}` } });
    }
  });

  test('takes the answers to two questions of one turn one after the other', async () => {
    const request = await stage.play([ask('Which day?', 'Which room?'), { text: 'Booked.' }]);
    await stage.world.until(request, (view) => view.waitingFor.length === 2);
    await stage.say(request, 'Monday');
    const between = await stage.world.view(request);
    expect(between).toMatchObject({ status: 'waiting_user', waitingFor: [{ text: 'Which room?' }] });
    await stage.say(request, 'the small one');
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed' });
    expect(lastWords(stage.asked(request)[1])).toMatch(/"answer":"Monday"[^]*"answer":"the small one"/);
    expect(stage.asked(request)).toHaveLength(2);
  });

  test('runs what it can beside a question, and asks the model once when all is there', async () => {
    stage.outside('beside', async () => ({ looked: true }));
    const both: ScriptTurn = {
      calls: [
        { name: 'ask_user', input: { question: 'Which city?' } },
        { name: 'probe', input: { name: 'beside' } },
      ],
    };
    const request = await stage.play([both, { text: 'Both then.' }]);
    await vi.waitFor(async () =>
      expect((await stage.callsOf(request)).map((call) => call.status)).toEqual(['waiting', 'done']),
    );
    await stage.say(request, 'Berlin');
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed' });
    expect(lastWords(stage.asked(request)[1])).toMatch(/"answer":"Berlin"[^]*"looked":true/);
    expect((await stage.turnsOf(request)).map((turn) => turn.attempt)).toEqual([1, 1]);
  });

  test('refuses a message after the end', async () => {
    const { id } = await stage.finish([{ text: 'over' }]);
    await expect(stage.say(id, 'one more thing')).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('completed'),
    });
  });

  test('gives the earlier requests of the conversation to the model', async () => {
    const first = await stage.finish([{ text: 'The code word is heron.' }], { text: 'tell me the code word' });
    const second = await stage.finish([{ text: 'heron' }], {
      text: 'what was it again?',
      conversation: first.conversation,
    });
    expect(second.conversation).toBe(first.conversation);
    expect(allWords(stage.asked(second.id)[0])).toMatch(
      /tell me the code word[^]*The code word is heron\.[^]*what was it again/,
    );
    const elsewhere = await stage.finish([{ text: 'no idea' }], { text: 'and here?' });
    expect(allWords(stage.asked(elsewhere.id)[0])).not.toContain('heron');
  });

  test('answers a second request while the first still works, and delivers the first when it is ready [S3-05]', async () => {
    const over = resolvers();
    stage.outside('research', async () => {
      await over.promise;
      return { result: 'forty-two papers' };
    });
    const long = await stage.play(
      [{ calls: [{ name: 'probe', input: { name: 'research' } }] }, { text: 'There are forty-two papers.' }],
      { text: 'research this' },
    );
    const { conversation } = await stage.world.until(long, (view) => view.status === 'running');
    await vi.waitFor(async () => expect((await stage.callsOf(long))[0]?.started_at).toBeTruthy());
    const quick = await stage.finish([{ text: 'It is noon.' }], { text: 'what time is it?', conversation });
    expect(quick).toMatchObject({ status: 'completed', result: { text: 'It is noon.' } });
    expect(stringsIn(stage.asked(quick.id)[0]?.body?.system).join('\n')).toContain(`${long} (running)`);
    expect((await stage.world.view(long)).status).toBe('running');
    over.resolve();
    expect(await stage.world.ended(long)).toMatchObject({
      status: 'completed',
      result: { text: 'There are forty-two papers.' },
    });
  });

  describe('that is cancelled', () => {
    test('while the model writes closes the connection and stores nothing afterwards', async () => {
      stage.model.pushFaults('stall');
      const request = await stage.play([{ text: 'never said' }]);
      await vi.waitFor(() => expect(stage.asked(request)).toHaveLength(1), { timeout: 10_000 });
      await stage.cancel(request);
      expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled' });
      const events = await stage.eventsOf(request);
      await vi.waitFor(() => expect(stage.asked(request)[0]?.aborted).toBe(true), { timeout: STOP_MS });
      await delay(500);
      expect(stage.asked(request)).toHaveLength(1);
      expect(await stage.turnsOf(request)).toEqual([]);
      expect(await stage.eventsOf(request)).toEqual(events);
      expect(await stage.client.workflow.getHandle(`request:${request}`).result()).toBe('cancelled');
    });

    test('while a skill runs stops the skill', async () => {
      const running = resolvers();
      const stopped = resolvers();
      stage.outside('to be stopped', async ({ abortSignal }) => {
        running.resolve();
        abortSignal.addEventListener('abort', () => stopped.resolve());
        await stopped.promise;
        throw new Error('stopped');
      });
      const request = await stage.play([
        { calls: [{ name: 'probe', input: { name: 'to be stopped' } }] },
        { text: 'never said' },
      ]);
      await running.promise;
      await stage.cancel(request);
      const late = delay(STOP_MS).then(() => Promise.reject(new Error('the skill was not stopped')));
      await Promise.race([stopped.promise, late]);
      late.catch(() => undefined);
      expect(await stage.callsOf(request)).toMatchObject([{ status: 'cancelled', output: null }]);
      expect(stage.asked(request)).toHaveLength(1);
    });

    test('while a skill works that cannot stop any more stores what it did, and stays cancelled', async () => {
      const running = resolvers();
      const over = resolvers();
      stage.outside('unstoppable', async () => {
        running.resolve();
        await over.promise;
        return { made: 'an event' };
      });
      const request = await stage.play([
        { calls: [{ name: 'probe', input: { name: 'unstoppable' } }] },
        { text: 'never said' },
      ]);
      await running.promise;
      await stage.cancel(request);
      expect(await stage.client.workflow.getHandle(`request:${request}`).result()).toBe('cancelled');
      over.resolve();
      await vi.waitFor(async () =>
        expect(await stage.callsOf(request)).toMatchObject([{ status: 'done', output: { made: 'an event' } }]),
      );
      expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled', result: { text: '' } });
      const finished = (await stage.eventsOf(request)).filter((event) => event.type === 'skill.finished');
      expect(finished.map((event) => event.data['outcome'])).toEqual(['cancelled', 'done']);
    });

    test('while it waits for an answer ends at once, and a second cancel is harmless', async () => {
      const request = await stage.play([ask('Really?')]);
      await stage.world.until(request, (view) => view.status === 'waiting_user');
      await stage.cancel(request);
      await stage.cancel(request);
      expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled', waitingFor: [] });
      await expect(stage.say(request, 'yes')).rejects.toMatchObject({ type: 'conflict' });
      expect(await stage.client.workflow.getHandle(`request:${request}`).result()).toBe('cancelled');
      expect((await stage.eventsOf(request)).filter((event) => event.type === 'done')).toHaveLength(1);
    });

    test('after its end is refused', async () => {
      const { id } = await stage.finish([{ text: 'done already' }]);
      await expect(stage.cancel(id)).rejects.toMatchObject({ type: 'conflict' });
    });
  });
});
