import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { findDuration, findTimes } from '../../models/rehearsal/clock-times.js';
import { findDays } from '../../models/rehearsal/days.js';
import { splitSentences } from '../../models/rehearsal/text.js';

const TODAY = Temporal.PlainDate.from('2026-11-24');

describe('days', () => {
  it.each([
    ['tomorrow', '2026-11-25'],
    ['the day after tomorrow', '2026-11-26'],
    ['on Friday', '2026-11-27'],
    ['on Tuesday', '2026-12-01'],
    ['next Thursday', '2026-12-03'],
    ['this Thursday', '2026-11-26'],
    ['Monday next week', '2026-11-30'],
    ['by the thirtieth of November', '2026-11-30'],
    ['on December 1st', '2026-12-01'],
    ['on the twenty-first of January', '2027-01-21'],
    ['on 2026-12-24', '2026-12-24'],
    ['am 3.12.', '2026-12-03'],
    ['am 30. November', '2026-11-30'],
    ['by the fifth', '2026-12-05'],
    ['by the end of next week', '2026-12-04'],
    ['by the end of the week', '2026-11-27'],
    ['end of the month', '2026-11-30'],
    ['in three business days', '2026-11-27'],
    ['in two weeks', '2026-12-08'],
    ['bis nächsten Freitag', '2026-11-27'],
    ['Friday, the 27th of November', '2026-11-27'],
    ['on 30/11', '2026-11-30'],
    ['Friday week', '2026-12-04'],
    ['a week on Friday', '2026-12-04'],
    ['Freitag in acht Tagen', '2026-12-04'],
    ['heute in einer Woche', '2026-12-01'],
    ['in a fortnight', '2026-12-08'],
    ['in two weeks on Thursday', '2026-12-10'],
    ['Thursday of the week after next', '2026-12-10'],
    ['the last Friday of the month', '2026-11-27'],
    ['am neunten Dezember', '2026-12-09'],
    ['bis zum 9. das Aufmaß', '2026-12-09'],
    ['Montag, der vierzehnte', '2026-12-14'],
  ])('reads “%s” as %s', (text, date) => {
    expect(findDays(text, TODAY).map((mention) => mention.date?.toString())).toEqual([date]);
  });

  it.each([
    'we sat there in a second',
    'you may first ask',
    'one of 11/12 people',
    'good morning',
    'the second version',
    'March on',
    'Guten Morgen',
  ])('finds no day in “%s”', (text) => {
    expect(findDays(text, TODAY).filter((mention) => mention.date !== undefined)).toEqual([]);
  });

  it.each([
    ['every Friday', 'recurring'],
    ["Friday's report", 'recurring'],
    ['last Friday', 'past'],
    ['sometime next week', 'vague'],
    ['Tuesday week', 'vague'],
    ['in two weeks on Monday', 'vague'],
    ['by the middle of the week', 'vague'],
    ['the third of November', 'past'],
    ['Montag, der fünfzehnte', 'conflict'],
    ['Friday the 26th of November', 'conflict'],
  ])('takes “%s” as %s, not as a date', (text, kind) => {
    expect(findDays(text, TODAY)).toMatchObject([{ kind }]);
  });
});

describe('times', () => {
  it.each([
    ['at ten', '10:00'],
    ['at three', '15:00'],
    ['at three thirty', '15:30'],
    ['at 3 pm', '15:00'],
    ['at 15:45', '15:45'],
    ['at 07:30', '7:30'],
    ['at half past two', '14:30'],
    ['at quarter to nine', '8:45'],
    ["nine o'clock", '9:00'],
    ['at noon', '12:00'],
    ['um 10 Uhr 30', '10:30'],
    ['at six in the morning', '6:00'],
    ['at eight in the evening', '20:00'],
    ['um halb vier', '15:30'],
    ['Tuesday ten', '10:00'],
  ])('reads “%s” as %s', (text, time) => {
    expect(findTimes(text).map((mention) => `${mention.hour}:${String(mention.minute).padStart(2, '0')}`)).toEqual([
      time,
    ]);
  });

  it.each(['at one point', 'at 3 percent', 'by two people', 'ten chairs', 'version 10.30', 'at 99'])(
    'finds no time in “%s”',
    (text) => {
      expect(findTimes(text)).toEqual([]);
    },
  );

  it.each([
    ['for an hour', 60],
    ['half an hour', 30],
    ['45 minutes', 45],
    ['an hour and a half', 90],
    ['a thirty-minute call', 30],
    ['in an hour', undefined],
    ['an hour ago', undefined],
  ])('reads the length in “%s” as %s', (text, minutes) => {
    expect(findDuration(text)?.minutes).toBe(minutes);
  });
});

describe('sentences', () => {
  it('keeps titles, clock times and German dates whole', () => {
    expect(splitSentences('Dr. Weber calls at 3 p.m. on Friday. Bis zum 30. November. Done!')).toEqual([
      'Dr. Weber calls at 3 p.m. on Friday.',
      'Bis zum 30. November.',
      'Done!',
    ]);
  });
});
