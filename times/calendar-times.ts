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
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  let lastFound = Temporal.PlainDate.compare(from, startDate) > 0 && rule.count === undefined ? from : startDate;
  const first = rule.count === undefined ? Math.max(0, periodsBetween(rule, startDate, from) - 1) : 0;
  for (let index = first; left > 0; index += 1) {
    const period = periodAt(rule, startDate, index);
    if (period.year > LAST_YEAR || lastFound.until(period).days > LONGEST_WAIT_DAYS) return undefined;
    for (const time of timesOf(rule, period, start)) {
      if (Temporal.PlainDateTime.compare(time, start) < 0 || left <= 0) continue;
      yield time;
      lastFound = time.toPlainDate();
      left -= 1;
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

function timesOf(rule: Rule, period: Temporal.PlainDate, start: Temporal.PlainDateTime): Temporal.PlainDateTime[] {
  const hours = rule.byHour.length > 0 ? rule.byHour : [start.hour];
  const minutes = rule.byMinute.length > 0 ? rule.byMinute : [start.minute];
  const times = datesOf(rule, period, start).flatMap((date) =>
    hours.flatMap((hour) => minutes.map((minute) => date.toPlainDateTime({ hour, minute, second: start.second }))),
  );
  if (rule.bySetPos.length === 0) return times;
  const chosen = new Set(rule.bySetPos.map((place) => (place > 0 ? place - 1 : times.length + place)));
  return times.filter((_time, index) => chosen.has(index));
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
