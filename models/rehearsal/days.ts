import { Temporal } from 'temporal-polyfill';
import { CLEAR_ORDINAL, NUMBER, numberOf, ORDINAL } from './numbers.js';
import { wordPattern } from './text.js';

/**
 * A mention of a day. `day` and `weekday` have a date; `past` lies behind; `vague` names a span such as "next week";
 * `recurring` is "every Friday" or "Friday's"; `conflict` is a weekday and a date that contradict each other.
 */
export interface DayMention {
  readonly index: number;
  readonly end: number;
  readonly kind: 'day' | 'weekday' | 'past' | 'vague' | 'recurring' | 'conflict';
  readonly date?: Temporal.PlainDate;
}

type Found = Pick<DayMention, 'kind' | 'date'> | undefined;
type Groups = Readonly<Record<string, string | undefined>>;
type Reader = (groups: Groups, today: Temporal.PlainDate) => Found;

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
const MONTH = MONTH_NAMES.map(([names]) => names).join('|');

function monthOf(name: string | undefined): number | undefined {
  // "may" and "march" are verbs too; only a capital makes them months.
  if (name === undefined || !/^\p{Lu}/u.test(name)) return undefined;
  return MONTH_NAMES.find(([names]) => names.split('|').includes(name.toLowerCase()))?.[1];
}

function day(date: Temporal.PlainDate | undefined): Found {
  return date === undefined ? undefined : { kind: 'day', date };
}

function plainDate(year: number, month: number, dayOfMonth: number): Temporal.PlainDate | undefined {
  try {
    return Temporal.PlainDate.from({ year, month, day: dayOfMonth }, { overflow: 'reject' });
  } catch {
    return undefined;
  }
}

function calendarDay(
  month: number | undefined,
  dayOfMonth: number | undefined,
  year: string | undefined,
  today: Temporal.PlainDate,
): Found {
  if (month === undefined || dayOfMonth === undefined) return undefined;
  if (year !== undefined) return day(plainDate(Number(year), month, dayOfMonth));
  for (const candidate of [today.year, today.year + 1, today.year + 2, today.year + 3, today.year + 4]) {
    const date = plainDate(candidate, month, dayOfMonth);
    if (date && Temporal.PlainDate.compare(date, today) >= 0) return day(date);
  }
  return undefined;
}

