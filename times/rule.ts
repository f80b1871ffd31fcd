/** An RFC 5545 rule, taken apart. Lists are empty where the rule does not have them. */
export interface Rule {
  readonly freq: 'YEARLY' | 'MONTHLY' | 'WEEKLY' | 'DAILY' | 'HOURLY' | 'MINUTELY';
  readonly interval: number;
  readonly count: number | undefined;
  /** As written: `20261224`, `20261224T080000` or `20261224T070000Z`. */
  readonly until: string | undefined;
  readonly byMonth: readonly number[];
  readonly byMonthDay: readonly number[];
  readonly byHour: readonly number[];
  readonly byMinute: readonly number[];
  readonly byDay: readonly WeekdayPlace[];
  readonly bySetPos: readonly number[];
  /** The weekday on which weeks begin, 1 is Monday. */
  readonly weekStart: number;
}

/** A weekday, 1 is Monday; `place` counts within month or year, from the end where negative, 0 is every one. */
interface WeekdayPlace {
  readonly place: number;
  readonly weekday: number;
}

export const WEEKDAY_CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY'] as const;
const LONGEST_TEXT = 500;
const MOST_INTERVAL = 10_000;
/** Every quarter of an hour. */
const MOST_TIMES_OF_DAY = 96;

/** Smallest and largest value of each list, and whether it may count from the end. */
const LISTS: Readonly<Record<string, readonly [number, number, boolean]>> = {
  BYMONTH: [1, 12, false],
  BYMONTHDAY: [1, 31, true],
  BYHOUR: [0, 23, false],
  BYMINUTE: [0, 59, false],
  BYSETPOS: [1, 1440, true],
};
const OTHERS = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'WKST'];
const UNTIL = /^\d{8}(?:T\d{6}Z?)?$/;

/** Thrown for a rule that cannot be followed; the message is a sentence for people. */
export class RuleError extends RangeError {}

/** Takes a rule apart. Throws a `RuleError` that says what to change where it cannot be followed. */
export function parseRule(text: string): Rule {
  if (text.length > LONGEST_TEXT)
    throw new RuleError(`The rule is longer than ${LONGEST_TEXT} characters: shorten it.`);
  const parts = partsOf(
    text
      .trim()
      .toUpperCase()
      .replace(/^RRULE:/, ''),
  );
  const freq = frequencyOf(parts.get('FREQ'));
  const rule: Rule = {
    freq,
    interval: wholeNumber(parts, 'INTERVAL', MOST_INTERVAL) ?? 1,
    count: wholeNumber(parts, 'COUNT', MOST_INTERVAL),
    until: untilOf(parts.get('UNTIL')),
    byMonth: listOf(parts, 'BYMONTH'),
    byMonthDay: listOf(parts, 'BYMONTHDAY'),
    byHour: listOf(parts, 'BYHOUR'),
    byMinute: listOf(parts, 'BYMINUTE'),
    byDay: weekdaysOf(parts.get('BYDAY')),
    bySetPos: listOf(parts, 'BYSETPOS'),
    weekStart: weekStartOf(parts.get('WKST')),
  };
  checkTogether(rule);
  return rule;
}

function partsOf(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(';').filter((piece) => piece !== '')) {
    const [name = '', value = '', ...more] = part.split('=');
    if (name === 'BYSECOND') throw new RuleError('A rule cannot set seconds: leave BYSECOND out.');
    if (name === 'BYYEARDAY' || name === 'BYWEEKNO')
      throw new RuleError(`${name} is not supported: name the days with BYMONTH, BYMONTHDAY or BYDAY.`);
    if (more.length > 0 || value === '' || !(OTHERS.includes(name) || name in LISTS))
      throw new RuleError(`“${part}” is no part of a recurrence rule: see RFC 5545, section 3.3.10.`);
    if (parts.has(name)) throw new RuleError(`${name} stands twice in the rule: keep one of them.`);
    parts.set(name, value);
  }
  return parts;
}

