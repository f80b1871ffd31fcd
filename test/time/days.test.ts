import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { patchMe } from '../../engine/users.js';
import { needs } from '../helpers/needs.js';
import { hasTimeSkipping, TIME_SKIPPING_NEEDS } from '../helpers/time-skipping.js';
import { type Day, type Days, openDays } from './days-kit.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ZONE = 'Europe/Berlin';
/** From here on a reminder counts as late. */
const LATE = 30_000;

let days: Days;
const isThere = hasTimeSkipping();

beforeAll(async () => {
  if (isThere) days = await openDays();
}, 120_000);
afterAll(async () => {
  if (isThere) await days.close();
});

/** Midnight on the clock of a zone, so many days from the server's today. */
async function dayFromNow(count: number, zone = ZONE): Promise<Temporal.ZonedDateTime> {
  const today = Temporal.Instant.fromEpochMilliseconds(await days.now()).toZonedDateTimeISO(zone);
  return today.startOfDay().add({ days: count });
}

const iso = (at: Temporal.ZonedDateTime): string => new Date(at.epochMilliseconds).toISOString();
const dues = (found: readonly Day[]): string[] => found.map(({ due }) => due);

/** Every time once, at its time and not a moment before it. */
function expectInTime(id: string, found: readonly Day[], expected: readonly string[]): void {
  expect(dues(found)).toEqual(expected);
  expect(found.filter(({ outcome, late, missed }) => outcome !== 'fired' || late || missed !== null)).toEqual([]);
  expect(found.filter(({ after }) => after < 0 || after > LATE)).toEqual([]);
  expect(found.map(({ key }) => key)).toEqual(expected.map((due) => `reminder:${id}:${due}`));
}

describe('while days pass', () => {
  test('every weekday at eight comes on ten days in two weeks, and on no other', async (context) => {
    needs(context, TIME_SKIPPING_NEEDS, isThere);
    const { id } = await days.remind({ text: 'stand up', when: 'every weekday at 8' });
    const begin = await dayFromNow(0);
    const first = (await days.view(id)).nextAt ?? '';
    await days.skipTo(begin.add({ days: 15 }).epochMilliseconds);
    const weekdays = Array.from({ length: 15 }, (_none, number) => begin.add({ days: number, hours: 8 }))
      .filter((at) => at.dayOfWeek <= 5)
      .map(iso)
      .filter((due) => due >= first);
    expect(weekdays.length).toBeGreaterThanOrEqual(10);
    expectInTime(id, await days.daysOf(id), weekdays);
    await days.cancel([id]);
  });

  test('one that is paused over its time is silent, and goes on with what is to come', async (context) => {
    needs(context, TIME_SKIPPING_NEEDS, isThere);
    const tomorrow = await dayFromNow(1);
    const nine = (day: number) => iso(tomorrow.add({ days: day, hours: 9 }));
    const daily = { dueAt: nine(0), recurrence: 'FREQ=DAILY' };
    const { id } = await days.remind({ text: 'stretch', ...daily });
    const once = await days.remind({ text: 'pay rent', dueAt: nine(2) });
    await days.skipTo(tomorrow.add({ hours: 20 }).epochMilliseconds);
    for (const each of [id, once.id]) await days.change(each, { status: 'paused' });
    await days.skip(2 * DAY);
    expect(await days.daysOf(once.id)).toEqual([]);
    await expect(days.change(once.id, { status: 'pending' })).rejects.toThrow('passed while it was paused');
    await days.change(id, { status: 'pending' });
    await days.skip(2 * DAY);
    expectInTime(id, await days.daysOf(id), [nine(0), nine(3), nine(4)]);
    await days.cancel([id, once.id]);
  });

  test('a snooze adds one time, and the others stay where they are', async (context) => {
    needs(context, TIME_SKIPPING_NEEDS, isThere);
    const tomorrow = await dayFromNow(1);
    const nine = (day: number) => tomorrow.add({ days: day, hours: 9 });
    const { id } = await days.remind({ text: 'stretch', dueAt: iso(nine(0)), recurrence: 'FREQ=DAILY' });
    const once = await days.remind({ text: 'call Ana', dueAt: iso(nine(0)) });
    await days.skipTo(nine(0).add({ minutes: 5 }).epochMilliseconds);
    const snoozed: string[] = [];
    for (const each of [id, once.id]) snoozed.push((await days.change(each, { snooze: 'PT3H' })).nextAt ?? '');
    const noon = iso(nine(0).add({ hours: 3, minutes: 5 })).slice(0, 16);
    expect(snoozed.map((at) => at.slice(0, 16))).toEqual([noon, noon]);
    await days.skipTo(nine(2).add({ minutes: 5 }).epochMilliseconds);
    expectInTime(id, await days.daysOf(id), [iso(nine(0)), snoozed[0] ?? '', iso(nine(1)), iso(nine(2))]);
    expectInTime(once.id, await days.daysOf(once.id), [iso(nine(0)), snoozed[1] ?? '']);
    await days.cancel([id]);
  });

  test('it keeps the zone it was set in when its user moves to another', async (context) => {
    needs(context, TIME_SKIPPING_NEEDS, isThere);
    const tomorrow = await dayFromNow(1);
    const nine = (day: number) => iso(tomorrow.add({ days: day, hours: 9 }));
    const { id } = await days.remind({ text: 'stretch', dueAt: nine(0), recurrence: 'FREQ=DAILY' });
    const once = await days.remind({ text: 'call Ana', when: 'in 3 days at 9:00' });
    await days.skipTo(tomorrow.add({ hours: 20 }).epochMilliseconds);
    await patchMe(days.kit.engine, days.kit.owner, { timeZone: 'America/New_York' });
    await days.skip(2 * DAY);
    expectInTime(id, await days.daysOf(id), [nine(0), nine(1), nine(2)]);
    expectInTime(once.id, await days.daysOf(once.id), [nine(2)]);
    expect(await days.view(once.id)).toMatchObject({ timeZone: ZONE, status: 'fired' });
    await days.cancel([id]);
  });
});

