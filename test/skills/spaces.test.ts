import { beforeEach, describe, expect, it } from 'vitest';
import { spaceGet } from '../../skills/space-get/run.js';
import { spacePut } from '../../skills/space-put/run.js';
import { spaceSearch } from '../../skills/space-search/run.js';
import { spaceUpdate } from '../../skills/space-update/run.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

let context: FakeContext;
beforeEach(() => {
  context = fakeContext();
});

async function put(payload: unknown, more: Record<string, unknown> = {}) {
  return runSkill(spacePut, { space: 'sp_bus', payload, comment: 'Set up', ...more }, context);
}

async function found(input: Record<string, unknown>): Promise<string[]> {
  const { output } = await runSkill(spaceSearch, input, context);
  return (output as { items: { atom: { id: string } }[] }).items.map((item) => item.atom.id).toSorted();
}

describe('space_put', () => {
  it('adds an atom with its comment and shows it to the user', async () => {
    const result = await put({ text: 'Need a room' }, { metadata: { state: 'open' }, comment: 'Asks for a room' });
    expect(result.output).toEqual({ id: 'atm_1', space: 'sp_bus', version: 1 });
    expect(result.outputs).toEqual([{ kind: 'atom', title: 'Asks for a room', ref: 'atom:atm_1' }]);
    expect(context.spaces.comments).toEqual(['Asks for a room']);
  });

  it('is taken back by withdrawing the atom', async () => {
    await undoSkill(spacePut, await put('Hello'), context);
    expect(await found({ space: 'sp_bus' })).toEqual([]);
  });

  it('passes on what the spaces refuse', async () => {
    await expect(put('Hello', { space: 'sp_none' })).rejects.toMatchObject({ type: 'not-found' });
    await expect(put('Hello', { references: [{ type: 'about', atom: 'atm_9' }] })).rejects.toMatchObject({
      type: 'invalid-body',
    });
  });
});

describe('space_search', () => {
  it('filters by words, metadata and the state of references', async () => {
    await put('alpha', { metadata: { state: 'done', rank: 1 } });
    await put('beta', { metadata: { state: 'open', rank: 2 }, references: [{ type: 'blocked_by', atom: 'atm_1' }] });
    await put('beta', { references: [{ type: 'blocked_by', atom: 'atm_2' }] });
    expect(await found({ query: 'beta' })).toEqual(['atm_2', 'atm_3']);
    expect(await found({ metadata: { rank: { gte: 2 } } })).toEqual(['atm_2']);
    expect(await found({ query: 'beta', references: { blocked_by: { state: 'done' } } })).toEqual(['atm_2']);
    expect(await found({ space: 'sp_tasks' })).toEqual([]);
  });

  it('keeps a long answer small and says what was left out', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key${index}`, 'v'.repeat(500)]));
    for (let count = 0; count < 120; count += 1) await put({ text: 'word '.repeat(2000) }, { metadata });
    const { output } = await runSkill(spaceSearch, { query: 'word', limit: 100 }, context);
    expect(output).toMatchObject({ items: { length: 100 }, note: 'More atoms match; narrow the search.' });
    expect(output).toMatchObject({
      items: expect.arrayContaining([{ atom: expect.objectContaining({ cut: true }), score: 1 }]),
    });
    expect(JSON.stringify(output).length).toBeLessThan(100_000);
  });
});

describe('space_get', () => {
  it('shows an atom whole', async () => {
    const payload = { text: 'x'.repeat(10_000), list: [1, null, true] };
    await put(payload);
    const { output } = await runSkill(spaceGet, { space: 'sp_bus', atom: 'atm_1' }, context);
    expect(output).toMatchObject({ payload, version: 1, origin: 'agent', comment: 'Set up' });
    expect(output).not.toHaveProperty('cut');
  });

  it('cuts a payload that would fill the context', async () => {
    await put('x'.repeat(200_000));
    const { output } = await runSkill(spaceGet, { space: 'sp_bus', atom: 'atm_1' }, context);
    expect(output).toMatchObject({ cut: true, payload: expect.stringMatching(/^x+…$/) });
    expect(JSON.stringify(output).length).toBeLessThan(31_000);
  });
});

describe('space_update', () => {
  beforeEach(async () => {
    await put('target');
    await put({ text: 'old' }, { metadata: { state: 'open', kind: 'note' } });
  });

  const place = { space: 'sp_bus', atom: 'atm_2' };

  it('changes what is named and gives it its former value back', async () => {
    const before = await context.spaces.get('sp_bus', 'atm_2');
    const change = {
      ...place,
      payload: { text: 'new' },
      metadata: { state: 'done', extra: 1, kind: null },
      references: [{ type: 'about', atom: 'atm_1' }],
      comment: 'Finished',
    };
    const result = await runSkill(spaceUpdate, change, context);
    expect(result.output).toEqual({ id: 'atm_2', space: 'sp_bus', version: 2 });
    expect(await context.spaces.get('sp_bus', 'atm_2')).toMatchObject({
      payload: { text: 'new' },
      metadata: { state: 'done', extra: 1 },
      references: [{ type: 'about', atom: 'atm_1' }],
    });
    await undoSkill(spaceUpdate, result, context);
    const { payload, metadata, references } = await context.spaces.get('sp_bus', 'atm_2');
    expect({ payload, metadata, references }).toEqual({
      payload: before.payload,
      metadata: before.metadata,
      references: before.references,
    });
  });

  it('undoes only what the call changed', async () => {
    const result = await runSkill(spaceUpdate, { ...place, metadata: { state: 'done' }, comment: 'Finished' }, context);
    await runSkill(spaceUpdate, { ...place, payload: 'by somebody else', comment: 'Rewritten' }, context);
    await undoSkill(spaceUpdate, result, context);
    expect(await context.spaces.get('sp_bus', 'atm_2')).toMatchObject({
      payload: 'by somebody else',
      metadata: { state: 'open', kind: 'note' },
    });
  });

  it('refuses an old version and a call that changes nothing', async () => {
    await runSkill(spaceUpdate, { ...place, payload: 'second', comment: 'Again' }, context);
    const late = { ...place, payload: 'third', comment: 'Late', ifVersion: 1 };
    await expect(runSkill(spaceUpdate, late, context)).rejects.toMatchObject({ type: 'stale' });
    await expect(runSkill(spaceUpdate, { ...place, comment: 'Nothing' }, context)).rejects.toThrow(
      /at least one change/,
    );
  });
});
