import { Temporal } from 'temporal-polyfill';
import { chooseTime } from './choose.js';
import type { DayOrder } from './day-readers.js';
import type { Doubt, Question } from './mention.js';
import { type Moment, momentMeant, type Setting } from './moment.js';
import type { Recurrence } from './occurrences.js';
import { ask, timeText } from './questions.js';
import { isRecurring, recurringMeant } from './recurring.js';
import { type Said, sayingsOf } from './said.js';
import { scan } from './scan.js';
import { atWallClock, type ClockChange, wallClock, wallText } from './wall-clock.js';
import { whatRemains } from './what.js';
import { cityOf } from './zones.js';

export interface TimeSetting {
  /** The moment the sentence was said, in milliseconds since 1970. */
  readonly now: number;
  /** IANA zone of who said it. */
  readonly timeZone: string;
  /** The hour of a day of which no time was said, 0 to 23; 9 unless given. */
  readonly defaultHour?: number;
  /** A locale such as `en-US`: decides whether 12/11 is in December or in November. Without one the user is asked. */
  readonly locale?: string;
}

/** A time that a sentence means, or the question to ask before anything is set. */
export type ResolvedTime =
  | {
      readonly kind: 'at';
      /** Milliseconds since 1970, in whole seconds. */
      readonly due: number;
      /** The zone whose wall clock was meant: the named one, or the user's. */
      readonly zone: string;
      /** The wall-clock time that was meant, `2026-11-25T09:00:00`, also where the clocks skip it that day. */
      readonly local: string;
      /** What to be reminded of: the sentence without the request and without the time. */
      readonly what?: string;
      /** No time of day was said. */
      readonly isDefaultTime: boolean;
      /** Only habit decided between morning and afternoon. */
      readonly isAssumedHalf: boolean;
      /** A length of time from now: `due` stays whatever becomes of the zone. Otherwise `local` is what counts. */
      readonly isElapsed: boolean;
      /** A time of day was said, “at 10” or “in the evening”, and no day. */
      readonly isTimeOfDay: boolean;
      readonly clockChange?: ClockChange;
    }
  | ({
      readonly kind: 'recurring';
      /** The first occurrence, in milliseconds since 1970. */
      readonly due: number;
      readonly what?: string;
      readonly isDefaultTime: boolean;
      readonly isAssumedHalf: boolean;
    } & Recurrence)
  | { readonly kind: 'ask'; readonly doubt: Doubt; readonly question: string };

/** Longer texts are asked about instead of read. */
export const LONGEST_TEXT = 2_000;

const MOST_MENTIONS = 40;
const SEVERAL = ask(
  'ambiguous',
  'Several times were named: which of them should it be? Say just that one, with its day.',
);
const LONGEST_AHEAD = 100 * 366 * 86_400_000;

/**
 * Reads when a sentence, English or German, wants something to happen.
 *
 * Times of day. A bare hour from 1 to 6 is in the afternoon, 7 to 11 in the morning, 12 is noon; a part of day decides
 * otherwise, and of “today at 9” what is still to come. 0, 13 to 24, “06:45”, and “6:45 Uhr” are read as written. Times
 * such as “9ish” or “around 9” are taken at their word. Midnight is the end of the day it is said of. Without a time:
 * early 7, morning 9, forenoon 10, noon 12, afternoon 15, evening 19, tonight 20, night 22, end of day 17, else
 * `defaultHour`; “in two weeks” keeps the time of now.
 *
 * Days. A bare time that has passed is tomorrow's. A bare weekday is the next one to come, today's if its time is still
 * to come; “next Friday” is asked about while this week's Friday lies ahead. The weekend is Saturday, next week Monday, the
 * end of the week Friday, the end of the month its last day. Workdays are Monday to Friday. A date without a year is
 * the next one; one that has just passed (31 days), is past or does not exist is asked about.
 *
 * Clock changes. A skipped time moves forward by the gap, of a repeated one the first counts; “in 3 hours” is elapsed
 * time. Zones. “9am New York time” is read on that clock; a short name whose offset is not that place's on that day
 * (PST in July) is asked about.
 *
 * Recurring. “every second Friday”, “daily at 7 until Friday” (that Friday included), “the first Monday of the month”.
 * The 29th to 31st are the last day of shorter months. Throws a RangeError for an unknown `timeZone`.
 */
export function resolveTime(text: string, given: TimeSetting): ResolvedTime {
  if (text.length > LONGEST_TEXT) {
    return {
      kind: 'ask',
      ...ask('no-time', 'That is too long to find a time in: when should it be, in one short sentence?'),
    };
  }
  const plain = normalised(text);
  const mentions = scan(plain, { timeZone: given.timeZone, order: dayOrder(given.locale) });
  if (mentions.length > MOST_MENTIONS) return { kind: 'ask', ...SEVERAL };
  const chosen = chooseTime(plain, mentions);
  const said = sayingsOf(plain, chosen.mentions);
  const what = whatRemains(plain, chosen.spans);
  const answer = chosen.rival ? SEVERAL : answerOf(said, { ...given, now: Math.floor(given.now / 1000) * 1000 });
  return 'doubt' in answer ? { kind: 'ask', ...answer } : { ...answer, ...(what !== undefined && { what }) };
}

type Answer = Exclude<ResolvedTime, { kind: 'ask' }> | Question;

