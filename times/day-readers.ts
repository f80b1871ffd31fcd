import { type DaySaid, type PlaceMonth } from './day-said.js';
import type { PartOfDay } from './clock.js';
import type { Question, Saying } from './mention.js';
import { MONTH, monthOf, NUMBER, numberOf, ORDINAL, WEEKDAY, WEEKDAY_SHORT, weekdayOf, words } from './words.js';

type Groups = Readonly<Record<string, string | undefined>>;
/** Whether day or month comes first in 12/11; `undefined` where nobody knows. */
export type DayOrder = 'day-month' | 'month-day' | undefined;
/** `written` is the match as it stands in the sentence, with its capitals. */
type Reader = readonly [RegExp, (groups: Groups, order: DayOrder, written: string) => Saying | undefined];

const PLACES: readonly (readonly [RegExp, number])[] = [
  [/^(?:first|erst|1)/i, 1],
  [/^(?:second|zweit|2)/i, 2],
  [/^(?:third|dritt|3)/i, 3],
  [/^(?:fourth|viert|4)/i, 4],
  [/^(?:fifth|fünft|5)/i, 5],
  [/^(?:last|letzt)/i, -1],
];
/** Matches the place of a weekday in a month. */
export const PLACE =
  'first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th|[1-5]\\.|erste[rn]?|zweite[rn]?|dritte[rn]?|vierte[rn]?|fünfte[rn]?|letzte[rn]?';
const PLACE_OF = `${WEEKDAY}|weekday|working day|workday|business day|day|werktag|arbeitstag|tag`;
const OF_MONTH = ' (?:(?:of|in) this month|dieses monats|(?<each>of (?:the|a) month|(?:des|im) monats?))';
const YEAR = '(?:,? (?:in )?(?<y>\\d{4}))?';

export function placeOf(word: string): number {
  return PLACES.find(([pattern]) => pattern.test(word))?.[1] ?? 1;
}

/** What the place counts: a weekday, every workday or every day. */
export function placedDay(word: string): number | 'workday' | 'day' {
  if (/^(?:weekday|work|business|werk|arbeits)/i.test(word)) return 'workday';
  return /^(?:day|tag)$/i.test(word) ? 'day' : weekdayOf(word);
}

const HOLIDAYS: readonly (readonly [string, number, number])[] = [
  ["new year'?s eve|silvester(?:abend)?", 12, 31],
  ["new year'?s day|neujahr(?:stag|smorgen)?", 1, 1],
  ['christmas eve|heiligabend|heilig abend', 12, 24],
  ['christmas day|christmas|(?:erster? )?weihnachts(?:feier)?tag', 12, 25],
  ['boxing day', 12, 26],
  ["valentine'?s day|valentinstag", 2, 14],
  ['halloween', 10, 31],
  ['nikolaus(?:tag)?', 12, 6],
];

