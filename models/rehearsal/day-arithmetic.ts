import { Temporal } from 'temporal-polyfill';
import { numberOf } from './numbers.js';

/** What a mention of a day means; see `DayMention`. */
export type Found = { readonly kind: DayKind; readonly date?: Temporal.PlainDate } | undefined;
export type DayKind = 'day' | 'weekday' | 'past' | 'vague' | 'recurring' | 'conflict';
/** The named groups of the pattern that matched. */
export type Groups = Readonly<Record<string, string | undefined>>;

const WEEKDAYS: Readonly<Record<string, number>> = {
  monday: 1,
  tuesday: 2,
  wednesday: 3,
  thursday: 4,
  friday: 5,
  saturday: 6,
  sunday: 7,
  montag: 1,
  dienstag: 2,
  mittwoch: 3,
  donnerstag: 4,
  freitag: 5,
  samstag: 6,
  sonnabend: 6,
  sonntag: 7,
};
const MONTH_NAMES: readonly (readonly [string, number])[] = [
  ['january|jan|januar', 1],
  ['february|feb|februar', 2],
  ['march|mar|märz', 3],
  ['april|apr', 4],
  ['may|mai', 5],
  ['june|jun|juni', 6],
  ['july|jul|juli', 7],
  ['august|aug', 8],
  ['september|sept|sep', 9],
  ['october|oct|oktober', 10],
  ['november|nov', 11],
  ['december|dec|dezember', 12],
];

/** The names of weekdays, English and German, as alternatives of a pattern. */
export const WEEKDAY = Object.keys(WEEKDAYS).join('|');
/** The names of months as alternatives of a pattern. */
export const MONTH = MONTH_NAMES.map(([names]) => names).join('|');

export function monthOf(name: string | undefined): number | undefined {
  // "may" and "march" are verbs too; only a capital makes them months.
  if (name === undefined || !/^\p{Lu}/u.test(name)) return undefined;
  return MONTH_NAMES.find(([names]) => names.split('|').includes(name.toLowerCase()))?.[1];
}

export function day(date: Temporal.PlainDate | undefined): Found {
  return date === undefined ? undefined : { kind: 'day', date };
}

export function plainDate(year: number, month: number, dayOfMonth: number): Temporal.PlainDate | undefined {
  try {
    return Temporal.PlainDate.from({ year, month, day: dayOfMonth }, { overflow: 'reject' });
  } catch {
    return undefined;
  }
}

/** A date without a year that lies so few days back is that day and not one in the next year. */
const RECENT_DAYS = 90;

export function calendarDay(
  month: number | undefined,
  dayOfMonth: number | undefined,
  year: string | undefined,
  today: Temporal.PlainDate,
): Found {
  if (month === undefined || dayOfMonth === undefined) return undefined;
  if (year !== undefined) return day(plainDate(Number(year), month, dayOfMonth));
  const thisYear = plainDate(today.year, month, dayOfMonth);
  const daysAgo = thisYear === undefined ? 0 : today.since(thisYear, { largestUnit: 'days' }).days;
  if (daysAgo > 0 && daysAgo <= RECENT_DAYS) return { kind: 'past' };
  for (const candidate of [today.year, today.year + 1, today.year + 2, today.year + 3, today.year + 4]) {
    const date = plainDate(candidate, month, dayOfMonth);
    if (date && Temporal.PlainDate.compare(date, today) >= 0) return day(date);
  }
  return undefined;
}

export function dayOfMonthOnly(dayOfMonth: number | undefined, today: Temporal.PlainDate): Found {
  if (dayOfMonth === undefined) return undefined;
  for (let ahead = 0; ahead < 12; ahead += 1) {
    const month = today.with({ day: 1 }).add({ months: ahead });
    const date = plainDate(month.year, month.month, dayOfMonth);
    if (date && Temporal.PlainDate.compare(date, today) >= 0) return day(date);
  }
  return undefined;
}

function mondayOf(today: Temporal.PlainDate): Temporal.PlainDate {
  return today.subtract({ days: today.dayOfWeek - 1 });
}

