import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent, NewCalendarEvent, VersionedEvent } from '../../contracts/services.js';
import { recurrenceStamp } from './calendar-occurrences.js';
import { changedLines } from './calendar-patch.js';
import { type EventGroup, type EventPlace, eventAt, locate, readEvent, versionOf } from './calendar-read.js';
import { type IcsDocument, parseCalendarText, splice, type TextChange } from './calendar-text.js';
import { exclusionLine } from './calendar-write.js';

/** What an edit makes of a calendar; `text` is null when nothing has to be written. */
export interface Change<T> {
  readonly text: string | null;
  readonly result: T;
}

const TextChangeSchema = z.strictObject({ start: z.int().min(0), end: z.int().min(0), insert: z.string() });

/** What was removed: the changes that take it back, valid for the text they were made in, which `left` is the hash of. */
const RemovedSchema = z.strictObject({
  id: z.string(),
  occurrence: z.boolean(),
  left: z.string(),
  inverse: z.array(TextChangeSchema),
});
type Removed = z.infer<typeof RemovedSchema>;

/** Adds a VEVENT, unless there is one of this id. */
export function insertEvent(document: IcsDocument, id: string, block: string): Change<CalendarEvent> {
  const existing = locate(document, id);
  if (existing?.stamp === null) return { text: null, result: readEvent(document, existing.group) };
  const insert = block.replaceAll('\r\n', document.lineBreak);
  const text = splice(document.text, [{ start: document.lastLine, end: document.lastLine, insert }]);
  return { text, result: readBack(text, id).event };
}

/** Replaces the named fields of an event that does not repeat; its other properties stay as they are. */
export function updateEvent(
  document: IcsDocument,
  id: string,
  patch: Partial<NewCalendarEvent>,
  ifVersion: string,
): Change<VersionedEvent> {
  const { place, event, version } = requireEvent(document, id);
  requireVersion(event.title, version, ifVersion);
  const master = place.stamp === null && !repeats(place.group) ? place.group.master : undefined;
  if (master === undefined) throw repeating(event.title);
  const changes = changedLines(document, master, event, { ...event, ...patch }, new Date());
  if (changes.length === 0) return { text: null, result: { event, version } };
  const text = splice(document.text, changes);
  return { text, result: readBack(text, id) };
}

/** Cuts an event out, or excludes one occurrence of a repeating event, whether it was changed or not. */
export function removeEvent(document: IcsDocument, id: string, ifVersion: string | undefined): Change<string | null> {
  const place = locate(document, id);
  if (!isThere(document, place)) return { text: null, result: null };
  if (ifVersion !== undefined) requireVersion(id, versionOf(document, place.group), ifVersion);
  const changes = place.stamp === null ? cuts(place.group.blocks) : exclusion(document, place.group, place.stamp);
  const text = splice(document.text, changes);
  const removed: Removed = {
    id,
    occurrence: place.stamp !== null,
    left: hashOf(text),
    inverse: inverse(document.text, changes),
  };
  return { text, result: JSON.stringify(removed) };
}

/** Takes a removal back: exactly where the file is still as the removal left it, else as far as that can be told. */
export function restoreEvent(document: IcsDocument, removed: string): Change<undefined> {
  const { id, occurrence, left, inverse: changes } = RemovedSchema.parse(JSON.parse(removed));
  const place = locate(document, id);
  if (isThere(document, place)) return { text: null, result: undefined };
  if (occurrence && place === undefined) throw cannotRestore('the repeating event it belongs to is gone');
  const exactly = hashOf(document.text) === left;
  const text = splice(document.text, exactly ? changes : movedChanges(document, place, changes));
  const after = parseCalendarText(text);
  if (!isThere(after, locate(after, id))) throw cannotRestore('the calendar was changed since');
  return { text, result: undefined };
}

/** The event and its place; throws `ProblemError` `not-found`. */
export function requireEvent(document: IcsDocument, id: string): VersionedEvent & { readonly place: EventPlace } {
  const place = locate(document, id);
  const event = place === undefined ? undefined : eventAt(document, place);
  if (place === undefined || event === undefined) throw noEvent(id);
  return { place, event, version: versionOf(document, place.group) };
}

/** A whole event counts as there even where somebody marked it as cancelled. */
function isThere(document: IcsDocument, place: EventPlace | undefined): place is EventPlace {
  return place !== undefined && (place.stamp === null || eventAt(document, place) !== undefined);
}

/** The refusal for an id that no event has. */
export function noEvent(id: string): ProblemError {
  return new ProblemError('not-found', `the local calendar has no event ${id}`);
}

function requireVersion(name: string, version: string, ifVersion: string): void {
  if (version === ifVersion) return;
  throw new ProblemError('stale', `the event ${name} was changed since it was read; nothing was changed now`);
}

function repeats({ master, overrides }: EventGroup): boolean {
  return overrides.length > 0 || (master?.properties.some(({ name }) => name === 'RRULE' || name === 'RDATE') ?? true);
}

function repeating(title: string): ProblemError {
  return new ProblemError('conflict', `${title} is part of a repeating event; change it in your calendar program`);
}

function cannotRestore(reason: string): ProblemError {
  return new ProblemError('conflict', `the event cannot be put back: ${reason}`);
}

/** Reading back what will be written proves that the file stays whole. */
function readBack(text: string, id: string): VersionedEvent {
  const after = parseCalendarText(text);
  const place = locate(after, id);
  if (place === undefined) {
    throw new ProblemError('conflict', `the event ${id} cannot be written to the local calendar file`);
  }
  return { event: readEvent(after, place.group), version: versionOf(after, place.group) };
}

function cuts(stretches: readonly { readonly start: number; readonly end: number }[]): TextChange[] {
  return stretches.map(({ start, end }) => ({ start, end, insert: '' }));
}

function exclusion(document: IcsDocument, series: EventGroup, stamp: string): TextChange[] {
  const changed = series.overrides.filter((override) => recurrenceStamp(document, override) === stamp);
  const line = series.master?.lastLine;
  if (line === undefined) return cuts(changed);
  return [...cuts(changed), { start: line, end: line, insert: exclusionLine(stamp, document.lineBreak) }];
}

/** The changes that turn the result of `splice` back into `text`, last place first, so that neighbours keep their order. */
function inverse(text: string, changes: readonly TextChange[]): TextChange[] {
  let shift = 0;
  const undoing = changes
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, end, insert }) => {
      const from = start + shift;
      shift += insert.length - (end - start);
      return { start: from, end: from + insert.length, insert: text.slice(start, end) };
    });
  return undoing.toReversed();
}

/** The same in a text that was changed since: blocks go to the end, an exclusion is looked for in the series. */
function movedChanges(
  document: IcsDocument,
  place: EventPlace | undefined,
  changes: readonly TextChange[],
): TextChange[] {
  const blocks = changes.toReversed().map(({ insert }) => insert);
  const end = document.lastLine;
  const back = { start: end, end, insert: blocks.join('') };
  const properties = place?.group.master?.properties ?? [];
  const excluded = properties.filter(({ name, value }) => name === 'EXDATE' && value.trim() === place?.stamp);
  return [...cuts(excluded), back];
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