/** Words for days, English and German. Of two that begin at the same place the longer counts, then the earlier here. */
export const DAY_READERS: readonly Reader[] = [
  [words('(?<y>\\d{4})-(?<m>\\d{1,2})-(?<d>\\d{1,2})'), (g) => date(Number(g['m']), Number(g['d']), g['y'])],
  [
    words(`(?:the |den |dem |der )?(?<d>\\d{1,2}|${ORDINAL})(?: day)?(?: of)? (?<mon>${MONTH})(?!\\p{L})\\.?${YEAR}`),
    named,
  ],
  [words(`(?<mon>${MONTH})\\.? (?:the )?(?<d>\\d{1,2}|${ORDINAL})(?! ?(?:uhr|o'?clock|[ap]\\.?m)|:\\d)${YEAR}`), named],
  [
    words('(?<d>\\d{1,2})\\. ?(?<m>\\d{1,2})\\.(?: ?(?<y>\\d{4}|\\d{2})(?! ?uhr|:))?'),
    (g) => date(Number(g['m']), Number(g['d']), g['y']),
  ],
  [
    words('(?<=(?:am|zum|vom|bis|den|dem|der) )(?<d>\\d{1,2})\\.(?<m>\\d{1,2})(?!\\.?\\d| ?uhr)'),
    (g) => date(Number(g['m']), Number(g['d']), undefined),
  ],
  [
    words('(?!24/7)(?<a>\\d{1,2})/(?<b>\\d{1,2})(?:/(?<y>\\d{4}|\\d{2}))?(?!/| (?:of|an?|cups?|hours?)(?!\\p{L}))'),
    slashed,
  ],
  ...HOLIDAYS.map(
    ([names, month, day]): Reader => [words(`(?:the )?(?:${names})`), () => said({ kind: 'date', month, day })],
  ),
  [words('(?:the )?day after tomorrow|übermorgen'), () => ahead(2)],
  [words("tomorrow(?!'s)|tmrw|tmr|(?<!(?:am|guten|jeden|heute|diesen|nächsten) )morgen"), () => ahead(1)],
  [words("today(?!'s)|heute"), () => ahead(0)],
  [words('tonight|heute nacht|(?:later )?tonite'), () => said({ kind: 'tonight' })],
  [
    words(
      `(?:the )?(?<end>end|ende|beginning|start|anfang) (?:of |der |des |von )?(?:the |this |dieser |dieses |diesem )?(?<lead>next |nächste[rsn]? |kommende[rsn]? |coming )?(?<unit>week|month|year|woche|monats?|jahres?)`,
    ),
    edge,
  ],
  [words('(?<unit>wochen|monats|jahres)(?<end>ende|anfang)(?<!wochenende)|(?<end2>eom|eoy|eow)'), edge],
  [words(`(?:the )?(?:end of|ende) (?<mon>${MONTH})`), (g) => place(-1, 'day', { named: monthOf(g['mon'] ?? '') })],
  [
    words(`(?:the )?(?:beginning of|start of|anfang) (?<mon>${MONTH})`),
    (g) => place(1, 'day', { named: monthOf(g['mon'] ?? '') }),
  ],
  [
    words(
      `(?:on )?(?:the |den |am |dem )?(?<p>${PLACE}) (?<of>${PLACE_OF}) (?:(?:of|in|im) (?:the month of )?(?<mon>${MONTH})|(?:of|in) (?<lead>this|next|the next) month|(?<lead2>dieses|nächsten|im nächsten|des nächsten|in diesem) monats?|(?:of|in) (?:the|a|(?<each>every|each)) month|(?:des|im|eines|(?<each2>jedes|jeden|eines jeden)) monats?)`,
    ),
    placed,
  ],
  [
    words(`(?<=(?:months?|monate?|monthly|monatlich),? (?:on )?)(?:the |am )?(?<p>${PLACE}) (?<of>${PLACE_OF})`),
    (g) => place(placeOf(g['p'] ?? ''), placedDay(g['of'] ?? ''), 'each'),
  ],
  [
    words(
      `(?<wd>${WEEKDAY})(?: of)? next week|next week(?: on)? (?<wd2>${WEEKDAY})|(?<wd3>${WEEKDAY}) (?:in der )?(?:nächste|kommende)[rn]? woche|(?:nächste|kommende) woche(?: am)? (?<wd4>${WEEKDAY})`,
    ),
    (g) => inWeek(g, 1),
  ],
  [
    words(
      `(?<wd>${WEEKDAY})(?: of)? this week|this week(?: on)? (?<wd2>${WEEKDAY})|diese woche(?: am)? (?<wd4>${WEEKDAY})|(?<wd3>${WEEKDAY}) dieser woche`,
    ),
    (g) => inWeek(g, 0),
  ],
  [
    words(
      `(?<wd>${WEEKDAY})(?: of)? (?:the )?week after next|(?:the )?week after next(?: on)? (?<wd2>${WEEKDAY})|übernächste woche(?: am)? (?<wd3>${WEEKDAY})|(?<wd4>${WEEKDAY}) (?:in der )?übernächste[rn]? woche`,
    ),
    (g) => inWeek(g, 2),
  ],
  [words('next week|nächste[rn]? woche|kommende[rn]? woche'), () => said({ kind: 'week', weeks: 1, weekday: 1 })],
  [words('(?:the )?week after next|übernächste[rn]? woche'), () => said({ kind: 'week', weeks: 2, weekday: 1 })],
  [
    words('next month|(?:im )?nächsten monat'),
    () => said({ kind: 'edge', edge: 'beginning', unit: 'month', ahead: 1 }),
  ],
  [
    words('(?:(?:on|at|over) )?(?:the |this |das |dieses |am )?(?:coming )?(?:weekend|wochenende)'),
    () => said({ kind: 'weekend', weeks: 0 }),
  ],
  [words('(?:the )?next weekend|nächstes wochenende|nächsten wochenende'), () => said({ kind: 'weekend', weeks: 1 })],
  [
    words(
      `(?<n>${NUMBER}) weeks? (?:from|on|after) (?:the |next )?(?<wd>${WEEKDAY})|(?<wd2>${WEEKDAY}) (?:in|über) (?<n2>${NUMBER}) (?<unit>weeks?|wochen?|tagen)|(?<wd3>${WEEKDAY}) week|a fortnight on (?<wd4>${WEEKDAY})`,
    ),
    weeksAfter,
  ],
  [
    words(
      `(?<n>${NUMBER}) (?<unit>days?|weeks?) (?:from|after) tomorrow|morgen in (?<n2>${NUMBER}) (?<unit2>wochen?|tagen)`,
    ),
    fromTomorrow,
  ],
  [
    words(`(?:the )?(?<wd>${WEEKDAY}) after next|(?:den |dem |am )?übernächste[nrm]? (?<wd2>${WEEKDAY})`),
    (g) => said({ kind: 'weeks-after', weeks: 1, weekday: weekdayOf(g['wd'] ?? g['wd2'] ?? '') }),
  ],
  [
    words(
      `(?:(?<lead>next|nächste[rnm]?|this(?: coming)?|coming|kommende[rnm]?|diese[rnm]?|last|past|letzte[rnm]?|vergangene[rnm]?|vorige[rnm]?) )?(?<wd>${WEEKDAY}|${WEEKDAY_SHORT})(?!s(?!\\p{L})|'s)`,
    ),
    weekday,
  ],
  [
    words(
      `(?<=(?:^|every|each|jeden|on|by|until|till|for|from|starting|zum|am|den|bis|ab|vom|der|${WEEKDAY}),? )(?:the |den |der |dem )?(?<d>${ORDINAL})(?:${OF_MONTH})?(?! (?:(?:\\p{L}+ )?(?:time|mal)|street|avenue|floor|grade|edition|season|stock|etage)(?!\\p{L}))`,
    ),
    monthDay,
  ],
  [
    words(
      `(?<=\\d(?:st|nd|rd|th|\\.)(?:,| and| und| or| oder|, and| &) (?:on |am )?)(?:the |den |dem )?(?<d>\\d{1,2}(?:st|nd|rd|th|\\.))(?! (?:\\p{L}+ )?(?:${MONTH})(?!\\p{L}))`,
    ),
    monthDay,
  ],
  [words(`the (?<d>\\d{1,2}(?:st|nd|rd|th))(?:${OF_MONTH})?`), monthDay],
  [
    words(
      'yesterday|gestern|vorgestern|last (?:week|month|year|night)|letzte (?:woche|nacht)|letzten monat|letztes jahr',
    ),
    () => said({ kind: 'past' }),
  ],
  [words(`i[nm] (?:${MONTH})(?! \\d{1,2}(?!\\d))`), vagueMonth],
  [
    words(
      'next year|nächstes jahr|(?:in the )?(?:spring|summer|autumn)|im (?:frühling|sommer|herbst)|mid(?:dle)?[- ](?:of )?\\p{L}+|mitte (?:des monats|der woche|\\p{L}+)',
    ),
    () => vague('Which day should that be?'),
  ],
  [
    words('(?:end of (?:the |my )?(?:business |working |work )?day|end of business|eod|cob|feierabend)'),
    () => ({ kind: 'clock', clock: { minutes: 17 * 60, isHalfOpen: false } }),
  ],
];

