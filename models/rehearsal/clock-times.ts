import { WEEKDAY } from './days.js';
import { NUMBER, numberOf } from './numbers.js';
import { wordPattern } from './text.js';

/** A time of day as it was said; `assumed` is true where only the hour's habit decided between morning and afternoon. */
export interface TimeMention {
  readonly index: number;
  readonly end: number;
  readonly hour: number;
  readonly minute: number;
  readonly assumed: boolean;
}

export interface DurationMention {
  readonly index: number;
  readonly end: number;
  readonly minutes: number;
}

type Groups = Readonly<Record<string, string | undefined>>;
type PartOfDay = 'am' | 'pm' | undefined;

const HALF_DAY_HOUR =
  'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf';
const LATE_HOUR =
  'thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty-one|twenty-two|twenty|dreizehn|vierzehn|fünfzehn|sechzehn|siebzehn|achtzehn|neunzehn|einundzwanzig|zweiundzwanzig|zwanzig';
const HOUR = `${HALF_DAY_HOUR}|\\d{1,2}`;
const MINUTE_WORD =
  'fifteen|twenty-five|twenty|thirty-five|thirty|forty-five|forty five|forty|fifty-five|fifty|oh five|ten|fünfzehn|dreißig|fünfundvierzig';
const MERIDIEM = '(?<mer>[ap]\\.?m\\.?(?!\\p{L}))';
const AFTER_HOUR =
  `(?=$|[,.;!?)–-]| (?:on|in|for|to|until|till|with|and|or|at|by|tomorrow|today|tonight|next|this|sharp|again|latest|but|so|` +
  `the|our|my|his|her|their|again|back|because|if|since|when|over|via|sharp|as|from|we|I|that|there|then|instead|not|video|per|im|bei|wieder|zum|zur|dann|statt|los|treffen|sehen|vor|wir|ich|uns|an|alle|am|mit|für|bis|und|oder|morgen|heute|nachmittags|abends|early|about|regarding|utc|gmt|[ecmp][sd]t|ce?s?t|ees?t|bst|ist|jst|aes?t|\\p{L}+ time|${WEEKDAY})(?!\\p{L}))`;

const SHIFTS: Readonly<Record<string, number>> = {
  'half past': 30,
  half: 30,
  'quarter past': 15,
  'quarter to': -15,
  'five past': 5,
  'ten past': 10,
  'twenty past': 20,
  'twenty-five past': 25,
  'five to': -5,
  'ten to': -10,
  'twenty to': -20,
  'fünf vor halb': -35,
  'fünf nach halb': -25,
  halb: -30,
  dreiviertel: -15,
  'viertel nach': 15,
  'viertel vor': -15,
  'fünf nach': 5,
  'zehn nach': 10,
  'zwanzig nach': 20,
  'fünf vor': -5,
  'zehn vor': -10,
  'zwanzig vor': -20,
};
/** The British “half seven” stands apart: “half” alone begins lengths too. */
const SHIFT = Object.keys(SHIFTS)
  .filter((words) => words !== 'half')
  .toSorted((a, b) => b.length - a.length)
  .join('|');

const PATTERNS: readonly RegExp[] = [
  wordPattern(`(?<h>\\d{1,2})(?:[:h]|\\.(?=\\d{2}(?: ?[ap]\\.?m| uhr)))(?<m>\\d{2})(?: ?${MERIDIEM}| uhr)?`),
  wordPattern(`(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))? ?${MERIDIEM}`),
  wordPattern(`(?<h>${HOUR}|${LATE_HOUR}|ein) (?:o'clock|uhr)(?: (?:(?<m>\\d{2})|(?<mw>${MINUTE_WORD})))?`),
  wordPattern(`(?<h>${LATE_HOUR}|1\\d|2\\d) hundred(?: hours)?`),
  wordPattern(`(?<=(?:at|from|um|by|until) )(?<h>${LATE_HOUR})[ -](?<mw>${MINUTE_WORD})`),
  wordPattern(`(?<shift>${SHIFT}) (?<h>${HALF_DAY_HOUR}|1[0-2]|\\d)(?! \\p{L}*(?:minutes|hours?|days?|weeks?))`),
  wordPattern(`(?<shift>half) (?<h>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)`),
  wordPattern(`(?<h>${HALF_DAY_HOUR}|1[0-2]|\\d) in the (?:morning|afternoon|evening)`),
  wordPattern('(?<noon>noon|midday|mittags)'),
  wordPattern(
    `(?<=(?:at|um|from|between|by|until|till|before|von|about|around) )(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))?${AFTER_HOUR}`,
  ),
  wordPattern(`(?<=(?:${WEEKDAY}|tomorrow|today),? )(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))?(?=$|[,.;!?])`),
];

function partOfDay(text: string): PartOfDay {
  if (/(?<!good )(?<!this )\bmorning\b|\bvormittags?\b|\bmorgens\b|morgen früh/i.test(text)) return 'am';
  return /\b(?:afternoon|evening|tonight|nachmittags?|abends?|at night)\b/i.test(text) ? 'pm' : undefined;
}

