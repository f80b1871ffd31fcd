import { Temporal } from 'temporal-polyfill';
import { type JsonRecord, stringOf } from './json.js';
import type { Setting } from './setting.js';

function zoned(text: string, zone: string): Temporal.ZonedDateTime | undefined {
  try {
    return Temporal.Instant.from(text).toZonedDateTimeISO(zone);
  } catch {
    return undefined;
  }
}

/** A day or an instant in words, in the user's zone; anything else as it is. */
export function whenText(value: string, setting: Setting): string {
  const time = zoned(value, setting.timeZone);
  if (time) return `${dayText(time.toPlainDate())}, ${clockText(time)}`;
  try {
    return dayText(Temporal.PlainDate.from(value));
  } catch {
    return value;
  }
}

/** A day in words, with its weekday. */
export function dayText(date: Temporal.PlainDate): string {
  return date
    .toLocaleString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
    .replace(/^(\p{L}+) /u, '$1, ');
}

/** Hour and minute, each with two digits. */
export function clockText(time: Temporal.ZonedDateTime): string {
  return `${String(time.hour).padStart(2, '0')}:${String(time.minute).padStart(2, '0')}`;
}

/** One event with its local times. */
export function eventText(event: JsonRecord, setting: Setting): string {
  const title = stringOf(event, 'title', 'summary') ?? 'untitled';
  const [start, end] = [stringOf(event, 'start'), stringOf(event, 'end')];
  const zone = setting.timeZone;
  const last = end === undefined ? undefined : zoned(end, zone);
  const first = start === undefined ? undefined : zoned(start, zone);
  if (!first) return start === undefined ? title : `${title}, ${whenText(start, setting)}`;
  const until = last
    ? `–${last.toPlainDate().equals(first.toPlainDate()) ? '' : `${dayText(last.toPlainDate())}, `}${clockText(last)}`
    : '';
  return `${title}, ${dayText(first.toPlainDate())}, ${clockText(first)}${until} (${zone})`;
}