function answerOf(said: Said, given: TimeSetting): Answer {
  if (said.question !== undefined) return said.question;
  const zone = said.zone?.zone ?? given.timeZone;
  const setting = (dayZone: string): Setting => ({
    now: given.now,
    zone,
    dayZone,
    defaultHour: given.defaultHour ?? 9,
  });
  const isAssumedHalf = said.part === undefined && said.clocks.some((clock) => clock.isHalfOpen);
  if (isRecurring(said)) {
    const meant = recurringMeant(said, setting(zone));
    if ('doubt' in meant) return meant;
    const { recurrence, due, isDefaultTime } = meant;
    return { kind: 'recurring', due, isDefaultTime, isAssumedHalf, ...recurrence };
  }
  if (said.elapsedSeconds !== undefined) return inElapsed(said, said.elapsedSeconds, given);
  const unclear = unclearOnce(said);
  if (unclear !== undefined) return unclear;
  const moment = momentOnBothCalendars(said, setting(given.timeZone), setting(zone));
  return 'doubt' in moment ? moment : onceAt(moment, said, { ...given, timeZone: zone }, isAssumedHalf);
}

function unclearOnce(said: Said): Question | undefined {
  const isLastDay = said.days.some((day) => day.kind === 'place' && day.month === 'any');
  if (isLastDay) return ask('ambiguous', 'Should that be once, this month, or every month?');
  if (said.hours !== undefined)
    return ask(
      'ambiguous',
      'That is a span of time: at which time within it should it be, for example at its beginning?',
    );
  const isHanging = said.offset?.days === 0 ? said.clocks.length === 0 : said.days.length === 0;
  if (said.offset !== undefined && isHanging)
    return ask('no-time', 'When does that begin? Say its day and time, for example tomorrow at 15:00.');
  return undefined;
}

/** Where a named zone has another today than the user, words such as “tomorrow” may mean two days. */
function momentOnBothCalendars(said: Said, own: Setting, named: Setting): Moment | Question {
  const [here, there] = [momentMeant(said, own), momentMeant(said, named)];
  if ('doubt' in here || 'doubt' in there || here.wall.equals(there.wall)) return there;
  if (said.days.length === 0 && said.calendar === undefined) return there;
  return ask(
    'ambiguous',
    `It is not the same day there: do you mean ${timeText(here.wall)}, or ${timeText(there.wall)}, ${cityOf(named.zone)} time?`,
  );
}

function inElapsed(said: Said, seconds: number, given: TimeSetting): Answer {
  if (said.clocks.length > 0 || said.days.length > 0)
    return ask('ambiguous', 'Both a length of time and a time were named: which of the two should it be?');
  const due = given.now + seconds * 1000;
  const local = wallText(wallClock(due, given.timeZone));
  const isSaid = { isDefaultTime: false, isAssumedHalf: false, isElapsed: true, isTimeOfDay: false };
  return { kind: 'at', due, zone: given.timeZone, local, ...isSaid };
}

function onceAt(moment: Moment, said: Said, given: TimeSetting, isAssumedHalf: boolean): Answer {
  const zone = given.timeZone;
  const { at, clockChange } = atWallClock(moment.wall, zone);
  const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 60e9;
  if (said.zone?.shown !== undefined && said.zone.shown !== shown)
    return wrongShortName(moment, said.zone.shown, zone, at, shown);
  const { isDefaultTime } = moment;
  const isTimeOfDay = namesNoDay(said);
  const base = { kind: 'at', zone, isDefaultTime, isAssumedHalf, isElapsed: false, isTimeOfDay } as const;
  if (at - given.now > LONGEST_AHEAD)
    return ask('impossible', 'That is more than a hundred years ahead: when should it be?');
  if (said.offset === undefined)
    return { ...base, due: at, local: wallText(moment.wall), ...(clockChange && { clockChange }) };
  const event = moment.wall.add({ days: said.offset.days });
  const due = atWallClock(event, zone).at + said.offset.minutes * 60_000;
  if (due <= given.now)
    return ask('past', `That was before now: should it be at ${timeText(moment.wall)} itself, or when?`);
  return { ...base, due, local: wallText(wallClock(due, zone)) };
}

function namesNoDay(said: Said): boolean {
  const isTimed = said.clocks.length > 0 || said.part !== undefined;
  return isTimed && said.days.length === 0 && said.calendar === undefined && said.offset === undefined;
}

function wrongShortName(moment: Moment, meant: number, zone: string, at: number, shown: number): Question {
  const literal = wallClock(at + (shown - meant) * 60_000, zone);
  const city = cityOf(zone);
  return ask(
    'ambiguous',
    `${city} has another clock on that day: do you mean ${timeText(moment.wall)} in ${city}, or the moment when it is ${timeText(literal)} there?`,
  );
}

/** Characters that phones and word processors vary, brought to one form. */
function normalised(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u2018\u2019\u02BC]/g, "'")
    .replace(/[\u201C\u201D\u201E]/g, '"')
    .replace(/[\s\u00A0\u202F]+/g, ' ')
    .trim();
}

/** Most of the world puts the day first; where no locale is known, nobody can tell. */
function dayOrder(locale: string | undefined): DayOrder {
  if (locale === undefined) return undefined;
  const parts = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'numeric' }).formatToParts(0);
  return parts.find(({ type }) => type === 'day' || type === 'month')?.type === 'month' ? 'month-day' : 'day-month';
}