describe('after three days without a worker', () => {
  test('each happens once, late, and says so; what is too late is missed, and told', async (context) => {
    needs(context, TIME_SKIPPING_NEEDS, isThere);
    const tomorrow = await dayFromNow(1);
    const nine = (day: number) => iso(tomorrow.add({ days: day, hours: 9 }));
    const daily = { dueAt: nine(0), recurrence: 'FREQ=DAILY' };
    const wishes = {
      once: { dueAt: nine(1) },
      tooLate: { dueAt: nine(1), catchUpWindow: 'PT1H' },
      all: { ...daily, catchUp: 'all' },
      someOfAll: { ...daily, catchUp: 'all', catchUpWindow: 'PT36H' },
      latest: { ...daily, catchUp: 'latest' },
      skip: { ...daily, catchUp: 'skip' },
      later: { dueAt: nine(4) },
    } as const;
    const ids = new Map<string, string>();
    for (const [name, wish] of Object.entries(wishes)) ids.set(name, (await days.remind({ text: name, ...wish })).id);
    const first = tomorrow.add({ hours: 9 }).epochMilliseconds;
    await days.skipTo(first - 13 * HOUR);
    await days.beAway(3 * DAY);
    const told = async (name: string) =>
      (await days.daysOf(ids.get(name) ?? '')).map(({ outcome, due, late, missed }) => [
        outcome,
        due,
        late,
        missed?.count ?? 0,
      ]);
    const after = {
      once: [['fired', nine(1), true, 0]],
      tooLate: [['missed', nine(1), true, 1]],
      all: [0, 1, 2].map((day) => ['fired', nine(day), true, 0]),
      someOfAll: [
        ['fired', nine(1), true, 1],
        ['fired', nine(2), true, 0],
      ],
      latest: [['fired', nine(2), true, 2]],
      skip: [['missed', nine(2), true, 3]],
      later: [],
    };
    for (const [name, expected] of Object.entries(after)) expect([name, await told(name)]).toEqual([name, expected]);
    const [missed] = await days.daysOf(ids.get('skip') ?? '');
    expect(missed?.missed).toEqual({ count: 3, first: nine(0), last: nine(2) });
    expect(await days.view(ids.get('tooLate') ?? '')).toMatchObject({ status: 'missed' });
    expect(await days.view(ids.get('once') ?? '')).toMatchObject({ status: 'fired', late: true });

    await days.skip(2 * DAY);
    const repeated = ['all', 'someOfAll', 'latest', 'skip'] as const;
    for (const name of repeated)
      expect(await told(name)).toEqual([...after[name], ['fired', nine(3), false, 0], ['fired', nine(4), false, 0]]);
    expect(await told('later')).toEqual([['fired', nine(4), false, 0]]);
    expect([await told('once'), await told('tooLate')]).toEqual([after.once, after.tooLate]);
    await days.cancel(repeated.map((name) => ids.get(name) ?? ''));
  });
});