function said(day: DaySaid): Saying {
  return { kind: 'day', day };
}

function ahead(days: number): Saying {
  return said({ kind: 'ahead', days });
}

function place(index: number, of: number | 'workday' | 'day', month: PlaceMonth): Saying {
  return said({ kind: 'place', place: index, of, month });
}

function date(month: number, day: number, year: string | undefined): Saying {
  const full = year === undefined ? undefined : Number(year) < 100 ? 2000 + Number(year) : Number(year);
  return said({ kind: 'date', month, day, ...(full !== undefined && { year: full }) });
}

/** “may” and “march” are verbs too: only with a capital are they months. */
function named(groups: Groups, _order: DayOrder, written: string): Saying | undefined {
  const name = groups['mon'] ?? '';
  if (/(?<!\p{L})(?:may|march|mar|sep|dec)(?!\p{L})/u.test(written)) return undefined;
  const day = numberOf(groups['d']);
  return day === undefined ? undefined : date(monthOf(name), day, groups['y']);
}

function slashed(groups: Groups, order: DayOrder): Saying | undefined {
  const [a, b] = [Number(groups['a']), Number(groups['b'])];
  const dayFirst = date(b, a, groups['y']);
  const monthFirst = date(a, b, groups['y']);
  if (order !== undefined) return order === 'day-month' ? dayFirst : monthFirst;
  if (a === b || (a > 12 && b <= 12)) return dayFirst;
  if (b > 12 || dayFirst.kind !== 'day' || monthFirst.kind !== 'day') return monthFirst;
  return said({ kind: 'either', readings: [dayFirst.day, monthFirst.day] });
}

function edge(groups: Groups): Saying {
  const short = (groups['end2'] ?? '').toLowerCase();
  const unitWord = (groups['unit'] ?? { eom: 'month', eoy: 'year', eow: 'week' }[short] ?? 'month').toLowerCase();
  const unit = unitWord.startsWith('w') ? 'week' : unitWord.startsWith('m') ? 'month' : 'year';
  const isEnd = short !== '' || /^end/i.test(groups['end'] ?? '');
  const next = groups['lead'] !== undefined;
  return said({ kind: 'edge', edge: isEnd ? 'end' : 'beginning', unit, ahead: next || !isEnd ? 1 : 0 });
}

