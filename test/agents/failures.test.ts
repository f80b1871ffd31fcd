import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../store/sql.js';
import { type Desk, deskOf } from '../e2e/deciding.js';
import { openStage, resolvers, type Stage } from '../e2e/stage.js';
import type { ScriptInput, ScriptTurn, TurnSource } from '../stand-ins/anthropic-script.js';

let stage: Stage;
let desk: Desk;
beforeAll(async () => {
  stage = await openStage({ file: { limits: { turns: 6, subagents: 4, depth: 3, children: 6, agents: 20 } } });
  desk = deskOf(stage);
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

interface AgentRow {
  id: string;
  parent_id: string | null;
  label: string;
  model: string;
  instructions: string;
  status: string;
  outcome: string | null;
  replaces: string | null;
  error: { type: string; message: string } | null;
}

function agentsOf(request: string): Promise<AgentRow[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<AgentRow>(sql`
      select id, parent_id, label, model, instructions, status, outcome, replaces, error from agents
      where request_id = ${request} and parent_id is not null order by created_at, tries, id`),
  );
}

const spawn = (task: string, more: object = {}) => ({ name: 'spawn_agent', input: { task, label: task, ...more } });
const told = (input: ScriptInput): string => input.toolResults.map(({ content }) => content).join('\n');
/** More turns than an agent may take. */
const endless: readonly TurnSource[] = Array.from({ length: 20 }, () => ({
  calls: [{ name: 'probe', input: { name: 'nothing' } }],
}));
const NOTHING = { skills: ['probe'] };

beforeAll(() => stage.outside('nothing', () => Promise.resolve(null)));

describe('children that fail', () => {
  test('two of five fail for good: the answer has the three results and the two reasons [S1-13] [S2-16]', async () => {
    stage.script('part that works', [{ text: 'the good part' }]);
    stage.script('part that never ends', endless);
    let results: ScriptInput['toolResults'] = [];
    const view = await stage.finish([
      {
        calls: [1, 2, 3]
          .map((n) => spawn(`part that works ${n}`))
          .concat([4, 5].map((n) => spawn(`part that never ends ${n}`, NOTHING))),
      },
      (input) => {
        results = input.toolResults;
        return { text: 'Three parts are there; two are missing.' };
      },
    ]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'Three parts are there; two are missing.' } });
    expect(results.map(({ isError }) => isError)).toEqual([false, false, false, true, true]);
    for (const { content } of results.slice(0, 3))
      expect(JSON.parse(content)).toMatchObject({ status: 'completed', text: 'the good part' });
    for (const { content } of results.slice(3)) {
      expect(content).toMatch(/^The agent “part that never ends \d” failed\. .* after 6 turns without an answer/);
      expect(content).toMatch(/Go on with what you have, and say what is missing and why\.$/);
    }
    const agents = await agentsOf(view.id);
    expect(agents.map(({ outcome }) => outcome).toSorted()).toEqual([
      'completed',
      'completed',
      'completed',
      'failed',
      'failed',
    ]);
  });

  test('the fallback takes over with another model and other instructions, once [S2-12] [S2-14]', async () => {
    const systems: string[] = [];
    let calls = 0;
    stage.script('needs somebody else', [
      ...Array.from(
        { length: 20 },
        (): TurnSource => (input) => {
          calls += 1;
          systems.push(input.system);
          return input.system.includes('Be brave.')
            ? { text: 'done by the other' }
            : { calls: [{ name: 'probe', input: { name: 'nothing' } }] };
        },
      ),
    ]);
    const view = await stage.finish([
      {
        calls: [spawn('needs somebody else', { ...NOTHING, fallback: { model: 'smart', instructions: 'Be brave.' } })],
      },
      (input) => ({ text: (JSON.parse(told(input)) as { text: string }).text }),
    ]);
    expect(view.result?.text).toBe('done by the other');
    const [first, second, ...others] = await agentsOf(view.id);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ outcome: 'failed', replaces: null });
    expect(second).toMatchObject({ outcome: 'completed', replaces: first?.id, instructions: 'Be brave.' });
    expect(second?.model).not.toBe(first?.model);
    expect(calls).toBe(7);
  });

  test('when nothing helps the user decides, and the request waits [S2-15] [S2-20]', async () => {
    stage.script('part nobody can do', endless);
    const request = await stage.play([
      { calls: [spawn('part nobody can do', { ...NOTHING, onFailure: 'ask' })] },
      (input) => ({ text: `So be it: ${(JSON.parse(told(input)) as { answer: string }).answer}` }),
    ]);
    const waiting = await stage.world.until(request, ({ status }) => status === 'waiting_user');
    expect(waiting.waitingFor).toMatchObject([
      {
        kind: 'user',
        text: expect.stringMatching(
          /part nobody can do.* failed.*Shall I go on without it, or try it again\?$/s,
        ) as string,
      },
    ]);
    await stage.say(request, 'Go on without it.');
    expect(await stage.world.ended(request)).toMatchObject({
      status: 'completed',
      result: { text: 'So be it: Go on without it.' },
    });
  });
});

