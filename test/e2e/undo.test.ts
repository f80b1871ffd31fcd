import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { undoState } from '../../engine/undo-state.js';
import type { CallRow } from '../../engine/rows.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { openStage, resolvers, type Stage } from './stage.js';

const LOOK: ScriptTurn = {
  calls: [
    { name: 'tasks_list', input: {} },
    { name: 'search_memory', input: { query: 'harbour' } },
    { name: 'file_list', input: {} },
    { name: 'calendar_list_events', input: { from: '2027-03-01', to: '2027-03-02' } },
  ],
};

/** One call of each internal kind; the texts have `mark` in them. */
function doAll(mark: string): ScriptTurn {
  return {
    calls: [
      { name: 'tasks_create', input: { title: `paint ${mark}` } },
      { name: 'remember', input: { text: `the harbour is ${mark}` } },
      { name: 'file_write', input: { path: `${mark}.txt`, text: `about ${mark}` } },
      {
        name: 'calendar_create_event',
        input: {
          title: `walk ${mark}`,
          start: '2027-03-01T10:00:00Z',
          end: '2027-03-01T11:00:00Z',
          timeZone: 'UTC',
          attendees: [],
        },
      },
    ],
  };
}

describe('undo', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const statusOf = async (call: CallRow): Promise<string> =>
    (await undoState(stage.world.serving.installation.engine, stage.world.owner, call.id)).status;
  const undone = async (calls: readonly CallRow[]): Promise<void> => {
    for (const call of calls)
      await vi.waitFor(async () => expect(await statusOf(call)).toBe('undone'), { timeout: 5_000 });
  };
  const outputsOf = async (request: string): Promise<string> =>
    JSON.stringify((await stage.callsOf(request)).map((call) => call.output));
  const calendarFile = (): string => path.join(stage.world.home, 'local', stage.world.owner, 'calendar.ics');

  test('after the end takes back a task, a memory, a file and an event, and asking twice is harmless', async () => {
    const view = await stage.finish([doAll('ochre'), { text: 'done' }]);
    expect(view.result?.outputs.length).toBeGreaterThan(0);
    expect(readFileSync(calendarFile(), 'utf8')).toContain('walk ochre');
    const calls = await stage.callsOf(view.id);
    for (const call of calls) await stage.undo(call.id);
    for (const call of calls) await stage.undo(call.id);
    await undone(calls);
    expect((await stage.world.view(view.id)).result?.outputs).toEqual([]);
    const seen = await stage.finish([LOOK, { text: 'nothing there' }]);
    expect(await outputsOf(seen.id)).not.toContain('ochre');
    expect(readFileSync(calendarFile(), 'utf8')).not.toContain('walk ochre');
    expect(existsSync(path.join(stage.world.home, 'workspaces', stage.world.owner, 'ochre.txt'))).toBe(false);
    expect(await stage.world.view(view.id)).toMatchObject({ status: 'completed' });
    for (const call of calls) await stage.undo(call.id);
    const finished = (await stage.eventsOf(view.id)).filter((event) => event.data['outcome'] === 'undone');
    expect(finished).toHaveLength(calls.length);
  });

  test('while the model thinks happens at once, not when it has answered', async () => {
    const request = await stage.play([doAll('umber'), { text: 'done' }]);
    await vi.waitFor(async () =>
      expect((await stage.callsOf(request)).filter((call) => call.status === 'done')).toHaveLength(4),
    );
    const calls = await stage.callsOf(request);
    await stage.world.ended(request);
    expect(calls).toHaveLength(4);

    stage.model.pushFaults({ kind: 'stall', when: (input) => input.toolResults.length > 0 });
    const slow = await stage.play([doAll('sienna'), { text: 'done' }]);
    await vi.waitFor(() => expect(stage.asked(slow)).toHaveLength(2), { timeout: 5_000 });
    const [task, , file] = await stage.callsOf(slow);
    if (task === undefined || file === undefined) throw new Error('no calls');
    await stage.undo(task.id);
    await stage.undo(file.id);
    await undone([task, file]);
    expect((await stage.world.view(slow)).status).toBe('running');
    await stage.cancel(slow);
    expect(await stage.client.workflow.getHandle(`request:${slow}`).result()).toBe('cancelled');
    await vi.waitFor(() => expect(stage.asked(slow)[1]?.aborted).toBe(true), { timeout: 4_000 });
  });

  test('of the last turn is not lost when the model answers at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      stage.model.latencyMs = 60 * round;
      const request = await stage.play([
        { calls: [{ name: 'tasks_create', input: { title: `race ${round}` } }] },
        { text: 'done' },
      ]);
      await vi.waitFor(() => expect(stage.asked(request)).toHaveLength(2), { interval: 5, timeout: 5_000 });
      const calls = await stage.callsOf(request);
      await stage.undo(calls[0]?.id ?? '');
      await stage.world.ended(request);
      await undone(calls);
    }
    stage.model.latencyMs = 0;
  });

  test('of a call in a request that waits for an answer leaves it waiting', async () => {
    const request = await stage.play([
      {
        calls: [
          { name: 'tasks_create', input: { title: 'waiting task' } },
          { name: 'ask_user', input: { question: 'Keep it?' } },
        ],
      },
      { text: 'gone' },
    ]);
    await vi.waitFor(async () => expect((await stage.callsOf(request))[0]?.status).toBe('done'));
    const calls = await stage.callsOf(request);
    await stage.undo(calls[0]?.id ?? '');
    await undone(calls.slice(0, 1));
    await vi.waitFor(async () =>
      expect(await stage.world.view(request)).toMatchObject({
        status: 'waiting_user',
        waitingFor: [{ text: 'Keep it?' }],
      }),
    );
    await stage.say(request, 'no');
    expect((await stage.world.ended(request)).status).toBe('completed');
    expect(JSON.stringify(stage.asked(request)[1]?.body?.messages)).toContain('The user has taken this back since');
  });

  test('of what cannot be undone is refused, and so is that of an unknown call', async () => {
    const running = resolvers();
    stage.outside('no undo', async () => ({}));
    stage.outside('not yet', async () => {
      await running.promise;
      return {};
    });
    const view = await stage.finish([{ calls: [{ name: 'probe', input: { name: 'no undo' } }] }, { text: 'done' }]);
    const [done] = await stage.callsOf(view.id);
    await expect(stage.undo(done?.id ?? '')).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('cannot be undone'),
    });
    const open = await stage.play([{ calls: [{ name: 'probe', input: { name: 'not yet' } }] }, { text: 'done' }]);
    await vi.waitFor(async () => expect(await stage.callsOf(open)).toHaveLength(1));
    const [pending] = await stage.callsOf(open);
    await expect(stage.undo(pending?.id ?? '')).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('pending'),
    });
    running.resolve();
    await stage.world.ended(open);
    await expect(stage.undo('call_nobody')).rejects.toMatchObject({ type: 'not-found' });
  });

  test('that would lose a later change of the file fails with the reason and leaves the file', async () => {
    const view = await stage.finish([
      { calls: [{ name: 'file_write', input: { path: 'plan.txt', text: 'first' } }] },
      { calls: [{ name: 'file_write', input: { path: 'plan.txt', text: 'second' } }] },
      { text: 'done' },
    ]);
    const [first] = await stage.callsOf(view.id);
    await stage.undo(first?.id ?? '');
    const { engine } = stage.world.serving.installation;
    await vi.waitFor(async () =>
      expect(await undoState(engine, stage.world.owner, first?.id ?? '')).toMatchObject({
        status: 'done',
        message: expect.stringContaining('changed since'),
      }),
    );
    expect(readFileSync(path.join(stage.world.home, 'workspaces', stage.world.owner, 'plan.txt'), 'utf8')).toBe(
      'second',
    );
  });
});
