import nodeIcal, { type EventInstance, type VEvent } from 'node-ical';
import { type IcsComponent, type IcsDocument, type IcsProperty, propertyOf, textOf } from './calendar-text.js';
import { addDays, formatInstant, isTimeZone, startOfDay } from './calendar-time.js';
import { TIME_ZONE_PROPERTY } from './calendar-write.js';

/** A repeating event is listed at most this often; its rule is looked at a year at a time until then, for 50 years. */
const MAX_OCCURRENCES = 1000;
const MAX_WINDOWS = 50;
const WINDOW_MS = 366 * 24 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;
/** Nobody's calendar; expanding such a rule would take for ever, so the event is listed once. */
const TOO_OFTEN = /FREQ=(SECONDLY|MINUTELY)/i;

/** Half-open range of instants in epoch milliseconds. */
export interface InstantRange {
  readonly from: number;
  readonly to: number;
}

/** One time at which an event takes place; `stamp` (UTC or date, basic format) tells the occurrences of an event apart. */
export interface Occurrence {
  readonly stamp: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly start: string;
  readonly end: string;
  readonly timeZone: string;
}

/** Which occurrence a changed one stands for. */
export function recurrenceStamp(document: IcsDocument, override: IcsComponent): string | null {
  const recurrence = propertyOf(override.properties, 'RECURRENCE-ID');
  if (recurrence === undefined) return null;
  const start = { ...recurrence, name: 'DTSTART', parameters: withoutRange(recurrence.parameters) };
  const parsed = parseVevent(document, [start]);
  return parsed === null ? null : (toOccurrence(document, override, parsed, parsed.start, parsed.start)?.stamp ?? null);
}

/** Whether an event at this time overlaps the range; one without length lies in it or not. */
export function overlaps(time: Occurrence, range: InstantRange): boolean {
  const endMs = Math.max(time.endMs, time.startMs + 1);
  return time.startMs < range.to && endMs > range.from;
}

/** When the event takes place in the range, without occurrences that are excluded or were changed. */
export function occurrencesOf(
  document: IcsDocument,
  master: IcsComponent,
  overrides: readonly IcsComponent[],
  range: InstantRange,
): Occurrence[] {
  const rule = propertyOf(master.properties, 'RRULE');
  const parsed =
    rule === undefined || TOO_OFTEN.test(rule.value) ? null : parseVevent(document, timeProperties(master, overrides));
  const repeated = parsed?.rrule === undefined ? null : expand(document, master, parsed, range);
  if (repeated !== null) return repeated;
  const once = firstTime(document, master);
  return once !== null && overlaps(once, range) ? [once] : [];
}

/** Null for a rule that never comes true: the library gives up after some thousands of steps. */
function expand(document: IcsDocument, master: IcsComponent, parsed: VEvent, range: InstantRange): Occurrence[] | null {
  const found = new Map<string, Occurrence>();
  const first = Math.max(range.from, parsed.start.getTime()) - 2 * DAY_MS;
  const last = Math.min(range.to, lastPossible(parsed), first + MAX_WINDOWS * WINDOW_MS) + 2 * DAY_MS;
  for (let from = first; from < last && found.size < MAX_OCCURRENCES; from += WINDOW_MS) {
    const instances = expandWindow(parsed, from, Math.min(from + WINDOW_MS, last));
    if (instances === null) return null;
    for (const instance of instances) {
      const time = toOccurrence(document, master, parsed, instance.start, instance.end);
      if (time !== null && overlaps(time, range) && found.size < MAX_OCCURRENCES) found.set(time.stamp, time);
    }
  }
  return [...found.values()];
}

function expandWindow(event: VEvent, from: number, to: number): EventInstance[] | null {
  try {
    return nodeIcal.expandRecurringEvent(event, { from: new Date(from), to: new Date(to), expandOngoing: true });
  } catch {
    return null;
  }
}

/** A rule may name its own end; without one only the range limits. */
function lastPossible(event: VEvent): number {
  const until = event.rrule?.options['until'];
  return until instanceof Date
    ? until.getTime() + (event.end ? event.end.getTime() - event.start.getTime() : 0)
    : Infinity;
}

/** The time of the component itself, whatever it repeats; null when it has none that can be read. */
export function firstTime(document: IcsDocument, component: IcsComponent): Occurrence | null {
  const parsed = parseVevent(document, pick(component, ['DTSTART', 'DTEND', 'DURATION']));
  return parsed === null ? null : toOccurrence(document, component, parsed, parsed.start, parsed.end ?? parsed.start);
}

