import type { Temporal } from 'temporal-polyfill';
import { type Clock, minutesOfDay, PART_HOURS } from './clock.js';
import { afterWorkdays, type DayChoice, type DaySaid, daysMeant, RECENT_DAYS } from './day-said.js';
import type { Question } from './mention.js';
import { ask, clockText, dayText, NO_TIME, timeText } from './questions.js';
import type { Said } from './said.js';
import { atWallClock, wallClock } from './wall-clock.js';

/** Where and when a sentence was said. */
export interface Setting {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The zone whose wall clock the times are read on. */
  readonly zone: string;
  /** The zone whose calendar says what today is. */
  readonly dayZone: string;
  readonly defaultHour: number;
}

/** The wall-clock time that was meant, and whether it was said at all. */
export interface Moment {
  readonly wall: Temporal.PlainDateTime;
  readonly isDefaultTime: boolean;
}

/** Hours for an evening of which no time was said: the first that is still to come. */
const LATER = { tonight: [20, 22], evening: [19, 21] } as const;

/** The one moment that was meant, on the wall clock of the zone, or the question to ask. */
export function momentMeant(said: Said, setting: Setting): Moment | Question {
  const now = wallClock(setting.now, setting.dayZone);
  if (said.clocks.length > 1) return severalTimes(said.clocks, said);
  const days = choiceOf(said, now.toPlainDate());
  if ('doubt' in days) return days;
  const times = timesSaid(said, now, setting.defaultHour);
  if ('doubt' in times) return times;
  if (days.days.length === 0)
    return ask('impossible', 'There is no such day: which day should it be? Say it like 28 February or 1 March.');
  const isAhead = (wall: Temporal.PlainDateTime) => atWallClock(wall, setting.zone).at > setting.now;
  const walls = days.days.flatMap((day) => times.minutes.map((minutes) => at(day, minutes)));
  const found = walls.find(isAhead);
  const other = days.orElse && at(days.orElse, times.minutes[0] ?? 0);
  if (other !== undefined && isAhead(other)) {
    if (found === undefined) return { wall: other, isDefaultTime: times.isDefault };
    if (!found.equals(other))
      return ask('ambiguous', `Which day do you mean: ${timeText(found)}, or ${timeText(other)}?`);
  }
  if (found === undefined) return pastQuestion(walls[0], said, now);
  return { wall: found, isDefaultTime: times.isDefault };
}

function at(day: Temporal.PlainDate, minutes: number): Temporal.PlainDateTime {
  return day.toPlainDateTime().add({ seconds: Math.round(minutes * 60) });
}

function severalTimes(clocks: readonly Clock[], said: Said): Question {
  const names = clocks.map((clock) => clockText(minutesOfDay(clock, said.part) ?? clock.minutes));
  return ask('ambiguous', `Several times were named: should it be at ${names.join(' or at ')}?`);
}

/** The days that come into question; today and tomorrow where only a time of day was said. */
function choiceOf(said: Said, today: Temporal.PlainDate): DayChoice | Question {
  if (said.calendar !== undefined) return inCalendar(said.calendar, said.days, today);
  const [first, ...others] = said.days;
  if (first === undefined) {
    const isTimed = said.clocks.length > 0 || said.part !== undefined || said.isSameTime;
    return isTimed ? { days: [today, today.add({ days: 1 })] } : NO_TIME;
  }
  if (others.length === 0) return daysMeant(first, today);
  return onBoth([first, ...others], today);
}

function inCalendar(
  calendar: NonNullable<Said['calendar']>,
  days: readonly DaySaid[],
  today: Temporal.PlainDate,
): DayChoice | Question {
  const date = calendar.workdays > 0 ? afterWorkdays(today, calendar.workdays) : today.add(calendar.duration);
  const [day] = days;
  if (day === undefined) return { days: [date] };
  if (day.kind !== 'weekday' || calendar.duration.weeks === 0)
    return twoDays(date, daysMeant(day, today).days[0] ?? date);
  const inThatWeek = date.add({ days: day.weekday - date.dayOfWeek });
  const coming = today.add({ days: (day.weekday - today.dayOfWeek + 7) % 7 || 7, weeks: calendar.duration.weeks });
  const choice = { days: [inThatWeek] };
  return inThatWeek.equals(coming) ? choice : { ...choice, orElse: coming };
}