describe('time', () => {
  test('a child whose time is over is stopped with everything below it', async () => {
    const gate = resolvers();
    stage.outside('stuck', async ({ abortSignal }) => {
      abortSignal.addEventListener('abort', () => gate.resolve());
      await gate.promise;
      return null;
    });
    stage.script('the slow one', [{ calls: [spawn('its own helper', { skills: ['probe'] })] }, { text: 'never said' }]);
    stage.script('its own helper', [{ calls: [{ name: 'probe', input: { name: 'stuck' } }] }, { text: 'never said' }]);
    const view = await stage.finish([
      { calls: [spawn('the slow one', { skills: ['spawn_agent', 'probe'], timeoutSeconds: 3 })] },
      (input) => ({ text: told(input) }),
    ]);
    expect(view.status).toBe('completed');
    expect(view.result?.text).toMatch(/“the slow one” ran out of time/);
    expect((await agentsOf(view.id)).map(({ label, status, outcome }) => [label, status, outcome])).toEqual([
      ['the slow one', 'ended', 'timed_out'],
      ['its own helper', 'ended', 'cancelled'],
    ]);
    await gate.promise;
  });
});

describe('limits', () => {
  const bomb = (depth: number): ScriptTurn => ({
    calls: Array.from({ length: 8 }, (_, place) => spawn(`bomb ${depth}.${place}`, { skills: ['spawn_agent'] })),
  });

  test('a bomb of agents is stopped by children and by agents of a request, each with a plain answer', async () => {
    const errors: string[] = [];
    const noted: TurnSource = (input) => {
      errors.push(...input.toolResults.filter(({ isError }) => isError).map(({ content }) => content));
      return { text: 'enough' };
    };
    for (const depth of [1, 2, 3]) stage.script(`bomb ${depth}.`, [bomb(depth + 1), noted]);
    const view = await stage.world.ended(await stage.play([bomb(1), noted]), 50_000);
    expect(view.status).toBe('completed');
    expect(await agentsOf(view.id)).toHaveLength(20);
    expect([...new Set(errors)].toSorted()).toEqual([
      'This request has 21 agents, and that is the most there may be. Go on with what you have and tell the user what was left out.',
      'You have spawned 6 agents, and that is the most there may be. Go on with their results, or do the rest yourself.',
    ]);
  });

  test('a chain of agents ends at the depth that is allowed', async () => {
    const errors: string[] = [];
    for (const depth of [1, 2, 3])
      stage.script(`dive ${depth}`, [
        { calls: [spawn(`dive ${depth + 1}`, { skills: ['spawn_agent'] })] },
        (input) => {
          errors.push(...input.toolResults.filter(({ isError }) => isError).map(({ content }) => content));
          return { text: 'up again' };
        },
      ]);
    const view = await stage.finish([{ calls: [spawn('dive 1', { skills: ['spawn_agent'] })] }, { text: 'up again' }]);
    expect(view.status).toBe('completed');
    expect((await agentsOf(view.id)).map(({ label }) => label)).toEqual(['dive 1', 'dive 2', 'dive 3']);
    expect(errors).toEqual(['Agents may not be spawned any deeper than this. Do the work yourself and answer.']);
  });

  test('a child that has used its share of the budget fails alone, and the request goes on', async () => {
    stage.script('the expensive one', [{ text: 'never said' }]);
    stage.script('the cheap one', [{ text: 'cheap' }]);
    const view = await stage.finish([
      { calls: [spawn('the expensive one', { budgetUsd: '0.000001' }), spawn('the cheap one')] },
      (input) => ({ text: told(input) }),
    ]);
    expect(view.status).toBe('completed');
    expect(view.result?.text).toMatch(
      /“the expensive one” failed\. The share of the budget that it was given \(\$0\.000001\) is used up/,
    );
    expect(view.result?.text).toContain('"text":"cheap"');
    expect(await desk.all(view.id)).toEqual([]);
  });
});

