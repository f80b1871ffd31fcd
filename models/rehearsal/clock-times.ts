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

const HOUR =
  'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eins|ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|\\d{1,2}';
const MINUTE_WORD =
  'fifteen|twenty-five|twenty|thirty-five|thirty|forty-five|forty five|forty|fifty-five|fifty|oh five|ten';
const MERIDIEM = '(?<mer>[ap]\\.?m\\.?(?!\\p{L}))';
const AFTER_HOUR =
  `(?=$|[,.;!?)–-]| (?:on|in|for|to|until|till|with|and|or|at|by|tomorrow|today|tonight|next|this|sharp|again|latest|but|so|` +
  `the|our|my|am|mit|für|bis|und|oder|morgen|heute|nachmittags|abends|early|about|regarding|utc|gmt|[ecmp][sd]t|ce?s?t|ees?t|bst|ist|jst|aes?t|\\p{L}+ time|${WEEKDAY})(?!\\p{L}))`;

const PATTERNS: readonly RegExp[] = [
  wordPattern(`(?<h>\\d{1,2})(?:[:h]|\\.(?=\\d{2}(?: ?[ap]\\.?m| uhr)))(?<m>\\d{2})(?: ?${MERIDIEM}| uhr)?`),
  wordPattern(`(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))? ?${MERIDIEM}`),
  wordPattern(`(?<h>${HOUR}) (?:o'clock|uhr)(?: (?<m>\\d{2}))?`),
  wordPattern(
    `(?<shift>half past|quarter past|quarter to|ten past|ten to|halb|viertel nach|viertel vor) (?<h>${HOUR})`,
  ),
  wordPattern('(?<noon>noon|midday|mittags)'),
  wordPattern(
    `(?<=(?:at|um|from|between|by|until|till|before|von|about|around) )(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))?${AFTER_HOUR}`,
  ),
  wordPattern(`(?<=(?:${WEEKDAY}|tomorrow|today),? )(?<h>${HOUR})(?:[ -](?<mw>${MINUTE_WORD}))?(?=$|[,.;!?])`),
];

const SHIFTS: Readonly<Record<string, number>> = {
  'half past': 30,
  'quarter past': 15,
  'quarter to': -15,
  'ten past': 10,
  'ten to': -10,
  halb: -30,
  'viertel nach': 15,
  'viertel vor': -15,
};

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

/** All times of day in a text, in order. A bare hour from one to seven is taken as afternoon and marked so. */
export function findTimes(text: string): TimeMention[] {
  const part = partOfDay(text);
  const found: TimeMention[] = [];
  for (const pattern of PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      const [index, end] = [match.index, match.index + match[0].length];
      if (found.some((other) => index < other.end && end > other.index)) continue;
      const time = onTheClock(match.groups ?? {}, match[0], part);
      if (time) found.push({ index, end, ...time });
    }
  }
  return withRanges(
    text,
    found.sort((a, b) => a.index - b.index),
  );
}

const RANGE_END = new RegExp(
  `^ ?(?:to|until|till|bis|-|–|and) ?(?<h>${HOUR})(?::(?<m>\\d{2}))?(?: ?${MERIDIEM})?(?: uhr)?(?![\\p{L}\\d])`,
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
