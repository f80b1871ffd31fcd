import { describe, expect, test } from 'vitest';
import { planDue, type Timed } from '../../engine/clock/plan.js';
import { nextOccurrence, occurrencesBetween, type Recurrence } from '../../times/occurrences.js';
import { RuleError } from '../../times/rule.js';
import { seededRandom } from '../helpers/seeded.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const SEED = Number(process.env.PLAN_SEED ?? 8);
const CASES = 20_000;
/** Rules that keep to the wall clock take twenty times as long as those that count hours. */
const WALL_CLOCK_SHARE = 0.04;

const at = (text: string): number => Date.parse(`${text}Z`);
const text = (moment: number | undefined): string | undefined =>
  moment === undefined ? undefined : new Date(moment).toISOString().slice(0, 16);

const daily: Recurrence = { rrule: 'FREQ=DAILY', start: '2026-10-20T09:00:00', zone: 'Europe/Berlin' };

function plan(timed: Partial<Timed> & { readonly due: number }, now: string) {
  const { fires, missed, next, endsSnooze } = planDue({ catchUp: 'latest', windowMs: WEEK, ...timed }, at(now));
  return {
    fires: text(fires?.due),
    late: fires?.isLate,
    missed: missed === undefined ? undefined : [missed.count, text(missed.first), text(missed.last)],
    next: text(next),
    endsSnooze,
  };
}

describe('something that happens once', () => {
  const due = at('2026-11-24T08:00');
  test.each([
    ['2026-11-24T07:59', undefined, undefined, undefined, '2026-11-24T08:00'],
    ['2026-11-24T08:00', '2026-11-24T08:00', false, undefined, undefined],
    ['2026-11-24T08:00:30', '2026-11-24T08:00', false, undefined, undefined],
    ['2026-11-24T08:00:31', '2026-11-24T08:00', true, undefined, undefined],
    ['2026-12-01T08:00', '2026-11-24T08:00', true, undefined, undefined],
    ['2026-12-01T08:00:01', undefined, undefined, [1, '2026-11-24T08:00', '2026-11-24T08:00'], undefined],
  ])('looked at on %s', (now, fires, late, missed, next) => {
    expect(plan({ due }, now)).toEqual({ fires, late, missed, next, endsSnooze: false });
  });
});

describe('every day at nine, after three days away', () => {
  const due = at('2026-11-21T08:00');
  const gone = [2, '2026-11-21T08:00', '2026-11-22T08:00'];
  test.each([
    ['latest', WEEK, '2026-11-23T20:00', '2026-11-23T08:00', gone, '2026-11-24T08:00'],
    ['all', WEEK, '2026-11-23T20:00', '2026-11-21T08:00', undefined, '2026-11-22T08:00'],
    ['all', DAY, '2026-11-23T20:00', '2026-11-23T08:00', gone, '2026-11-24T08:00'],
    ['skip', 5 * MINUTE, '2026-11-23T08:04', '2026-11-23T08:00', gone, '2026-11-24T08:00'],
    [
      'skip',
      5 * MINUTE,
      '2026-11-23T20:00',
      undefined,
      [3, '2026-11-21T08:00', '2026-11-23T08:00'],
      '2026-11-24T08:00',
    ],
  ] as const)('%s within %i ms, on %s', (catchUp, windowMs, now, fires, missed, next) => {
    const late = fires === undefined ? undefined : true;
    expect(plan({ due, recurrence: daily, catchUp, windowMs }, now)).toEqual({
      fires,
      late,
      missed,
      next,
      endsSnooze: false,
    });
  });

  test('a rule that has ended meanwhile leaves nothing to come', () => {
    const recurrence = { ...daily, rrule: 'FREQ=DAILY;UNTIL=20261122' };
    expect(plan({ due, recurrence }, '2026-11-25T00:00')).toMatchObject({
      fires: '2026-11-22T08:00',
      missed: [1, '2026-11-21T08:00', '2026-11-21T08:00'],
      next: undefined,
    });
  });

  test('a rule that cannot be followed is thrown', () => {
    expect(() => plan({ due, recurrence: { ...daily, rrule: 'FREQ=OFTEN' } }, '2026-11-23T20:00')).toThrow(RuleError);
  });
});

