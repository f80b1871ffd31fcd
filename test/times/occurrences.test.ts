import { Temporal } from 'temporal-polyfill';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { nextOccurrence, occurrencesBetween, type Recurrence, ruleProblem } from '../../times/occurrences.js';
import { RuleError } from '../../times/rule.js';

const ZONE = 'Europe/Berlin';

/** The first occurrences of a rule, on the clock of Berlin. */
function first(count: number, rrule: string, start: string): string[] {
  const recurrence: Recurrence = { rrule, start, zone: ZONE };
  const found: string[] = [];
  for (const at of occurrencesBetween(
    recurrence,
    Date.parse('2000-01-01T00:00:00Z'),
    Date.parse('2100-01-01T00:00:00Z'),
  )) {
    if (found.length === count) break;
    found.push(new Date(at).toLocaleString('sv-SE', { timeZone: ZONE }).slice(0, 16));
  }
  return found;
}

describe('rules that keep to the wall clock', () => {
  test.each([
    [
      'FREQ=DAILY',
      '2027-03-26T02:30:00',
      ['2027-03-26 02:30', '2027-03-27 02:30', '2027-03-28 03:30', '2027-03-29 02:30'],
    ],
    ['FREQ=DAILY;INTERVAL=3;COUNT=2', '2026-11-24T09:00:00', ['2026-11-24 09:00', '2026-11-27 09:00']],
    ['FREQ=DAILY;BYHOUR=8,20', '2026-11-24T20:00:00', ['2026-11-24 20:00', '2026-11-25 08:00', '2026-11-25 20:00']],
    [
      'FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30',
      '2027-03-28T00:00:00',
      ['2027-03-28 03:30', '2027-03-29 02:30', '2027-03-29 03:30'],
    ],
    [
      'FREQ=DAILY;BYMINUTE=0,30;BYHOUR=2,3',
      '2027-03-28T00:00:00',
      ['2027-03-28 03:00', '2027-03-28 03:30', '2027-03-29 02:00'],
    ],
    ['FREQ=DAILY;BYHOUR=9,10,11;BYSETPOS=-1', '2026-11-24T09:00:00', ['2026-11-24 11:00', '2026-11-25 11:00']],
    ['FREQ=WEEKLY;BYDAY=MO,TH', '2026-11-24T09:00:00', ['2026-11-26 09:00', '2026-11-30 09:00', '2026-12-03 09:00']],
    ['FREQ=WEEKLY', '2026-11-24T09:00:00', ['2026-11-24 09:00', '2026-12-01 09:00']],
    [
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU',
      '2026-11-24T09:00:00',
      ['2026-11-24 09:00', '2026-11-29 09:00', '2026-12-08 09:00'],
    ],
    [
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU',
      '2026-11-24T09:00:00',
      ['2026-11-24 09:00', '2026-12-06 09:00', '2026-12-08 09:00'],
    ],
    ['FREQ=MONTHLY;BYDAY=1MO', '2026-11-24T10:00:00', ['2026-12-07 10:00', '2027-01-04 10:00', '2027-02-01 10:00']],
    ['FREQ=MONTHLY;BYDAY=-1FR', '2026-11-24T15:00:00', ['2026-11-27 15:00', '2026-12-25 15:00']],
    [
      'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
      '2027-01-01T16:00:00',
      ['2027-01-29 16:00', '2027-02-26 16:00', '2027-03-31 16:00'],
    ],
    ['FREQ=MONTHLY;BYMONTHDAY=31', '2027-01-31T09:00:00', ['2027-01-31 09:00', '2027-03-31 09:00', '2027-05-31 09:00']],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', '2027-01-31T09:00:00', ['2027-01-31 09:00', '2027-02-28 09:00', '2027-03-31 09:00']],
    [
      'FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1',
      '2027-01-01T09:00:00',
      ['2027-01-30 09:00', '2027-02-28 09:00', '2027-03-30 09:00'],
    ],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', '2026-11-24T09:00:00', ['2027-08-13 09:00', '2028-10-13 09:00']],
    ['FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1', '2026-12-01T09:00:00', ['2026-12-01 09:00', '2027-03-01 09:00']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2026-11-24T09:00:00', ['2028-02-29 09:00', '2032-02-29 09:00']],
    ['FREQ=YEARLY;BYMONTH=9;BYDAY=1MO', '2026-11-24T09:00:00', ['2027-09-06 09:00', '2028-09-04 09:00']],
    ['FREQ=YEARLY;BYDAY=20MO', '2027-01-01T09:00:00', ['2027-05-17 09:00', '2028-05-15 09:00']],
    ['FREQ=YEARLY;BYMONTHDAY=1;BYDAY=SU', '2026-11-24T09:00:00', ['2027-08-01 09:00', '2028-10-01 09:00']],
    ['FREQ=YEARLY', '2026-11-24T09:00:00', ['2026-11-24 09:00', '2027-11-24 09:00']],
    ['RRULE:FREQ=DAILY;UNTIL=20261125', '2026-11-24T23:30:00', ['2026-11-24 23:30', '2026-11-25 23:30']],
    ['FREQ=DAILY;UNTIL=20261125T233000', '2026-11-24T23:30:00', ['2026-11-24 23:30', '2026-11-25 23:30']],
    ['FREQ=DAILY;UNTIL=20261125T222959Z', '2026-11-24T23:30:00', ['2026-11-24 23:30']],
  ])('%s from %s', (rrule, start, expected) => {
    const ends = /COUNT|UNTIL/.test(rrule);
    expect(first(ends ? 10 : expected.length, rrule, start)).toEqual(expected);
  });
});

describe('rules that count elapsed time', () => {
  const start = { start: '2026-10-25T00:00:00', zone: ZONE };
  const moments = (rrule: string, count: number) => {
    const found = occurrencesBetween({ rrule, ...start }, 0, Number.MAX_SAFE_INTEGER);
    return Array.from({ length: count }, () => new Date(found.next().value ?? Number.NaN).toISOString().slice(0, 16));
  };

  test('each hour of the night with 25 hours has its occurrence', () => {
    expect(moments('FREQ=HOURLY', 6)).toEqual(
      ['24T22', '24T23', '25T00', '25T01', '25T02', '25T03'].map((hour) => `2026-10-${hour}:00`),
    );
  });

  test('lists are held against the wall clock', () => {
    expect(moments('FREQ=HOURLY;BYHOUR=2', 3)).toEqual(['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-26T01:00']);
    expect(moments('FREQ=HOURLY;BYDAY=MO;BYHOUR=9', 2)).toEqual(['2026-10-26T08:00', '2026-11-02T08:00']);
    expect(moments('FREQ=MINUTELY;INTERVAL=15;BYHOUR=9;BYMINUTE=0,15', 3)).toEqual([
      '2026-10-25T08:00',
      '2026-10-25T08:15',
      '2026-10-26T08:00',
    ]);
    expect(moments('FREQ=HOURLY;BYMONTH=12;BYMONTHDAY=-1', 1)).toEqual(['2026-12-30T23:00']);
    expect(moments('FREQ=HOURLY;COUNT=2', 2)).toEqual(['2026-10-24T22:00', '2026-10-24T23:00']);
  });

  test('an offset tells the two hours apart that a clock shows twice', () => {
    const second = { rrule: 'FREQ=HOURLY;INTERVAL=2', start: '2026-10-25T02:30:00+01:00', zone: ZONE };
    expect(nextOccurrence(second, 0)).toBe(Date.parse('2026-10-25T01:30:00Z'));
    expect(nextOccurrence({ ...second, start: '2026-10-25T02:30:00' }, 0)).toBe(Date.parse('2026-10-25T00:30:00Z'));
  });
});

describe('the next occurrence', () => {
  const weekly = { rrule: 'FREQ=WEEKLY;BYDAY=MO', start: '1990-01-01T08:00:00', zone: ZONE };

  test('comes after the moment, not at it, and is found years after the start', () => {
    const monday = Date.parse('2066-11-01T07:00:00Z');
    expect(nextOccurrence(weekly, monday - 1)).toBe(monday);
    expect(nextOccurrence(weekly, monday)).toBe(Date.parse('2066-11-08T07:00:00Z'));
  });

  test('there is none after the last', () => {
    const three = { rrule: 'FREQ=DAILY;COUNT=3', start: '2026-11-24T09:00:00', zone: ZONE };
    expect(nextOccurrence(three, Date.parse('2026-11-26T07:59:00Z'))).toBe(Date.parse('2026-11-26T08:00:00Z'));
    expect(nextOccurrence(three, Date.parse('2026-11-26T08:00:00Z'))).toBeUndefined();
    const ended = { ...three, rrule: 'FREQ=DAILY;UNTIL=20261125' };
    expect(nextOccurrence(ended, Date.parse('2026-11-25T08:00:00Z'))).toBeUndefined();
  });

  test('between two moments the first counts and the second does not', () => {
    const at = (day: number) => Date.parse(`2026-11-${day}T08:00:00Z`);
    const daily = { rrule: 'FREQ=DAILY', start: '2026-11-01T09:00:00', zone: ZONE };
    expect([...occurrencesBetween(daily, at(24), at(26))]).toEqual([at(24), at(25)]);
  });

  test('a day that a zone left out is moved to the next one, once', () => {
    const daily = { rrule: 'FREQ=DAILY', start: '2011-12-28T09:00:00', zone: 'Pacific/Apia' };
    const found = occurrencesBetween(daily, Date.parse('2011-12-28T00:00:00Z'), Date.parse('2012-01-02T00:00:00Z'));
    expect([...found].map((at) => new Date(at).toISOString().slice(0, 16))).toEqual([
      '2011-12-28T19:00',
      '2011-12-29T19:00',
      '2011-12-30T19:00',
      '2011-12-31T19:00',
      '2012-01-01T19:00',
    ]);
  });
});

describe('finding the next occurrence is little work', () => {
  const count = (most: number) => Array.from({ length: most }, (_none, number) => number).join(',');
  const quarters = `BYHOUR=${count(24)};BYMINUTE=0,15,30,45`;
  const everyDay = `BYDAY=MO,TU,WE,TH,FR,SA,SU;${quarters}`;

  /** How often a time was made of a day, or a moment looked up in the zone. */
  function worked(rrule: string, start: string, after: string): { steps: number; next: string } {
    const spies = [
      vi.spyOn(Temporal.PlainDate.prototype, 'toPlainDateTime'),
      vi.spyOn(Temporal.PlainDateTime.prototype, 'toZonedDateTime'),
      vi.spyOn(Temporal.Instant.prototype, 'toZonedDateTimeISO'),
    ];
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
    const next = nextOccurrence({ rrule, start, zone: ZONE }, Date.parse(after)) ?? Number.NaN;
    const steps = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    return { steps, next: new Date(next).toISOString().slice(0, 16) };
  }

  test.each([
    ['every quarter of an hour of a year', `FREQ=YEARLY;${everyDay}`, '2026-11-22T07:15'],
    ['of a month', `FREQ=MONTHLY;${everyDay}`, '2026-11-22T07:15'],
    ['of a week', `FREQ=WEEKLY;${everyDay}`, '2026-11-22T07:15'],
    ['of a day', `FREQ=DAILY;${quarters}`, '2026-11-22T07:15'],
    ['the last one of a year', `FREQ=YEARLY;${everyDay};BYSETPOS=-1`, '2026-12-31T22:45'],
    ['the thousandth one of a month', `FREQ=MONTHLY;${everyDay};BYSETPOS=1000`, '2026-12-11T08:45'],
  ])('%s', (_what, rrule, next) => {
    const found = worked(rrule, '2020-01-01T00:00:00', '2026-11-22T07:00:00Z');
    expect(found.next).toBe(next);
    expect(found.steps).toBeLessThan(1_000);
  });

  test('what is counted through is not looked up in the zone on the way', () => {
    const found = worked('FREQ=DAILY;COUNT=10000', '2000-01-01T00:00:00', '2026-11-22T07:00:00Z');
    expect(found.next).toBe('2026-11-22T23:00');
    expect(found.steps).toBeLessThan(10_100);
  });

  test('minutes between those that a rule names are passed over', () => {
    const found = worked('FREQ=MINUTELY;BYMINUTE=59;COUNT=1000', '2026-11-01T00:00:00', '2026-11-22T07:00:00Z');
    expect(found.next).toBe('2026-11-22T07:59');
    expect(found.steps).toBeLessThan(1_500);
  });
});

describe('a rule that cannot be followed is refused in words', () => {
  const start = '2026-11-24T09:00:00';

  test.each([
    ['FREQ=SECONDLY', 'once a minute at most'],
    ['FREQ=DAILY;BYSECOND=0,30', 'cannot set seconds'],
    ['FREQ=OFTEN', 'FREQ must be one of'],
    ['', 'FREQ must be one of'],
    ['FREQ=DAILY;EVERY=2', '“EVERY=2” is no part'],
    ['FREQ=DAILY;FREQ=WEEKLY', 'stands twice'],
    ['FREQ=DAILY;INTERVAL=0', 'from 1 to 10000'],
    ['FREQ=DAILY;COUNT=many', 'from 1 to 10000'],
    ['FREQ=DAILY;BYHOUR=24', 'from 0 to 23'],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'also negative'],
    ['FREQ=WEEKLY;BYDAY=XX', 'no weekday'],
    ['FREQ=WEEKLY;BYDAY=1MO', 'needs FREQ=MONTHLY'],
    ['FREQ=WEEKLY;BYMONTHDAY=1', 'use FREQ=MONTHLY'],
    ['FREQ=YEARLY;BYWEEKNO=20', 'not supported'],
    ['FREQ=WEEKLY;WKST=XX', 'WKST must be'],
    ['FREQ=HOURLY;BYSETPOS=1', 'BYSETPOS does not go'],
    ['FREQ=HOURLY;BYMINUTE=1', 'use FREQ=MINUTELY'],
    [
      `FREQ=YEARLY;BYHOUR=0,1;BYMINUTE=${Array.from({ length: 49 }, (_none, minute) => minute).join(',')}`,
      'use FREQ=HOURLY',
    ],
    ['FREQ=DAILY;COUNT=2;UNTIL=20261224', 'exclude each other'],
    ['FREQ=DAILY;UNTIL=tomorrow', 'must look like'],
    ['FREQ=DAILY;UNTIL=20261324', 'no day or time that exists'],
    [`FREQ=DAILY;BYHOUR=${'1,'.repeat(400)}1`, 'shorten it'],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'never comes round'],
    ['FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=2', 'never comes round'],
    ['FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30', 'never comes round'],
    ['FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30', 'never comes round'],
    ['FREQ=DAILY;INTERVAL=7;BYDAY=WE', 'never comes round'],
    ['FREQ=DAILY;UNTIL=20261123', 'never comes round'],
  ])('%s', (rrule, words) => {
    expect(ruleProblem({ rrule, start, zone: ZONE })).toContain(words);
  });

  test('a good rule has no problem, a bad start or zone has', () => {
    const rrule = 'FREQ=DAILY';
    expect(ruleProblem({ rrule, start, zone: ZONE })).toBeUndefined();
    expect(ruleProblem({ rrule, start: 'soon', zone: ZONE })).toContain('no time to count from');
    expect(ruleProblem({ rrule, start: '1899-12-31T09:00:00', zone: ZONE })).toContain('too long ago');
    expect(ruleProblem({ rrule, start, zone: 'Nowhere/Else' })).toContain('IANA zone');
  });

  test('following it throws', () => {
    expect(() => nextOccurrence({ rrule: 'FREQ=SECONDLY', start, zone: ZONE }, 0)).toThrow(RuleError);
  });
});
