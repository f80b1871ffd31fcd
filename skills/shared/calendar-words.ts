import { Temporal } from 'temporal-polyfill';
import type { CalendarEvent } from '../../contracts/services.js';
import { isDate } from './calendar-time.js';

/** When something takes place. */
export type EventTimes = Pick<CalendarEvent, 'start' | 'end' | 'timeZone'>;

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** The time on the clocks of the event's zone, and of the reader's zone where that is another one. */
export function whenWords(times: EventTimes, readerZone: string): { there: string; here?: string } {
  if (isDate(times.start)) return { there: dayWords(times) };
  const there = clockWords(times, times.timeZone);
  return times.timeZone === readerZone ? { there } : { there, here: clockWords(times, readerZone) };
}

/** `whenWords` on one line. */
export function whenLine(times: EventTimes, readerZone: string): string {
  const { there, here } = whenWords(times, readerZone);
  return here === undefined ? there : `${there}; in your time zone ${here}`;
}

/** The time as the reader's clock shows it. */
export function localWords(times: EventTimes, readerZone: string): string {
  return isDate(times.start) ? dayWords(times) : clockWords(times, readerZone);
}

/** The end of a whole-day event is the first day after it. */
function dayWords({ start, end }: EventTimes): string {
  const first = Temporal.PlainDate.from(start);
  const last = Temporal.PlainDate.from(end).subtract({ days: 1 });
  if (Temporal.PlainDate.compare(first, last) >= 0) return `${dateWords(first)}, the whole day`;
  return `${dateWords(first)} to ${dateWords(last)}, whole days`;
}

function clockWords({ start, end }: EventTimes, timeZone: string): string {
  const from = Temporal.Instant.from(start).toZonedDateTimeISO(timeZone);
  const to = Temporal.Instant.from(end).toZonedDateTimeISO(timeZone);
  const until = from.toPlainDate().equals(to.toPlainDate()) ? timeWords(to) : `${dateWords(to)}, ${timeWords(to)}`;
  const offsets = from.offset === to.offset ? `UTC${from.offset}` : `UTC${from.offset}, then UTC${to.offset}`;
  return `${dateWords(from)}, ${timeWords(from)} to ${until} (${timeZone}, ${offsets})`;
}

function dateWords(date: { dayOfWeek: number; day: number; month: number; year: number }): string {
  return `${WEEKDAYS[date.dayOfWeek - 1] ?? ''}, ${date.day} ${MONTHS[date.month - 1] ?? ''} ${date.year}`;
}

function timeWords(time: Temporal.ZonedDateTime): string {
  return time.toPlainTime().toString({ smallestUnit: time.second === 0 ? 'minute' : 'second' });
}
