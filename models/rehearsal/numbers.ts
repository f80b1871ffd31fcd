const UNITS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const TEENS = [
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
];
const TENS: readonly (readonly [string, number])[] = [
  ['twenty', 20],
  ['thirty', 30],
  ['forty', 40],
  ['fifty', 50],
];
const GERMAN =
  'null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig'.split(
    ' ',
  );
const GERMAN_TENS: readonly (readonly [string, number])[] = [
  ['zwanzig', 20],
  ['dreißig', 30],
];
const GERMAN_ORDINALS =
  'erst zweit dritt viert fünft sechst siebt acht neunt zehnt elft zwölft dreizehnt vierzehnt fünfzehnt sechzehnt siebzehnt achtzehnt neunzehnt zwanzigst'.split(
    ' ',
  );
const ORDINALS = (
  'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth ' +
  'seventeenth eighteenth nineteenth twentieth'
).split(' ');

function buildNumbers(): Map<string, number> {
  const numbers = new Map<string, number>([
    ['a', 1],
    ['an', 1],
    ['eins', 1],
    ['eine', 1],
    ['einem', 1],
    ['einer', 1],
    ['dreißig', 30],
    ['vierzig', 40],
    ['fünfundvierzig', 45],
    ['fünfzig', 50],
  ]);
  UNITS.forEach((word, index) => numbers.set(word, index + 1));
  TEENS.forEach((word, index) => numbers.set(word, index + 10));
  GERMAN.forEach((word, index) => numbers.set(word, index));
  GERMAN.slice(1, 10).forEach((unit, index) => numbers.set(`${unit}undzwanzig`, index + 21));
  for (const [ten, value] of TENS) {
    numbers.set(ten, value);
    UNITS.forEach((unit, index) => numbers.set(`${ten}-${unit}`, value + index + 1));
  }
  return numbers;
}

function buildOrdinals(): Map<string, number> {
  const ordinals = new Map<string, number>();
  ORDINALS.forEach((word, index) => ordinals.set(word, index + 1));
  ORDINALS.slice(0, 9).forEach((word, index) => ordinals.set(`twenty-${word}`, index + 21));
  ordinals.set('thirtieth', 30).set('thirty-first', 31);
  for (const [stem, value] of germanOrdinalStems())
    for (const ending of ['e', 'en', 'er']) ordinals.set(`${stem}${ending}`, value);
  return ordinals;
}

function germanOrdinalStems(): [string, number][] {
  const simple = GERMAN_ORDINALS.map((stem, index): [string, number] => [stem, index + 1]);
  const compound = GERMAN_TENS.flatMap(([ten, value]) =>
    GERMAN.slice(1, 10).map((unit, index): [string, number] => [`${unit}und${ten}st`, value + index + 1]),
  );
  return [...simple, ...compound.filter(([, value]) => value <= 31), ['dreißigst', 30]];
}

const NUMBERS = buildNumbers();
const ORDINAL_NUMBERS = buildOrdinals();

function alternatives(words: Iterable<string>): string {
  return [...words]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace('-', '[- ]'))
    .join('|');
}

/** Matches a cardinal in digits or words. */
export const NUMBER = `\\d{1,3}|${alternatives(NUMBERS.keys())}`;

/** Matches a day of the month: "3rd", "3.", "3", "third". */
export const ORDINAL = `\\d{1,2}(?:st|nd|rd|th|\\.)?|${alternatives(ORDINAL_NUMBERS.keys())}`;

/** An ordinal that cannot be taken for a plain number. */
export const CLEAR_ORDINAL = `\\d{1,2}(?:st|nd|rd|th|\\.)|${alternatives(ORDINAL_NUMBERS.keys())}`;

/** The value of a word that `NUMBER` or `ORDINAL` matched. */
export function numberOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const digits = /^\d+/.exec(word);
  if (digits) return Number(digits[0]);
  const key = word.toLowerCase().replace(' ', '-');
  return NUMBERS.get(key) ?? ORDINAL_NUMBERS.get(key);
}
