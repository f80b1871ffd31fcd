import { Temporal } from 'temporal-polyfill';

/** What a change of the clocks did to a wall-clock time: it was left out that day, or came twice. */
export type ClockChange = 'skipped' | 'repeated';

interface WallMoment {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly clockChange?: ClockChange;
}

/**
 * The moment a wall clock in a zone shows a time. A time that the clocks skip moves forward by the length of the gap;
 * of a time that comes twice the first counts. Throws a RangeError where the zone is unknown.
 */
export function atWallClock(wall: Temporal.PlainDateTime, zone: string): WallMoment {
  const shown = wall.toZonedDateTime(zone, { disambiguation: 'compatible' });
  const at = shown.epochMilliseconds;
  if (!shown.toPlainDateTime().equals(wall)) return { at, clockChange: 'skipped' };
  const again = wall.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds;
  return again === at ? { at } : { at, clockChange: 'repeated' };
}

/** What the wall clock of a zone shows at a moment, in milliseconds since 1970. */
export function wallClock(at: number, zone: string): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDateTime();
}

/** A wall-clock time as text, `2026-11-25T09:00:00`. */
export function wallText(wall: Temporal.PlainDateTime): string {
  return wall.toString({ smallestUnit: 'second' });
}

/** As `wallClock`, as text: `2026-11-25T09:00:00`. */
export function wallTextAt(at: number, zone: string): string {
  return wallText(wallClock(at, zone));
}

/** The moment of a wall-clock time given as such a text, in milliseconds since 1970; see `atWallClock`. */
export function momentAt(local: string, zone: string): number {
  return atWallClock(Temporal.PlainDateTime.from(local), zone).at;
}
