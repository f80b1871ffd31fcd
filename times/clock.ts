import { NUMBER_WORD, numberOf, words } from './words.js';

/**
 * A time of day as it was said. `minutes` count from midnight; where `isHalfOpen` they count within half a day (0 to
 * 719), and nothing said whether it is the first or the second half. 1440 is the midnight that ends a day.
 */
export interface Clock {
  readonly minutes: number;
  readonly isHalfOpen: boolean;
}

export type PartOfDay = 'early' | 'morning' | 'forenoon' | 'noon' | 'afternoon' | 'evening' | 'night';

/** The hour that stands for a part of the day of which no time was said. */
export const PART_HOURS: Readonly<Record<PartOfDay, number>> = {
  early: 7,
  morning: 9,
  forenoon: 10,
  noon: 12,
  afternoon: 15,
  evening: 19,
  night: 22,
};

export type Groups = Readonly<Record<string, string | undefined>>;

const HOUR = `\\d{1,2}|${NUMBER_WORD}`;
const HALF = '(?<half>a\\.?m\\.?(?!\\p{L})|p\\.?m\\.?(?!\\p{L}))';
/** What follows a bare number shows that it is no time. */
const NO_COUNT =
  '(?! past(?!\\p{L})| ?(?:%|€|\\$|£|°|:\\d|/|\\.\\d)| (?:percent|prozent|dollars?|euros?|people|persons?|personen|items?|pieces?|stück|km|kilomet\\p{L}+|miles?|meilen|degrees?|grad|kg|pages?|seiten|times|mal|points?|punkte|minutes?|minuten|mins?|hours?|stunden?|days?|tagen?|weeks?|wochen?|months?|monaten?|years?|jahren?|seconds?|sekunden?|\\p{L}+ (?:street|road|avenue|lane|square|straße)))';

const SHIFTS: Readonly<Record<string, number>> = {
  'half past': 30,
  half: 30,
  'quarter past': 15,
  'quarter after': 15,
  'quarter to': -15,
  'quarter of': -15,
  'fünf vor halb': -35,
  'fünf nach halb': -25,
  'zehn vor halb': -40,
  'zehn nach halb': -20,
  halb: -30,
  'drei viertel': -15,
  dreiviertel: -15,
  'viertel nach': 15,
  'viertel vor': -15,
  viertel: -45,
};
const SHIFT = Object.keys(SHIFTS)
  .toSorted((a, b) => b.length - a.length)
  .join('|');
const PAST = `(?<!(?:from|between|von|zwischen) )(?<by>\\d{1,2}|${NUMBER_WORD})(?: minutes?| minuten?)? (?<way>past|after|to|before|till|vor|nach)`;

/** Ways to say a time of day; the first that fits a place in the text counts. */
export const CLOCK_PATTERNS: readonly RegExp[] = [
  words(`(?<h>\\d{1,2})[:.h](?<m>\\d{2})(?::\\d{2})? ?(?:${HALF}|(?<uhr>uhr))`),
  words('(?<!\\d:)(?<h>\\d{1,2})(?::|(?<uhr>h))(?<m>\\d{2})(?::[0-5]\\d)?(?!:?\\d)'),
  words('(?<=(?:at|um|gegen|ab|bis|von|from|until) )(?<h>\\d{1,2})\\.(?<m>[0-5]\\d)(?![.\\d])'),
  words(`(?<h>${HOUR})(?:[ :.-](?<mw>${NUMBER_WORD}|[0-5]\\d))? ?${HALF}`),
  words(
    `(?<h>\\d{1,2}|${NUMBER_WORD}) ?uhr(?: (?:und )?(?<mw>[0-5]?\\d|${NUMBER_WORD})(?: minuten)?(?! (?:uhr|\\p{L}+ (?:uhr))))?`,
  ),
  words('(?<=(?:at|um|@) ?)(?<h>\\d{1,2})(?<uhr>h)'),
  words(`(?<h>${HOUR}) ?o'?clock`),
  words('(?<h>[01]\\d|2[0-3])(?<m>[0-5]\\d) ?(?<uhr>hours|hrs|h)'),
  words(`(?<h>${HOUR}) (?<hundred>hundred)(?: hours| hrs)?`),
  words(
    `(?:a )?(?<shift>${SHIFT}) (?<h>${NUMBER_WORD}|1[0-2]|[1-9])(?! (?:an? )?(?:hours?|stunden?|minutes?|days?))(?: ?${HALF})?(?: uhr| o'?clock)?`,
  ),
  words(`${PAST} (?<h>${NUMBER_WORD}|1[0-2]|[1-9])(?: ?${HALF})?(?: uhr| o'?clock)?`),
  words('(?<noon>(?:12 |twelve )?(?:noon|midday)|high noon)'),
  words("(?<midnight>(?:(?:12|twelve)(?: o'clock)? (?:at )?)?midnight|mitternacht|24(?::00)? uhr|24:00)"),
  words(
    `(?<=(?:at|um|@|by|around|about|gegen|until|till|from|between|zwischen|ab|and|und|or|oder|bis|von|circa|ca\\.|so) ?)(?<h>${HOUR})(?:[ -](?<mw>${NUMBER_WORD}))?(?: ?-?ish)?${NO_COUNT}`,
  ),
  words(
    `(?<=(?:from|between|von|zwischen) (?:${HOUR})(?::\\d\\d)?(?: ?[ap]\\.?m\\.?| uhr)? ?(?:to|and|bis|und|-|–) ?)(?<h>${HOUR})(?: ?${HALF})?(?: uhr)?${NO_COUNT}`,
  ),
  words(`(?<=(?:at|um) (?:\\d{1,2}(?::\\d\\d)?(?: ?[ap]m)?, ){1,8})(?<h>\\d{1,2})(?::(?<m>\\d\\d))?(?: ?${HALF})?`),
];

