import { minutesOfDay } from './clock.js';
import type { DaySaid } from './day-said.js';
import type { Question } from './mention.js';
import { ask } from './questions.js';
import type { RepeatSaid } from './repeat-said.js';
import { WEEKDAY_CODES } from './rule.js';
import type { Said } from './said.js';

/** What comes round, without its times of day. */
export interface Pattern {
  readonly interval: number;
  /** The rule with another interval in place of its own. */
  readonly rule: (interval: number) => string;
  readonly isDaily: boolean;
  /** The hours of a day, where the pattern itself says them. */
  readonly hours?: readonly number[];
  readonly isElapsed: boolean;
  /** Length of a step of an hourly or minutely rule. */
  readonly stepMinutes: number;
}

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

/** The pattern that was said, or the question to ask. */
export function patternOf(said: Said): Pattern | Question {
  const repeats = said.repeats.filter(({ unit }) => unit !== 'each');
  const first = repeats.find(({ unit }) => unit === 'hour' || unit === 'minute') ?? repeats[0];
  const weekdays = said.repeats.find((repeat) => repeat.weekdays.length > 0)?.weekdays ?? [];
  const [day] = said.days;
  if (said.hours !== undefined && first?.unit !== 'hour' && first?.unit !== 'minute') return windowQuestion();
  if (first === undefined) return ofDay(said.days);
  switch (first.unit) {
    case 'minute':
    case 'hour':
      return elapsed(said, first, weekdays);
    case 'day':
      return daily(said, first, weekdays);
    case 'week':
      return weekly(said, first, weekdays);
    case 'month':
      return monthly(first, said.days);
    case 'year':
      return yearly(first, day);
    case 'each':
      return ofDay(said.days);
  }
}

function pattern(freq: string, interval: number, more: readonly string[], extra: Partial<Pattern> = {}): Pattern {
  const rule = (every: number) => [`FREQ=${freq}`, ...(every > 1 ? [`INTERVAL=${every}`] : []), ...more].join(';');
  return { interval, rule, isDaily: freq === 'DAILY', isElapsed: false, stepMinutes: 0, ...extra };
}

function codes(weekdays: readonly number[]): string {
  return weekdays.map((weekday) => WEEKDAY_CODES[weekday - 1]).join(',');
}

/** “every 3 May”, “the first Monday of the month”. */
function ofDay(days: readonly DaySaid[]): Pattern | Question {
  const [day] = days;
  const repeat: RepeatSaid = { unit: 'each', interval: 1, weekdays: [] };
  if (day?.kind === 'date') return yearly(repeat, day);
  if (day?.kind === 'place' && typeof day.month !== 'string' && 'named' in day.month) return yearly(repeat, day);
  return monthly(repeat, days);
}

function elapsed(said: Said, repeat: RepeatSaid, weekdays: readonly number[]): Pattern | Question {
  const isHourly = repeat.unit === 'hour';
  if (said.hours !== undefined)
    return isHourly ? withinHours(said, said.hours, repeat.interval, weekdays) : windowQuestion();
  const stepMinutes = repeat.interval * (isHourly ? 60 : 1);
  const days = weekdays.length > 0 && weekdays.length < 7 ? [`BYDAY=${codes(weekdays)}`] : [];
  return pattern(isHourly ? 'HOURLY' : 'MINUTELY', repeat.interval, days, { isElapsed: true, stepMinutes });
}

function windowQuestion(): Question {
  return ask(
    'unsupported',
    'Between two times only whole hours can come round: every hour, every two hours, or at fixed times?',
  );
}

/** “every two hours between 9 and 17”: fixed hours of the day, the last one included. */
function withinHours(
  said: Said,
  hours: NonNullable<Said['hours']>,
  step: number,
  weekdays: readonly number[],
): Pattern | Question {
  const [from, to] = hours.map((clock) => minutesOfDay(clock, said.part));
  if (from === undefined || to === undefined || to <= from || from % 60 !== 0) return windowQuestion();
  const list: number[] = [];
  for (let minutes = from; minutes <= Math.min(to, 1439); minutes += step * 60) list.push(minutes / 60);
  const days = weekdays.length > 0 && weekdays.length < 7 ? [`BYDAY=${codes(weekdays)}`] : [];
  return pattern(days.length > 0 ? 'WEEKLY' : 'DAILY', 1, days, { isDaily: true, hours: list });
}

function daily(said: Said, repeat: RepeatSaid, weekdays: readonly number[]): Pattern | Question {
  const days = weekdays.length > 0 ? weekdays : EVERY_DAY;
  if (said.except.length === 0 && weekdays.length === 0) {
    const [day] = said.days;
    if (day !== undefined && said.from === undefined) return daysQuestion();
    return pattern('DAILY', repeat.interval, []);
  }
  if (repeat.interval > 1) return daysQuestion();
  return onWeekdays(said, days, 1);
}

