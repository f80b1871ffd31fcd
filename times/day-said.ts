import { Temporal } from 'temporal-polyfill';

/** A day as it was said. Weekdays count from 1 for Monday, months from 1 for January. */
export type DaySaid =
  /** Counted from today: tomorrow is 1. */
  | { readonly kind: 'ahead'; readonly days: number }
  /** The night of today, which runs into tomorrow. */
  | { readonly kind: 'tonight' }
  | { readonly kind: 'weekday'; readonly weekday: number; readonly lead?: 'next' | 'this' }
  /** A weekday of a week counted from this one: next week is 1. */
  | { readonly kind: 'week'; readonly weeks: number; readonly weekday: number }
  /** Weeks after the coming weekday, “Friday week”. */
  | { readonly kind: 'weeks-after'; readonly weeks: number; readonly weekday: number }
  | { readonly kind: 'weekend'; readonly weeks: number }
  | { readonly kind: 'month-day'; readonly day: number }
  | { readonly kind: 'date'; readonly month: number; readonly day: number; readonly year?: number }
  /** A date with a choice of two readings, such as 12/11. */
  | { readonly kind: 'either'; readonly readings: readonly DaySaid[] }
  /** The first, second or last (-1) weekday, workday or day of a month. */
  | {
      readonly kind: 'place';
      readonly place: number;
      readonly of: number | 'workday' | 'day';
      readonly month: PlaceMonth;
    }
  /** The last day of this week, month, quarter or year, or the first day of the next one. */
  | {
      readonly kind: 'edge';
      readonly edge: 'end' | 'beginning';
      readonly unit: 'week' | 'month' | 'year';
      readonly ahead: number;
    }
  | { readonly kind: 'past' };

/** `each` is every month, `any` “the month”: this one or every one. */
export type PlaceMonth = { readonly named: number } | { readonly ahead: number } | 'each' | 'any';

/** The days a saying may mean, ascending; the first whose time is still to come is meant. */
export interface DayChoice {
  readonly days: readonly Temporal.PlainDate[];
  /** What else it may mean: two readings that cannot be told apart. */
  readonly orElse?: Temporal.PlainDate;
}

/** A date without a year that lies so few days back may be a slip and is asked about. */
export const RECENT_DAYS = 31;
const MOST_YEARS_AHEAD = 8;

/** The days that a saying may mean on a given day; none where no such day exists. */
export function daysMeant(said: DaySaid, today: Temporal.PlainDate): DayChoice {
  switch (said.kind) {
    case 'ahead':
      return { days: [today.add({ days: said.days })] };
    case 'tonight':
      return { days: [today] };
    case 'weekday':
      return weekdayMeant(said, today);
    case 'week':
      return { days: [mondayOf(today).add({ weeks: said.weeks, days: said.weekday - 1 })] };
    case 'weeks-after':
      return weeksAfter(said, today);
    case 'weekend':
      return weekendMeant(said.weeks, today);
    case 'month-day':
      return { days: monthsFrom(today, 12).flatMap((month) => dayOf(month.year, month.month, said.day)) };
    case 'date':
      return { days: datesMeant(said, today) };
    case 'either':
      return eitherMeant(said.readings, today);
    case 'place':
      return { days: placesMeant(said, today) };
    case 'edge':
      return { days: [edgeMeant(said, today)] };
    case 'past':
      return { days: [today.subtract({ days: 1 })] };
  }
}

function mondayOf(date: Temporal.PlainDate): Temporal.PlainDate {
  return date.subtract({ days: date.dayOfWeek - 1 });
}

function weekdayMeant(said: DaySaid & { kind: 'weekday' }, today: Temporal.PlainDate): DayChoice {
  const ahead = (said.weekday - today.dayOfWeek + 7) % 7;
  const coming = today.add({ days: ahead });
  if (said.lead !== 'next') return { days: [coming, coming.add({ days: 7 })] };
  const isThisWeek = said.weekday > today.dayOfWeek;
  if (ahead === 0 || !isThisWeek) return { days: [today.add({ days: ahead === 0 ? 7 : ahead })] };
  return { days: [coming], orElse: coming.add({ days: 7 }) };
}

