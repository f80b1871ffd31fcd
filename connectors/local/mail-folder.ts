import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import { lstatOrNull, systemErrorCode } from './system-error.js';
import { userFolder } from './user-folder.js';

const EXTENSION = '.eml';
const MAX_NAME_BYTES = 250;
/** Larger files are not mails anybody reads here. */
export const MAX_MAIL_BYTES = 10 * 1024 * 1024;
/** A folder may hold more files; only the newest are looked at. */
const MAX_FILES = 2000;
const AT_ONCE = 64;
/** A named pipe must not block the reader; a link put there after the check must not be followed. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export type MailBox = 'inbox' | 'drafts' | 'outbox';

/** A file that may hold a mail; `id` is its name without `.eml`. */
export interface MailFile {
  readonly id: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** `<root>/<user>/mail/<box>`; throws `ProblemError` `conflict` where a symbolic link would lead out of the user's folder. */
export async function mailFolder(root: string, user: string, box: MailBox): Promise<string> {
  const mail = join(userFolder(root, user), 'mail');
  for (const folder of [mail, join(mail, box)]) {
    if ((await lstatOrNull(folder))?.isSymbolicLink())
      throw new ProblemError('conflict', `the local mail folder ${box} is a symbolic link; make it a folder`);
  }
  return join(mail, box);
}

/** As `mailFolder`, and makes it. */
export async function makeMailFolder(root: string, user: string, box: MailBox): Promise<string> {
  const folder = await mailFolder(root, user, box);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Whether `<id>.eml` is a name inside the folder that `listMailFiles` could have given out. */
export function isMailId(id: string): boolean {
  const isName = id.length > 0 && id.isWellFormed() && !/[/\\\p{Cc}]/u.test(id) && !id.startsWith('.');
  return isName && Buffer.byteLength(id) <= MAX_NAME_BYTES;
}

export function mailPath(folder: string, id: string): string {
  return join(folder, `${id}${EXTENSION}`);
}

/** The newest 2,000 `.eml` files by time of change; links, folders, empty and too large files are left out. */
export async function listMailFiles(folder: string): Promise<MailFile[]> {
  const ids = (await readNames(folder))
    .filter((name) => name.endsWith(EXTENSION))
    .map((name) => name.slice(0, -EXTENSION.length))
    .filter(isMailId);
  const files = await mapSome(ids, (id) => describeFile(folder, id));
  return files
    .filter((file) => file !== null)
    .toSorted((a, b) => b.mtimeMs - a.mtimeMs || (a.id < b.id ? -1 : 1))
    .slice(0, MAX_FILES);
}

/** Runs `work` over all items, a few at the same time, and keeps their order. */
export async function mapSome<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  return results;
}

/** The first `maxBytes` of an ordinary file and whether that is all; `not-a-file` for links, pipes and folders. */
export async function readStart(
  path: string,
  maxBytes: number,
): Promise<{ bytes: Buffer; isWhole: boolean } | 'absent' | 'not-a-file'> {
  const stats = await lstatOrNull(path);
  if (stats === null) return 'absent';
  if (!stats.isFile()) return 'not-a-file';
  const file = await openUnlinked(path);
  if (typeof file === 'string') return file;
  try {
    return await readFrom(file, maxBytes);
  } finally {
    await file.close();
  }
}

async function openUnlinked(path: string): Promise<FileHandle | 'absent' | 'not-a-file'> {
  try {
    return await open(path, READ_FLAGS);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return 'absent';
    if (code === 'ELOOP') return 'not-a-file';
    throw error;
  }
}

async function readFrom(file: FileHandle, maxBytes: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const buffer = Buffer.alloc(Math.min((await file.stat()).size, maxBytes) + 1);
  let used = 0;
  while (used < buffer.length) {
    const { bytesRead } = await file.read(buffer, used, buffer.length - used, used);
    if (bytesRead === 0) return { bytes: buffer.subarray(0, used), isWhole: true };
    used += bytesRead;
  }
  return { bytes: buffer.subarray(0, used - 1), isWhole: false };
}

async function describeFile(folder: string, id: string): Promise<MailFile | null> {
  const path = mailPath(folder, id);
  const stats = await lstatOrNull(path);
  if (stats === null || !stats.isFile() || stats.size === 0 || stats.size > MAX_MAIL_BYTES) return null;
  return { id, path, size: stats.size, mtimeMs: stats.mtimeMs };
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
