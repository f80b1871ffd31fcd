import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { clock, occasionsOf, put, putTrigger, stateOf } from './clock-kit.js';

let kit: EngineKit;

beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

const WEEKDAYS = 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR';

describe('a snooze that outlives its rule', () => {
  test('happens once, and then nothing is left', async () => {
    const id = await put(kit, {
      due: '2026-11-24T08:00Z',
      localStart: '2026-11-23T09:00:00',
      rrule: 'FREQ=DAILY;COUNT=2',
      snoozedTo: '2026-11-26T10:00Z',
    });
    expect(await clock(kit, '2026-11-24T08:00')).toMatchObject({ next: '2026-11-26T10:00:00.000Z' });
    expect(await stateOf(kit, id)).toMatchObject({ status: 'pending', due: '2026-11-26T10:00', snoozed: null });
    expect((await clock(kit, '2026-11-26T10:00')).next).toBeUndefined();
    expect(await stateOf(kit, id)).toMatchObject({ status: 'fired', next: null });
    expect(await occasionsOf(kit, id)).toEqual(['fired 2026-11-24T08:00', 'fired 2026-11-26T10:00']);
  });
});

describe('while the time before is still being worked on', () => {
  test('one is left out, and those that were missed before it are told', async () => {
    const { request } = await kit.accept('still at work');
    const id = await put(kit, {
      due: '2026-11-24T08:00Z',
      localStart: '2026-11-20T09:00:00',
      rrule: 'FREQ=DAILY',
      overlap: 'skip',
      lastRequest: request,
    });
    await clock(kit, '2026-11-26T12:00');
    expect(await occasionsOf(kit, id)).toEqual(['missed 2026-11-25T08:00 late, 2 missed', 'skipped 2026-11-26T08:00']);
    expect(await stateOf(kit, id)).toMatchObject({ status: 'pending', next: '2026-11-27T08:00' });
  });

  test('a waiting one is asked about again until its turn comes', async () => {
    const { request } = await kit.accept('still at work');
    const id = await put(kit, { due: '2026-12-01T08:00Z', overlap: 'queue', lastRequest: request });
    await clock(kit, '2026-12-01T08:00:20');
    expect(await occasionsOf(kit, id)).toEqual([]);
    expect(await stateOf(kit, id)).toMatchObject({ due: '2026-12-01T08:00', next: '2026-12-01T08:00' });
    await kit.engine.db.system((tx) => tx.run(sql`update requests set ended_at = now() where id = ${request}`));
    await clock(kit, '2026-12-01T08:00:35');
    expect(await occasionsOf(kit, id)).toEqual(['fired 2026-12-01T08:00 late']);
  });
});

describe('where a zone has new rules that nobody has looked up yet', () => {
  test('what was meant by the clock waits for the clock', async () => {
    const once = await put(kit, { due: '2026-12-10T07:00Z', localStart: '2026-12-10T09:00:00' });
    const often = await put(kit, { due: '2026-12-10T07:00Z', localStart: '2026-12-07T09:00:00', rrule: WEEKDAYS });
    await clock(kit, '2026-12-10T07:30');
    for (const id of [once, often]) {
      expect(await stateOf(kit, id)).toMatchObject({ status: 'pending', due: '2026-12-10T08:00' });
      expect(await occasionsOf(kit, id)).toEqual([]);
    }
    await clock(kit, '2026-12-10T08:00');
    for (const id of [once, often]) expect(await occasionsOf(kit, id)).toEqual(['fired 2026-12-10T08:00']);
    expect(await stateOf(kit, often)).toMatchObject({ next: '2026-12-11T08:00' });
  });

  test('what would have been earlier happens late', async () => {
    const id = await put(kit, { due: '2026-12-15T09:00Z', localStart: '2026-12-14T09:00:00', rrule: WEEKDAYS });
    await clock(kit, '2026-12-15T09:00');
    expect(await occasionsOf(kit, id)).toEqual(['fired 2026-12-15T08:00 late']);
    expect(await stateOf(kit, id)).toMatchObject({ next: '2026-12-16T08:00' });
  });
});

test('a rule that cannot be followed any more ends what it is of, and that is told', async () => {
  const id = await put(kit, { due: '2026-12-20T08:00Z', localStart: '2026-12-01T09:00:00', rrule: 'FREQ=OFTEN' });
  await clock(kit, '2026-12-20T08:00');
  expect(await occasionsOf(kit, id)).toEqual(['missed 2026-12-20T08:00 late, 1 missed']);
  expect(await stateOf(kit, id)).toMatchObject({ status: 'missed', next: null });
});

test('a schedule that is switched off keeps nobody awake', async () => {
  const spec = { rrule: 'FREQ=DAILY', start: '2026-12-01T09:00:00', timeZone: 'Europe/Berlin' };
  const on = await putTrigger(kit, { due: '2027-01-10T08:00Z', spec });
  const off = await putTrigger(kit, { due: '2027-01-10T08:00Z', spec, enabled: false });
  expect(await clock(kit, '2027-01-10T08:00')).toMatchObject({ more: false });
  expect(await occasionsOf(kit, on)).toEqual(['fired 2027-01-10T08:00']);
  expect(await occasionsOf(kit, off)).toEqual([]);
});
