import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { recomputeDue } from '../../engine/clock/recompute.js';
import { sql } from '../../store/sql.js';
import { keepHouse } from '../../workers/janitor.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { put, putTrigger, stateOf, takeWakes } from './clock-kit.js';

const going = new AbortController().signal;
let kit: EngineKit;

beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

/** Nine o'clock in Berlin, as if clocks there still stood an hour ahead of what they show today. */
const STALE = { due: '2099-01-12T07:00Z', localStart: '2099-01-12T09:00:00' };
const DAILY = { ...STALE, localStart: '2099-01-01T09:00:00', rrule: 'FREQ=DAILY' };

describe('times on the clock of a zone that has new rules', () => {
  test('are moved to what its clocks will show, with the time they are looked at', async () => {
    const once = await put(kit, STALE);
    const daily = await put(kit, DAILY);
    const paused = await put(kit, { ...DAILY, status: 'paused' });
    const snoozed = await put(kit, { ...DAILY, snoozedTo: '2099-01-11T10:00Z' });
    const snoozedLater = await put(kit, { ...DAILY, snoozedTo: '2099-01-12T10:00Z' });
    expect(await recomputeDue(kit.engine, going)).toBe(5);
    const moved = { status: 'pending', due: '2099-01-12T08:00', next: '2099-01-12T08:00', snoozed: null, version: 2 };
    expect(await stateOf(kit, once)).toEqual(moved);
    expect(await stateOf(kit, daily)).toEqual(moved);
    expect(await stateOf(kit, paused)).toEqual({ ...moved, status: 'paused', next: null });
    expect(await stateOf(kit, snoozed)).toEqual({ ...moved, next: '2099-01-11T10:00', snoozed: '2099-01-11T10:00' });
    expect(await stateOf(kit, snoozedLater)).toEqual({ ...moved, snoozed: '2099-01-12T10:00' });
    expect(await takeWakes(kit)).toEqual([kit.owner]);
    expect(await recomputeDue(kit.engine, going)).toBe(0);
    expect(await takeWakes(kit)).toEqual([]);
  });

  test('of schedules as well', async () => {
    const spec = { rrule: 'FREQ=DAILY', start: '2099-01-01T09:00', timeZone: 'Europe/Berlin' };
    const id = await putTrigger(kit, { due: '2099-01-12T09:00Z', spec });
    expect(await recomputeDue(kit.engine, going)).toBe(1);
    const row = await kit.engine.db.system((tx) =>
      tx.one<{ moved: boolean }>(sql`
        select due_at = next_at and due_at = '2099-01-12T08:00Z' as moved from triggers where id = ${id}`),
    );
    expect(row.moved).toBe(true);
    expect(await takeWakes(kit)).toEqual([kit.owner]);
  });

  test('are all moved, however many there are, and only the clocks of their users look again', async () => {
    const other = await kit.person('Ana');
    const ids: string[] = [];
    for (let number = 0; number < 60; number += 1) ids.push(await put(kit, number % 2 === 0 ? STALE : DAILY));
    await put(kit, { user: other, due: '2099-01-12T08:00Z', localStart: '2099-01-12T09:00:00' });
    expect(await recomputeDue(kit.engine, going)).toBe(60);
    const left = new Set(await Promise.all(ids.map(async (id) => (await stateOf(kit, id)).due)));
    expect(left).toEqual(new Set(['2099-01-12T08:00']));
    expect(await takeWakes(kit)).toEqual([kit.owner]);
  });

  test('are moved when the house is first looked after', async () => {
    const id = await put(kit, STALE);
    const connection = Connection.lazy();
    const stop = new AbortController();
    const warn = vi.fn<Logger['warn']>();
    const house = keepHouse(kit.engine, new Client({ connection }), { warn }, stop.signal);
    await expect.poll(async () => (await stateOf(kit, id)).due, { timeout: 20_000 }).toBe('2099-01-12T08:00');
    stop.abort();
    await house;
    await connection.close();
    expect(await takeWakes(kit)).toEqual([kit.owner]);
    expect(warn.mock.calls).toEqual([[{ moved: 1 }, expect.stringContaining('new rules')]]);
  });
});

describe('what stays as it is', () => {
  test.each([
    ['a moment that was given as one', { due: '2099-01-12T07:00Z' }],
    ['what has fired', { ...STALE, status: 'fired' as const }],
    ['what stands right', { due: '2099-01-12T08:00Z', localStart: '2099-01-12T09:00:00' }],
    ['a time that the clocks skip', { due: '2027-03-28T01:30Z', localStart: '2027-03-28T02:30:00' }],
    ['the first of two times alike', { due: '2027-10-31T00:30Z', localStart: '2027-10-31T02:30:00' }],
    ['the second of two times alike', { due: '2027-10-31T01:30Z', localStart: '2027-10-31T02:30:00' }],
    [
      'a rule over a skipped time',
      { due: '2027-03-28T01:30Z', localStart: '2027-03-01T02:30:00', rrule: 'FREQ=DAILY' },
    ],
    [
      'a rule over a repeated time',
      { due: '2027-10-31T00:30Z', localStart: '2027-10-01T02:30:00', rrule: 'FREQ=DAILY' },
    ],
    ['a rule that cannot be followed', { ...DAILY, rrule: 'FREQ=OFTEN' }],
    ['a zone that nobody knows any more', { ...STALE, zone: 'Mars/Olympus' }],
    ['a time that no change of clocks explains', { due: '2099-01-20T08:00Z', localStart: '2099-01-12T09:00:00' }],
  ])('%s', async (_what, waiting) => {
    const id = await put(kit, waiting);
    const before = await stateOf(kit, id);
    expect(await recomputeDue(kit.engine, going)).toBe(0);
    expect(await stateOf(kit, id)).toEqual(before);
    expect(await takeWakes(kit)).toEqual([]);
  });
});
