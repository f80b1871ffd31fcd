import { Temporal } from 'temporal-polyfill';
import type { TimeRange } from './calendar-time.js';

/** What is looked for: stretches of at least `durationMinutes` between two times of the local clock, day by day. */
export interface FreeSlotSearch {
  readonly range: TimeRange;
  readonly timeZone: string;
  /** `HH:MM`. */
  readonly earliest: string;
  /** `HH:MM`, `24:00` for the end of the day. */
  readonly latest: string;
  readonly durationMinutes: number;
  readonly busy: readonly TimeRange[];
}

/** Free stretches in order, each as long as it lasts. Clock changes neither stretch nor shift them. */
export function findFreeSlots(search: FreeSlotSearch): TimeRange[] {
  const busy = search.busy.toSorted((a, b) => Temporal.Instant.compare(a.from, b.from));
  return dailyWindows(search).flatMap((window) =>
    gaps(window, busy).filter((gap) => minutesOf(gap) >= search.durationMinutes),
  );
}

/** Length in minutes of time that really passes. */
export function minutesOf(range: TimeRange): number {
  return Math.floor((range.to.epochMilliseconds - range.from.epochMilliseconds) / 60_000);
}

/** The part of each day's opening hours that lies within the range. */
function dailyWindows({ range, timeZone, earliest, latest }: FreeSlotSearch): TimeRange[] {
  const windows: TimeRange[] = [];
  const last = range.to.subtract({ nanoseconds: 1 }).toZonedDateTimeISO(timeZone).toPlainDate();
  let day = range.from.toZonedDateTimeISO(timeZone).toPlainDate();
  for (; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    const from = laterOf(range.from, clockTime(day, earliest, timeZone));
    const to = earlierOf(range.to, clockTime(day, latest, timeZone));
    if (Temporal.Instant.compare(from, to) < 0) windows.push({ from, to });
  }
  return windows;
}

/** When the local clock shows this time; where it skips the time, the moment of the skip. */
function clockTime(day: Temporal.PlainDate, time: string, timeZone: string): Temporal.Instant {
  if (time === '24:00') return clockTime(day.add({ days: 1 }), '00:00', timeZone);
  const wanted = day.toPlainDateTime(Temporal.PlainTime.from(time));
  const shown = wanted.toZonedDateTime(timeZone);
  if (shown.toPlainDateTime().equals(wanted)) return shown.toInstant();
  const beforeSkip = wanted.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  return (beforeSkip.getTimeZoneTransition('next') ?? shown).toInstant();
}

/** What of a window no busy range touches; `busy` is in order of its starts. */
function gaps(window: TimeRange, busy: readonly TimeRange[]): TimeRange[] {
  const free: TimeRange[] = [];
  let from = window.from;
  for (const block of busy) {
    if (Temporal.Instant.compare(block.from, window.to) >= 0) break;
    if (Temporal.Instant.compare(block.from, from) > 0) free.push({ from, to: block.from });
    from = laterOf(from, block.to);
  }
  if (Temporal.Instant.compare(from, window.to) < 0) free.push({ from, to: window.to });
  return free;
}

function laterOf(a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(a, b) >= 0 ? a : b;
}

function earlierOf(a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(a, b) <= 0 ? a : b;
}
