import { describe, expect, test } from 'vitest';
import { resolveTime, type TimeSetting } from '../../times/resolve-time.js';

/** Tuesday, ten in the morning. */
const BERLIN: TimeSetting = { now: Date.parse('2026-11-24T10:00:00+01:00'), timeZone: 'Europe/Berlin' };
const AT_NIGHT: TimeSetting = { now: Date.parse('2026-11-25T02:00:00+01:00'), timeZone: 'Europe/Berlin' };

describe('what cannot be told is asked', () => {
  test.each([
    ['remind me to call Laura', 'no-time', 'a day and a time'],
    ['', 'no-time', 'a day and a time'],
    ['remind me of the 2pm meeting', 'no-time', 'a day and a time'],
    ['remind me about Friday', 'no-time', 'a day and a time'],
    ['remind me to pay for Friday', 'no-time', 'a day and a time'],
    ['remind me an hour before the meeting', 'no-time', 'When does that begin'],
    ['move on 5th avenue', 'no-time', 'a day and a time'],
    ['remind me on 12/10 to call', 'ambiguous', '12 October 2027, 09:00, or Thursday, 10 December 2026'],
    ['remind me next Friday at 9 to call', 'ambiguous', '27 November 2026, 09:00, or Friday, 4 December 2026'],
    ['erinnere mich nächsten Freitag um 9 an X', 'ambiguous', '27 November 2026, 09:00, or Friday, 4 December 2026'],
    ['remind me next weekend to clean', 'ambiguous', '28 November 2026, 09:00, or Saturday, 5 December 2026'],
    ['remind me in two weeks on Monday', 'ambiguous', '7 December 2026, 10:00, or Monday, 14 December 2026'],
    ['remind me on Thursday, 27 November to call', 'ambiguous', 'Friday, 27 November 2026'],
    ['remind me on Friday or Monday to call', 'ambiguous', '27 November 2026 or on Monday, 30 November 2026'],
    ['remind me tomorrow at 9 or 10', 'ambiguous', 'at 09:00 or at 10:00'],
    ['remind me tomorrow between 9 and 11', 'ambiguous', 'a span of time'],
    ['on Friday finish the report, on Monday call Bob', 'ambiguous', 'which of them'],
    ['remind me not tomorrow but Friday at 9', 'ambiguous', 'which of them'],
    ['remind me tomorrow, no, Friday at 9', 'ambiguous', 'which of them'],
    ['remind me on December 1 and 2', 'ambiguous', 'Several days'],
    ['remind me every day from 9 to 17', 'unsupported', 'whole hours'],
    ['remind me tomorrow from 9 to 11 to call', 'ambiguous', 'a span of time'],
    ['remind me at ten past', 'no-time', 'a day and a time'],
    ['remind me in 3 hours tomorrow', 'ambiguous', 'which of the two'],
    ['remind me in a few minutes', 'ambiguous', 'leaves the time open'],
    ['remind me later', 'ambiguous', 'leaves the time open'],
    ['remind me in May to call', 'ambiguous', 'Which day in May'],
    ['remind me on the last day of the month', 'ambiguous', 'every month'],
    ['remind me at 3 local time', 'ambiguous', 'Which city'],
    ['remind me tomorrow at 9am IST to call', 'ambiguous', 'IST is the time of several countries'],
    [
      'remind me on 1 July 2027 at 9am PST',
      'ambiguous',
      '09:00 in Los Angeles, or the moment when it is Thursday, 1 July 2027, 10:00',
    ],
    ['every week remind me to call', 'ambiguous', 'day of the week'],
    ['monthly remind me', 'ambiguous', 'day of the month'],
    ['every year remind me', 'ambiguous', 'day of the year'],
    ['every 29 February remind me', 'ambiguous', '28 February, on 1 March'],
    ['every Friday at midnight remind me', 'ambiguous', 'night before or after'],
    ['biweekly remind me to call', 'ambiguous', 'How often exactly'],
    ['zehnmal täglich trinken', 'ambiguous', 'How often exactly'],
    ['remind me yesterday at 9 to call', 'past', '23 November 2026'],
    ['remind me on 3 November at 9 to call', 'past', 'Wednesday, 3 November 2027, 09:00'],
    ['remind me on 24 December 2025 at 9', 'past', '24 December 2025, 09:00 is past'],
    ['remind me today at 9 am to call', 'past', 'Wednesday, 25 November 2026, 09:00'],
    ['remind me today to call', 'past', 'Wednesday, 25 November 2026, 09:00'],
    ['erinnere mich letzten Freitag', 'past', 'is past'],
    ['remind me 2 hours ago', 'past', 'That time is past'],
    ['vor zwei Stunden erinnere mich', 'past', 'That time is past'],
    ['remind me an hour before 10:30', 'past', '24 November 2026, 10:30'],
    ['daily at 9 until last Friday', 'past', 'end before it begins'],
    ['remind me on 30 February to call', 'impossible', 'no such day'],
    ['am 31. April erinnere mich an X', 'impossible', 'no such day'],
    ['13/13 call', 'impossible', 'no such day'],
    ['remind me tomorrow at 25:00', 'impossible', 'No clock shows “25:00”'],
    ['remind me tomorrow at 15:00 in the morning', 'impossible', 'do not go together'],
    ['remind me in 5000 years', 'impossible', 'hundred years'],
    ['every 10 seconds remind me', 'unsupported', 'Once a minute'],
    ['daily at 8:30 and 20:15 remind me', 'unsupported', 'different minutes'],
    ['every Monday at 9 and Thursday at 10 call', 'unsupported', 'different times'],
    ['every 30 minutes between 9 and 12', 'unsupported', 'whole hours'],
    ['every hour until 6pm', 'unsupported', 'between 9 and 17'],
  ])('“%s”: %s', (text, doubt, words) => {
    expect(resolveTime(text, BERLIN)).toEqual({ kind: 'ask', doubt, question: expect.stringContaining(words) });
  });

  test('a day that is another one in the named zone is asked about', () => {
    expect(resolveTime('remind me tomorrow at 9am New York time', AT_NIGHT)).toMatchObject({
      doubt: 'ambiguous',
      question: expect.stringContaining('Thursday, 26 November 2026, 09:00, or Wednesday, 25 November 2026, 09:00'),
    });
  });
});