function frequencyOf(value: string | undefined): Rule['freq'] {
  if (value === 'SECONDLY')
    throw new RuleError('A rule may come round once a minute at most: use FREQ=MINUTELY or something slower.');
  const freq = FREQUENCIES.find((name) => name === value);
  if (freq === undefined) throw new RuleError(`FREQ must be one of ${FREQUENCIES.join(', ')}.`);
  return freq;
}

function wholeNumber(parts: ReadonlyMap<string, string>, name: string, most: number): number | undefined {
  const text = parts.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new RuleError(`${name} must be a whole number from 1 to ${most}.`);
  return value;
}

function listOf(parts: ReadonlyMap<string, string>, name: string): number[] {
  const text = parts.get(name);
  const [least, most, fromEnd] = LISTS[name] ?? [0, 0, false];
  if (text === undefined) return [];
  const values = text.split(',').map((entry) => {
    const value = /^[+-]?\d{1,4}$/.test(entry) ? Number(entry) : Number.NaN;
    const size = fromEnd ? Math.abs(value) : value;
    if (!(size >= least && size <= most))
      throw new RuleError(`${name} takes numbers from ${least} to ${most}${fromEnd ? ', also negative ones' : ''}.`);
    return value;
  });
  return [...new Set(values)].toSorted((a, b) => a - b);
}

function weekdaysOf(text: string | undefined): WeekdayPlace[] {
  if (text === undefined) return [];
  return text.split(',').map((entry) => {
    const match = /^(?<place>[+-]?\d{1,2})?(?<code>MO|TU|WE|TH|FR|SA|SU)$/.exec(entry);
    const place = Number(match?.groups?.['place'] ?? 0);
    if (!match || Math.abs(place) > 53)
      throw new RuleError(
        `“${entry}” is no weekday: BYDAY takes MO to SU, with a number such as 1MO or -1FR before it.`,
      );
    return { place, weekday: WEEKDAY_CODES.findIndex((code) => code === match.groups?.['code']) + 1 };
  });
}

function untilOf(text: string | undefined): string | undefined {
  if (text !== undefined && !UNTIL.test(text))
    throw new RuleError('UNTIL must look like 20261224, 20261224T080000 or 20261224T070000Z.');
  return text;
}

function weekStartOf(text: string | undefined): number {
  const index = WEEKDAY_CODES.findIndex((code) => code === (text ?? 'MO'));
  if (index < 0) throw new RuleError('WKST must be one of MO to SU.');
  return index + 1;
}

function checkTogether(rule: Rule): void {
  if (rule.count !== undefined && rule.until !== undefined)
    throw new RuleError('COUNT and UNTIL exclude each other: keep one of them.');
  if (rule.byDay.some(({ place }) => place !== 0) && rule.freq !== 'MONTHLY' && rule.freq !== 'YEARLY')
    throw new RuleError('A numbered weekday such as 1MO needs FREQ=MONTHLY or FREQ=YEARLY.');
  if (rule.byMonthDay.length > 0 && rule.freq === 'WEEKLY')
    throw new RuleError('BYMONTHDAY does not go with FREQ=WEEKLY: use FREQ=MONTHLY.');
  if (countsElapsed(rule) && rule.bySetPos.length > 0)
    throw new RuleError(`BYSETPOS does not go with FREQ=${rule.freq}: use FREQ=DAILY with BYHOUR.`);
  if (!countsElapsed(rule) && timesOfDay(rule) > MOST_TIMES_OF_DAY)
    throw new RuleError(
      `A rule may name ${MOST_TIMES_OF_DAY} times of a day at most with BYHOUR and BYMINUTE: use FREQ=HOURLY, or FREQ=MINUTELY with an INTERVAL.`,
    );
  if (rule.freq === 'HOURLY' && rule.byMinute.length > 0)
    throw new RuleError('BYMINUTE does not go with FREQ=HOURLY: use FREQ=MINUTELY, or FREQ=DAILY with BYHOUR.');
}

function timesOfDay(rule: Rule): number {
  return Math.max(1, rule.byHour.length) * Math.max(1, rule.byMinute.length);
}

/** Hourly and minutely rules count elapsed time; all others keep to the wall clock. */
export function countsElapsed(rule: Rule): boolean {
  return rule.freq === 'HOURLY' || rule.freq === 'MINUTELY';
}