function onTheClock(
  groups: Groups,
  said: string,
  part: PartOfDay,
): { hour: number; minute: number; assumed: boolean } | undefined {
  if (groups['noon'] !== undefined) return { hour: 12, minute: 0, assumed: false };
  const spoken = numberOf(groups['h']);
  const minute = Number(groups['m'] ?? minutesOf(groups['mw']));
  if (spoken === undefined || spoken > 23 || minute > 59) return undefined;
  const half = groups['mer']?.toLowerCase().startsWith('p') ? 'pm' : groups['mer'] ? 'am' : undefined;
  if (half !== undefined && (spoken === 0 || spoken > 12)) return undefined;
  const clear = spoken === 0 || spoken > 12 || /^0\d/.test(said);
  const hour = clear ? spoken : inHalf(spoken, half ?? part ?? (spoken <= 7 ? 'pm' : spoken === 12 ? 'pm' : 'am'));
  const shifted = hour * 60 + minute + (SHIFTS[(groups['shift'] ?? '').toLowerCase()] ?? 0);
  return {
    hour: Math.floor(shifted / 60),
    minute: shifted % 60,
    assumed: !clear && half === undefined && part === undefined && spoken <= 7,
  };
}

function inHalf(hour: number, half: 'am' | 'pm'): number {
  return (hour % 12) + (half === 'pm' ? 12 : 0);
}

function minutesOf(words: string | undefined): number {
  if (words === undefined) return 0;
  return words.toLowerCase() === 'oh five' ? 5 : (numberOf(words) ?? 0);
}

/** "Ten-ish", "gegen zehn", "around ten": no time that could be entered. */
function isRough(text: string, index: number, end: number): boolean {
  return (
    /^ ?-?ish(?!\p{L})|^ or so(?!\p{L})|^ish(?!\p{L})/iu.test(text.slice(end)) ||
    /(?<!\p{L})(?:around|about|roughly|gegen|ungefähr|so um|circa|ca\.|after|nach) (?:at |about |um )?$/iu.test(
      text.slice(0, index),
    )
  );
}

/** All times of day in a text, in order. A bare hour from one to seven is taken as afternoon and marked so. */
export function findTimes(text: string): TimeMention[] {
  const part = partOfDay(text);
  const found: TimeMention[] = [];
  for (const pattern of PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      const [index, end] = [match.index, match.index + match[0].length];
      if (found.some((other) => index < other.end && end > other.index)) continue;
      const time = isRough(text, index, end) ? undefined : onTheClock(match.groups ?? {}, match[0], part);
      if (time) found.push({ index, end, ...time });
    }
  }
  return withRanges(
    text,
    found.sort((a, b) => a.index - b.index),
  );
}

const RANGE_END = new RegExp(
  `^ ?(?:to|until|till|bis|-|–|and) ?(?:(?<shift>${SHIFT}) )?(?<h>${HOUR})(?::(?<m>\\d{2}))?(?: ?${MERIDIEM})?(?: uhr)?(?![\\p{L}\\d])`,
  'iu',
);

/** "from ten to eleven": the second hour has no preposition of its own that would mark it as a time. */
function withRanges(text: string, times: readonly TimeMention[]): TimeMention[] {
  const first = times[0];
  if (times.length !== 1 || first === undefined) return [...times];
  const match = RANGE_END.exec(text.slice(first.end));
  if (!match || (/^ ?and/i.test(match[0]) && !/between $/i.test(text.slice(0, first.index)))) return [...times];
  const last = onTheClock(match.groups ?? {}, match[0].trim(), partOfDay(text));
  if (!last) return [...times];
  return [first, { index: first.end, end: first.end + match[0].length, ...last }];
}

/** True when the two times are the ends of one span, "ten to eleven". */
export function isRange(text: string, first: TimeMention, second: TimeMention): boolean {
  return (
    /^\s*(?:to|until|till|bis|and|-|–)?\s*$/i.test(text.slice(first.end, second.index)) &&
    text.slice(first.end, second.end).trim() !== ''
  );
}

const DURATIONS: readonly (readonly [RegExp, (groups: Groups) => number | undefined])[] = [
  [wordPattern('(?:an|one) hour and a half|(?:one|1) and a half hours|anderthalb stunden'), () => 90],
  [wordPattern('half an hour|a half[- ]hour|half[- ]hour|(?:eine )?halbe stunde'), () => 30],
  [wordPattern('three quarters of an hour|eine dreiviertelstunde'), () => 45],
  [wordPattern('quarter of an hour|eine viertelstunde'), () => 15],
  [wordPattern(`(?<n>${NUMBER})[- ](?:hours?|hrs?|stunden?)(?: long)?`), (g) => (numberOf(g['n']) ?? 0) * 60],
  [wordPattern(`(?<n>${NUMBER})[- ]?(?:minutes?|mins?|minuten?)(?: long)?`), (g) => numberOf(g['n'])],
];

/** The first stated length; "in an hour", "an hour ago" and "every hour" are no lengths. */
export function findDuration(text: string): DurationMention | undefined {
  for (const [pattern, read] of DURATIONS) {
    for (const match of text.matchAll(pattern)) {
      const [index, end] = [match.index, match.index + match[0].length];
      const minutes = read(match.groups ?? {});
      if (/(?:^|\s)(?:in|within|every|each|vor|alle)\s+(?:about |only )?$/i.test(text.slice(0, index))) continue;
      if (/^\s+(?:ago|later|earlier|before|after|late)(?!\p{L})/iu.test(text.slice(end))) continue;
      if (minutes !== undefined && minutes > 0 && minutes <= 24 * 60) return { index, end, minutes };
    }
  }
  return undefined;
}
