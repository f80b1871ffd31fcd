import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beginPaced, endPaced, type Pace, paceOf, type PacedWork, withdrawPaced } from '../../engine/pace.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { type OpenedStore, STORE_KINDS } from '../helpers/server-store.js';

const USERS = ['usr_olga', 'usr_otto'];
const ONE: Pace = { skill: 'render', maxConcurrent: 1, minIntervalMs: 0 };
const APART: Pace = { skill: 'upload', maxConcurrent: Number.POSITIVE_INFINITY, minIntervalMs: 40 };
/** Far more than any test takes. */
const HOUR_MS = 3_600_000;

describe.each(STORE_KINDS)('on $name', ({ name, isPresent, open }) => {
  let store: OpenedStore;
  beforeAll(async () => {
    if (!isPresent) return;
    store = await open();
    for (const user of USERS)
      await store.db.system((tx) =>
        tx.run(sql`insert into users (id, name, time_zone) values (${user}, ${user}, 'UTC')`),
      );
  });
  beforeEach(async (context) => {
    needs(context, name, isPresent);
    await store.db.system((tx) => tx.run(sql`delete from paces`));
  });
  afterAll(() => store?.close());

  const workOf = (work: string, changes: Partial<PacedWork> = {}): PacedWork => ({
    user: 'usr_olga',
    work,
    limitMs: HOUR_MS,
    longestWaitMs: HOUR_MS,
    ...changes,
  });
  const begin = (pace: Pace, work: string, changes?: Partial<PacedWork>) =>
    store.db.as(changes?.user ?? 'usr_olga', (tx) => beginPaced(tx, pace, workOf(work, changes)));
  const end = (pace: Pace, work: string) => store.db.as('usr_olga', (tx) => endPaced(tx, pace, workOf(work)));
  const rows = (like = '%') =>
    store.db.system((tx) =>
      tx.rows<{ work: string; began_at: string; until: string }>(
        sql`select work, began_at, until from paces where work like ${like} order by began_at, work`,
      ),
    );
  const lapse = (work: string) =>
    store.db.system((tx) =>
      tx.run(sql`update paces set until = now() - interval '1 second' where work like ${`%${work}`}`),
    );
  const untilBegun = async (pace: Pace, work: string) => {
    for (let waitMs = await begin(pace, work); waitMs !== undefined; waitMs = await begin(pace, work))
      await delay(Math.min(waitMs, 4));
  };

  test.each([1, 3])('of 20 that ask at once never more than %i are at work, and each has its turn', async (most) => {
    const pace: Pace = { ...ONE, maxConcurrent: most };
    const atWork = new Set<string>();
    const seen: number[] = [];
    const works = Array.from({ length: 20 }, (_, index) => `w${index}`);
    let fill: () => void = () => undefined;
    const full = new Promise<void>((resolve) => {
      fill = resolve;
    });
    await Promise.all(
      works.map(async (work) => {
        await untilBegun(pace, work);
        atWork.add(work);
        seen.push(atWork.size);
        if (atWork.size === most) fill();
        // As many as may are let in, or this never ends.
        await full;
        await delay(3);
        atWork.delete(work);
        await end(pace, work);
      }),
    );
    expect(seen).toHaveLength(20);
    expect(Math.max(...seen)).toBe(most);
    expect(await rows()).toEqual([]);
  });

  test('beginnings stay apart, also when the work between them is over at once', async () => {
    const began: number[] = [];
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map(async (work) => {
        await untilBegun(APART, work);
        began.push(...(await rows(work)).map((row) => Date.parse(row.began_at)));
        await end(APART, work);
      }),
    );
    expect(began).toHaveLength(5);
    const inOrder = began.toSorted((a, b) => a - b);
    const gaps = inOrder.slice(1).map((at, index) => at - (inOrder[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(APART.minIntervalMs);
  });

  test('nothing is kept that keeps nobody waiting', async () => {
    const pace: Pace = { ...APART, minIntervalMs: HOUR_MS };
    const works = async () => (await rows()).map(({ work }) => work);
    const pass = () => store.db.system((tx) => tx.run(sql`update paces set began_at = began_at - interval '2 hours'`));
    await begin(pace, 'a');
    await end(pace, 'a');
    expect(await works()).toEqual(['a']);
    await pass();
    await begin(pace, 'b');
    expect(await works()).toEqual(['b']);
    await pass();
    await end(pace, 'b');
    expect(await works()).toEqual([]);
  });

  test('whoever has asked first begins first, whoever asks again first', async () => {
    expect(await begin(ONE, 'a')).toBeUndefined();
    for (const work of ['b', 'c', 'd']) {
      expect(await begin(ONE, work)).toBeGreaterThan(0);
      await delay(2);
    }
    for (const [over, next, ...later] of [
      ['a', 'b', 'd', 'c'],
      ['b', 'c', 'd'],
      ['c', 'd'],
    ] as const) {
      await end(ONE, over);
      for (const work of later) expect(await begin(ONE, work)).toBeGreaterThan(0);
      expect(await begin(ONE, next)).toBeUndefined();
    }
  });

  test('whoever waits and does not come back loses its place to the next', async () => {
    await begin(ONE, 'a');
    await begin(ONE, 'gone');
    await begin(ONE, 'b');
    await end(ONE, 'a');
    expect(await begin(ONE, 'b')).toBeGreaterThan(0);
    await lapse('gone');
    expect(await begin(ONE, 'b')).toBeUndefined();
  });

  test('a crash holds nobody up for longer than its time, and the same work goes on before those that wait', async () => {
    await begin(ONE, 'crashed', { limitMs: 60_000 });
    expect(await begin(ONE, 'b')).toBeGreaterThan(0);
    const [before] = await rows('crashed');
    await delay(2);
    expect(await begin(ONE, 'crashed', { limitMs: 60_000 })).toBeUndefined();
    const [after] = await rows('crashed');
    expect(Date.parse(after?.until ?? '')).toBeGreaterThan(Date.parse(before?.until ?? ''));
    expect(await begin(ONE, 'b')).toBeGreaterThan(0);
    await lapse('crashed');
    expect(await begin(ONE, 'b')).toBeUndefined();
    expect((await rows()).map(({ work }) => work)).toEqual(['b']);
  });

  test('the time to wait is known where only beginnings must stay apart, one after another in order', async () => {
    const pace: Pace = { ...APART, minIntervalMs: HOUR_MS };
    expect(await begin(pace, 'a')).toBeUndefined();
    const [first = 0, second = 0] = [await begin(pace, 'b'), await begin(pace, 'c', { longestWaitMs: 10 * HOUR_MS })];
    expect(first).toBeLessThanOrEqual(HOUR_MS);
    expect(second).toBeGreaterThan(HOUR_MS);
    expect(second).toBeLessThanOrEqual(2 * HOUR_MS);
    expect(await begin(pace, 'd', { longestWaitMs: 30_000 })).toBe(30_000);
  });

  test('what has not begun after all keeps nobody waiting', async () => {
    const pace: Pace = { ...APART, minIntervalMs: HOUR_MS };
    await begin(pace, 'a');
    await store.db.as('usr_olga', (tx) => withdrawPaced(tx, pace, workOf('a')));
    expect(await begin(pace, 'b')).toBeUndefined();
  });

  test('each user and each skill has a pace of its own', async () => {
    expect(await begin(ONE, 'a')).toBeUndefined();
    expect(await begin(ONE, 'b', { user: 'usr_otto' })).toBeUndefined();
    expect(await begin({ ...ONE, skill: 'other' }, 'c')).toBeUndefined();
    expect(await begin(ONE, 'd')).toBeGreaterThan(0);
  });
});

test('a skill without limits has no pace', () => {
  expect(paceOf({ name: 'plain' })).toBeUndefined();
  expect(paceOf({ name: 'both', maxConcurrent: 2, minIntervalSeconds: 1.5 })).toEqual({
    skill: 'both',
    maxConcurrent: 2,
    minIntervalMs: 1_500,
  });
});
