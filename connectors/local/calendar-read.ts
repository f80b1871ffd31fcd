import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent } from '../../contracts/skill.js';
import {
  firstTime,
  type InstantRange,
  type Occurrence,
  occurrencesOf,
  overlaps,
  recurrenceStamp,
} from './calendar-occurrences.js';
import { type IcsComponent, type IcsDocument, propertyOf, textOf, unescapeText } from './calendar-text.js';
import { ATTENDEE_PROPERTY, isAddress } from './calendar-write.js';

/** The VEVENTs of one UID: the event itself (the newest version) and single occurrences that somebody changed. */
export interface EventGroup {
  readonly uid: string;
  readonly master: IcsComponent | undefined;
  readonly overrides: readonly IcsComponent[];
}

/** Collects the VEVENTs by UID; those without one are left alone. */
export function groupEvents(document: IcsDocument): EventGroup[] {
  const groups = new Map<
    string,
    { uid: string; master: IcsComponent | undefined; overrides: Map<string, IcsComponent> }
  >();
  for (const component of document.components) {
    const uid = component.name === 'VEVENT' ? textOf(component.properties, 'UID') : undefined;
    if (uid === undefined || uid === '') continue;
    const group = groups.get(uid) ?? { uid, master: undefined, overrides: new Map<string, IcsComponent>() };
    groups.set(uid, group);
    const recurrence = propertyOf(component.properties, 'RECURRENCE-ID');
    if (recurrence === undefined) group.master = newer(group.master, component);
    else group.overrides.set(recurrence.value, newer(group.overrides.get(recurrence.value), component));
  }
  return [...groups.values()].map((group) => ({ ...group, overrides: [...group.overrides.values()] }));
}

/** Every event that overlaps the range, each occurrence of a repeating one with an id of its own (`UID#stamp`), by start. */
export function listEvents(document: IcsDocument, range: InstantRange): CalendarEvent[] {
  const found: { startMs: number; event: CalendarEvent }[] = [];
  for (const group of groupEvents(document)) {
    if (group.master !== undefined && !isCancelled(group.master)) {
      const repeats = propertyOf(group.master.properties, 'RRULE') !== undefined;
      for (const time of occurrencesOf(document, group.master, group.overrides, range)) {
        const id = repeats ? `${group.uid}#${time.stamp}` : group.uid;
        found.push({ startMs: time.startMs, event: toEvent(id, group.master, time) });
      }
    }
    for (const override of group.overrides.filter((component) => !isCancelled(component))) {
      const time = firstTime(document, override);
      if (time === null || !overlaps(time, range)) continue;
      const id = `${group.uid}#${recurrenceStamp(document, override) ?? time.stamp}`;
      found.push({ startMs: time.startMs, event: toEvent(id, override, time) });
    }
  }
  found.sort((a, b) => a.startMs - b.startMs || (a.event.id < b.event.id ? -1 : 1));
  return found.map(({ event }) => event);
}

/** The event itself, at its first time; throws `ProblemError` `conflict` if its time cannot be read. */
export function readEvent(document: IcsDocument, group: EventGroup): CalendarEvent {
  const component = group.master ?? group.overrides[0];
  const time = component === undefined ? null : firstTime(document, component);
  if (component === undefined || time === null) {
    throw new ProblemError('conflict', `the local calendar has an event ${group.uid} whose time cannot be read`);
  }
  return toEvent(group.uid, component, time);
}

function newer(one: IcsComponent | undefined, other: IcsComponent): IcsComponent {
  return one !== undefined && sequenceOf(one) > sequenceOf(other) ? one : other;
}

function sequenceOf(component: IcsComponent): number {
  return Number(propertyOf(component.properties, 'SEQUENCE')?.value ?? 0) || 0;
}

function isCancelled(component: IcsComponent): boolean {
  return propertyOf(component.properties, 'STATUS')?.value.trim().toUpperCase() === 'CANCELLED';
}

function toEvent(id: string, component: IcsComponent, time: Occurrence): CalendarEvent {
  const description = textOf(component.properties, 'DESCRIPTION');
  return {
    id,
    title: textOf(component.properties, 'SUMMARY') ?? '',
    start: time.start,
    end: time.end,
    timeZone: time.timeZone,
    attendees: attendeesOf(component),
    ...(description === undefined || description === '' ? {} : { description }),
  };
}

/** People in the order they were given; addresses count only as far as another program has left them in the event. */
function attendeesOf(component: IcsComponent): string[] {
  const valuesOf = (name: string): string[] =>
    component.properties.filter((property) => property.name === name).map((property) => unescapeText(property.value));
  const addresses = valuesOf('ATTENDEE').map((value) => value.replace(/^mailto:/i, ''));
  const ordered = valuesOf(ATTENDEE_PROPERTY).filter((name) => !isAddress(name) || addresses.includes(name));
  return [...ordered, ...addresses.filter((address) => !ordered.includes(address))];
}
