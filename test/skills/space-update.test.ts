import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Atom } from '../../contracts/space.js';
import { spaceUpdate } from '../../skills/space-update/run.js';
import { createDb, type Db } from '../../store/db.js';
import { migrate } from '../../store/migrations/index.js';
import { openPostgres } from '../../store/postgres.js';
import { needs } from '../helpers/needs.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { asUser, grant, type Hand, newAgent, newSpace, OLGA, seatPeople, VERA } from './space-stage.js';

let store: TestStore;
let olgas: Hand;
let veras: Hand;
let confined: Hand;
let space: string;
let atom: string;
beforeAll(async () => {
  store = await openTestStore();
  await seatPeople(store.db);
  olgas = await newAgent(store.db, 'agt_olgas');
  veras = await newAgent(store.db, 'agt_veras', { user: VERA });
  confined = await newAgent(store.db, 'agt_confined', { confined: true });
  space = await newSpace(store.db, 'CRM');
  await grant(store.db, space, `user:${VERA}`, 'write');
  await grant(store.db, space, 'agent:agt_confined', 'write');
});
afterAll(() => store.close());

const CARD = { payload: { name: 'Acme', phone: '1' }, metadata: { stage: 'lead', rank: 1 } };
beforeEach(async () => {
  atom = (await asUser(store.db, OLGA, (spaces) => spaces.put(space, { ...CARD, comment: 'Set up' }))).id;
});

const read = (): Promise<Atom> => asUser(store.db, OLGA, (spaces) => spaces.get(space, atom));
const change = (by: Hand, more: Record<string, unknown>) =>
  by.run(spaceUpdate, { space, atom, comment: 'Changed', ...more });

describe('space_update', () => {
  it('merges from exactly the version it was made for, however long ago that was', async () => {
    await asUser(store.db, OLGA, async (spaces) => {
      for (let rank = 2; rank <= 60; rank += 1) await spaces.update(space, atom, { metadata: { rank }, comment: 'x' });
    });
    const { output } = await change(olgas, { payload: { ...CARD.payload, phone: '2' }, ifVersion: 1 });
    expect(output).toEqual({ id: atom, space, version: 61, mergedOver: 60 });
    expect(await read()).toMatchObject({ payload: { name: 'Acme', phone: '2' }, metadata: { rank: 60 } });
    await expect(change(olgas, { payload: 'x', ifVersion: 62 })).rejects.toMatchObject({
      type: 'conflict',
      message: 'The atom is at version 61, and version 62 is not known. Read it with space_get and repeat the change.',
    });
  });

  it('changes what is named and gives it its former value back', async () => {
    const before = await read();
    const target = await asUser(store.db, OLGA, (spaces) => spaces.put(space, { payload: 'x', comment: 'x' }));
    const references = [{ type: 'about', atom: target.id }];
    const done = await change(olgas, {
      payload: { name: 'New' },
      metadata: { stage: 'won', extra: 1, rank: null },
      references,
    });
    expect(done.output).toEqual({ id: atom, space, version: 2 });
    expect(await read()).toMatchObject({ payload: { name: 'New' }, metadata: { stage: 'won', extra: 1 }, references });
    await olgas.undo(spaceUpdate, done);
    const { payload, metadata, references: left } = await read();
    expect({ payload, metadata, references: left }).toEqual({
      payload: before.payload,
      metadata: before.metadata,
      references: [],
    });
  });

  it('changes the newest where no version is named', async () => {
    await change(veras, { metadata: { stage: 'won' } });
    expect((await change(olgas, { metadata: { stage: 'lost' } })).output).toEqual({ id: atom, space, version: 3 });
    expect((await read()).metadata).toMatchObject({ stage: 'lost' });
  });

  it('gives back keys with the names of what every object has', async () => {
    const done = await change(olgas, { metadata: { constructor: 'Bo', toString: 'x' } });
    await olgas.undo(spaceUpdate, done);
    expect((await read()).metadata).toEqual(CARD.metadata);
  });

  it('refuses a change of nothing, and a version that is not there', async () => {
    await expect(change(olgas, {})).rejects.toThrow(/at least one change/);
    await expect(change(olgas, { payload: 1, ifVersion: 9 })).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('is at version 1'),
    });
  });

  it.each([
    ['read', 'forbidden'],
    ['none', 'not-found'],
  ] as const)('is refused to a confined agent that holds %s', async (permission, type) => {
    const other = await newSpace(store.db, 'Other');
    const { id } = await asUser(store.db, OLGA, (spaces) => spaces.put(other, { payload: 1, comment: 'x' }));
    if (permission === 'read') await grant(store.db, other, 'agent:agt_confined', permission);
    const call = confined.run(spaceUpdate, { space: other, atom: id, payload: 2, comment: 'x' });
    await expect(call).rejects.toMatchObject({ type });
  });
});