describe('the answer says what was assumed', () => {
  test.each([
    ['tomorrow', { isDefaultTime: true, isAssumedHalf: false }],
    ['tomorrow at 9', { isDefaultTime: false, isAssumedHalf: true }],
    ['tomorrow at 9 am', { isDefaultTime: false, isAssumedHalf: false }],
    ['tomorrow at 21:00', { isDefaultTime: false, isAssumedHalf: false }],
    ['morgen um 9 Uhr 30', { isDefaultTime: false, isAssumedHalf: false }],
    ['in 3 hours', { isElapsed: true, isAssumedHalf: false }],
    ['every day', { isDefaultTime: true }],
    ['every day at 7', { isDefaultTime: false, isAssumedHalf: true }],
  ])('“%s”', (text, flags) => {
    expect(resolveTime(text, BERLIN)).toMatchObject(flags);
  });

  test('the default hour is the caller’s', () => {
    expect(resolveTime('tomorrow', { ...BERLIN, defaultHour: 7 })).toMatchObject({ local: '2026-11-25T07:00:00' });
  });

  test('a skipped time keeps the wall clock that was asked for, a repeated one says so', () => {
    const eve = { now: Date.parse('2027-03-27T20:00:00+01:00'), timeZone: 'Europe/Berlin' };
    expect(resolveTime('tomorrow at 2:30 am', eve)).toMatchObject({
      local: '2027-03-28T02:30:00',
      clockChange: 'skipped',
    });
    const autumn = { now: Date.parse('2026-10-24T20:00:00+02:00'), timeZone: 'Europe/Berlin' };
    expect(resolveTime('tomorrow at 2:30 am', autumn)).toMatchObject({
      local: '2026-10-25T02:30:00',
      clockChange: 'repeated',
    });
    expect(resolveTime('tomorrow at 4:30 am', autumn)).not.toHaveProperty('clockChange');
  });

  test('a named zone is the zone of the wall clock', () => {
    expect(resolveTime('tomorrow at 9am New York time', BERLIN)).toMatchObject({
      zone: 'America/New_York',
      local: '2026-11-25T09:00:00',
    });
  });
});

describe('hostile texts', () => {
  test.each([
    ['digits', '1'.repeat(100_000)],
    ['words', 'every monday and '.repeat(6_000)],
  ])('a hundred thousand characters of %s are not read', (_name, text) => {
    expect(resolveTime(text, BERLIN)).toMatchObject({ kind: 'ask', doubt: 'no-time' });
  });

  test.each([
    ['1'.repeat(2_000)],
    ['12 '.repeat(666)],
    ['every monday and '.repeat(117)],
    ['in a quarter of an '.repeat(100)],
    ['could you '.repeat(199)],
    [`remind me 9 ${'- '.repeat(900)}x`],
    [`${', '.repeat(990)}x`],
    ['1/1 '.repeat(499)],
    ['at 9 '.repeat(399)],
    ['New York '.repeat(220)],
    ['\u0130'.repeat(1_900)],
  ])('“%.20s…” is read to its end', (text) => {
    expect(['at', 'recurring', 'ask']).toContain(resolveTime(text, BERLIN).kind);
  });

  test('an unknown zone is an error', () => {
    expect(() => resolveTime('tomorrow', { ...BERLIN, timeZone: 'Nowhere/Else' })).toThrow(RangeError);
  });
});
