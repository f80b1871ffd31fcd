import { describe, expect, test } from 'vitest';
import { nextOccurrence } from '../../times/occurrences.js';
import { atOtherTimeOfDay } from '../../times/other-time-of-day.js';
import { resolveTime } from '../../times/resolve-time.js';

const ZONE = 'Europe/Berlin';
const NOW = Date.parse('2026-12-01T13:00:00+01:00');

/** What began today at 9, moved at 13:00 to the time of day in these words. */
function moved(rrule: string, words: string): { rrule: string; next: string } {
  const meant = resolveTime(words, { now: NOW, timeZone: ZONE });
  if (meant.kind !== 'at') throw new Error(`${words}: ${meant.kind}`);
  const recurrence = atOtherTimeOfDay({ rrule, start: '2026-12-01T09:00:00', zone: ZONE }, meant);
  const next = nextOccurrence(recurrence, NOW) ?? Number.NaN;
  return { rrule: recurrence.rrule, next: new Date(next).toISOString().slice(0, 16) };
}

describe('what comes round, at another time of day', () => {
  test.each([
    ['FREQ=DAILY', 'at 10am', '2026-12-02T09:00'],
    ['FREQ=DAILY', 'in the evening', '2026-12-01T18:00'],
    ['FREQ=DAILY', 'at 10am New York time', '2026-12-01T15:00'],
    ['FREQ=DAILY;INTERVAL=2', 'at 10am', '2026-12-03T09:00'],
    ['FREQ=WEEKLY', 'at 10am', '2026-12-08T09:00'],
    ['FREQ=DAILY;COUNT=2', 'at 10am', '2026-12-02T09:00'],
    ['FREQ=DAILY;UNTIL=20261202', 'at 10am', '2026-12-02T09:00'],
    ['FREQ=HOURLY;INTERVAL=6;BYHOUR=4,10', 'at 10am', '2026-12-02T09:00'],
  ])('%s “%s” keeps its days and its rule', (rrule, words, next) => {
    expect(moved(rrule, words)).toEqual({ rrule, next });
  });

  test.each([
    ['rrule:freq=daily;byhour=8,20;byminute=30', 'at 10:15', 'freq=daily', '2026-12-02T09:15'],
    ['FREQ=DAILY;UNTIL=20261202T080000Z', 'at 10am', 'FREQ=DAILY;UNTIL=20261202T100000', '2026-12-02T09:00'],
    ['FREQ=DAILY;UNTIL=20261201T090000', 'at 6pm', 'FREQ=DAILY;UNTIL=20261201T180000', '2026-12-01T17:00'],
  ])('%s “%s” gives up its own times of day, and its end moves along', (rrule, words, kept, next) => {
    expect(moved(rrule, words)).toEqual({ rrule: kept, next });
  });
});

test.each([
  ['at 10am', true],
  ['um 10 Uhr', true],
  ['in the evening', true],
  ['at 10am New York time', true],
  ['today at 15:00', false],
  ['tonight', false],
  ['on Friday at 10', false],
  ['in 20 minutes', false],
  ['in two weeks at 10', false],
])('“%s” is a time of day without a day: %s', (words, isTimeOfDay) => {
  expect(resolveTime(words, { now: NOW, timeZone: ZONE })).toMatchObject({ kind: 'at', isTimeOfDay });
});