/** “Friday, 27 November”: both must mean the same day. */
function onBoth(days: readonly DaySaid[], today: Temporal.PlainDate): DayChoice | Question {
  const dated = days.filter(({ kind }) => kind !== 'weekday');
  const weekdays = new Set(days.flatMap((day) => (day.kind === 'weekday' ? [day.weekday] : [])));
  const [first, second] = dated.map((day) => daysMeant(day, today).days);
  if (first === undefined) {
    const named = days.map((day) => daysMeant(day, today).days[0]).filter((day) => day !== undefined);
    return weekdays.size === 1 && days[0] !== undefined ? daysMeant(days[0], today) : twoDays(...named);
  }
  const both = second === undefined ? first : first.filter((date) => second.some((other) => other.equals(date)));
  const fitting = both.filter((date) => weekdays.size === 0 || weekdays.has(date.dayOfWeek));
  if (fitting.length > 0) return { days: fitting };
  const [date] = first;
  if (second?.[0] !== undefined && date !== undefined) return twoDays(date, second[0]);
  if (date === undefined) return { days: [] };
  return ask('ambiguous', `The day and the weekday do not fit together: do you mean ${dayText(date)}, or another day?`);
}

function twoDays(...days: readonly Temporal.PlainDate[]): Question {
  return ask(
    'ambiguous',
    `Several days were named: should it be on ${[...new Set(days.map(dayText))].join(' or on ')}?`,
  );
}

interface Times {
  /** Minutes from midnight, the likeliest first. */
  readonly minutes: readonly number[];
  readonly isDefault: boolean;
}

function timesSaid(said: Said, now: Temporal.PlainDateTime, defaultHour: number): Times | Question {
  const [clock] = said.clocks;
  const nowMinutes = now.hour * 60 + now.minute + now.second / 60;
  if (clock === undefined) {
    if (said.isSameTime) return { minutes: [nowMinutes], isDefault: false };
    return { minutes: defaultsFor(said, nowMinutes, defaultHour), isDefault: true };
  }
  const minutes = timeOfDay(clock, said, now);
  if (minutes === undefined)
    return ask(
      'impossible',
      `${clockText(clock.minutes)} and “${said.part}” do not go together: at which time should that be?`,
    );
  const today = said.days.some((day) => day.kind === 'ahead' && day.days === 0);
  const mayBeLater = today && clock.isHalfOpen && said.part === undefined && minutes < 720;
  return { minutes: mayBeLater ? [minutes, minutes + 720] : [minutes], isDefault: false };
}

const SMALL_HOURS = 6 * 60;

/** The small hours of a night belong to the day after the one the night is named by, except for who is up in them. */
function timeOfDay(clock: Clock, said: Said, now: Temporal.PlainDateTime): number | undefined {
  const isTonight = said.days.some(({ kind }) => kind === 'tonight');
  if (!isTonight && !said.isNightOfDay) return minutesOfDay(clock, said.part);
  const minutes = minutesOfDay(clock, said.part ?? 'night') ?? minutesOfDay(clock, undefined) ?? clock.minutes;
  const isUp = isTonight && now.hour < 5;
  if (minutes >= 1440 && isUp && clock.isHalfOpen) return minutes - 1440;
  return minutes < SMALL_HOURS && !isUp ? minutes + 1440 : minutes;
}

function defaultsFor(said: Said, nowMinutes: number, defaultHour: number): readonly number[] {
  if (said.calendar !== undefined && said.part === undefined) return [nowMinutes];
  if (said.part === undefined && said.days.some(({ kind }) => kind === 'tonight')) return hours(LATER.tonight);
  if (said.part === 'evening' && said.days.length > 0) return hours(LATER.evening);
  return hours([said.part === undefined ? defaultHour : PART_HOURS[said.part]]);
}

function hours(list: readonly number[]): number[] {
  return list.map((hour) => hour * 60);
}

function pastQuestion(wall: Temporal.PlainDateTime | undefined, said: Said, now: Temporal.PlainDateTime): Question {
  const [day] = said.days;
  if (wall === undefined) return NO_TIME;
  const date = wall.toPlainDate();
  const isRecent = day?.kind === 'date' && day.year === undefined && date.until(now.toPlainDate()).days <= RECENT_DAYS;
  const next = isRecent
    ? wall.add({ years: 1 })
    : now.toPlainDate().add({ days: 1 }).toPlainDateTime(wall.toPlainTime());
  return ask('past', `${timeText(wall)} is past: should it be ${timeText(next)} instead, or another time?`);
}
