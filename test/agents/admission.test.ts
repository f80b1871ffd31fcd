import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStage, resolvers, type Stage } from '../e2e/stage.js';
import { sql } from '../../store/sql.js';

const LIMIT = 3;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ file: { limits: { subagents: LIMIT, callsPerTurn: 60, children: 60 } } });
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

interface AgentRow {
  id: string;
  label: string;
  status: string;
  outcome: string | null;
}

function agentsOf(request: string): Promise<AgentRow[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<AgentRow>(sql`
      select id, label, status, outcome from agents where request_id = ${request} and parent_id is not null order by created_at, id`),
  );
}

/** How many work at the same time, by the rows, as long as the request is under way. */
async function mostAtWork(request: string): Promise<{ most: number; looks: number }> {
  let most = 0;
  for (let looks = 0; ; looks += 1) {
    const agents = await agentsOf(request);
    most = Math.max(most, agents.filter(({ status }) => status === 'running').length);
    if ((await stage.world.view(request)).endedAt !== undefined) return { most, looks };
    await delay(5);
  }
}

test('of fifty at once never more than three work, and every one of them answers [S4-26]', async () => {
  let running = 0;
  let mostSkills = 0;
  let mostAsked = 0;
  stage.outside('work', async () => {
    running += 1;
    mostSkills = Math.max(mostSkills, running);
    await delay(10);
    running -= 1;
    return { done: true };
  });
  const noted = (text: string) => () => {
    mostAsked = Math.max(mostAsked, stage.model.calls.filter(({ finished }) => !finished).length);
    return { text };
  };
  stage.script('one of fifty', [
    (input) => ({
      ...noted('')(),
      calls: [{ name: 'probe', input: { name: 'work' } }],
      text: input.userText.slice(0, 2),
    }),
    noted('worked'),
  ]);
  const request = await stage.play([
    {
      text: '',
      calls: Array.from({ length: 50 }, (_, place) => ({
        name: 'spawn_agent',
        // Every other one has a workflow of its own.
        input: {
          task: 'one of fifty',
          label: `number ${place}`,
          skills: ['probe'],
          ...(place % 2 === 0 ? {} : { timeoutSeconds: 600 }),
        },
      })),
    },
    { text: 'All fifty have answered.' },
  ]);
  const { most, looks } = await mostAtWork(request);
  expect(await stage.world.view(request)).toMatchObject({
    status: 'completed',
    result: { text: 'All fifty have answered.' },
  });
  expect((await agentsOf(request)).map(({ outcome }) => outcome)).toEqual(
    Array.from({ length: 50 }, () => 'completed'),
  );
  expect(
    (await stage.callsOf(request)).filter(({ skill, status }) => skill === 'spawn_agent' && status === 'done'),
  ).toHaveLength(50);
  expect(looks).toBeGreaterThan(50);
  expect([most, mostSkills, mostAsked].filter((count) => count > LIMIT)).toEqual([]);
  expect(most).toBe(LIMIT);
});

test('what the user waits for starts before what was queued earlier, and places in the queue can be seen [S4-26] [S4-27]', async () => {
  const begun: string[] = [];
  const gates = [resolvers(), resolvers(), resolvers()];
  const free = gates.values();
  stage.outside('hold', async () => {
    await free.next().value?.promise;
    return null;
  });
  stage.script('hold a place', [{ calls: [{ name: 'probe', input: { name: 'hold' } }] }, { text: 'held' }]);
  stage.script('in the queue', [
    (input) => {
      begun.push(/urgent|background \d/.exec(input.userText)?.[0] ?? '');
      return { text: 'done' };
    },
  ]);
  const spawn = (task: string, priority: number) => ({
    name: 'spawn_agent',
    // Its report names the label: words of another script must not stand in it.
    input: { task, label: task.slice('in the '.length), priority, skills: ['probe'], wait: false },
  });
  const request = await stage.play([
    { calls: [1, 2, 3].map((n) => spawn(`hold a place ${n}`, 3)) },
    { calls: [1, 2].map((n) => spawn(`in the queue: background ${n}`, 3)) },
    { calls: [spawn('in the queue: urgent', 1)] },
    // One for the time until then, and one for every report at the most.
    ...Array.from({ length: 7 }, () => ({ text: 'over' })),
  ]);
  await expect
    .poll(async () => (await agentsOf(request)).map(({ status }) => status), { timeout: 20_000 })
    .toEqual(['running', 'running', 'running', 'queued', 'queued', 'queued']);
  const watcher = await stage.finish([{ calls: [{ name: 'list_work', input: {} }] }, { text: 'seen' }], {
    conversation: (await stage.world.view(request)).conversation,
  });
  const [listed] = await stage.callsOf(watcher.id);
  const seen = listed?.output as unknown as { work: { label: string; position?: number }[] } | undefined;
  const waiting = (seen?.work ?? []).filter(({ position }) => position !== undefined);
  expect(waiting.map(({ position }) => position).toSorted()).toEqual([1, 2, 3]);
  expect(waiting.find(({ position }) => position === 1)?.label).toBe('queue: urgent');
  // One place becomes free, and the next one when whoever took it is done.
  gates[0]?.resolve();
  await expect.poll(() => begun.length, { timeout: 20_000 }).toBe(3);
  for (const gate of gates) gate.resolve();
  await stage.world.ended(request);
  expect(begun[0]).toBe('urgent');
  expect(begun.toSorted()).toEqual(['background 1', 'background 2', 'urgent']);
});

test('with one place, five generations that wait for one another still come to an end', async () => {
  const narrow = await openStage({ file: { limits: { subagents: 1, subagentsInAll: 1 } } });
  try {
    for (let depth = 1; depth <= 5; depth += 1) {
      const isLast = depth === 5;
      narrow.script(
        `generation ${depth}`,
        isLast
          ? [{ text: 'bottom' }]
          : [
              { calls: [{ name: 'spawn_agent', input: { task: `generation ${depth + 1}`, skills: ['spawn_agent'] } }] },
              (input) => ({
                text: `${depth} ${(JSON.parse(input.toolResults[0]?.content ?? '{}') as { text: string }).text}`,
              }),
            ],
      );
    }
    const view = await narrow.finish([
      { calls: [{ name: 'spawn_agent', input: { task: 'generation 1', skills: ['spawn_agent'] } }] },
      (input) => ({ text: (JSON.parse(input.toolResults[0]?.content ?? '{}') as { text: string }).text }),
    ]);
    expect(view).toMatchObject({ status: 'completed', result: { text: '1 2 3 4 bottom' } });
    narrow.assertClean();
  } finally {
    await narrow.close();
  }
});
