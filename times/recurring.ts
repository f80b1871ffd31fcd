import { Temporal } from 'temporal-polyfill';
import { calendarTimes } from './calendar-times.js';
import { minutesOfDay, PART_HOURS } from './clock.js';
import { type DaySaid, daysMeant } from './day-said.js';
import type { Question } from './mention.js';
import type { Setting } from './moment.js';
import { nextOccurrence, type Recurrence, ruleProblem } from './occurrences.js';
import { ask, dayText } from './questions.js';
import { type Pattern, patternOf } from './recurring-pattern.js';
import { parseRule } from './rule.js';
import type { Said } from './said.js';
import { atWallClock, wallClock, wallText } from './wall-clock.js';

/** The rule that was meant and its first occurrence, in milliseconds since 1970. */
export interface Recurring {
  readonly recurrence: Recurrence;
  readonly due: number;
  readonly isDefaultTime: boolean;
}

/** Whether something that comes round was said: in so many words, or as “the first Monday of the month”. */
export function isRecurring(said: Said): boolean {
  const isPlace = said.days.some(
    (day) => day.kind === 'place' && (day.month === 'each' || (day.month === 'any' && day.of !== 'day')),
  );
  return said.repeats.length > 0 || (isPlace && said.calendar === undefined);
}

/** The recurrence that was said, or the question to ask. */
export function recurringMeant(said: Said, setting: Setting): Recurring | Question {
  const pattern = patternOf(said);
  if ('doubt' in pattern) return pattern;
  const meant = pattern.isElapsed ? everyElapsed(said, setting, pattern) : everyDay(said, setting, pattern);
  if ('doubt' in meant) return meant;
  const problem = ruleProblem(meant.recurrence);
  return problem === undefined ? meant : ask('impossible', `${problem} How often and until when should it be?`);
}

interface TimesOfDay {
  readonly hours: readonly number[];
  readonly minute: number;
  readonly isDefault: boolean;
}

function everyDay(said: Said, setting: Setting, pattern: Pattern): Recurring | Question {
  const times = timesOfDay(said, setting, pattern);
  if ('doubt' in times) return times;
  const from = firstDay(said, setting);
  if ('doubt' in from) return from;
  const byHour = times.hours.length > 1 ? `;BYHOUR=${times.hours.join(',')}` : '';
  const start = firstTime(
    `${pattern.rule(1)}${byHour}`,
    from.toPlainDateTime({ hour: times.hours[0] ?? 0, minute: times.minute }),
    setting,
  );
  if (start === undefined) return ask('impossible', 'That never comes round: on which days should it be?');
  const recurrence = {
    rrule: `${pattern.rule(pattern.interval)}${byHour}`,
    start: wallText(start),
    zone: setting.zone,
  };
  return limited(said, setting, recurrence, {
    last: times.hours.at(-1) ?? 0,
    minute: times.minute,
    isDefault: times.isDefault,
  });
}

function timesOfDay(said: Said, setting: Setting, pattern: Pattern): TimesOfDay | Question {
  if (pattern.hours !== undefined) return { hours: pattern.hours, minute: 0, isDefault: false };
  if (said.clocks.length === 0) {
    const hour = said.part === undefined ? setting.defaultHour : PART_HOURS[said.part];
    return { hours: [hour], minute: 0, isDefault: true };
  }
  const minutes = said.clocks.map((clock) => minutesOfDay(clock, said.part));
  const known = minutes.filter((minute) => minute !== undefined);
  if (known.length < minutes.length)
    return ask('impossible', 'Time and part of day do not go together: at which time should it be?');
  const isOnDays =
    !pattern.isDaily &&
    (known.some((minute) => minute >= 1440) || (said.isNightOfDay && known.some((minute) => minute < 360)));
  if (isOnDays)
    return ask(
      'ambiguous',
      'Is that the night before or after that day? Say it like Friday at 23:59 or Saturday at 00:00.',
    );
  const clocks = known.map((minute) => minute % 1440);
  const [minute = 0] = clocks.map((clock) => clock % 60);
  if (clocks.some((clock) => clock % 60 !== minute))
    return ask(
      'unsupported',
      'Times with different minutes need a reminder each: which of the times should this one be for?',
    );
  return { hours: clocks.map((clock) => Math.floor(clock / 60)).toSorted((a, b) => a - b), minute, isDefault: false };
}