/** A bare number after a day, “tomorrow 9”: a time where nothing follows that it could count. */
export const BARE_CLOCK = words(
  `(?<h>\\d{1,2}|${NUMBER_WORD})(?:[ -](?<mw>${NUMBER_WORD}))?(?: ?-?ish)?(?=\\s*(?:$|[,.;!?]|to |remind |ping |please|bitte |erinner))`,
);

/** Reads a match of one of the patterns; undefined where the clock has no such time, such as 25:00. */
export function readClock(groups: Groups, text: string): Clock | undefined {
  if (groups['noon'] !== undefined) return { minutes: 720, isHalfOpen: false };
  if (groups['midnight'] !== undefined) return { minutes: 1440, isHalfOpen: false };
  const hour = numberOf(groups['h']);
  const minute = groups['m'] !== undefined ? Number(groups['m']) : (numberOf(groups['mw']) ?? 0);
  if (hour === undefined || hour > 24 || minute > 59 || (hour === 24 && minute > 0)) return undefined;
  const half = groups['half']?.toLowerCase().charAt(0);
  if (half !== undefined && hour > 12)
    return half === 'p' && hour < 24 ? { minutes: hour * 60 + minute, isHalfOpen: false } : undefined;
  if (half !== undefined && hour === 0) return half === 'a' ? { minutes: minute, isHalfOpen: false } : undefined;
  if (groups['by'] !== undefined && !isMinuteCount(groups['by'], text)) return undefined;
  const shift = shiftOf(groups);
  if (hour === 0 || hour > 12 || isWrittenIn24(groups, text)) {
    const minutes = hour * 60 + minute + shift;
    return { minutes: minutes < 0 ? minutes + 1440 : minutes, isHalfOpen: false };
  }
  const minutes = ((hour % 12) * 60 + minute + shift + 720) % 720;
  return half === undefined
    ? { minutes, isHalfOpen: true }
    : { minutes: minutes + (half === 'p' ? 720 : 0), isHalfOpen: false };
}

/** “ten past nine”, but not the range of “nine to five” or “10 to 11”. */
function isMinuteCount(by: string, text: string): boolean {
  if (/minute/i.test(text)) return true;
  return (numberOf(by) ?? 1) % 5 === 0 && !/^\d+ (?:to|till|before)/i.test(text);
}

function shiftOf(groups: Groups): number {
  const by = numberOf(groups['by']) ?? 0;
  const way = /^(?:past|after|nach)$/i.test(groups['way'] ?? '') ? 1 : -1;
  return (SHIFTS[(groups['shift'] ?? '').toLowerCase()] ?? 0) + way * by;
}

/** “06:45”, “6:45 Uhr”, “6 Uhr 45”: who writes so uses all 24 hours. “6 Uhr” alone is spoken and may be either. */
function isWrittenIn24(groups: Groups, text: string): boolean {
  if (/^0\d/.test(text) || groups['hundred'] !== undefined) return true;
  const isGerman = groups['uhr'] !== undefined || /uhr/i.test(text);
  return (
    isGerman &&
    groups['shift'] === undefined &&
    groups['by'] === undefined &&
    (groups['m'] ?? groups['mw']) !== undefined
  );
}

/**
 * Minutes from midnight, above 1440 where the time belongs to the night that runs into the next day; undefined where
 * time and part of day contradict each other.
 * An open half is decided by the part of day, and by habit where none was said: 1 to 6 is the afternoon, 7 to 11 the
 * morning, 12 is noon.
 */
export function minutesOfDay(clock: Clock, part: PartOfDay | undefined): number | undefined {
  if (!clock.isHalfOpen) return part === undefined || fits(clock.minutes, part) ? clock.minutes : undefined;
  const [first, second] = [clock.minutes, clock.minutes + 720];
  if (part === undefined) return first < 7 * 60 ? second : first;
  if (part === 'night' && first < 60) return 1440 + first;
  return [first, second].find((minutes) => fits(minutes, part));
}

const BOUNDS: Readonly<Record<PartOfDay, readonly [number, number]>> = {
  early: [0, 12],
  morning: [0, 12],
  forenoon: [6, 13],
  noon: [11, 15],
  afternoon: [12, 19],
  evening: [15, 24],
  night: [0, 24],
};

function fits(minutes: number, part: PartOfDay): boolean {
  const hour = minutes / 60;
  if (part === 'night') return hour < 6 || hour >= 18;
  const [from, to] = BOUNDS[part];
  return (hour >= from && hour < to) || (part === 'evening' && minutes === 1440);
}