/** On that weekday itself, and before, there are two ways to count. */
function weeksAfter(said: DaySaid & { kind: 'weeks-after' }, today: Temporal.PlainDate): DayChoice {
  const coming = today.add({ days: (said.weekday - today.dayOfWeek + 7) % 7 || 7 });
  const meant = coming.add({ weeks: said.weeks });
  return said.weekday === today.dayOfWeek ? { days: [meant.subtract({ weeks: 1 })], orElse: meant } : { days: [meant] };
}

function weekendMeant(weeks: number, today: Temporal.PlainDate): DayChoice {
  const saturday = mondayOf(today).add({ days: 5, weeks });
  const both = [saturday, saturday.add({ days: 1 })];
  if (weeks === 1) return { days: [saturday.subtract({ weeks: 1 })], orElse: saturday };
  return { days: both };
}

function monthsFrom(today: Temporal.PlainDate, count: number): Temporal.PlainDate[] {
  return Array.from({ length: count }, (_none, ahead) => today.with({ day: 1 }).add({ months: ahead }));
}

/** One day or none. */
function dayOf(year: number, month: number, day: number): Temporal.PlainDate[] {
  try {
    return [Temporal.PlainDate.from({ year, month, day }, { overflow: 'reject' })];
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function datesMeant(said: DaySaid & { kind: 'date' }, today: Temporal.PlainDate): Temporal.PlainDate[] {
  if (said.year !== undefined) return dayOf(said.year, said.month, said.day);
  const years = Array.from({ length: MOST_YEARS_AHEAD + 1 }, (_none, ahead) => today.year + ahead);
  const dates = years.flatMap((year) => dayOf(year, said.month, said.day));
  const lastYears = dayOf(today.year - 1, said.month, said.day);
  const isRecent = (date: Temporal.PlainDate) => {
    const ago = date.until(today).days;
    return ago > 0 && ago <= RECENT_DAYS;
  };
  const recent = [...lastYears, ...dates].find(isRecent);
  return recent === undefined
    ? dates.filter((date) => Temporal.PlainDate.compare(date, today) >= 0).slice(0, 1)
    : [recent];
}

function eitherMeant(readings: readonly DaySaid[], today: Temporal.PlainDate): DayChoice {
  const [first, second] = readings.map((reading) => daysMeant(reading, today).days);
  if (first === undefined || second?.[0] === undefined) return { days: first ?? [] };
  return first.length === 0 ? { days: second } : { days: first, orElse: second[0] };
}

function placesMeant(said: DaySaid & { kind: 'place' }, today: Temporal.PlainDate): Temporal.PlainDate[] {
  const { month } = said;
  if (typeof month === 'string') return monthsFrom(today, 13).flatMap((first) => placeIn(first, said));
  if ('ahead' in month) return placeIn(today.with({ day: 1 }).add({ months: month.ahead }), said);
  return [today.year, today.year + 1].flatMap((year) =>
    placeIn(Temporal.PlainDate.from({ year, month: month.named, day: 1 }), said),
  );
}

function placeIn(first: Temporal.PlainDate, said: DaySaid & { kind: 'place' }): Temporal.PlainDate[] {
  const fits = (date: Temporal.PlainDate) =>
    said.of === 'day' || (said.of === 'workday' ? date.dayOfWeek < 6 : date.dayOfWeek === said.of);
  const all = Array.from({ length: first.daysInMonth }, (_none, index) => first.with({ day: index + 1 })).filter(fits);
  const found = all.at(said.place > 0 ? said.place - 1 : said.place);
  return found === undefined ? [] : [found];
}

function edgeMeant(said: DaySaid & { kind: 'edge' }, today: Temporal.PlainDate): Temporal.PlainDate {
  const { edge, unit, ahead } = said;
  if (unit === 'week') {
    const monday = mondayOf(today).add({ weeks: ahead });
    return edge === 'beginning' ? monday : monday.add({ days: 4 });
  }
  const first =
    unit === 'month'
      ? today.with({ day: 1 }).add({ months: ahead })
      : today.with({ month: 1, day: 1 }).add({ years: ahead });
  if (edge === 'beginning') return first;
  return unit === 'month' ? first.with({ day: first.daysInMonth }) : first.with({ month: 12, day: 31 });
}

/** The day so many workdays, Monday to Friday, after another. */
export function afterWorkdays(from: Temporal.PlainDate, count: number): Temporal.PlainDate {
  let date = from;
  for (let left = Math.min(count, 2000); left > 0; ) {
    date = date.add({ days: 1 });
    if (date.dayOfWeek < 6) left -= 1;
  }
  return date;
}
