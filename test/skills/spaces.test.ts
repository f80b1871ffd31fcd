import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Atom } from '../../contracts/space.js';
import { spaceDeprecate } from '../../skills/space-deprecate/run.js';
import { spaceGet } from '../../skills/space-get/run.js';
import { spaceHistory } from '../../skills/space-history/run.js';
import { spacePut } from '../../skills/space-put/run.js';
import { spaceSearch } from '../../skills/space-search/run.js';
import { spaceUpdate } from '../../skills/space-update/run.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { asUser, grant, type Hand, newAgent, newSpace, OLGA, seatPeople, VERA } from './space-stage.js';

let store: TestStore;
let olgas: Hand;
let veras: Hand;
let space: string;
beforeAll(async () => {
  store = await openTestStore();
  await seatPeople(store.db);
  olgas = await newAgent(store.db, 'agt_olgas');
  veras = await newAgent(store.db, 'agt_veras', { user: VERA });
});
beforeEach(async () => {
  space = await newSpace(store.db, 'Garden');
});
afterAll(() => store.close());

async function put(payload: unknown, more: Record<string, unknown> = {}, by: Hand = olgas): Promise<string> {
  const { output } = await by.run(spacePut, { space, payload, comment: 'Set up', ...more });
  return (output as { id: string }).id;
}

async function found(input: Record<string, unknown>): Promise<string[]> {
  const { output } = await olgas.run(spaceSearch, { space, ...input });
  return (output as { items: { atom: { id: string } }[] }).items.map((item) => item.atom.id);
}

const read = (atom: string): Promise<Atom> => asUser(store.db, OLGA, (spaces) => spaces.get(space, atom));

describe('space_put', () => {
  it('adds an atom with its references and shows its comment to the user', async () => {
    const about = await put('a room');
    const references = [{ type: 'about', atom: about }];
    const done = await olgas.run(spacePut, { space, payload: { text: 'Need it' }, references, comment: 'Asks for it' });
    const { id } = done.output as { id: string };
    expect(done.output).toEqual({ id, space, version: 1 });
    expect(done.outputs).toEqual([{ kind: 'atom', title: 'Asks for it', ref: `atom:${id}` }]);
    expect(await read(id)).toMatchObject({ references, author: 'agent:agt_olgas', comment: 'Asks for it' });
  });

  it('is taken back by withdrawing the atom, which keeps its references', async () => {
    const about = await put('a room');
    const references = [{ type: 'about', atom: about }];
    const done = await olgas.run(spacePut, { space, payload: 'Hello', references, comment: 'x' });
    await olgas.undo(spacePut, done);
    expect(await found({})).toEqual([about]);
    expect(await read((done.output as { id: string }).id)).toMatchObject({ deprecated: true, references });
  });

  it('passes on what the spaces refuse', async () => {
    await expect(put('Hello', { space: 'spc_none' })).rejects.toMatchObject({ type: 'not-found' });
    await expect(put('Hello', {}, veras)).rejects.toMatchObject({ type: 'not-found' });
    await expect(put('Hello', { references: [{ type: 'about', atom: 'atm_9' }] })).rejects.toMatchObject({
      type: 'invalid-body',
    });
  });
});