function daysQuestion(): Question {
  return ask(
    'ambiguous',
    'On which days should that be, for example every day, every Friday, or every two weeks on Friday?',
  );
}

function weekly(said: Said, repeat: RepeatSaid, weekdays: readonly number[]): Pattern | Question {
  const named = said.days.flatMap((day) => (day.kind === 'weekday' && day.lead === undefined ? [day.weekday] : []));
  if (named.length < said.days.length) return daysQuestion();
  const all = [...new Set([...weekdays, ...named])].toSorted((a, b) => a - b);
  if (all.length > 0) return onWeekdays(said, all, intervalOf(said, repeat));
  const from = said.from?.kind === 'weekday' ? said.from.weekday : undefined;
  if (from !== undefined) return pattern('WEEKLY', repeat.interval, [`BYDAY=${codes([from])}`]);
  return ask('ambiguous', 'On which day of the week should that be, for example on Monday or on Friday?');
}

/** “every two weeks on Monday and every Friday” has two rhythms; the larger one counts for one list of days. */
function intervalOf(said: Said, repeat: RepeatSaid): number {
  return Math.max(
    repeat.interval,
    ...said.repeats.filter(({ unit }) => unit === 'week').map(({ interval }) => interval),
  );
}

function onWeekdays(said: Said, weekdays: readonly number[], interval: number): Pattern | Question {
  const left = weekdays.filter((weekday) => !said.except.includes(weekday));
  if (left.length === 0) return daysQuestion();
  if (left.length === 7 && interval === 1) return pattern('DAILY', 1, []);
  return pattern('WEEKLY', interval, [`BYDAY=${codes(left)}`]);
}

function monthly(repeat: RepeatSaid, days: readonly DaySaid[]): Pattern | Question {
  const [day] = days;
  const numbers = days.flatMap((said) => (said.kind === 'month-day' ? [said.day] : []));
  const place = repeat.place ?? (day?.kind === 'place' ? day : undefined);
  if (place !== undefined) return pattern('MONTHLY', repeat.interval, placeParts(place));
  if (numbers.length > 0 && numbers.length === days.length && numbers.every((number) => number >= 1 && number <= 31)) {
    if (numbers.length === 1) return pattern('MONTHLY', repeat.interval, monthDayParts(numbers[0] ?? 1));
    const list = numbers.toSorted((a, b) => a - b).map((number) => (number === 31 ? -1 : number));
    if (!list.includes(29) && !list.includes(30))
      return pattern('MONTHLY', repeat.interval, [`BYMONTHDAY=${list.join(',')}`]);
  }
  if (day?.kind === 'edge' && day.unit === 'month') {
    return pattern('MONTHLY', repeat.interval, [day.edge === 'end' ? 'BYMONTHDAY=-1' : 'BYMONTHDAY=1']);
  }
  return ask(
    'ambiguous',
    'On which day of the month should that be, for example on the 1st, the last day, or the first Monday?',
  );
}

function placeParts(place: NonNullable<RepeatSaid['place']>): string[] {
  if (place.of === 'day') return [`BYMONTHDAY=${place.place}`];
  if (place.of === 'workday') return ['BYDAY=MO,TU,WE,TH,FR', `BYSETPOS=${place.place}`];
  return [`BYDAY=${place.place}${codes([place.of])}`];
}

/** A day that a shorter month does not have is that month's last day. */
function monthDayParts(day: number): string[] {
  if (day === 31) return ['BYMONTHDAY=-1'];
  if (day <= 28) return [`BYMONTHDAY=${day}`];
  const days = Array.from({ length: day - 27 }, (_none, index) => 28 + index);
  return [`BYMONTHDAY=${days.join(',')}`, 'BYSETPOS=-1'];
}

function yearly(repeat: RepeatSaid, day: DaySaid | undefined): Pattern | Question {
  if (day?.kind === 'place' && typeof day.month !== 'string' && 'named' in day.month) {
    return pattern('YEARLY', repeat.interval, [`BYMONTH=${day.month.named}`, ...placeParts(day)]);
  }
  if (day?.kind !== 'date') return ask('ambiguous', 'On which day of the year should that be, for example on 3 May?');
  if (day.month === 2 && day.day === 29)
    return ask(
      'ambiguous',
      'Most years have no 29 February: should it be on 28 February, on 1 March, or only in leap years?',
    );
  if (day.year !== undefined) return daysQuestion();
  return pattern('YEARLY', repeat.interval, [`BYMONTH=${day.month}`, `BYMONTHDAY=${day.day}`]);
}