describe('a month of minutes', () => {
  const due = at('2026-11-01T00:00');
  const recurrence = { rrule: 'FREQ=MINUTELY', start: '2026-11-01T00:00:00', zone: 'UTC' };
  test.each([
    ['latest', WEEK, '2026-11-30T12:00', '2026-11-30T11:59', '2026-11-30T12:01'],
    ['skip', 0, undefined, '2026-11-30T12:00', '2026-11-30T12:01'],
    ['all', DAY, '2026-11-29T12:01', '2026-11-29T12:00', '2026-11-29T12:02'],
  ] as const)('%s is told from its first to its last', (catchUp, windowMs, fires, last, next) => {
    expect(plan({ due, recurrence, catchUp, windowMs }, '2026-11-30T12:00:30')).toMatchObject({
      fires,
      missed: [1_000, '2026-11-01T00:00', last],
      next,
    });
  });

  test('the thousandth and the one after it are both counted', () => {
    const missed = (now: string) => plan({ due, recurrence, windowMs: 0 }, now).missed;
    expect(missed('2026-11-01T16:39:30')).toEqual([1_000, '2026-11-01T00:00', '2026-11-01T16:39']);
    expect(missed('2026-11-01T16:40:30')).toEqual([1_000, '2026-11-01T00:00', '2026-11-01T16:40']);
    expect(plan({ due, recurrence, windowMs: MINUTE }, '2026-11-01T16:40:30')).toMatchObject({
      fires: '2026-11-01T16:40',
      missed: [1_000, '2026-11-01T00:00', '2026-11-01T16:39'],
    });
  });
});

describe('a time put in by hand', () => {
  const due = at('2026-11-24T08:00');
  test.each([
    ['2026-11-23T10:00', '2026-11-23T10:00', '2026-11-23T10:00', '2026-11-24T08:00', true],
    ['2026-11-23T10:00', '2026-11-24T08:01', '2026-11-23T10:00', '2026-11-24T08:00', true],
    ['2026-11-24T10:00', '2026-11-24T10:01', '2026-11-24T08:00', '2026-11-25T08:00', false],
    ['2026-11-24T08:00', '2026-11-24T08:00', '2026-11-24T08:00', '2026-11-24T08:00', true],
  ])('%s, looked at on %s', (snoozedTo, now, fires, next, endsSnooze) => {
    const timed = { due, recurrence: daily, snoozedTo: at(snoozedTo) };
    expect(plan(timed, now)).toMatchObject({ fires, next, endsSnooze });
  });

  test('too late, it is missed, and its own times go on', () => {
    const timed = { due, recurrence: daily, snoozedTo: at('2026-11-23T10:00'), windowMs: HOUR };
    expect(plan(timed, '2026-11-23T11:01')).toMatchObject({
      fires: undefined,
      missed: [1, '2026-11-23T10:00', '2026-11-23T10:00'],
      next: '2026-11-24T08:00',
      endsSnooze: true,
    });
  });
});

/** A rule with its times in order, as far as the cases go. */
interface Course {
  readonly recurrence: Recurrence;
  readonly times: readonly number[];
}

function course(rrule: string, zone: string, start = '2026-10-01T01:30:00', days = 60): Course {
  const recurrence = { rrule, start, zone };
  const begin = at('2026-09-30T00:00');
  return { recurrence, times: [...occurrencesBetween(recurrence, begin, begin + days * DAY)] };
}

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'];
const ELAPSED = ZONES.flatMap((zone) => [
  course('FREQ=HOURLY', zone, undefined, 40),
  course('FREQ=HOURLY;INTERVAL=5', zone),
  course('FREQ=MINUTELY;INTERVAL=20;BYHOUR=1,2,9', zone),
  course('FREQ=MINUTELY;INTERVAL=45;COUNT=20', zone),
]);
const ON_THE_CLOCK = ZONES.flatMap((zone) => [
  course('FREQ=DAILY;BYHOUR=1,2', zone),
  course('FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', zone, undefined, 90),
  course('FREQ=DAILY;UNTIL=20261028', zone),
]);

/** What has become of a time. */
type Fates = Map<number, 'fired' | 'missed'>;

/** The obvious way: every time that has passed is judged by itself. */
function obvious(open: readonly number[], timed: Pick<Timed, 'catchUp' | 'windowMs'>, now: number, fates: Fates): void {
  const past = open.filter((time) => time <= now && !fates.has(time));
  const inTime = past.filter((time) => now - time <= timed.windowMs);
  const happening = timed.catchUp === 'all' ? inTime : inTime.slice(-1);
  for (const time of past) fates.set(time, happening.includes(time) ? 'fired' : 'missed');
}

