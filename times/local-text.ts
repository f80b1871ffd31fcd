import { Temporal } from 'temporal-polyfill';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** A moment (milliseconds since 1970) on the wall clock of a zone, for people: `Mon 23 Nov 2026, 09:00 (Europe/Berlin)`. */
export function localText(at: number, zone: string): string {
  const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const clock = `${two(shown.hour)}:${two(shown.minute)}${shown.second === 0 ? '' : `:${two(shown.second)}`}`;
  return `${DAYS[shown.dayOfWeek - 1]} ${shown.day} ${MONTHS[shown.month - 1]} ${shown.year}, ${clock} (${zone})`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
