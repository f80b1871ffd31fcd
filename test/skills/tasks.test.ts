import { beforeEach, describe, expect, it } from 'vitest';
import { tasksCreate } from '../../skills/tasks-create/run.js';
import { tasksList } from '../../skills/tasks-list/run.js';
import { tasksUpdate } from '../../skills/tasks-update/run.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

let context: FakeContext;
beforeEach(() => {
  context = fakeContext();
});

async function titles(filter: Record<string, unknown> = {}): Promise<string[]> {
  const { output } = await runSkill(tasksList, filter, context);
  return (output as { tasks: { title: string }[] }).tasks.map((task) => task.title).toSorted();
}

describe('tasks_create', () => {
  it('puts an open task on the board, without fields nobody named, and names the route', async () => {
    const result = await runSkill(tasksCreate, { title: 'Prepare the budget', owner: 'Jo' }, context);
    expect(result.output).toEqual({
      id: 'atm_1',
      title: 'Prepare the budget',
      owner: 'Jo',
      due: null,
      notes: null,
      status: 'open',
      version: 1,
      board: 'the task board in Retinue; Notion is not connected',
    });
    expect(result.outputs).toEqual([{ kind: 'task', title: 'Prepare the budget', ref: 'atom:atm_1' }]);
    const atom = await context.spaces.get('sp_tasks', 'atm_1');
    expect(atom).toMatchObject({ payload: { title: 'Prepare the budget', owner: 'Jo' }, metadata: { status: 'open' } });
    expect(Object.keys(atom.metadata)).toEqual(['status']);
  });

  it('is taken back by withdrawing the task', async () => {
    const result = await runSkill(tasksCreate, { title: 'Wrong' }, context);
    await undoSkill(tasksCreate, result, context);
    expect(await titles()).toEqual([]);
    expect(await context.spaces.get('sp_tasks', 'atm_1')).toMatchObject({ deprecated: true });
  });
});

describe('tasks_list', () => {
  beforeEach(async () => {
    await runSkill(tasksCreate, { title: 'Budget', owner: 'Jo Pauli' }, context);
    await runSkill(tasksCreate, { title: 'Room', owner: 'Joana' }, context);
    await context.spaces.put('sp_tasks', { payload: 'Water the plants', comment: 'by hand' });
    await runSkill(tasksUpdate, { task: 'atm_2', status: 'done' }, context);
  });

  it('filters by state; a task without one is open', async () => {
    expect(await titles()).toEqual(['Budget', 'Room', 'Water the plants']);
    expect(await titles({ status: 'open' })).toEqual(['Budget', 'Water the plants']);
    expect(await titles({ status: 'done' })).toEqual(['Room']);
    expect(await titles({ status: 'held' })).toEqual([]);
  });

  it('finds an owner by whole words in any case', async () => {
    expect(await titles({ owner: 'JO' })).toEqual(['Budget']);
    expect(await titles({ owner: 'pauli, jo' })).toEqual(['Budget']);
    expect(await titles({ owner: '?' })).toEqual([]);
  });

  it('searches by words', async () => {
    expect(await titles({ query: 'plants' })).toEqual(['Water the plants']);
  });

  it('stays short on a full board and says that there is more', async () => {
    for (let count = 0; count < 120; count += 1) {
      const payload = { title: `Task ${count}`, notes: 'n'.repeat(5000) };
      await context.spaces.put('sp_tasks', { payload, metadata: { status: 'open' }, comment: 'many' });
    }
    const { output } = await runSkill(tasksList, {}, context);
    expect(output).toMatchObject({ tasks: { length: 100 }, note: expect.stringContaining('more tasks') });
    expect(JSON.stringify(output).length).toBeLessThan(50_000);
  });

  it('finds what stands behind many pages of other tasks', async () => {
    for (let count = 0; count < 450; count += 1) {
      await context.spaces.put('sp_tasks', { payload: { title: `Task ${count}`, owner: 'Kim' }, comment: 'many' });
    }
    expect(await titles({ owner: 'pauli' })).toEqual(['Budget']);
  });
});

describe('tasks_update', () => {
  beforeEach(async () => {
    await runSkill(tasksCreate, { title: 'Budget', owner: 'Jo', notes: 'draft first' }, context);
  });

  it('changes what is named and keeps the rest', async () => {
    const change = { task: 'atm_1', status: 'held', owner: null, due: '2026-12-01' };
    const { output } = await runSkill(tasksUpdate, change, context);
    expect(output).toMatchObject({ status: 'held', owner: null, due: '2026-12-01', notes: 'draft first', version: 2 });
    expect((await context.spaces.get('sp_tasks', 'atm_1')).payload).toEqual({
      title: 'Budget',
      due: '2026-12-01',
      notes: 'draft first',
    });
  });

  it('is taken back field by field, without touching what changed since', async () => {
    const before = await context.spaces.get('sp_tasks', 'atm_1');
    const change = { task: 'atm_1', status: 'done', owner: null, due: '2026-12-01' };
    const result = await runSkill(tasksUpdate, change, context);
    await runSkill(tasksUpdate, { task: 'atm_1', title: 'Budget 2027' }, context);
    await undoSkill(tasksUpdate, result, context);
    const after = await context.spaces.get('sp_tasks', 'atm_1');
    expect(after.payload).toEqual({ title: 'Budget 2027', owner: 'Jo', notes: 'draft first' });
    expect(after.metadata).toEqual(before.metadata);
  });

  it('keeps fields of the payload that it does not know', async () => {
    await context.spaces.put('sp_tasks', { payload: { title: 'Odd', estimate: 3 }, comment: 'by hand' });
    const result = await runSkill(tasksUpdate, { task: 'atm_2', status: 'held', title: 'Even' }, context);
    expect((await context.spaces.get('sp_tasks', 'atm_2')).payload).toEqual({ title: 'Even', estimate: 3 });
    await undoSkill(tasksUpdate, result, context);
    const after = await context.spaces.get('sp_tasks', 'atm_2');
    expect(after).toMatchObject({ payload: { title: 'Odd', estimate: 3 }, metadata: {} });
  });

  it('refuses a call that changes nothing, an unknown task and a withdrawn one', async () => {
    await expect(runSkill(tasksUpdate, { task: 'atm_1' }, context)).rejects.toThrow(/name at least one change/);
    await expect(runSkill(tasksUpdate, { task: 'atm_9', status: 'done' }, context)).rejects.toMatchObject({
      type: 'not-found',
    });
    await context.spaces.deprecate('sp_tasks', 'atm_1', 'gone');
    await expect(runSkill(tasksUpdate, { task: 'atm_1', status: 'done' }, context)).rejects.toMatchObject({
      type: 'conflict',
    });
  });
});