function today(setting: Setting): Temporal.PlainDate {
  return wallClock(setting.now, setting.dayZone).toPlainDate();
}

function firstDay(said: Said, setting: Setting): Temporal.PlainDate | Question {
  if (said.from === undefined) return today(setting);
  const [day] = daysMeant(said.from, today(setting)).days;
  return day ?? ask('impossible', 'There is no such day to start on: which day should be the first?');
}

/** The first time of a rule, on the wall clock, whose moment is still to come. */
function firstTime(rrule: string, from: Temporal.PlainDateTime, setting: Setting): Temporal.PlainDateTime | undefined {
  for (const wall of calendarTimes(parseRule(rrule), from, from.toPlainDate())) {
    if (atWallClock(wall, setting.zone).at > setting.now) return wall;
  }
  return undefined;
}

/** Every so many hours or minutes: from a said time of day on, or one interval from now. */
function everyElapsed(said: Said, setting: Setting, pattern: Pattern): Recurring | Question {
  const from = firstDay(said, setting);
  if ('doubt' in from) return from;
  const [clock] = said.clocks;
  const minutes = clock && minutesOfDay(clock, said.part);
  const days = [from, from.add({ days: 1 })];
  const starts = days.map(
    (day) => atWallClock(day.toPlainDateTime().add({ minutes: minutes ?? setting.defaultHour * 60 }), setting.zone).at,
  );
  const isNow = minutes === undefined && said.from === undefined;
  const start = isNow ? setting.now + pattern.stepMinutes * 60_000 : starts.find((at) => at > setting.now);
  if (start === undefined) return ask('past', `${dayText(from)} is past: when should it start?`);
  const zoned = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(setting.zone);
  const text = zoned.toString({ timeZoneName: 'never', smallestUnit: 'second' });
  const recurrence = { rrule: pattern.rule(pattern.interval), start: text, zone: setting.zone };
  return limited(said, setting, recurrence, { last: 23, minute: 59, isDefault: false });
}

function limited(
  said: Said,
  setting: Setting,
  endless: Recurrence,
  times: { readonly last: number; readonly minute: number; readonly isDefault: boolean },
): Recurring | Question {
  const start = Temporal.PlainDateTime.from(endless.start);
  const end = endOf(said, setting, start, times);
  if (end !== undefined && typeof end !== 'string') return end;
  const count = said.count === undefined ? '' : `;COUNT=${said.count}`;
  const recurrence = { ...endless, rrule: `${endless.rrule}${end === undefined ? count : `;UNTIL=${end}`}` };
  if (count !== '' && end !== undefined) return ask('ambiguous', 'What counts, the number of times or the last day?');
  const due = nextOccurrence(recurrence, setting.now);
  if (due === undefined) return ask('past', 'That would end before it begins: until when should it go on?');
  return { recurrence, due, isDefaultTime: times.isDefault };
}

/** UNTIL in UTC: the last day counts, the end of a length of time does not. */
function endOf(
  said: Said,
  setting: Setting,
  start: Temporal.PlainDateTime,
  times: { readonly last: number; readonly minute: number },
): string | Question | undefined {
  if (said.lasting !== undefined) return utcText(atWallClock(start.add(said.lasting), setting.zone).at - 1000);
  if (said.until === undefined) return undefined;
  const day = lastDay(said.until, setting, start);
  if (day === undefined) return ask('impossible', 'There is no such day to end on: which day should be the last?');
  return utcText(atWallClock(day.toPlainDateTime({ hour: times.last, minute: times.minute }), setting.zone).at);
}

function lastDay(until: DaySaid, setting: Setting, start: Temporal.PlainDateTime): Temporal.PlainDate | undefined {
  const { days } = daysMeant(until, today(setting));
  return days.find((day) => Temporal.PlainDate.compare(day, start.toPlainDate()) >= 0) ?? days[0];
}

function utcText(at: number): string {
  return new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
}
