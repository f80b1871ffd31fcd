import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarConnector, CalendarEvent } from '../../contracts/skill.js';
import { writeFileAtomically } from './atomic-write.js';
import { recurrenceStamp } from './calendar-occurrences.js';
import { type EventGroup, groupEvents, listEvents, readEvent } from './calendar-read.js';
import { type IcsDocument, parseCalendarText, splice } from './calendar-text.js';
import { parseInstant } from './calendar-time.js';
import { emptyCalendar, eventBlock, exclusionLine } from './calendar-write.js';
import { type HeldLock, withFileLock } from './file-lock.js';
import { createQueues } from './queues.js';
import { systemErrorCode } from './system-error.js';
import { userFolder } from './user-folder.js';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const LOCK_WAIT_MS = 10_000;
const WRITE_ATTEMPTS = 5;
/** How an occurrence of a repeating event is called: UID, `#`, its start. */
const OCCURRENCE_ID = /^(.+)#(\d{8}(?:T\d{6}Z)?)$/s;

/** What a file was when it was read; another program that saves in between changes it. */
interface FileText {
  readonly text: string;
  readonly version: string;
}

/** Thrown inside a write when the file is no longer the one that was read. */
class FileChanged extends Error {}

/**
 * The stand-in for a calendar service: one iCalendar file a user, `<root>/<user>/calendar.ics`, that any calendar program
 * can open and edit. Our events are inserted into and cut out of its text, so everything else in it stays as it is, byte for
 * byte. Writes are atomic and exclude each other within and between processes; a damaged file is refused with a
 * `ProblemError` `conflict` and never written. `create` takes RFC 3339 times with offset, or dates (the end is exclusive).
 */
export function createLocalCalendar({ root }: { root: string }): CalendarConnector {
  const inTurn = createQueues();

  return {
    route: 'the local calendar file (Google Calendar is not connected)',

    async list(user, range) {
      const span = { from: parseInstant(range.from, 'from'), to: parseInstant(range.to, 'to') };
      const file = await readCalendar(join(userFolder(root, user), 'calendar.ics'));
      return file === null ? [] : listEvents(parseCalendarText(file.text), span);
    },

    async create(user, id, event) {
      const block = eventBlock(id, event, new Date());
      return inTurn(user, () => change(userFolder(root, user), (document) => insertEvent(document, id, block)));
    },

    async remove(user, id) {
      await inTurn(user, () =>
        change(userFolder(root, user), (document) => ({ text: removeEvent(document, id), result: undefined })),
      );
    },
  };
}

/** `text` is null when nothing has to be written. */
interface Change<T> {
  readonly text: string | null;
  readonly result: T;
}

/** Reads, changes and replaces the file under its lock; starts over when another program saved it meanwhile. */
async function change<T>(folder: string, edit: (document: IcsDocument) => Change<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = await followLink(join(folder, 'calendar.ics'));
  return withFileLock(join(folder, 'calendar.ics.lock'), { waitMs: LOCK_WAIT_MS }, async (lock) => {
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const before = await readCalendar(path);
      const { text, result } = edit(parseCalendarText(before?.text ?? emptyCalendar()));
      if (text === null || (await replace(path, before, text, lock))) return result;
    }
    throw new ProblemError('unavailable', 'another program keeps saving the local calendar file; nothing was changed');
  });
}

/** False when the file is no longer the one that was read. */
async function replace(path: string, before: FileText | null, text: string, lock: HeldLock): Promise<boolean> {
  try {
    await writeFileAtomically(path, text, async () => {
      await lock.assertHeld();
      if ((await versionOf(path)) !== (before?.version ?? null)) throw new FileChanged();
    });
    return true;
  } catch (error) {
    if (error instanceof FileChanged) return false;
    throw error;
  }
}

function insertEvent(document: IcsDocument, id: string, block: string): Change<CalendarEvent> {
  const existing = findGroup(document, id);
  if (existing !== undefined) return { text: null, result: readEvent(document, existing) };
  const insert = block.replaceAll('\r\n', document.lineBreak);
  const text = splice(document.text, [{ start: document.lastLine, end: document.lastLine, insert }]);
  // Reading back what will be written proves that the file stays whole.
  const after = parseCalendarText(text);
  const created = findGroup(after, id);
  if (created === undefined)
    throw new ProblemError('conflict', `the event ${id} cannot be written to the local calendar file`);
  return { text, result: readEvent(after, created) };
}

/** The text without the event, or null when it is not there. */
function removeEvent(document: IcsDocument, id: string): string | null {
  const group = findGroup(document, id);
  if (group !== undefined) return splice(document.text, blocksOf(document, group.uid));
  const [, uid, stamp] = OCCURRENCE_ID.exec(id) ?? [];
  const series = uid === undefined ? undefined : findGroup(document, uid);
  return series === undefined || stamp === undefined ? null : removeOccurrence(document, series, stamp);
}

/** Takes one occurrence out of a repeating event of another program, whether it was changed or not. */
function removeOccurrence(document: IcsDocument, series: EventGroup, stamp: string): string {
  const changed = series.overrides.filter((override) => recurrenceStamp(document, override) === stamp);
  const cuts = changed.map(({ start, end }) => ({ start, end, insert: '' }));
  const line = series.master?.lastLine;
  const exclusion =
    line === undefined ? [] : [{ start: line, end: line, insert: exclusionLine(stamp, document.lineBreak) }];
  return splice(document.text, [...cuts, ...exclusion]);
}

/** Every VEVENT of the UID, older versions included. */
function blocksOf(document: IcsDocument, uid: string): { start: number; end: number; insert: string }[] {
  const blocks = document.components.filter(
    (component) => groupEvents({ ...document, components: [component] })[0]?.uid === uid,
  );
  return blocks.map(({ start, end }) => ({ start, end, insert: '' }));
}

function findGroup(document: IcsDocument, uid: string): EventGroup | undefined {
  return groupEvents(document).find((group) => group.uid === uid);
}

/** Null where no calendar is yet; an empty file counts as none. */
async function readCalendar(path: string): Promise<FileText | null> {
  let bytes: Buffer;
  const version = await versionOf(path);
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
  if (version === null) return null;
  return bytes.length === 0 ? { text: emptyCalendar(), version } : { text: decode(bytes), version };
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const detail =
      'the local calendar file is damaged: it is not UTF-8 text; repair it or move it away, nothing was changed';
    throw new ProblemError('conflict', detail, { cause: error });
  }
}

/** Changes whenever the file is written or replaced; null where there is none. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    if (size > MAX_FILE_BYTES) throw new ProblemError('too-large', 'the local calendar file is larger than 16 MiB');
    return `${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** People link the file into a folder they synchronise; the link stays, its target is replaced. */
async function followLink(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return path;
    throw error;
  }
}
