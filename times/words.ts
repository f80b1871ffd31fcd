const CARDINALS: readonly (readonly [string, number])[] = [
  ...'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
    .split(' ')
    .map((word, index) => [word, index] as const),
  ...'null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn'
    .split(' ')
    .map((word, index) => [word, index] as const),
];
const TENS: readonly (readonly [string, number])[] = [
  ['twenty', 20],
  ['thirty', 30],
  ['forty', 40],
  ['fifty', 50],
  ['sixty', 60],
  ['ninety', 90],
];
const GERMAN_TENS: readonly (readonly [string, number])[] = [
  ['zwanzig', 20],
  ['dreißig', 30],
  ['vierzig', 40],
  ['fünfzig', 50],
  ['sechzig', 60],
  ['neunzig', 90],
];
const ENGLISH_ORDINALS =
  'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth'.split(
    ' ',
  );
const GERMAN_ORDINALS =
  'erst zweit dritt viert fünft sechst siebt acht neunt zehnt elft zwölft dreizehnt vierzehnt fünfzehnt sechzehnt siebzehnt achtzehnt neunzehnt zwanzigst'.split(
    ' ',
  );

const NUMBERS = new Map<string, number>([
  ...CARDINALS,
  ...['a', 'an', 'eins', 'eine', 'einem', 'einen', 'einer'].map((word) => [word, 1] as const),
  ['a couple of', 2],
  ['zwo', 2],
  ...[TENS, GERMAN_TENS].flat(),
  ...TENS.flatMap(([ten, value]) =>
    CARDINALS.slice(1, 10).map(([unit, more]) => [`${ten} ${unit}`, value + more] as const),
  ),
  ...GERMAN_TENS.flatMap(([ten, value]) =>
    CARDINALS.slice(21, 30).map(([unit, more]) => [`${unit}und${ten}`, value + more] as const),
  ),
]);

const ORDINALS = new Map<string, number>([
  ...ENGLISH_ORDINALS.map((word, index) => [word, index + 1] as const),
  ...ENGLISH_ORDINALS.slice(0, 9).map((word, index) => [`twenty ${word}`, index + 21] as const),
  ['thirtieth', 30],
  ['thirty first', 31],
  ...inflected([
    ...GERMAN_ORDINALS.map((stem, index) => [stem, index + 1] as const),
    ...CARDINALS.slice(21, 30).map(([unit, value]) => [`${unit}undzwanzigst`, value + 20] as const),
    ['dreißigst', 30],
    ['einunddreißigst', 31],
  ]),
]);

function inflected(stems: readonly (readonly [string, number])[]): (readonly [string, number])[] {
  return stems.flatMap(([stem, value]) => ['e', 'en', 'er'].map((ending) => [`${stem}${ending}`, value] as const));
}

function alternatives(words: Iterable<string>): string {
  return [...words]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replaceAll(' ', '[ -]'))
    .join('|');
}

/** Matches a number in digits or words. */
export const NUMBER = `\\d{1,4}|${alternatives(NUMBERS.keys())}`;
/** Matches a number in words up to fifty-nine. */
export const NUMBER_WORD = alternatives(
  [...NUMBERS].filter(([word, value]) => value < 60 && !/^(?:an?|a .*)$/.test(word)).map(([word]) => word),
);
/** Matches an ordinal that cannot be taken for a plain number. */
export const ORDINAL = `\\d{1,2}(?:st|nd|rd|th|\\.)|${alternatives(ORDINALS.keys())}`;

/** The value of a word that `NUMBER` or `ORDINAL` matched. */
export function numberOf(word: string | undefined): number | undefined {
  const digits = /^\d+/.exec(word ?? '');
  if (digits) return Number(digits[0]);
  const key = (word ?? '').toLowerCase().replaceAll('-', ' ');
  return NUMBERS.get(key) ?? ORDINALS.get(key);
}

const WEEKDAYS: readonly (readonly [RegExp, number])[] = [
  [/^mo/i, 1],
  [/^(?:tu|di)/i, 2],
  [/^(?:we|mi)/i, 3],
  [/^(?:th|do)/i, 4],
  [/^fr/i, 5],
  [/^(?:sa|sonna)/i, 6],
  [/^(?:su|so)/i, 7],
];
/** Matches the name of a weekday. */
export const WEEKDAY =
  'monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag';
/** Matches a weekday's short form; only with a capital is it one. */
export const WEEKDAY_SHORT = 'mon|tues?|weds?|thurs?|thu|fri|sat|sun';

/** 1 for Monday to 7 for Sunday. */
export function weekdayOf(word: string): number {
  return WEEKDAYS.find(([pattern]) => pattern.test(word))?.[1] ?? 0;
}

const MONTHS: readonly (readonly [RegExp, number])[] = [
  [/^ja/i, 1],
  [/^f/i, 2],
  [/^(?:mar|mär|mae)/i, 3],
  [/^ap/i, 4],
  [/^ma[yi]/i, 5],
  [/^jun/i, 6],
  [/^jul/i, 7],
  [/^au/i, 8],
  [/^s/i, 9],
  [/^o/i, 10],
  [/^n/i, 11],
  [/^d/i, 12],
];
/** Matches the name of a month. */
export const MONTH =
  'january|januar|jan|february|februar|feb|march|märz|mar|april|apr|may|mai|june|juni|jun|july|juli|jul|august|aug|september|sept|sep|october|oktober|oct|okt|november|nov|december|dezember|dec|dez';

/** 1 for January to 12 for December. */
export function monthOf(word: string): number {
  return MONTHS.find(([pattern]) => pattern.test(word))?.[1] ?? 0;
}

/** A pattern for lower-case text that matches whole words only, also beside umlauts. Ignoring case instead would take a hundred times as long. */
export function words(source: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\d])(?:${source})(?![\\p{L}\\d])`, 'gu');
}