test('the last day of the month is another one each month', async (context) => {
  needs(context, TIME_SKIPPING_NEEDS, isThere);
  const { id, nextAt = '' } = await days.remind({ text: 'invoices', when: 'on the last day of every month at 16:00' });
  const today = await dayFromNow(0);
  await days.skip(70 * DAY);
  const now = await days.now();
  const ends = [1, 2, 3, 4]
    .map((months) => today.with({ day: 1 }).add({ months }).subtract({ days: 1 }).add({ hours: 16 }))
    .filter((at) => at.epochMilliseconds <= now)
    .map(iso)
    .filter((due) => due >= nextAt);
  expect(ends.length).toBeGreaterThanOrEqual(2);
  expectInTime(id, await days.daysOf(id), ends);
  await days.cancel([id]);
});

interface ClockChange {
  readonly zone: string;
  /** From then on. */
  readonly at: Temporal.ZonedDateTime;
  /** That the clocks are put forward by. */
  readonly minutes: number;
}

/** The next two changes of each zone's clocks, in the order in which they come. */
async function changesOf(zones: readonly string[]): Promise<ClockChange[]> {
  const found: ClockChange[] = [];
  const now = Temporal.Instant.fromEpochMilliseconds((await days.now()) + 3 * DAY);
  for (const zone of zones) {
    for (let at = now.toZonedDateTimeISO(zone).getTimeZoneTransition('next'); at !== null; ) {
      const minutes = (at.offsetNanoseconds - at.subtract({ seconds: 1 }).offsetNanoseconds) / 60e9;
      if (minutes !== 0) found.push({ zone, at, minutes });
      at = found.filter((change) => change.zone === zone).length === 2 ? null : at.getTimeZoneTransition('next');
    }
  }
  return found.toSorted((a, b) => a.at.epochMilliseconds - b.at.epochMilliseconds);
}

test('a time that clocks skip comes once, after the gap; one that they show twice comes once, the first time', async (context) => {
  needs(context, TIME_SKIPPING_NEEDS, isThere);
  const changes = await changesOf([ZONE, 'America/New_York', 'Australia/Lord_Howe']);
  expect(changes.map(({ minutes }) => minutes).toSorted((a, b) => a - b)).toEqual([-60, -60, -30, 30, 60, 60]);
  for (const { zone, at, minutes } of changes) {
    // In the middle of what is skipped, or comes twice: 02:30 in Berlin, in autumn 01:30 in New York.
    const half = Math.abs(minutes) / 2;
    const wall = at.toPlainDateTime()[minutes > 0 ? 'subtract' : 'add']({ minutes: half });
    const moved = iso(at[minutes > 0 ? 'add' : 'subtract']({ minutes: half }));
    const [before = '', after = ''] = [-1, 1].map((count) => iso(wall.add({ days: count }).toZonedDateTime(zone)));
    await days.skipTo(Date.parse(before) - HOUR);
    const daily = await days.remind({ text: zone, dueAt: before, recurrence: 'FREQ=DAILY;COUNT=3', timeZone: zone });
    const when = `on ${wall.toPlainDate().toString()} at ${wall.toPlainTime().toString().slice(0, 5)}`;
    const once = await days.remind({ text: zone, when, timeZone: zone });
    await days.skipTo(Date.parse(after) + HOUR);
    expectInTime(daily.id, await days.daysOf(daily.id), [before, moved, after]);
    expectInTime(once.id, await days.daysOf(once.id), [moved]);
  }
});