describe('a parent that stops waiting', () => {
  test('goes on at once; its child goes on too, and its result is told once', async () => {
    const gate = resolvers();
    stage.outside('slow work', async () => {
      await gate.promise;
      return null;
    });
    stage.script('takes its time', [
      { calls: [{ name: 'probe', input: { name: 'slow work' } }] },
      { text: 'here it is' },
    ]);
    const heard: string[] = [];
    const request = await stage.play([
      { calls: [spawn('takes its time', { label: 'the slow hand', skills: ['probe'] })] },
      (input) => {
        heard.push(told(input));
        return { text: 'I am still at it.' };
      },
      (input) => {
        heard.push(JSON.stringify(input.body.messages.at(-1)));
        return { text: 'Now I have it.' };
      },
    ]);
    await expect
      .poll(async () => (await stage.callsOf(request)).map(({ skill, status }) => `${skill} ${status}`).toSorted(), {
        timeout: 20_000,
      })
      .toEqual(['probe pending', 'spawn_agent delegated']);
    await stage.say(request, 'How far are you?');
    await stage.world.until(request, ({ result }) => result?.text === 'I am still at it.');
    expect((await agentsOf(request)).map(({ status }) => status)).toEqual(['running']);
    gate.resolve();
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Now I have it.' } });
    expect(JSON.parse(heard[0] ?? '')).toMatchObject({ status: 'running' });
    expect(heard[1]?.match(/here it is/g)).toHaveLength(1);
    expect((await agentsOf(request)).map(({ outcome }) => outcome)).toEqual(['completed']);
  });
});

test('a cancelled request stops every workflow it has', async () => {
  const gate = resolvers();
  stage.outside('until cancelled', async ({ abortSignal }) => {
    abortSignal.addEventListener('abort', () => gate.resolve());
    await gate.promise;
    return null;
  });
  const leaf: readonly TurnSource[] = [
    { calls: [{ name: 'probe', input: { name: 'until cancelled' } }] },
    { text: 'never' },
  ];
  stage.script('a leaf of it', leaf);
  stage.script('a branch of it', [
    { calls: [spawn('a leaf of it', { skills: ['probe'], timeoutSeconds: 600 })] },
    { text: 'never' },
  ]);
  const request = await stage.play([
    {
      calls: [1, 2].map((n) => spawn(`a branch of it ${n}`, { skills: ['spawn_agent', 'probe'], timeoutSeconds: 600 })),
    },
  ]);
  await expect
    .poll(async () => (await stage.callsOf(request)).filter(({ skill }) => skill === 'probe').length, {
      timeout: 20_000,
    })
    .toBe(2);
  const ids = [`request:${request}`, ...(await agentsOf(request)).map(({ id }) => `agent:${id}`)];
  expect(ids).toHaveLength(5);
  await stage.cancel(request);
  await expect
    .poll(
      async () =>
        Promise.all(ids.map(async (id) => (await stage.client.workflow.getHandle(id).describe()).status.name)),
      { timeout: 20_000 },
    )
    .toEqual(ids.map(() => 'COMPLETED'));
  expect((await agentsOf(request)).map(({ status, outcome }) => [status, outcome])).toEqual(
    ids.slice(1).map(() => ['ended', 'cancelled']),
  );
  expect((await stage.callsOf(request)).map(({ status }) => status)).toEqual(
    Array.from({ length: 6 }, () => 'cancelled'),
  );
});
