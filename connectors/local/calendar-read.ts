import { createHash } from 'node:crypto';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent } from '../../contracts/services.js';
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

/** How an occurrence of a repeating event is called: UID, `#`, its start. */
const OCCURRENCE_ID = /^(.+)#(\d{8}(?:T\d{6}Z)?)$/s;
const DAY_MS = 24 * 3600 * 1000;

/** The VEVENTs of one UID: the event itself (the newest version) and single occurrences that somebody changed. */
export interface EventGroup {
  readonly uid: string;
  readonly master: IcsComponent | undefined;
  readonly overrides: readonly IcsComponent[];
  /** All of them as they stand in the text, older versions included. */
  readonly blocks: readonly IcsComponent[];
}

/** What an event id stands for: everything of a UID, or one occurrence of it. */
export interface EventPlace {
  readonly group: EventGroup;
  readonly stamp: string | null;
}

interface Entry {
  readonly startMs: number;
  readonly event: CalendarEvent;
}

interface OpenGroup {
  readonly uid: string;
  master: IcsComponent | undefined;
  readonly overrides: Map<string, IcsComponent>;
  readonly blocks: IcsComponent[];
}

/** Where an event of this id stands; undefined when nothing has its UID. An occurrence need not exist. */
export function locate(document: IcsDocument, id: string): EventPlace | undefined {
  const groups = groupEvents(document);
  const whole = groups.find((group) => group.uid === id);
  if (whole !== undefined) return { group: whole, stamp: null };
  const [, uid, stamp] = OCCURRENCE_ID.exec(id) ?? [];
  const series = groups.find((group) => group.uid === uid);
  return series === undefined || stamp === undefined ? undefined : { group: series, stamp };
}

/** The event at a place; undefined for an occurrence that does not take place and for what somebody cancelled. */
export function eventAt(document: IcsDocument, { group, stamp }: EventPlace): CalendarEvent | undefined {
  if (stamp !== null) return occurrenceAt(document, group, stamp);
  const component = group.master ?? group.overrides[0];
  return component === undefined || isCancelled(component) ? undefined : readEvent(document, group);
}

/** Differs as soon as anybody changes anything in the VEVENTs of the UID. */
export function versionOf(document: IcsDocument, group: EventGroup): string {
  const hash = createHash('sha256');
  for (const { start, end } of group.blocks) hash.update(document.text.slice(start, end));
  return hash.digest('hex');
}

/** Every event that overlaps the range, each occurrence of a repeating one with an id of its own (`UID#stamp`), by start. */
export function listEvents(document: IcsDocument, range: InstantRange): CalendarEvent[] {
  const found = groupEvents(document).flatMap((group) => [
    ...masterEntries(document, group, range),
    ...overrideEntries(document, group, (time) => overlaps(time, range)),
  ]);
  found.sort((a, b) => a.startMs - b.startMs || (a.event.id < b.event.id ? -1 : 1));
  return found.map(({ event }) => event);
}

/** Collects the VEVENTs by UID; those without one are left alone. */
function groupEvents(document: IcsDocument): EventGroup[] {
  const groups = new Map<string, OpenGroup>();
  for (const component of document.components) {
    const uid = component.name === 'VEVENT' ? textOf(component.properties, 'UID') : undefined;
    if (uid === undefined || uid === '') continue;
    const group: OpenGroup = groups.get(uid) ?? { uid, master: undefined, overrides: new Map(), blocks: [] };
    groups.set(uid, group);
    group.blocks.push(component);
    const recurrence = propertyOf(component.properties, 'RECURRENCE-ID');
    if (recurrence === undefined) group.master = newer(group.master, component);
    else group.overrides.set(recurrence.value, newer(group.overrides.get(recurrence.value), component));
  }
  return [...groups.values()].map((group) => ({ ...group, overrides: [...group.overrides.values()] }));
}

function masterEntries(document: IcsDocument, group: EventGroup, range: InstantRange): Entry[] {
  const { uid, master, overrides } = group;
  if (master === undefined || isCancelled(master)) return [];
  const repeats = propertyOf(master.properties, 'RRULE') !== undefined;
  return occurrencesOf(document, master, overrides, range).map((time) => ({
    startMs: time.startMs,
    event: toEvent(repeats ? `${uid}#${time.stamp}` : uid, master, time),
  }));
}

/** Changed occurrences stand for themselves, wherever they were moved to. */
function overrideEntries(document: IcsDocument, group: EventGroup, wanted: (time: Occurrence) => boolean): Entry[] {
  return group.overrides.flatMap((override) => {
    const time = isCancelled(override) ? null : firstTime(document, override);
    if (time === null || !wanted(time)) return [];
    const id = `${group.uid}#${recurrenceStamp(document, override) ?? time.stamp}`;
    return [{ startMs: time.startMs, event: toEvent(id, override, time) }];
  });
}

function occurrenceAt(document: IcsDocument, group: EventGroup, stamp: string): CalendarEvent | undefined {
  const day = Date.UTC(Number(stamp.slice(0, 4)), Number(stamp.slice(4, 6)) - 1, Number(stamp.slice(6, 8)));
  // Zones differ from UTC by less than a day.
  const near = { from: day - 2 * DAY_MS, to: day + 3 * DAY_MS };
  const entries = [...overrideEntries(document, group, () => true), ...masterEntries(document, group, near)];
  return entries.find(({ event }) => event.id === `${group.uid}#${stamp}`)?.event;
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