describe('space_update for an older version', () => {
  it('is merged over what others have written since, and says so', async () => {
    await change(veras, { metadata: { stage: 'won' }, payload: { name: 'Acme', phone: '2' } });
    const done = await change(confined, {
      metadata: { rank: 5 },
      payload: { name: 'Acme Ltd', phone: '1' },
      ifVersion: 1,
    });
    expect(done.output).toEqual({ id: atom, space, version: 3, mergedOver: 2 });
    expect(await read()).toMatchObject({
      payload: { name: 'Acme Ltd', phone: '2' },
      metadata: { stage: 'won', rank: 5 },
      author: 'agent:agt_confined',
    });
    await confined.undo(spaceUpdate, done);
    expect(await read()).toMatchObject({
      payload: { name: 'Acme', phone: '2' },
      metadata: { stage: 'won', rank: 1 },
    });
  });

  it('writes nothing where both changed a field, and says what stands there now', async () => {
    await change(veras, { metadata: { stage: 'won', rank: null }, payload: { name: 'Acme', phone: '2' } });
    const done = await change(olgas, {
      metadata: { stage: 'lost', rank: 7, fresh: true },
      payload: { name: 'Acme', phone: '3' },
      ifVersion: 1,
    });
    expect(done.output).toEqual({
      id: atom,
      space,
      version: 2,
      conflicts: [
        { field: 'payload.phone', yours: '3', now: '2' },
        { field: 'metadata.stage', yours: 'lost', now: 'won' },
        { field: 'metadata.rank', yours: 7 },
      ],
      note: expect.stringMatching(/^Nothing was written: .* since version 1, .* ifVersion 2;/),
    });
    expect(done.undo).toBeUndefined();
    expect(done.labels).toEqual(['private', 'untrusted']);
    expect(await read()).toMatchObject({ version: 2, metadata: { stage: 'won' } });
  });

  it('keeps the answer to a conflict small', async () => {
    const wide = (text: string) =>
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, text.repeat(5_000)]));
    await change(veras, { payload: wide('a') });
    const { output } = await change(olgas, { payload: wide('b'), ifVersion: 1 });
    expect(output).toMatchObject({ conflicts: { length: 20 }, note: expect.stringContaining('80 more fields') });
    expect(JSON.stringify(output).length).toBeLessThan(25_000);
  });

  it('writes nothing that stands there already', async () => {
    await change(veras, { metadata: { stage: 'won' } });
    const done = await change(olgas, { metadata: { stage: 'won' }, ifVersion: 1 });
    expect(done.output).toMatchObject({ version: 2, note: expect.stringContaining('stands like this already') });
    expect(done.undo).toBeUndefined();
  });

  it('adds its references to those that others have added', async () => {
    const [one, other] = await asUser(store.db, OLGA, async (spaces) => [
      await spaces.put(space, { payload: 1, comment: 'x' }),
      await spaces.put(space, { payload: 2, comment: 'x' }),
    ]);
    await change(veras, { references: [{ type: 'about', atom: one?.id }] });
    await change(olgas, { references: [{ type: 'about', atom: other?.id }], ifVersion: 1 });
    expect((await read()).references.map((reference) => reference.atom)).toEqual([one?.id, other?.id]);
  });
});

