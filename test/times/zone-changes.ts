import { Temporal } from 'temporal-polyfill';

/** A change of a zone's clocks, with its offsets before and after in minutes; moments in milliseconds since 1970. */
export interface ZoneChange {
  readonly zone: string;
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

export const ZONES = Intl.supportedValuesOf('timeZone');

/** All changes of a zone from 2026 to 2028, read from the platform's own calendar. */
export function changesOf(zone: string): ZoneChange[] {
  const end = Date.UTC(2029, 0, 1);
  const changes: ZoneChange[] = [];
  let at = Temporal.Instant.from('2026-01-01T00:00:00Z').toZonedDateTimeISO(zone).getTimeZoneTransition('next');
  while (at !== null && at.epochMilliseconds < end) {
    const moment = at.epochMilliseconds;
    changes.push({ zone, at: moment, before: offsetAt(moment - 1000, zone), after: offsetAt(moment, zone) });
    at = at.getTimeZoneTransition('next');
  }
  return changes.filter(({ before, after }) => before !== after);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The offset of a zone as Intl shows it, in minutes. */
export function offsetAt(at: number, zone: string): number {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  formats.set(zone, format);
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return (Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000) / 60_000;
}

/**
 * The moment a wall clock, counted as if it were UTC, stands for near a change: the first one at which the zone's clock
 * shows it, or, where none does, the one that the offset before the change gives.
 */
export function expectedMoment(wall: number, change: ZoneChange): number {
  const [first, second] = [wall - change.before * 60_000, wall - change.after * 60_000];
  const shows = (at: number) => at + offsetAt(at, change.zone) * 60_000 === wall;
  return [Math.min(first, second), Math.max(first, second)].find(shows) ?? first;
}

/** The same numbers from 0 to 1 in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