function placed(groups: Groups): Saying {
  const [index, of] = [placeOf(groups['p'] ?? ''), placedDay(groups['of'] ?? '')];
  if (groups['mon'] !== undefined) return place(index, of, { named: monthOf(groups['mon']) });
  const lead = (groups['lead'] ?? groups['lead2'] ?? '').toLowerCase();
  if (lead !== '') return place(index, of, { ahead: /next|nächst/.test(lead) ? 1 : 0 });
  return place(index, of, groups['each'] === undefined && groups['each2'] === undefined ? 'any' : 'each');
}

function inWeek(groups: Groups, weeks: number): Saying {
  const name = groups['wd'] ?? groups['wd2'] ?? groups['wd3'] ?? groups['wd4'] ?? '';
  return said({ kind: 'week', weeks, weekday: weekdayOf(name) });
}

function weeksAfter(groups: Groups): Saying | undefined {
  const name = groups['wd'] ?? groups['wd2'] ?? groups['wd3'] ?? groups['wd4'] ?? '';
  const number = groups['wd3'] ? 1 : groups['wd4'] ? 2 : numberOf(groups['n'] ?? groups['n2']);
  if (number === undefined) return undefined;
  if (!/^tag/i.test(groups['unit'] ?? ''))
    return said({ kind: 'weeks-after', weeks: number, weekday: weekdayOf(name) });
  const weeks = number === 8 ? 1 : number === 14 ? 2 : undefined;
  return weeks === undefined ? undefined : said({ kind: 'weeks-after', weeks, weekday: weekdayOf(name) });
}

function fromTomorrow(groups: Groups): Saying | undefined {
  const number = numberOf(groups['n'] ?? groups['n2']);
  const isWeeks = (groups['unit'] ?? groups['unit2'] ?? '').startsWith('w');
  return number === undefined ? undefined : ahead(1 + number * (isWeeks ? 7 : 1));
}

function weekday(groups: Groups, _order: DayOrder, written: string): Saying | undefined {
  const lead = (groups['lead'] ?? '').toLowerCase();
  const name = groups['wd'] ?? '';
  if (/(?<!\p{L})[a-z]{3,5}$/u.test(written)) return undefined;
  if (/^(?:last|past|letz|verg|vori)/.test(lead)) return said({ kind: 'past' });
  const meant = /^(?:next|nächst)/.test(lead) ? 'next' : lead === '' ? undefined : 'this';
  return said({ kind: 'weekday', weekday: weekdayOf(name), ...(meant !== undefined && { lead: meant }) });
}

function monthDay(groups: Groups): Saying | undefined {
  const day = numberOf(groups['d']);
  if (day === undefined) return undefined;
  return groups['each'] === undefined ? said({ kind: 'month-day', day }) : place(day, 'day', 'any');
}

function vagueMonth(_groups: Groups, _order: DayOrder, written: string): Saying | undefined {
  const name = written.replace(/^i[nm] /i, '');
  return /^\p{Lu}/u.test(name)
    ? vague(`Which day in ${name} should that be, for example the 1st or the 15th?`)
    : undefined;
}

function vague(question: string): Saying {
  const doubt: Question = { doubt: 'ambiguous', question };
  return { kind: 'doubt', question: doubt };
}

/** Words for parts of the day. */
export const PART_READERS: readonly (readonly [RegExp, PartOfDay])[] = [
  [
    words('(?:in the |this |at |in )?early(?: in the)? morning|(?:am )?frühmorgens|in aller frühe|in der früh'),
    'early',
  ],
  [
    words(
      '(?:(?:in|during) the |this )?morning|(?:am )?vormittag(?!s)|morgens|(?:am|heute|diesen) morgen|früh|(?<=(?:tag|woch|abend) )morgen|in the a\\.m\\.',
    ),
    'morning',
  ],
  [words('vormittags|(?:in the )?forenoon'), 'forenoon'],
  [words('(?:at |over )?lunch ?time|mittags?|(?:am |zu )mittag|at lunch'), 'noon'],
  [words('(?:(?:in|during) the |this )?afternoon|(?:am )?nachmittags?|(?:am )?spätnachmittag'), 'afternoon'],
  [words('(?:(?:in|during) the |this )?evening|(?:am )?abends?|(?:heute )abend'), 'evening'],
  [words('(?:at |(?:in|during) the )?night|nachts|(?:in der )nacht'), 'night'],
];

/** German weekday and part of day in one word, “Freitagabend”. */
export const COMPOUND = words(
  `(?<wd>${WEEKDAY})(?<part>morgen|früh|vormittag|mittag|nachmittag|abend|nacht)(?<many>s)?`,
);