function weekdayOfNextWeek(weekday: number, today: Temporal.PlainDate): Temporal.PlainDate {
  return mondayOf(today).add({ days: 7 + weekday - 1 });
}

export function readWeekday(groups: Groups, today: Temporal.PlainDate): Found {
  const weekday = WEEKDAYS[(groups['wd'] ?? '').toLowerCase()];
  if (weekday === undefined) return undefined;
  const lead = (groups['lead'] ?? '').toLowerCase();
  if (/every|each|jed/.test(lead) || groups['many'] !== undefined) return { kind: 'recurring' };
  if (/last|past|letzt/.test(lead)) return { kind: 'past' };
  if (lead === 'next') return { kind: 'weekday', date: weekdayOfNextWeek(weekday, today) };
  const ahead = (weekday - today.dayOfWeek + 7) % 7;
  const sameDayCounts = lead === 'this' || lead.startsWith('dies');
  return { kind: 'weekday', date: today.add({ days: ahead === 0 && !sameDayCounts ? 7 : ahead }) };
}

export function endOfWeek(which: string, today: Temporal.PlainDate): Found {
  if (/next|nächst/i.test(which)) return day(weekdayOfNextWeek(5, today));
  const friday = mondayOf(today).add({ days: 4 });
  return day(Temporal.PlainDate.compare(friday, today) >= 0 ? friday : friday.add({ days: 2 }));
}

export function endOfMonth(which: string, today: Temporal.PlainDate): Found {
  const month = /next|nächst/i.test(which) ? today.with({ day: 1 }).add({ months: 1 }) : today;
  return day(month.with({ day: month.daysInMonth }));
}

export function endOfNamedMonth(name: string | undefined, today: Temporal.PlainDate): Found {
  const month = monthOf(name);
  if (month === undefined) return undefined;
  const first = Temporal.PlainDate.from({ year: today.year + (month < today.month ? 1 : 0), month, day: 1 });
  return day(first.with({ day: first.daysInMonth }));
}

export function afterSpan(groups: Groups, today: Temporal.PlainDate): Found {
  const count = numberOf(groups['n']);
  if (count === undefined) return undefined;
  const unit = (groups['unit'] ?? '').toLowerCase();
  if (groups['work'] !== undefined) return day(addWorkingDays(today, count));
  if (/^(?:week|woche)/.test(unit)) return day(today.add({ weeks: count }));
  if (unit.startsWith('mon')) return day(today.add({ months: count }));
  return day(today.add({ days: count }));
}

function addWorkingDays(today: Temporal.PlainDate, count: number): Temporal.PlainDate {
  let date = today;
  for (let left = Math.min(count, 250); left > 0; ) {
    date = date.add({ days: 1 });
    if (date.dayOfWeek < 6) left -= 1;
  }
  return date;
}

export function slashed(groups: Groups, today: Temporal.PlainDate): Found {
  const [a, b] = [Number(groups['a']), Number(groups['b'])];
  if (a > 12 && b <= 12) return calendarDay(b, a, groups['y'], today);
  if (b > 12 && a <= 12) return calendarDay(a, b, groups['y'], today);
  return undefined;
}

/** "a week from Thursday", "Montag in acht Tagen": so many weeks after a day; on that weekday itself it may be one of two. */
export function weeksAfter(groups: Groups, today: Temporal.PlainDate): Found {
  const weeks = weeksIn(groups['n'] ?? 'one');
  const from = (groups['from'] ?? '').toLowerCase();
  if (weeks === undefined || weeks < 1) return undefined;
  if (/^(?:today|now|heute)$/.test(from)) return day(today.add({ weeks }));
  if (/^(?:tomorrow|morgen)$/.test(from)) return day(today.add({ days: 1, weeks }));
  if (WEEKDAYS[from] === today.dayOfWeek) return { kind: 'vague' };
  const base = readWeekday({ wd: from }, today)?.date;
  return day(base?.add({ weeks }));
}

function weeksIn(words: string): number | undefined {
  if (/fortnight|14|vierzehn/iu.test(words)) return 2;
  return /^(?:week|acht|8)$/iu.test(words) ? 1 : numberOf(words);
}

