import { beforeEach, describe, expect, it } from 'vitest';
import { contactsSearch } from '../../skills/contacts-search/run.js';
import { forget } from '../../skills/forget/run.js';
import { remember } from '../../skills/remember/run.js';
import { searchMemory } from '../../skills/search-memory/run.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

let context: FakeContext;
beforeEach(() => {
  context = fakeContext();
});

async function recalled(query: string): Promise<string[]> {
  const { output } = await runSkill(searchMemory, { query }, context);
  return (output as { memories: { text: string }[] }).memories.map((memory) => memory.text);
}

describe('memory', () => {
  it('keeps a fact as text and finds it again', async () => {
    const { output } = await runSkill(remember, { text: 'Prefers trains to planes' }, context);
    expect(output).toEqual({ id: 'atm_1', space: 'sp_memory' });
    const atom = await context.spaces.get('sp_memory', 'atm_1');
    expect(atom).toMatchObject({ payload: { text: 'Prefers trains to planes' }, metadata: { kind: 'fact' } });
    expect(await recalled('trains')).toEqual(['Prefers trains to planes']);
  });

  it('takes remembering back', async () => {
    const result = await runSkill(remember, { text: 'Prefers trains' }, context);
    await undoSkill(remember, result, context);
    expect(await recalled('trains')).toEqual([]);
  });

  it('forgets, and takes forgetting back', async () => {
    await runSkill(remember, { text: 'Prefers trains' }, context);
    const result = await runSkill(forget, { memory: 'atm_1' }, context);
    expect(result.output).toEqual({ id: 'atm_1', forgotten: true });
    expect(await recalled('trains')).toEqual([]);
    await undoSkill(forget, result, context);
    expect(await recalled('trains')).toEqual(['Prefers trains']);
  });

  it('forgets twice without harm, and only the first can be undone', async () => {
    await runSkill(remember, { text: 'Prefers trains' }, context);
    await runSkill(forget, { memory: 'atm_1' }, context);
    expect(await runSkill(forget, { memory: 'atm_1' }, context)).not.toHaveProperty('undo');
  });

  it('does not forget what is no memory', async () => {
    await context.spaces.put('sp_tasks', { payload: { title: 'A task' }, comment: 'set up' });
    await expect(runSkill(forget, { memory: 'atm_1' }, context)).rejects.toMatchObject({ type: 'not-found' });
  });

  it('cuts long memories and bounds their number, and says so', async () => {
    for (let count = 0; count < 30; count += 1) {
      await runSkill(remember, { text: `trains ${'é'.repeat(5000)}` }, context);
    }
    const { output } = await runSkill(searchMemory, { query: 'trains' }, context);
    expect(output).toMatchObject({
      memories: { length: 20 },
      note: expect.stringMatching(/More memories.*cut; space_get with space sp_memory/),
    });
    expect(new TextEncoder().encode(JSON.stringify(output)).length).toBeLessThan(45_000);
  });
});

describe('contacts_search', () => {
  it('finds people with what is known of them and names the route', async () => {
    const jo = { name: 'Jo Pauli', email: 'jo@example.org', role: 'Tax adviser', phone: '1' };
    await context.spaces.put('sp_contacts', { payload: jo, comment: 'set up' });
    await context.spaces.put('sp_contacts', { payload: { name: 'Kim' }, comment: 'set up' });
    const { output } = await runSkill(contactsSearch, { query: 'adviser' }, context);
    expect(output).toEqual({
      route: 'the contacts in Retinue; Google Contacts is not connected',
      contacts: [{ id: 'atm_1', name: 'Jo Pauli', email: 'jo@example.org', role: 'Tax adviser' }],
    });
    expect(await runSkill(contactsSearch, { query: 'kim' }, context)).toMatchObject({
      output: { contacts: [{ id: 'atm_2', name: 'Kim' }] },
    });
  });

  it('says when there are more', async () => {
    for (let count = 0; count < 21; count += 1) {
      await context.spaces.put('sp_contacts', { payload: { name: `Jo ${count}` }, comment: 'set up' });
    }
    const { output } = await runSkill(contactsSearch, { query: 'Jo' }, context);
    expect(output).toMatchObject({ contacts: { length: 20 }, note: expect.stringContaining('More contacts') });
  });
});
