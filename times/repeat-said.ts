import { type PartOfDay } from './clock.js';
import { PLACE, placedDay, placeOf } from './day-readers.js';
import type { Saying } from './mention.js';
import { NUMBER, numberOf, WEEKDAY, weekdayOf, words } from './words.js';

/** How often something comes round, as it was said. */
export interface RepeatSaid {
  /** `each` stands before a day that says the rest: “every 3 May”. */
  readonly unit: 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year' | 'each';
  readonly interval: number;
  readonly weekdays: readonly number[];
  readonly place?: { readonly place: number; readonly of: number | 'workday' | 'day' };
  readonly part?: PartOfDay;
}

type Groups = Readonly<Record<string, string | undefined>>;
type Reader = readonly [RegExp, (groups: Groups) => Saying | undefined];

const WORKDAYS = [1, 2, 3, 4, 5];
const SHORT = 'mon|tues|tue|weds|wed|thurs|thur|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so';
const NAMES = `(?:${WEEKDAY})s?|(?:${SHORT})(?=[,./ -]|$)`;
const LIST = `(?:${NAMES})(?:(?: ?, ?| ?& ?| ?/ ?| and | und | or | oder |, and |, und )(?:every |each |jeden |on |am )?(?:${NAMES}))*`;
const PLURAL_LIST = `(?:${WEEKDAY})s(?:(?:, | & | and | und |, and )(?:on )?(?:${WEEKDAY})s?)*`;
const EVERY = '(?:every|each|jede[nrsm]?)';
const NTH = 'other|second|2nd|third|3rd|fourth|4th|zweite[nrs]?|2\\.|dritte[nrs]?|3\\.|vierte[nrs]?|4\\.';
const WORKDAY = 'weekday|work ?day|working day|business day|werktag|arbeitstag|wochentag';
const UNIT =
  'minutes?|mins?|hours?|days?|weeks?|fortnights?|months?|quarters?|years?|minuten?|stunden?|tage?|wochen?|monate?|quartale?|jahre?';

/** Words for what comes round, English and German. */
export const REPEAT_READERS: readonly Reader[] = [
  [words(`(?:on )?${EVERY} (?:(?<n>${NTH}) )?(?<list>${LIST})`), listed],
  [words(`(?:always |immer )?(?:on )?(?<list>${PLURAL_LIST})`), listed],
  [
    words(
      `(?:${EVERY} |on |from |von )?(?<from>(?:${WEEKDAY})s?|mon|mo)(?: (?:to|through|till|until|thru|bis) |[-–])(?<to>(?:${WEEKDAY})s?|fri|fr)`,
    ),
    ranged,
  ],
  [
    words(`${EVERY} (?:(?<n>${NTH}) )?(?:${WORKDAY})`),
    (g) => (g['n'] === undefined ? repeat('week', 1, WORKDAYS) : unclear()),
  ],
  [
    words(
      '(?:on |an )?(?:all )?(?:weekdays|workdays|work days|working days|business days|werktagen)|werktags|wochentags|unter der woche|arbeitstäglich',
    ),
    () => repeat('week', 1, WORKDAYS),
  ],
  [
    words(`${EVERY} (?:weekend|wochenende)|(?:on |at |an |am )?(?:weekends|wochenenden)`),
    () => repeat('week', 1, [6, 7]),
  ],
  [
    words(
      `(?:on )?(?:the )?${EVERY} (?<p>${PLACE}) (?<of>${WEEKDAY}|${WORKDAY}|day|tag) (?:(?:of|in) (?:the|each|every|a) month|(?:of the|im|des|in jedem|eines) monats?)`,
    ),
    placedEach,
  ],
  [words(`(?:of |in |once )?${EVERY} (?:(?<n>${NTH}|${NUMBER}) )?(?<unit>${UNIT})`), every],
  [words(`alle (?<n>${NUMBER}) (?<unit>${UNIT}|tagen|wochen|monaten|jahren|stunden)`), every],
  [
    words(`(?:once|einmal) (?:an?|per|pro|im|in der|am) (?<unit>hour|day|week|month|year|stunde|tag|woche|monat|jahr)`),
    every,
  ],
  [
    words(
      `(?:of|in) (?:each|every) (?<unit>month|year)|(?:eines )?(?:jeden|jedes) (?<unit2>monats|jahres)|in jedem (?<unit3>monat|jahr)`,
    ),
    every,
  ],
  [
    words(`(?:every |alle |jede )(?:half an hour|half[- ]hour|halbe stunde|halben stunden)`),
    () => repeat('minute', 30),
  ],
  [words(`(?:every |alle |jede )(?:quarter of an hour|quarter[- ]hour|viertelstunden?)`), () => repeat('minute', 15)],
  [
    words(
      '(?<unit>hourly|daily|weekly|monthly|quarterly|yearly|annually|stündlich|täglich|wöchentlich|monatlich|vierteljährlich|quartalsweise|jährlich)',
    ),
    every,
  ],
  [words('fortnightly|vierzehntägig|14-tägig|zweiwöchentlich|zweiwöchig'), () => repeat('week', 2)],
  [
    words(
      `bi-?weekly|bi-?monthly|semi-?weekly|(?:twice|(?:${NUMBER}) times) (?:an? \\p{L}+|per \\p{L}+|daily|weekly)|(?:${NUMBER})[- ]?mal (?:(?:am|pro|im|in der) \\p{L}+|täglich|wöchentlich|monatlich)`,
    ),
    unclear,
  ],
  [words(`(?:${EVERY}|alle) (?:(?:${NTH}|${NUMBER}) )?(?:seconds?|sekunden?)`), () => tooOften()],
  [
    words(
      `${EVERY} (?:(?<n>${NTH}) )?(?<part>morning|evening|afternoon|night|morgen|vormittag|mittag|nachmittag|abend|nacht)`,
    ),
    parted,
  ],
  [words(`${EVERY}(?= )`), () => repeat('each', 1)],
  [
    words(
      `(?:except|excluding|but(?: not)?|other than|außer|ausser|nicht)(?: for| on| am| an)?(?: the)? (?:(?<list>${LIST})|(?<weekend>weekends?|wochenenden?))`,
    ),
    except,
  ],
  [words(`until|till|bis(?: zum| einschließlich| inklusive)?|through`), () => ({ kind: 'limit', limit: 'until' })],
  [
    words(`(?:starting|beginning|from)(?: on| from)?|as of|ab(?: dem)?|beginnend(?: am| ab)?`),
    () => ({ kind: 'limit', limit: 'from' }),
  ],
];

