import { Temporal } from 'temporal-polyfill';
import { outsideSkill } from '../../contracts/skill.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { isDate, localTime, startOf, type TimeRange, toTimeRange } from '../shared/calendar-time.js';
import { findFreeSlots, minutesOf } from '../shared/free-slots.js';
import { firstItems, withNote } from '../shared/note.js';
import { calendarFindFreeManifest, MAX_SLOTS } from './manifest.js';

const MAX_DAYS = 62;
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

/** Finds free time from the moment of the request on, in its time zone. */
export const calendarFindFree = outsideSkill({
  manifest: calendarFindFreeManifest,
  async run(input, { calendar, user, timeZone, now }) {
    const range = notBefore(toTimeRange(input, timeZone, MAX_DAYS), now);
    const slots = range === undefined ? [] : await freeSlots(range);
    const { items, note } = firstItems(slots, MAX_SLOTS, 'ask for a shorter span');
    return {
      output: {
        route: calendar.route,
        timeZone,
        slots: items.map((slot) => viewSlot(slot, timeZone)),
        ...withNote(range === undefined ? 'The whole span is in the past.' : note),
      },
    };

    async function freeSlots(within: TimeRange): Promise<TimeRange[]> {
      const span = { from: localTime(within.from, timeZone), to: localTime(within.to, timeZone) };
      const events = await calendar.list(user.id, span);
      const { earliest, latest, durationMinutes } = input;
      const busy = events.map((event) => busyTime(event, timeZone));
      return findFreeSlots({ range: within, timeZone, earliest, latest, durationMinutes, busy });
    }
  },
});

/** Nobody can meet in the past: the range begins at the next full five minutes after `now` at the earliest. */
function notBefore(range: TimeRange, now: string): TimeRange | undefined {
  const next = Temporal.Instant.from(now).round({ smallestUnit: 'minute', roundingIncrement: 5, roundingMode: 'ceil' });
  if (Temporal.Instant.compare(next, range.to) >= 0) return undefined;
  return Temporal.Instant.compare(next, range.from) > 0 ? { from: next, to: range.to } : range;
}

/** A whole-day event is busy from the first moment of its day on; one without an end lasts that day. */
function busyTime(event: CalendarEvent, timeZone: string): TimeRange {
  const from = startOf(event.start, timeZone);
  const to = startOf(event.end, timeZone);
  if (Temporal.Instant.compare(from, to) < 0 || !isDate(event.start)) return { from, to };
  return { from, to: from.toZonedDateTimeISO(timeZone).add({ days: 1 }).toInstant() };
}

function viewSlot(slot: TimeRange, timeZone: string) {
  const day = slot.from.toZonedDateTimeISO(timeZone).dayOfWeek;
  return {
    start: localTime(slot.from, timeZone),
    end: localTime(slot.to, timeZone),
    weekday: WEEKDAYS[day - 1] ?? 'Sunday',
    minutes: minutesOf(slot),
  };
}