/** As the clock goes on: asks again until nothing is due. Returns what is still to come. */
function follow(timed: Timed, times: readonly number[], now: number, fates: Fates): Timed | undefined {
  let left: Timed | undefined = timed;
  while (left !== undefined && Math.min(left.due, left.snoozedTo ?? left.due) <= now) {
    const current: Timed = left;
    const { fires, missed, next, endsSnooze } = planDue(current, now);
    if (fires !== undefined) {
      if (fires.due > now) throw new Error(`early: ${fires.due} at ${now}`);
      settle(fates, fires.due, 'fired');
    }
    if (missed !== undefined) {
      const isOne = current.recurrence === undefined || missed.first === current.snoozedTo;
      const range = isOne ? [missed.first] : times.filter((time) => time >= missed.first && time <= missed.last);
      if (range.length !== missed.count) throw new Error(`counted ${missed.count} of ${range.length}`);
      for (const time of range) settle(fates, time, 'missed');
    }
    const kept = endsSnooze ? undefined : current.snoozedTo;
    if (next !== undefined) left = { ...current, due: next, snoozedTo: kept };
    else left = kept === undefined ? undefined : { ...current, due: kept, snoozedTo: undefined, recurrence: undefined };
  }
  return left;
}

function settle(fates: Fates, time: number, fate: 'fired' | 'missed'): void {
  if (fates.has(time)) throw new Error(`twice: ${time}`);
  fates.set(time, fate);
}

describe(`${CASES} random looks, seed ${SEED}`, () => {
  const random = seededRandom(SEED);
  const one = <T>(list: readonly T[]): T => {
    const chosen = list[Math.floor(random() * list.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  };

  test('every time is fired, missed or still to come, and none of them twice or early', () => {
    const ends = { fired: 0, missed: 0, snoozed: 0, over: 0 };
    for (let number = 0; number < CASES; number += 2) {
      const { recurrence, times } = one(random() < WALL_CLOCK_SHARE ? ON_THE_CLOCK : ELAPSED);
      const from = Math.floor(random() * Math.min(times.length, 40));
      const due = times[from] ?? 0;
      const snoozedTo = random() < 0.3 ? due + Math.floor((random() - 0.3) * DAY) * 2 + 1 : undefined;
      const rules = { catchUp: one(['all', 'latest', 'skip'] as const), windowMs: one([0, MINUTE, HOUR, DAY, WEEK]) };
      let left: Timed | undefined = { due, snoozedTo, recurrence, ...rules };
      const [fates, expected]: [Fates, Fates] = [new Map(), new Map()];
      let now = due - HOUR;
      for (let look = 0; look < 2; look += 1) {
        now += Math.floor(random() ** 3 * DAY * one([0.1, 1, 2]));
        obvious(times.slice(from), rules, now, expected);
        if (snoozedTo !== undefined) obvious([snoozedTo], rules, now, expected);
        if (left !== undefined) left = follow(left, times, now, fates);
      }
      const order = (found: Fates) => [...found].toSorted(([a], [b]) => a - b);
      const still = [times.slice(from).find((time) => time > now), snoozedTo].filter((time) => (time ?? now) > now);
      const kept = left === undefined ? [] : [left.due, left.snoozedTo].filter((time) => time !== undefined);
      const hint = { number, recurrence, due, snoozedTo, rules, now };
      expect({ hint, fates: order(fates), kept: kept.toSorted() }).toEqual({
        hint,
        fates: order(expected),
        kept: still.toSorted(),
      });
      for (const fate of fates.values()) ends[fate] += 1;
      if (snoozedTo !== undefined && fates.has(snoozedTo)) ends.snoozed += 1;
      if (left === undefined) ends.over += 1;
    }
    expect(Math.min(...Object.values(ends))).toBeGreaterThan(50);
  });

  test('the next time is the one that the rule names', () => {
    for (const { recurrence, times } of ON_THE_CLOCK) {
      const [first = 0, second] = times;
      const { next } = planDue({ due: first, recurrence, catchUp: 'latest', windowMs: WEEK }, first);
      expect([next, nextOccurrence(recurrence, first)]).toEqual([second, second]);
    }
  });
});
