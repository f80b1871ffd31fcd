import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptRequest } from '../../engine/accept.js';
import { readEvents } from '../../engine/event-feed.js';
import { postMessage } from '../../engine/messages.js';
import { appendEvents } from '../../engine/events.js';
import { lockRequest } from '../../engine/rows.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from './engine-kit.js';

let kit: EngineKit;
beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

const count = async (table: string): Promise<number> =>
  kit.engine.db.system(
    async (tx) => (await tx.one<{ n: number }>(sql`select count(*)::int as n from ${sql.raw(table)}`)).n,
  );

describe('accepting a message', () => {
  test('ten times at once under one key makes one request, one command and nine repeats', async () => {
    const before = {
      requests: await count('requests'),
      outbox: await count('outbox'),
      messages: await count('messages'),
      conversations: await count('conversations'),
    };
    const accepted = await Promise.all(
      Array.from({ length: 10 }, () =>
        acceptRequest(kit.engine, kit.owner, { body: { text: 'hello' }, idempotencyKey: 'key-1' }),
      ),
    );
    expect(new Set(accepted.map((one) => one.id)).size).toBe(1);
    expect(accepted.filter((one) => one.fresh)).toHaveLength(1);
    expect({
      requests: await count('requests'),
      outbox: await count('outbox'),
      messages: await count('messages'),
      conversations: await count('conversations'),
    }).toEqual({
      requests: before.requests + 1,
      outbox: before.outbox + 1,
      messages: before.messages + 1,
      conversations: before.conversations + 1,
    });
  });

  test('with a used key and another body is refused, also at the same time', async () => {
    await acceptRequest(kit.engine, kit.owner, { body: { text: 'first' }, idempotencyKey: 'key-2' });
    await expect(
      acceptRequest(kit.engine, kit.owner, { body: { text: 'second' }, idempotencyKey: 'key-2' }),
    ).rejects.toMatchObject({ type: 'reused-key', status: 422 });
    const both = await Promise.allSettled(
      ['a', 'b'].map((text) => acceptRequest(kit.engine, kit.owner, { body: { text }, idempotencyKey: 'key-3' })),
    );
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({ type: 'reused-key' });
  });

  test('keeps the keys of two people apart', async () => {
    const other = await kit.person('Otto');
    const mine = await acceptRequest(kit.engine, kit.owner, { body: { text: 'same' }, idempotencyKey: 'shared' });
    const theirs = await acceptRequest(kit.engine, other, { body: { text: 'different' }, idempotencyKey: 'shared' });
    expect(theirs.fresh).toBe(true);
    expect(theirs.id).not.toBe(mine.id);
  });

  test('refuses an unknown agent, an unknown conversation and an empty message, and writes nothing', async () => {
    const before = await count('requests');
    await expect(acceptRequest(kit.engine, kit.owner, { body: {} })).rejects.toMatchObject({ type: 'invalid-body' });
    await expect(
      acceptRequest(kit.engine, kit.owner, { body: { text: 'x', agent: 'constructor' } }),
    ).rejects.toMatchObject({ type: 'invalid-body', status: 422 });
    await expect(
      acceptRequest(kit.engine, kit.owner, { body: { text: 'x', conversation: 'cnv_nowhere' } }),
    ).rejects.toMatchObject({ type: 'not-found' });
    expect(await count('requests')).toBe(before);
  });
});

describe('events', () => {
  test('of one request are numbered without gaps, however many write at once', async () => {
    const ref = await kit.accept('count');
    await Promise.all([
      ...Array.from({ length: 20 }, (_, index) =>
        kit.engine.db.as(kit.owner, async (tx) => {
          await lockRequest(tx, ref);
          await appendEvents(
            tx,
            ref.request,
            kit.owner,
            Array.from({ length: 1 + (index % 3) }, () => ({ type: 'charge', data: { index } }) as const),
          );
        }),
      ),
      ...Array.from({ length: 5 }, (_, index) =>
        postMessage(kit.engine, kit.owner, ref.request, { text: `steer ${index}` }),
      ),
    ]);
    const events = await readEvents(kit.engine, kit.owner, ref.request, 0, 1_000);
    expect(events.map((event) => Number(event.id))).toEqual(events.map((_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(40);
    expect(await readEvents(kit.engine, kit.owner, ref.request, events.length - 2, 1_000)).toHaveLength(2);
  });

  test('that were not committed leave no gap', async () => {
    const ref = await kit.accept('roll back');
    const failing = kit.engine.db.as(kit.owner, async (tx) => {
      await appendEvents(tx, ref.request, kit.owner, [{ type: 'charge', data: {} }]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await kit.engine.db.as(kit.owner, (tx) => appendEvents(tx, ref.request, kit.owner, [{ type: 'charge', data: {} }]));
    const events = await readEvents(kit.engine, kit.owner, ref.request, 0, 1_000);
    expect(events.map((event) => Number(event.id))).toEqual([1, 2]);
  });
});