describe('the undo of space_update', () => {
  it('leaves what others have changed since', async () => {
    const done = await change(olgas, { payload: { name: 'Acme', phone: '9' }, metadata: { stage: 'won' } });
    await change(veras, { payload: { name: 'Acme Ltd', phone: '9' }, metadata: { rank: 3 } });
    await olgas.undo(spaceUpdate, done);
    expect(await read()).toMatchObject({
      payload: { name: 'Acme Ltd', phone: '1' },
      metadata: { stage: 'lead', rank: 3 },
    });
  });

  it('refuses to lose a later change, and names the fields', async () => {
    const done = await change(olgas, { metadata: { stage: 'won' } });
    await change(veras, { metadata: { stage: 'lost' } });
    await expect(olgas.undo(spaceUpdate, done)).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('metadata.stage was changed again'),
    });
    expect((await read()).metadata).toMatchObject({ stage: 'lost' });
  });

  it('writes nothing where the change is gone already', async () => {
    const done = await change(olgas, { metadata: { stage: 'won' } });
    await change(veras, { metadata: { stage: 'lead' } });
    await olgas.undo(spaceUpdate, done);
    expect((await read()).version).toBe(3);
  });

  it('takes back calls of earlier releases, which kept no version', async () => {
    const done = await change(olgas, { metadata: { stage: 'won' } });
    const { version: _version, ...undo } = done.undo as { version: number; space: string; atom: string };
    await olgas.undo(spaceUpdate, { ...done, undo });
    expect((await read()).metadata).toMatchObject({ stage: 'lead' });
  });
});

const WRITERS = 50;

/** Two agents of two people change different keys of one atom, all at once; half of them name the first version. */
async function allAtOnce(db: Db): Promise<void> {
  const shared = await newSpace(db, 'Shared');
  await grant(db, shared, `user:${VERA}`, 'write');
  const hands = [await newAgent(db, 'agt_one'), await newAgent(db, 'agt_two', { user: VERA })];
  const { id } = await asUser(db, OLGA, (spaces) => spaces.put(shared, { payload: {}, comment: 'x' }));
  const keys = Array.from({ length: WRITERS }, (_, index) => `key${index}`);
  const done = await Promise.all(
    keys.flatMap((key, index) => {
      const version = index % 4 < 2 ? { ifVersion: 1 } : {};
      const input = { space: shared, atom: id, metadata: { [key]: index }, comment: key, ...version };
      const hand = hands[index % 2];
      return hand === undefined ? [] : [hand.run(spaceUpdate, input)];
    }),
  );
  const left = await asUser(db, OLGA, (spaces) => spaces.get(shared, id));
  expect(left.metadata).toEqual(Object.fromEntries(keys.map((key, index) => [key, index])));
  const versions = done.map(({ output }) => (output as { version: number }).version);
  expect(versions.toSorted((a, b) => a - b)).toEqual(keys.map((_, index) => index + 2));
  for (const [index, one] of done.entries()) await hands[index % 2]?.undo(spaceUpdate, one);
  expect((await asUser(db, OLGA, (spaces) => spaces.get(shared, id))).metadata).toEqual({});
}

/** Every writer has a connection before the first begins, so that none waits for one while the machine is busy. */
async function connectAll(pool: Pool): Promise<void> {
  const clients: PoolClient[] = [];
  for (let count = 0; count < WRITERS; count += 1) clients.push(await pool.connect());
  for (const client of clients) client.release();
}

describe('fifty updates of one atom at once', () => {
  it('lose none of the writes, and each is taken back alone, in the embedded store [S4-23]', () => allAtOnce(store.db));

  it('lose none of the writes, and each is taken back alone, on PostgreSQL', async (context) => {
    needs(context, 'PostgreSQL', findPostgres() !== undefined);
    const server = await startPostgres();
    const pool = openPostgres({ url: await server.createDatabase('updates'), connections: WRITERS });
    try {
      await migrate(pool);
      await connectAll(pool);
      const db = createDb(pool, { events: store.bus, outbox: { poke: () => undefined } });
      await seatPeople(db);
      await allAtOnce(db);
    } finally {
      await pool.end();
      await server.stop();
    }
  });
});
