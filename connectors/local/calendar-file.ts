import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import { writeFileAtomically } from './atomic-write.js';
import type { Change } from './calendar-change.js';
import { type IcsDocument, parseCalendarText } from './calendar-text.js';
import { emptyCalendar } from './calendar-write.js';
import { type HeldLock, withFileLock } from './file-lock.js';
import { systemErrorCode } from './system-error.js';

const FILE_NAME = 'calendar.ics';
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const LOCK_WAIT_MS = 10_000;
const WRITE_ATTEMPTS = 5;

/** What a file was when it was read; another program that saves in between changes it. */
interface FileText {
  readonly text: string;
  readonly version: string;
}

/** Thrown inside a write when the file is no longer the one that was read. */
class FileChanged extends Error {}

/** The calendar of a folder; null where none is yet. */
export async function readCalendarFile(folder: string): Promise<IcsDocument | null> {
  const file = await readText(join(folder, FILE_NAME));
  return file === null ? null : parseCalendarText(file.text);
}

/**
 * Reads, changes and replaces the file under its lock; starts over when another program saved it meanwhile.
 * `beforeWrite` is called right before the new text takes the old one's place; when it throws, nothing has changed.
 */
export async function changeCalendarFile<T>(
  folder: string,
  edit: (document: IcsDocument) => Change<T>,
  beforeWrite?: () => void,
): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = await followLink(join(folder, FILE_NAME));
  return withFileLock(join(folder, `${FILE_NAME}.lock`), { waitMs: LOCK_WAIT_MS }, async (lock) => {
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const before = await readText(path);
      const { text, result } = edit(parseCalendarText(before?.text ?? emptyCalendar()));
      if (text === null) return result;
      if (await replace(path, text, () => lastCheck(path, before, lock, beforeWrite))) return result;
    }
    throw new ProblemError('unavailable', 'another program keeps saving the local calendar file; nothing was changed');
  });
}

async function lastCheck(
  path: string,
  before: FileText | null,
  lock: HeldLock,
  beforeWrite: (() => void) | undefined,
): Promise<void> {
  await lock.assertHeld();
  if ((await versionOf(path)) !== (before?.version ?? null)) throw new FileChanged();
  beforeWrite?.();
}

/** False when the file is no longer the one that was read. */
async function replace(path: string, text: string, check: () => Promise<void>): Promise<boolean> {
  try {
    await writeFileAtomically(path, text, check);
    return true;
  } catch (error) {
    if (error instanceof FileChanged) return false;
    throw error;
  }
}

/** Null where no calendar is yet; an empty file counts as none. */
async function readText(path: string): Promise<FileText | null> {
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