/** "in two weeks on Thursday": only where counting from today and counting from the next Thursday agree. */
export function inWeeksOn(groups: Groups, today: Temporal.PlainDate): Found {
  const weeks = weeksIn((groups['n'] ?? '').replace(/^a (?=fortnight)/iu, ''));
  const weekday = WEEKDAYS[(groups['wd'] ?? '').toLowerCase()];
  if (weeks === undefined || weekday === undefined) return undefined;
  return weekday > today.dayOfWeek ? day(today.add({ weeks, days: weekday - today.dayOfWeek })) : { kind: 'vague' };
}

/** "Thursday of the week after next". */
export function weekdayAfterNextWeek(name: string | undefined, today: Temporal.PlainDate): Found {
  const weekday = WEEKDAYS[(name ?? '').toLowerCase()];
  return weekday === undefined ? undefined : day(weekdayOfNextWeek(weekday, today).add({ weeks: 1 }));
}

/** "the Friday after next", "übernächsten Freitag": the second one that comes. */
export function afterNext(groups: Groups, today: Temporal.PlainDate): Found {
  return day(readWeekday({ wd: groups['wd'] }, today)?.date?.add({ weeks: 1 }));
}

/** Places of a weekday in a month. */
export const PLACES: Readonly<Record<string, number>> = {
  first: 1,
  second: 2,
  third: 3,
  fourth: 4,
  last: -1,
  ersten: 1,
  erste: 1,
  zweiten: 2,
  zweite: 2,
  dritten: 3,
  dritte: 3,
  vierten: 4,
  vierte: 4,
  letzten: -1,
  letzte: -1,
};

/** "the first Monday of January", "the last Friday of the month". */
export function weekdayOfMonth(groups: Groups, today: Temporal.PlainDate): Found {
  const place = PLACES[(groups['nth'] ?? '').toLowerCase()];
  const weekday = WEEKDAYS[(groups['wd'] ?? '').toLowerCase()];
  if (place === undefined || weekday === undefined) return undefined;
  const month = monthOf(groups['mon']);
  if (month === undefined) {
    if (groups['mon'] !== undefined) return undefined;
    const isNext = /next|nächst/iu.test(groups['this'] ?? groups['this2'] ?? '');
    const date = placeIn(today.with({ day: 1 }).add({ months: isNext ? 1 : 0 }), place, weekday);
    return Temporal.PlainDate.compare(date, today) >= 0 ? day(date) : { kind: 'past' };
  }
  const inYear = (year: number) => placeIn(Temporal.PlainDate.from({ year, month, day: 1 }), place, weekday);
  const date = inYear(today.year);
  return day(Temporal.PlainDate.compare(date, today) >= 0 ? date : inYear(today.year + 1));
}

function placeIn(first: Temporal.PlainDate, place: number, weekday: number): Temporal.PlainDate {
  const found = first.add({ days: ((weekday - first.dayOfWeek + 7) % 7) + (Math.max(place, 1) - 1) * 7 });
  const last = first.with({ day: first.daysInMonth });
  return place > 0 ? found : last.subtract({ days: (last.dayOfWeek - weekday + 7) % 7 });
}

/** The last day of a quarter: the running one, the next one, or the next with that number. */
export function endOfQuarter(groups: Groups, today: Temporal.PlainDate): Found {
  const which = (groups['q'] ?? '').trim().toLowerCase();
  const running = Math.ceil(today.month / 3);
  const named = PLACES[which] ?? (/^\d$/.test(which) ? Number(which) : undefined);
  const lastOf = (year: number, quarter: number) => {
    const first = Temporal.PlainDate.from({ year, month: quarter * 3, day: 1 });
    return first.with({ day: first.daysInMonth });
  };
  if (named === undefined) {
    const end = lastOf(today.year, running);
    return day(/next|nächst/.test(which) ? lastOf(end.add({ days: 1 }).year, (running % 4) + 1) : end);
  }
  return named < 1 || named > 4 ? undefined : day(lastOf(today.year + (named < running ? 1 : 0), named));
}
