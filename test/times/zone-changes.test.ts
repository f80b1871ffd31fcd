import { describe, expect, test } from 'vitest';
import { occurrencesBetween } from '../../times/occurrences.js';
import { resolveTime } from '../../times/resolve-time.js';
import { changesOf, expectedMoment, offsetAt, randomNumbers, type ZoneChange, ZONES } from './zone-changes.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const random = randomNumbers(2026);
const changes = ZONES.flatMap((zone) => changesOf(zone));
const some = changes.filter(() => random() < 0.25);
const text = (wall: number) => new Date(wall).toISOString().slice(0, 16);

/** A wall-clock time, to the minute, some hours around a change. */
function wallNear(change: ZoneChange): number {
  const wall = change.at + change.before * MINUTE + Math.floor((random() - 0.4) * 4 * 60) * MINUTE;
  return Math.floor(wall / MINUTE) * MINUTE;
}

describe('around the clock changes of all zones, 2026 to 2028', () => {
  test('there are changes to look at, forward and back, also of half an hour', () => {
    expect(changes.length).toBeGreaterThan(400);
    expect(changes.map(({ before, after }) => after - before)).toEqual(expect.arrayContaining([60, -60, 30, -30]));
  });

  test('a date and a time are the moment that has this wall clock, or that the rule for gaps and folds names', () => {
    const wrong = changes.flatMap((change) => {
      const wall = wallNear(change);
      const [date, time] = text(wall).split('T');
      const resolved = resolveTime(`am ${date} um ${time} Uhr prüfen`, {
        now: change.at - 20 * DAY,
        timeZone: change.zone,
      });
      const expected = expectedMoment(wall, change);
      const isRight = resolved.kind === 'at' && resolved.due === expected && resolved.local === `${text(wall)}:00`;
      return isRight ? [] : [`${change.zone} ${text(wall)}: ${JSON.stringify(resolved)}`];
    });
    expect(wrong).toEqual([]);
  });

  test('a daily rule fires once a day, at its wall clock or where the rule for gaps and folds puts it', () => {
    const wrong = some.flatMap((change) => {
      const wall = wallNear(change);
      const recurrence = { rrule: 'FREQ=DAILY', start: `${text(wall - 3 * DAY)}:00`, zone: change.zone };
      const found = [...occurrencesBetween(recurrence, change.at - 10 * DAY, change.at + 10 * DAY)];
      const days = Array.from({ length: 6 }, (_none, index) => wall + (index - 3) * DAY);
      const expected = days.map((day) => expectedMoment(day, change));
      return found.slice(0, 6).join() === expected.join() ? [] : [`${change.zone} ${text(wall)}`];
    });
    expect(wrong).toEqual([]);
  });

  test.each([
    ['FREQ=HOURLY', HOUR],
    ['FREQ=HOURLY;INTERVAL=5', 5 * HOUR],
    ['FREQ=MINUTELY;INTERVAL=20', 20 * MINUTE],
  ])('%s fires after every such length of time', (rrule, step) => {
    const wrong = some.flatMap((change) => {
      const from = change.at - 12 * HOUR;
      const local = new Date(from + offsetAt(from, change.zone) * MINUTE).toISOString().slice(0, 19);
      const found = [...occurrencesBetween({ rrule, start: local, zone: change.zone }, from, from + DAY)];
      const expected = Array.from({ length: Math.ceil(DAY / step) }, (_none, index) => from + index * step);
      return found.join() === expected.join() ? [] : [`${change.zone} ${local}`];
    });
    expect(wrong).toEqual([]);
  });

  test('every hour of the day, kept to the wall clock, never comes twice and never goes back', () => {
    const rrule = 'FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6;BYMINUTE=0,30';
    const wrong = some.flatMap((change) => {
      const start = `${text(change.at + change.before * MINUTE - DAY).slice(0, 10)}T00:00:00`;
      const found = [
        ...occurrencesBetween({ rrule, start, zone: change.zone }, change.at - 3 * DAY, change.at + 3 * DAY),
      ];
      const rises = found.every((at, index) => index === 0 || at > (found[index - 1] ?? at));
      return rises && found.length > 50 ? [] : [`${change.zone}: ${found.length}`];
    });
    expect(wrong).toEqual([]);
  });
});