/** What the library needs to repeat an event; a changed occurrence counts as excluded, because it is listed by itself. */
function timeProperties(master: IcsComponent, overrides: readonly IcsComponent[]): IcsProperty[] {
  const changed = overrides.flatMap((override) => pick(override, ['RECURRENCE-ID']));
  return [
    ...pick(master, ['DTSTART', 'DTEND', 'DURATION', 'RRULE']),
    ...master.properties.filter((property) => property.name === 'EXDATE'),
    ...changed.map((property) => ({ ...property, name: 'EXDATE', parameters: withoutRange(property.parameters) })),
  ];
}

function pick(component: IcsComponent, names: readonly string[]): IcsProperty[] {
  return names.flatMap((name) => propertyOf(component.properties, name) ?? []);
}

function withoutRange(parameters: string): string {
  return parameters.replace(/;RANGE=[^;:]*/i, '');
}

/**
 * Gives the library an event made of nothing but times: it repairs and merges other things (texts, UIDs) in ways that would
 * lose them. Null when there is no time it understands.
 */
function parseVevent(document: IcsDocument, properties: readonly IcsProperty[]): VEvent | null {
  const local = properties.map((property) => inCalendarZone(document, property));
  const zones = document.zones.filter((zone) => isUsed(zone, local));
  const lines = [
    'BEGIN:VCALENDAR',
    ...zones.map((zone) => document.text.slice(zone.start, zone.end).trimEnd()),
    'BEGIN:VEVENT',
    'UID:event',
    ...local.map(({ name, parameters, value }) => `${name}${parameters}:${value.trim()}`),
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  try {
    const event = nodeIcal.sync.parseICS(lines.join('\r\n'))['event'];
    if (event?.type !== 'VEVENT') return null;
    const { start } = event as VEvent;
    return start instanceof Date && !Number.isNaN(start.getTime()) ? (event as VEvent) : null;
  } catch {
    // A rule the library cannot read: the caller lists the event once.
    return null;
  }
}

function isUsed(zone: IcsComponent, properties: readonly IcsProperty[]): boolean {
  const tzid = textOf(zone.properties, 'TZID');
  return (
    tzid !== undefined &&
    properties.some((property) => property.parameters.replaceAll('"', '').includes(`TZID=${tzid}`))
  );
}

/** A time without zone means the calendar's zone if it names one, else the machine's. */
function inCalendarZone(document: IcsDocument, property: IcsProperty): IcsProperty {
  const zone = calendarZone(document);
  const isFloating = /^\d{8}T\d{6}(,|$)/.test(property.value.trim()) && !/;TZID=/i.test(property.parameters);
  return isFloating && zone !== undefined
    ? { ...property, parameters: `${property.parameters};TZID=${zone}` }
    : property;
}

function calendarZone(document: IcsDocument): string | undefined {
  const zone = textOf(document.properties, 'X-WR-TIMEZONE');
  return zone !== undefined && isTimeZone(zone) ? zone : undefined;
}

function zoneOf(document: IcsDocument, component: IcsComponent, event: VEvent): string {
  const own = textOf(component.properties, TIME_ZONE_PROPERTY);
  if (own !== undefined && isTimeZone(own)) return own;
  const { tz } = event.start;
  if (tz !== undefined && tz !== 'Etc/UTC' && isTimeZone(tz)) return tz;
  return calendarZone(document) ?? (tz === undefined ? Intl.DateTimeFormat().resolvedOptions().timeZone : 'UTC');
}

function toOccurrence(
  document: IcsDocument,
  component: IcsComponent,
  event: VEvent,
  start: Date,
  end: Date,
): Occurrence | null {
  const timeZone = zoneOf(document, component, event);
  if (event.datetype === 'date') return wholeDays(event, start, timeZone);
  if (Number.isNaN(end.getTime())) return null;
  const [startMs, endMs] = [start.getTime(), end.getTime()];
  const stamp = `${start.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  return {
    stamp,
    startMs,
    endMs,
    start: formatInstant(startMs, timeZone),
    end: formatInstant(endMs, timeZone),
    timeZone,
  };
}

/** The library keeps days as local midnights of this machine; counting in UTC keeps clock changes out of the length. */
function wholeDays(event: VEvent, start: Date, timeZone: string): Occurrence {
  const days = event.end === undefined ? 1 : Math.round((asUtc(event.end) - asUtc(event.start)) / DAY_MS);
  const first = new Date(asUtc(start)).toISOString().slice(0, 10);
  const last = addDays(first, Math.max(days, 1));
  const [startMs, endMs] = [startOfDay(first, timeZone), startOfDay(last, timeZone)];
  return { stamp: first.replaceAll('-', ''), startMs, endMs, start: first, end: last, timeZone };
}

function asUtc(local: Date): number {
  return Date.UTC(local.getFullYear(), local.getMonth(), local.getDate());
}
