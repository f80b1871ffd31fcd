import { Temporal } from 'temporal-polyfill';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarConnector, CalendarEvent, VersionedEvent } from '../../contracts/services.js';

/** A calendar in memory; the events given stand in it already. */
export interface FakeCalendar extends CalendarConnector {
  readonly events: ReadonlyMap<string, CalendarEvent>;
}

/** Whole days are days of this zone; `ownOnly` refuses users that there are none of. */
export function fakeCalendar(
  timeZone: string,
  given: readonly CalendarEvent[],
  ownOnly: (user: string) => void,
): FakeCalendar {
  const events = new Map(given.map((event) => [event.id, event]));
  const found = (user: string, id: string): VersionedEvent => {
    ownOnly(user);
    const event = events.get(id);
    if (event === undefined) throw new ProblemError('not-found', `There is no event ${id}.`);
    return { event, version: versionOf(event) };
  };
  return {
    route: 'the calendar file on this machine; Google Calendar is not connected',
    events,
    async list(user, range) {
      ownOnly(user);
      const [from, to] = [epoch(range.from, timeZone), epoch(range.to, timeZone)];
      return [...events.values()]
        .filter((event) => epoch(event.start, timeZone) < to && epoch(event.end, timeZone) > from)
        .toSorted((a, b) => epoch(a.start, timeZone) - epoch(b.start, timeZone));
    },
    get: async (user, id) => found(user, id),
    async create(user, id, event, beforeWrite) {
      ownOnly(user);
      const present = events.get(id);
      if (present !== undefined) return present;
      beforeWrite?.();
      events.set(id, { ...event, id });
      return { ...event, id };
    },
    async update(user, id, patch, ifVersion, beforeWrite) {
      const { event, version } = found(user, id);
      requireVersion(version, ifVersion);
      beforeWrite?.();
      const { description = '', ...changed } = { ...event, ...patch };
      events.set(id, { ...changed, ...(description === '' ? {} : { description }) });
      return found(user, id);
    },
    async remove(user, id, ifVersion, beforeWrite) {
      ownOnly(user);
      const event = events.get(id);
      if (event === undefined) return null;
      requireVersion(versionOf(event), ifVersion ?? versionOf(event));
      beforeWrite?.();
      events.delete(id);
      return JSON.stringify(event);
    },
    async restore(user, removed) {
      ownOnly(user);
      const event = JSON.parse(removed) as CalendarEvent;
      if (!events.has(event.id)) events.set(event.id, event);
    },
  };
}

function versionOf(event: CalendarEvent): string {
  return `v:${JSON.stringify(event)}`;
}

function requireVersion(version: string, ifVersion: string): void {
  if (version !== ifVersion) throw new ProblemError('stale', 'The event was changed since it was read.');
}

function epoch(time: string, timeZone: string): number {
  if (time.includes('T')) return Temporal.Instant.from(time).epochMilliseconds;
  return Temporal.PlainDate.from(time).toZonedDateTime({ timeZone }).epochMilliseconds;
}
