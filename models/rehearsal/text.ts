/** Characters speech-to-text and phones like to vary, brought to one form. Never changes the length. */
export function normaliseText(text: string): string {
  return text
    .replace(/[\u2018\u2019\u02BC]/g, "'")
    .replace(/[\u201C\u201D\u201E]/g, '"')
    .replace(/[\u00A0\u202F]/g, ' ');
}

/** A pattern that only matches whole words, also beside umlauts; case is ignored unless told. */
export function wordPattern(source: string, flags = 'giu'): RegExp {
  return new RegExp(`(?<![\\p{L}\\d])(?:${source})(?![\\p{L}\\d])`, flags);
}

const ABBREVIATION = /(?<![\p{L}\d])(?:Dr|Mr|Mrs|Ms|Prof|St|Nr|approx|e\.g|i\.e|z\.B|ca|vs)\.$/u;
const CLOCK_DOT = /(?<!\p{L})[ap]\.m\.$/iu;
const DAY_WORD = /^(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|\p{Lu}\p{L}+(?: \p{Lu}\p{L}+)? time)(?!\p{L})/u;

function endsHere(before: string, after: string): boolean {
  if (ABBREVIATION.test(before)) return false;
  if (CLOCK_DOT.test(before)) return !/^\p{Ll}/u.test(after) && !DAY_WORD.test(after);
  if (/(?<!\d)\d{1,2}\.$/.test(before)) return !/^\p{Ll}/u.test(after) && !isMonthLike(after);
  return true;
}

function isMonthLike(text: string): boolean {
  return /^(?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])/u.test(text);
}

/** Splits text at line ends and sentence ends; "Dr.", "3 p.m." and "30. November" stay whole. */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    let start = 0;
    for (const gap of line.matchAll(/[.!?;]["')]*\s+/g)) {
      const end = gap.index + gap[0].length;
      if (!endsHere(line.slice(start, end).trimEnd(), line.slice(end))) continue;
      sentences.push(line.slice(start, end).trim());
      start = end;
    }
    sentences.push(line.slice(start).trim());
  }
  return sentences.filter((sentence) => /[\p{L}\d]/u.test(sentence));
}

/** One space between words, no punctuation at either end. */
export function tidy(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/\s+([,.;!?])/g, '$1')
    .replace(/^[\s,.;:!?–-]+|[\s,.;:!–-]+$/g, '');
}

export function capitalise(text: string): string {
  return text.charAt(0).toLocaleUpperCase('en') + text.slice(1);
}

/** At most `limit` characters, with an ellipsis where something was cut. */
export function shorten(text: string, limit: number): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= limit
    ? flat
    : `${flat
        .slice(0, limit - 1)
        .trimEnd()
        .toWellFormed()}…`;
}

const STOP_WORDS = new Set(
  (
    'a about again all also am an and any are as at be been by can could day did do does done else find for from get give had has have he her ' +
    'him his how i if in is it its know last list me mention mentioned mine most my next of on one or our please said say says shall she should ' +
    'show so some tell than that the their them then there they thing things this to told us was we were what when where which who whom whose why ' +
    'will with would you your ' +
    'aber als am an auch auf aus bei bitte das dem den der des die ein eine einen einer er es für hat haben hatte ich ihr im in ist mein meine mich ' +
    'mir mit nach oder sagte sie sind über um und uns von vor wann war waren was wer wie wir wird wo zu zum zur'
  ).split(' '),
);

/** The words of a text that carry meaning, lower case, without doubles. */
export function contentWords(text: string): string[] {
  const words =
    normaliseText(text)
      .toLowerCase()
      .match(/[\p{L}\d][\p{L}\d'-]*/gu) ?? [];
  const bare = words.map((word) => word.replace(/'s$|[-']+$/g, ''));
  return [...new Set(bare.filter((word) => word.length > 1 && !STOP_WORDS.has(word)))];
}

/** True when `text` has the word, or one that differs only by a plural s. */
export function hasWord(text: string, word: string): boolean {
  const stem = word.length > 3 ? word.replace(/s$/, '') : word;
  return new RegExp(`(?<![\\p{L}\\d])${escapePattern(stem)}s?(?![\\p{L}\\d])`, 'iu').test(normaliseText(text));
}

export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
