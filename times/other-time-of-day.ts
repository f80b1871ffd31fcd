import { Temporal } from 'temporal-polyfill';
import type { Recurrence } from './occurrences.js';
import { wallClock, wallText } from './wall-clock.js';

/**
 * A recurrence on the same days at another time of day: the one of the wall-clock time `local`, on the clock of `zone`. Times
 * of day that the rule names itself go, and its end moves along, so that the last day stays the last. Hourly and minutely
 * rules have no time of day of their own: they keep their steps and begin at `local`. Whether the outcome can be followed
 * is for `ruleProblem` to say.
 */
export function atOtherTimeOfDay(
  former: Recurrence,
  meant: { readonly local: string; readonly zone: string },
): Recurrence {
  const { local, zone } = meant;
  if (/FREQ=(?:HOURLY|MINUTELY)/i.test(former.rrule)) return { rrule: former.rrule, start: local, zone };
  const before = Temporal.PlainDateTime.from(former.start);
  const after = before.withPlainTime(Temporal.PlainDateTime.from(local).toPlainTime());
  const rrule = former.rrule
    .trim()
    .replace(/^RRULE:/i, '')
    .split(';')
    .filter((part) => !/^BY(?:HOUR|MINUTE)=/i.test(part))
    .map((part) =>
      part.replace(/^UNTIL=(.*T.*)$/i, (_part, end: string) => `UNTIL=${moved(end, former.zone, before.until(after))}`),
    )
    .join(';');
  return { rrule, start: wallText(after), zone };
}

/** The end of a rule so much later, as wall-clock time. */
function moved(end: string, zone: string, by: Temporal.Duration): string {
  const isMoment = /z$/i.test(end);
  const wall = isMoment
    ? wallClock(Temporal.Instant.from(end.toUpperCase()).epochMilliseconds, zone)
    : Temporal.PlainDateTime.from(end.toUpperCase());
  return wallText(wall.add(by)).replace(/[-:]/g, '');
}