function repeat(unit: RepeatSaid['unit'], interval: number, weekdays: readonly number[] = []): Saying {
  return { kind: 'repeat', repeat: { unit, interval, weekdays } };
}

function unclear(): Saying {
  return {
    kind: 'doubt',
    question: {
      doubt: 'ambiguous',
      question:
        'How often exactly should that come round, for example every two weeks on Friday at 9, or every Monday and Thursday at 9?',
    },
  };
}

function tooOften(): Saying {
  return {
    kind: 'doubt',
    question: {
      doubt: 'unsupported',
      question: 'Once a minute is the most: should it be every minute, or less often?',
    },
  };
}

function nth(word: string | undefined): number {
  if (word === undefined) return 1;
  if (/^(?:other|second|2nd|zweit|2\.$)/i.test(word)) return 2;
  if (/^(?:third|3rd|dritt|3\.$)/i.test(word)) return 3;
  return /^(?:fourth|4th|viert|4\.$)/i.test(word) ? 4 : (numberOf(word) ?? 1);
}

function weekdaysIn(list: string): number[] {
  const names = list.split(/[,&/]|\s(?:and|und|or|oder|every|each|jeden|on|am)(?=\s)/iu).map((name) => name.trim());
  return [...new Set(names.map((name) => weekdayOf(name)).filter((day) => day > 0))].toSorted((a, b) => a - b);
}

function listed(groups: Groups): Saying {
  return repeat('week', nth(groups['n']), weekdaysIn(groups['list'] ?? ''));
}

function ranged(groups: Groups): Saying {
  const [from, to] = [weekdayOf(groups['from'] ?? ''), weekdayOf(groups['to'] ?? '')];
  const count = ((to - from + 7) % 7) + 1;
  const weekdays = Array.from({ length: count }, (_none, index) => ((from - 1 + index) % 7) + 1);
  return repeat(
    'week',
    1,
    weekdays.toSorted((a, b) => a - b),
  );
}

function placedEach(groups: Groups): Saying {
  const place = { place: placeOf(groups['p'] ?? ''), of: placedDay(groups['of'] ?? '') };
  return { kind: 'repeat', repeat: { unit: 'month', interval: 1, weekdays: [], place } };
}

const UNITS: readonly (readonly [RegExp, RepeatSaid['unit'], number])[] = [
  [/^min/i, 'minute', 1],
  [/^(?:hour|st)/i, 'hour', 1],
  [/^(?:quart|viertel)/i, 'month', 3],
  [/^(?:day|dai|tag|täg)/i, 'day', 1],
  [/^fort/i, 'week', 2],
  [/^w/i, 'week', 1],
  [/^mo/i, 'month', 1],
  [/^(?:y|j|ann)/i, 'year', 1],
];

function every(groups: Groups): Saying | undefined {
  const word = groups['unit'] ?? groups['unit2'] ?? groups['unit3'] ?? '';
  const found = UNITS.find(([pattern]) => pattern.test(word));
  const interval = nth(groups['n']);
  return found === undefined || interval < 1 ? undefined : repeat(found[1], interval * found[2]);
}

const PARTS: readonly (readonly [RegExp, PartOfDay])[] = [
  [/^(?:morn|morg)/i, 'morning'],
  [/^vor/i, 'forenoon'],
  [/^mittag/i, 'noon'],
  [/^(?:after|nachm)/i, 'afternoon'],
  [/^(?:even|abend)/i, 'evening'],
  [/^(?:night|nacht)/i, 'night'],
];

function parted(groups: Groups): Saying {
  const part = PARTS.find(([pattern]) => pattern.test(groups['part'] ?? ''))?.[1] ?? 'morning';
  return { kind: 'repeat', repeat: { unit: 'day', interval: nth(groups['n']), weekdays: [], part } };
}

function except(groups: Groups): Saying {
  return { kind: 'except', weekdays: groups['weekend'] === undefined ? weekdaysIn(groups['list'] ?? '') : [6, 7] };
}