function dayOfMonthOnly(dayOfMonth: number | undefined, today: Temporal.PlainDate): Found {
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

function readWeekday(groups: Groups, today: Temporal.PlainDate): Found {
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

function endOfWeek(which: string, today: Temporal.PlainDate): Found {
  if (/next|nächst/i.test(which)) return day(weekdayOfNextWeek(5, today));
  const friday = mondayOf(today).add({ days: 4 });
  return day(Temporal.PlainDate.compare(friday, today) >= 0 ? friday : friday.add({ days: 2 }));
}

function endOfMonth(which: string, today: Temporal.PlainDate): Found {
  const month = /next|nächst/i.test(which) ? today.with({ day: 1 }).add({ months: 1 }) : today;
  return day(month.with({ day: month.daysInMonth }));
}

function endOfNamedMonth(name: string | undefined, today: Temporal.PlainDate): Found {
  const month = monthOf(name);
  if (month === undefined) return undefined;
  const first = Temporal.PlainDate.from({ year: today.year + (month < today.month ? 1 : 0), month, day: 1 });
  return day(first.with({ day: first.daysInMonth }));
}

function afterSpan(groups: Groups, today: Temporal.PlainDate): Found {
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

function slashed(groups: Groups, today: Temporal.PlainDate): Found {
  const [a, b] = [Number(groups['a']), Number(groups['b'])];
  if (a > 12 && b <= 12) return calendarDay(b, a, groups['y'], today);
  if (b > 12 && a <= 12) return calendarDay(a, b, groups['y'], today);
  return undefined;
}

/** "a week from Thursday", "Montag in einer Woche": so many weeks after a day that is named by itself. */
function weeksAfter(groups: Groups, today: Temporal.PlainDate): Found {
  const weeks = /fortnight|14|vierzehn/iu.test(groups['n'] ?? '') ? 2 : (numberOf(groups['n'] ?? 'one') ?? 0);
  const from = (groups['from'] ?? '').toLowerCase();
  if (weeks < 1) return undefined;
  if (/^(?:today|now|heute)$/.test(from)) return day(today.add({ weeks }));
  if (/^(?:tomorrow|morgen)$/.test(from)) return day(today.add({ days: 1, weeks }));
  const base = readWeekday({ wd: from }, today)?.date;
  return day(base?.add({ weeks }));
}

/** "the Friday after next", "übernächsten Freitag": the second one that comes. */
function afterNext(groups: Groups, today: Temporal.PlainDate): Found {
  return day(readWeekday({ wd: groups['wd'] }, today)?.date?.add({ weeks: 1 }));
}

const PLACES: Readonly<Record<string, number>> = {
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

/** "the first Monday of January". */
function weekdayOfMonth(groups: Groups, today: Temporal.PlainDate): Found {
  const [month, place] = [monthOf(groups['mon']), PLACES[(groups['nth'] ?? '').toLowerCase()]];
  const weekday = WEEKDAYS[(groups['wd'] ?? '').toLowerCase()];
  if (month === undefined || place === undefined || weekday === undefined) return undefined;
  const inYear = (year: number) => {
    const first = Temporal.PlainDate.from({ year, month, day: 1 });
    const found = first.add({ days: ((weekday - first.dayOfWeek + 7) % 7) + (Math.max(place, 1) - 1) * 7 });
    const last = first.with({ day: first.daysInMonth });
    return place > 0 ? found : last.subtract({ days: (last.dayOfWeek - weekday + 7) % 7 });
  };
  const date = inYear(today.year);
  return day(Temporal.PlainDate.compare(date, today) >= 0 ? date : inYear(today.year + 1));
}

/** The last day of a quarter: the running one, the next one, or the next with that number. */
function endOfQuarter(groups: Groups, today: Temporal.PlainDate): Found {
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

/** Order decides where two readings start at the same place and are equally long. */
const READERS: readonly (readonly [RegExp, Reader])[] = [
  [
    wordPattern('(?<y>\\d{4})-(?<m>\\d{2})-(?<d>\\d{2})'),
    (g) => day(plainDate(Number(g['y']), Number(g['m']), Number(g['d']))),
  ],
  [
    wordPattern(`(?:the |den |dem )?(?<d>${ORDINAL})(?: day)?(?: of)? (?<mon>${MONTH})(?:,? (?<y>\\d{4}))?`),
    (g, t) => calendarDay(monthOf(g['mon']), numberOf(g['d']), g['y'], t),
  ],
  [
    wordPattern(`(?<mon>${MONTH})\\.? (?:the )?(?<d>${ORDINAL})(?:,? (?<y>\\d{4}))?`),
    (g, t) => calendarDay(monthOf(g['mon']), numberOf(g['d']), g['y'], t),
  ],
  [
    wordPattern('(?<d>\\d{1,2})\\.(?<m>\\d{1,2})\\.(?<y>\\d{4})?'),
    (g, t) => calendarDay(Number(g['m']), Number(g['d']), g['y'], t),
  ],
  [wordPattern('(?<a>\\d{1,2})/(?<b>\\d{1,2})(?:/(?<y>\\d{4}))?'), slashed],
  [wordPattern('(?:the )?day after tomorrow|übermorgen'), (_g, t) => day(t.add({ days: 2 }))],
  [wordPattern("tomorrow(?! ?'s)|(?<!(?:am|guten|jeden|heute) )morgen"), (_g, t) => day(t.add({ days: 1 }))],
  [
    wordPattern(
      "today(?! ?'s)|tonight|this (?:afternoon|evening)|heute|(?:the )?end of (?:the )?(?:business )?day|EOD|ende des tages",
    ),
    (_g, t) => day(t),
  ],
  [
    wordPattern(
      '(?:the )?end of (?<which>(?:the |this |next |the next )?)week|ende (?<de>der|dieser|nächster|der nächsten) woche',
    ),
    (g, t) => endOfWeek(g['which'] ?? g['de'] ?? '', t),
  ],
  [
    wordPattern(
      '(?:the )?end of (?<which>(?:the |this |next |the next )?)month|ende (?<de>des|dieses|nächsten) monats',
    ),
    (g, t) => endOfMonth(g['which'] ?? g['de'] ?? '', t),
  ],
  [wordPattern(`(?:the )?(?:end of|ende) (?<mon>${MONTH})`), (g, t) => endOfNamedMonth(g['mon'], t)],
  [
    wordPattern(
      `(?<n>${NUMBER}|a fortnight) ?(?:weeks? )?(?:from|on) (?<from>today|now|tomorrow|${WEEKDAY})|(?<from2>${WEEKDAY}|heute|today|morgen) in (?<n2>${NUMBER}) (?:weeks?|wochen?)|(?<from3>${WEEKDAY}|today|tomorrow) week`,
    ),
    (g, t) => weeksAfter({ n: g['n'] ?? g['n2'], from: g['from'] ?? g['from2'] ?? g['from3'] }, t),
  ],
  [
    wordPattern(`(?:the )?(?<wd>${WEEKDAY}) after next|(?:den |dem |am )?übernächste[nrm]? (?<wd2>${WEEKDAY})`),
    (g, t) => afterNext({ wd: g['wd'] ?? g['wd2'] }, t),
  ],
  // Counted from a day that was named before; whoever knows that day has to read it.
  [
    wordPattern(`(?:the )?(?:${WEEKDAY}|day|week) after(?! (?:next|tomorrow))|(?:den )?(?:${WEEKDAY}) darauf`),
    () => ({ kind: 'vague' }),
  ],
  [
    wordPattern(
      `(?:the |den |am )?(?<nth>${Object.keys(PLACES).join('|')}) (?<wd>${WEEKDAY}) (?:of|in|im) (?:the )?(?<mon>${MONTH})`,
    ),
    weekdayOfMonth,
  ],
  [
    wordPattern(
      '(?:the )?end of (?:the )?(?<q>first |second |third |fourth |next |this )?quarter|(?:the )?end of q(?<q2>[1-4])|ende (?:des|dieses) (?<q3>ersten |zweiten |dritten |vierten |nächsten )?quartals',
    ),
    (g, t) => endOfQuarter({ q: g['q'] ?? g['q2'] ?? g['q3'] }, t),
  ],
  [
    wordPattern('(?:the )?end of (?:the |this )?year|(?:zum )?jahresende|ende (?:des|dieses) jahres'),
    (_g, t) => day(Temporal.PlainDate.from({ year: t.year, month: 12, day: 31 })),
  ],
  [
    wordPattern(
      `(?<wd>${WEEKDAY})(?: of)? next week|next week(?: on)? (?<wd2>${WEEKDAY})|(?<wd3>${WEEKDAY}) nächster woche|nächste woche(?: am)? (?<wd4>${WEEKDAY})`,
    ),
    (g, t) => readWeekday({ wd: g['wd'] ?? g['wd2'] ?? g['wd3'] ?? g['wd4'], lead: 'next' }, t),
  ],
  [
    wordPattern(
      `(?:(?<lead>next|this(?: coming)?|coming|last|past|every|each|nächsten|kommenden|diesen|letzten|jeden) )?(?<wd>${WEEKDAY})(?<many>s| ?'s)?`,
    ),
    readWeekday,
  ],
  [
    wordPattern(
      `(?:in|within) (?<n>${NUMBER}) (?<work>(?:business|working|work) )?(?<unit>days?|weeks?|months?|tage?n?|wochen?|monate?n?)(?: time)?`,
    ),
    afterSpan,
  ],
  [
    wordPattern(
      `(?<=(?:by|until|till|before|on|zum|am|${WEEKDAY}),? )(?:the |den )?(?<d>${CLEAR_ORDINAL})(?=$|[,.;!?)]| (?:at|and|but|so|in|um|for|with) )`,
    ),
    (g, t) => dayOfMonthOnly(numberOf(g['d']), t),
  ],
  [
    wordPattern(
      `yesterday|last (?:week|month|year|night|time)|(?:${NUMBER}) (?:days?|weeks?|months?|hours?) ago|this morning|gestern|vorgestern|letzte woche`,
    ),
    () => ({ kind: 'past' }),
  ],
  [
    wordPattern(
      '(?:early |late |sometime )?(?:next|this) (?:week|month|quarter|year)|nächste woche|diese woche|the weekend|at some point|soon',
    ),
    () => ({ kind: 'vague' }),
  ],
];

function scan(text: string, today: Temporal.PlainDate): DayMention[] {
  const found: DayMention[] = [];
  for (const [pattern, read] of READERS) {
    for (const match of text.matchAll(pattern)) {
      const mention = read(match.groups ?? {}, today);
      if (mention) found.push({ ...mention, index: match.index, end: match.index + match[0].length });
    }
  }
  return found;
}

function withoutOverlaps(mentions: readonly DayMention[]): DayMention[] {
  const kept: DayMention[] = [];
  for (const mention of [...mentions].sort((a, b) => b.end - b.index - (a.end - a.index))) {
    if (kept.every((other) => mention.end <= other.index || mention.index >= other.end)) kept.push(mention);
  }
  return kept.sort((a, b) => a.index - b.index);
}

/** "Friday, the 27th of November" is one mention; a weekday that contradicts its date is a conflict. */
function joined(first: DayMention, second: DayMention): DayMention {
  const span = { index: first.index, end: second.end };
  const [weekday, date] = first.kind === 'weekday' ? [first.date, second.date] : [second.date, first.date];
  if (weekday && date && weekday.dayOfWeek === date.dayOfWeek) return { ...span, kind: 'day', date };
  return { ...span, kind: 'conflict' };
}

/** All mentions of days in a text, in order, relative to `today`. */
export function findDays(text: string, today: Temporal.PlainDate): DayMention[] {
  const result: DayMention[] = [];
  for (const mention of withoutOverlaps(scan(text, today))) {
    const previous = result.at(-1);
    const gap = previous === undefined ? undefined : text.slice(previous.end, mention.index);
    const kinds = previous === undefined ? '' : `${previous.kind} ${mention.kind}`;
    if (
      previous &&
      gap !== undefined &&
      /^,? (?:on |the |den |dem |der |that's |that is |so |also |das ist |der )*$/.test(gap) &&
      /^(?:weekday day|day weekday)$/.test(kinds)
    ) {
      result[result.length - 1] = joined(previous, mention);
    } else {
      result.push(mention);
    }
  }
  return result;
}
