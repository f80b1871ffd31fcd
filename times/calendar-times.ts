import { Temporal } from 'temporal-polyfill';
import type { Rule } from './rule.js';

/** How long a rule may stay away before it counts as never coming round; the rarest real ones need 40 years. */
const LONGEST_WAIT_DAYS = 45 * 366;
const LAST_YEAR = 9990;

/**
 * The times of a yearly, monthly, weekly or daily rule on a calendar without zone, ascending, from about the day `from`
 * on; a rule that counts begins at its start. Ends after a wait of 45 years without any.
 */
export function* calendarTimes(
  rule: Rule,
  start: Temporal.PlainDateTime,
  from: Temporal.PlainDate,
): Generator<Temporal.PlainDateTime, undefined> {
  const startDate = start.toPlainDate();
  const isCounted = rule.count !== undefined;
  const firstDate = Temporal.PlainDate.compare(from, startDate) > 0 && !isCounted ? from : startDate;
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  let lastFound = firstDate;
  const first = isCounted ? 0 : Math.max(0, periodsBetween(rule, startDate, from) - 1);
  for (let index = first; left > 0; index += 1) {
    const period = periodAt(rule, startDate, index);
    if (period.year > LAST_YEAR || lastFound.until(period).days > LONGEST_WAIT_DAYS) return undefined;
    for (const { date, time } of timesOf(rule, period, start, firstDate)) {
      if (Temporal.PlainDateTime.compare(time, start) < 0) continue;
      if (left <= 0) return undefined;
      left -= 1;
      lastFound = date;
      if (Temporal.PlainDate.compare(date, from) >= 0) yield time;
    }
  }
  return undefined;
}

/** The first day of the period that an index stands for. */
function periodAt(rule: Rule, start: Temporal.PlainDate, index: number): Temporal.PlainDate {
  const steps = index * rule.interval;
  switch (rule.freq) {
    case 'YEARLY':
      return Temporal.PlainDate.from({ year: start.year + steps, month: 1, day: 1 });
    case 'MONTHLY':
      return start.with({ day: 1 }).add({ months: steps });
    case 'WEEKLY':
      return start.subtract({ days: (start.dayOfWeek - rule.weekStart + 7) % 7 }).add({ weeks: steps });
    case 'DAILY':
    case 'HOURLY':
    case 'MINUTELY':
      return start.add({ days: steps });
  }
}

function periodsBetween(rule: Rule, start: Temporal.PlainDate, date: Temporal.PlainDate): number {
  const unit = rule.freq === 'YEARLY' ? 'years' : rule.freq === 'MONTHLY' ? 'months' : 'days';
  const passed = start.until(date, { largestUnit: unit })[unit];
  return Math.floor(passed / (rule.interval * (rule.freq === 'WEEKLY' ? 7 : 1)));
}

/** The times of one period, ascending, without those of days before `firstDate`; each is made when it is asked for. */
function* timesOf(
  rule: Rule,
  period: Temporal.PlainDate,
  start: Temporal.PlainDateTime,
  firstDate: Temporal.PlainDate,
): Generator<{ date: Temporal.PlainDate; time: Temporal.PlainDateTime }, undefined> {
  const hours = rule.byHour.length > 0 ? rule.byHour : [start.hour];
  const minutes = rule.byMinute.length > 0 ? rule.byMinute : [start.minute];
  const clocks = hours.flatMap((hour) => minutes.map((minute) => ({ hour, minute, second: start.second })));
  const dates = datesOf(rule, period, start);
  const isChosen = placesOf(rule, dates.length * clocks.length);
  for (const [day, date] of dates.entries()) {
    if (Temporal.PlainDate.compare(date, firstDate) < 0) continue;
    for (const [turn, clock] of clocks.entries())
      if (isChosen(day * clocks.length + turn)) yield { date, time: date.toPlainDateTime(clock) };
  }
  return undefined;
}

/** Whether BYSETPOS takes the time at a place, from 0, of so many in a period. */
function placesOf(rule: Rule, count: number): (place: number) => boolean {
  if (rule.bySetPos.length === 0) return () => true;
  const chosen = new Set(rule.bySetPos.map((place) => (place > 0 ? place - 1 : count + place)));
  return (place) => chosen.has(place);
}

function datesOf(rule: Rule, period: Temporal.PlainDate, start: Temporal.PlainDateTime): Temporal.PlainDate[] {
  switch (rule.freq) {
    case 'YEARLY':
      return datesOfYear(rule, period, start);
    case 'MONTHLY':
      return inMonth(rule, period.month) ? datesOfMonth(rule, period, start) : [];
    case 'WEEKLY':
      return days(period, 7).filter((date) => inMonth(rule, date.month) && isWeekdayOf(rule, date, [start.dayOfWeek]));
    case 'DAILY':
    case 'HOURLY':
    case 'MINUTELY':
      return inMonth(rule, period.month) && isMonthDay(rule, period) && isWeekdayOf(rule, period) ? [period] : [];
  }
}

function datesOfYear(rule: Rule, year: Temporal.PlainDate, start: Temporal.PlainDateTime): Temporal.PlainDate[] {
  if (rule.byDay.length > 0 && rule.byMonth.length === 0) {
    return placed(rule, days(year, year.daysInYear)).filter((date) => isMonthDay(rule, date));
  }
  const months =
    rule.byMonth.length > 0
      ? rule.byMonth
      : rule.byMonthDay.length > 0
        ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
        : [start.month];
  return months.flatMap((month) => datesOfMonth(rule, year.with({ month }), start));
}

function datesOfMonth(rule: Rule, month: Temporal.PlainDate, start: Temporal.PlainDateTime): Temporal.PlainDate[] {
  const all = days(month, month.daysInMonth);
  if (rule.byDay.length > 0) return placed(rule, all).filter((date) => isMonthDay(rule, date));
  if (rule.byMonthDay.length > 0) return all.filter((date) => isMonthDay(rule, date));
  return all.filter((date) => date.day === start.day);
}

/** The days of a month or year that stand at the places of BYDAY. */
function placed(rule: Rule, all: readonly Temporal.PlainDate[]): Temporal.PlainDate[] {
  return all.filter((date, index) => {
    const fromStart = Math.floor(index / 7) + 1;
    const fromEnd = -Math.floor((all.length - 1 - index) / 7) - 1;
    return rule.byDay.some(
      ({ weekday, place }) => weekday === date.dayOfWeek && (place === 0 || place === fromStart || place === fromEnd),
    );
  });
}

function days(first: Temporal.PlainDate, count: number): Temporal.PlainDate[] {
  return Array.from({ length: count }, (_none, index) => first.add({ days: index }));
}

function inMonth(rule: Rule, month: number): boolean {
  return rule.byMonth.length === 0 || rule.byMonth.includes(month);
}

/** Whether a day is one of BYMONTHDAY, whose negative numbers count from the end of the month. */
export function isMonthDay(rule: Rule, date: { readonly day: number; readonly daysInMonth: number }): boolean {
  return (
    rule.byMonthDay.length === 0 ||
    rule.byMonthDay.some((day) => (day > 0 ? day : date.daysInMonth + 1 + day) === date.day)
  );
}

function isWeekdayOf(rule: Rule, date: Temporal.PlainDate, otherwise?: readonly number[]): boolean {
  if (rule.byDay.length > 0) return rule.byDay.some(({ weekday }) => weekday === date.dayOfWeek);
  return otherwise === undefined || otherwise.includes(date.dayOfWeek);
}
