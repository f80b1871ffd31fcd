import type { CatchUp } from '../../contracts/reminder.js';

const WEEK_MS = 7 * 86_400_000;
/** What is left out when it is late still happens after a pause that nobody would call one. */
const GRACE_MS = 5 * 60_000;
const PARTS = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const SECONDS = [604_800, 86_400, 3_600, 60, 1] as const;

/** How late something may still happen, in milliseconds. */
export function windowMs(catchUp: CatchUp, window: string | null): number {
  if (window !== null) return durationMs(window);
  return catchUp === 'skip' ? GRACE_MS : WEEK_MS;
}

/** Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds. Throws a RangeError for any other. */
export function durationMs(text: string): number {
  const parts = PARTS.exec(text);
  if (parts === null) throw new RangeError(`${text} is no duration`);
  return SECONDS.reduce((sum, seconds, index) => sum + seconds * Number(parts[index + 1] ?? 0), 0) * 1000;
}