describe('space_search', () => {
  it('filters by words, metadata and the state of references', async () => {
    const done = await put('alpha', { metadata: { state: 'done', rank: 1 } });
    const free = await put('beta', {
      metadata: { state: 'open', rank: 2 },
      references: [{ type: 'blocked_by', atom: done }],
    });
    const blocked = await put('beta', { references: [{ type: 'blocked_by', atom: free }] });
    expect((await found({ query: 'beta' })).toSorted()).toEqual([free, blocked].toSorted());
    expect(await found({ metadata: { rank: { gte: 2 } } })).toEqual([free]);
    expect(await found({ query: 'beta', references: { blocked_by: { state: 'done' } } })).toEqual([free]);
  });

  it('keeps a long answer small and says what was left out', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key${index}`, 'v'.repeat(500)]));
    await asUser(store.db, OLGA, async (spaces) => {
      for (let count = 0; count < 110; count += 1)
        await spaces.put(space, { payload: { text: 'word '.repeat(1_000) }, metadata, comment: 'x' });
    });
    const { output } = await olgas.run(spaceSearch, { space, query: 'word', limit: 100 });
    expect(output).toMatchObject({ items: { length: 100 }, note: 'More atoms match; narrow the search.' });
    expect((output as { items: { atom: object }[] }).items[0]?.atom).toMatchObject({ cut: true });
    expect(JSON.stringify(output).length).toBeLessThan(100_000);
  });
});

describe('space_get', () => {
  it('shows an atom whole', async () => {
    const payload = { text: 'x'.repeat(10_000), list: [1, null, true] };
    const { output, labels } = await olgas.run(spaceGet, { space, atom: await put(payload) });
    expect(output).toMatchObject({ payload, version: 1, origin: 'agent', comment: 'Set up' });
    expect(output).not.toHaveProperty('cut');
    expect(labels).toEqual(['private']);
  });

  it('cuts a payload that would fill the context', async () => {
    const { output } = await olgas.run(spaceGet, { space, atom: await put('x'.repeat(200_000)) });
    expect(output).toMatchObject({ cut: true, payload: expect.stringMatching(/^x+…$/) });
    expect(JSON.stringify(output).length).toBeLessThan(31_000);
  });

  it("marks who reads another person's words", async () => {
    await grant(store.db, space, `user:${VERA}`, 'append');
    const { labels } = await olgas.run(spaceGet, { space, atom: await put('from Vera', {}, veras) });
    expect(labels).toEqual(['private', 'untrusted']);
  });
});

describe('space_deprecate', () => {
  it('withdraws an atom from searches, and its undo brings it back', async () => {
    const atom = await put('old news');
    const done = await olgas.run(spaceDeprecate, { space, atom, comment: 'Out of date' });
    expect(done.output).toEqual({ id: atom, space, version: 2, deprecated: true });
    expect(await found({})).toEqual([]);
    expect(await read(atom)).toMatchObject({ deprecated: true, comment: 'Out of date' });
    await olgas.undo(spaceDeprecate, done);
    expect(await found({})).toEqual([atom]);
  });

  it('leaves what somebody else has withdrawn to them', async () => {
    const atom = await put('old news');
    await asUser(store.db, OLGA, (spaces) => spaces.deprecate(space, atom, 'By hand'));
    const done = await olgas.run(spaceDeprecate, { space, atom, comment: 'Again' });
    expect(done.output).toMatchObject({ version: 2, deprecated: true });
    expect(done.undo).toBeUndefined();
    expect(await read(atom)).toMatchObject({ version: 2, comment: 'By hand' });
  });

  it('needs the permission to write', async () => {
    const atom = await put('old news');
    await grant(store.db, space, `user:${VERA}`, 'append');
    await expect(veras.run(spaceDeprecate, { space, atom, comment: 'x' })).rejects.toMatchObject({ type: 'forbidden' });
  });
});

describe('space_history', () => {
  it('says who changed what, when and why, newest first', async () => {
    const atom = await put({ name: 'Acme', phone: '1' }, { metadata: { stage: 'lead' } });
    await grant(store.db, space, `user:${VERA}`, 'write');
    await veras.run(spaceUpdate, { space, atom, metadata: { stage: 'won' }, comment: 'They have signed' });
    await asUser(store.db, OLGA, (spaces) =>
      spaces.update(space, atom, { payload: { name: 'Acme', phone: '2' }, comment: 'New number' }),
    );
    await olgas.run(spaceDeprecate, { space, atom, comment: 'Moved on' });
    const { output, labels } = await olgas.run(spaceHistory, { space, atom });
    expect(output).toMatchObject({
      items: [
        { version: 4, author: 'agent:agt_olgas', comment: 'Moved on', changed: [], deprecated: true },
        { version: 3, author: `user:${OLGA}`, comment: 'New number', changed: ['payload.phone'], origin: 'user' },
        { version: 2, author: 'agent:agt_veras', comment: 'They have signed', changed: ['metadata.stage'] },
        { version: 1, author: 'agent:agt_olgas', comment: 'Set up', changed: [], metadata: { stage: 'lead' } },
      ],
    });
    expect(output).not.toHaveProperty('note');
    expect(labels).toEqual(['private', 'untrusted']);
  });

  it('shows fewer versions where they are very long', async () => {
    const long = 'x'.repeat(5 * 1024 * 1024);
    const atom = await put({ long, n: 1 });
    await asUser(store.db, OLGA, async (spaces) => {
      for (const n of [2, 3]) await spaces.update(space, atom, { payload: { long, n }, comment: 'x' });
    });
    const { output } = await olgas.run(spaceHistory, { space, atom });
    expect(output).toMatchObject({
      items: [{ version: 3, changed: ['payload.n'] }],
      note: 'Only the first 1 of 3 are shown; older ones are too large for this.',
    });
  });

  it('keeps a long answer small and says that there is more', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key${index}`, 'v'.repeat(500)]));
    const atom = await put('word '.repeat(1_000), { metadata });
    await asUser(store.db, OLGA, async (spaces) => {
      for (let count = 0; count < 60; count += 1)
        await spaces.update(space, atom, { payload: `${count} ${'word '.repeat(1_000)}`, comment: 'x'.repeat(2_000) });
    });
    const { output } = await olgas.run(spaceHistory, { space, atom, limit: 50 });
    expect(output).toMatchObject({ items: { length: 50 }, note: expect.stringMatching(/^Only the first 50 of 61 /) });
    expect((output as { items: object[] }).items[0]).toMatchObject({ version: 61, cut: true, changed: ['payload'] });
    expect(JSON.stringify(output).length).toBeLessThan(100_000);
    expect((await olgas.run(spaceHistory, { space, atom })).output).toMatchObject({ items: { length: 10 } });
  });

  it('is shown to readers only', async () => {
    const atom = await put('mine');
    await expect(veras.run(spaceHistory, { space, atom })).rejects.toMatchObject({ type: 'not-found' });
  });
});
