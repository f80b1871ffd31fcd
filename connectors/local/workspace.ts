import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import type { WorkspaceFiles } from '../../contracts/services.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { TEMPORARY_PREFIX, writeFileAtomically } from './atomic-write.js';
import { createQueues } from './queues.js';
import { systemErrorCode } from './system-error.js';
import { userFolder } from './user-folder.js';
import { lookUp, makeParents, parseFilePath, parseWorkspacePath } from './workspace-path.js';

/** `list` returns at most this many files. */
const MAX_LISTED = 1000;
/** A named pipe must not block the reader; a link put there after the check must not be followed. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

type Entry = Awaited<ReturnType<WorkspaceFiles['list']>>[number];

export interface WorkspaceOptions {
  /** Folder with one folder a user. */
  readonly root: string;
  /** Largest text that is read or written, in bytes of UTF-8; default 1 MiB. */
  readonly maxFileBytes?: number;
  /** A user's files in all; a further new one is refused. Default 10,000. */
  readonly maxFiles?: number;
}

/**
 * The users' own folders `<root>/<user>`, text files only. No path leaves the folder: absolute paths, `..`, backslashes and
 * symbolic links anywhere on the way are `ProblemError` `forbidden`; a file that is not UTF-8 text is `unsupported-media`,
 * also for `write`, which therefore never destroys what it could not give back as `previous`. `list` goes down into folders,
 * gives files only, at most 1,000, sorted by path. `remove` of a file that is not there succeeds.
 */
export function createWorkspace({
  root,
  maxFileBytes = 1024 * 1024,
  maxFiles = 10_000,
}: WorkspaceOptions): WorkspaceFiles {
  const inTurn = createQueues();

  return {
    async list(user, folder) {
      const base = userFolder(root, user);
      const names = parseWorkspacePath(folder);
      const found = await lookUp(base, names);
      if (found === null && names.length === 0) return [];
      if (found === null || !found.stats.isDirectory())
        throw new ProblemError('not-found', `there is no folder ${folder} in the workspace`);
      const entries = await collect(base, names, MAX_LISTED);
      return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
    },

    async read(user, path) {
      const text = await readText(userFolder(root, user), parseFilePath(path), maxFileBytes);
      if (text === null) throw new ProblemError('not-found', `there is no file ${path} in the workspace`);
      return text;
    },

    async write(user, path, text) {
      const base = userFolder(root, user);
      const names = parseFilePath(path);
      requireWritable(text, maxFileBytes);
      return inTurn(user, async () => {
        const previous = await readText(base, names, maxFileBytes);
        if (previous === null && (await isFull(base, maxFiles))) {
          throw new ProblemError('too-large', `the workspace holds ${maxFiles} files already; remove some first`);
        }
        await makeParents(base, names);
        await writeFileAtomically(join(base, ...names), text, async () => {
          // The folders were checked before the text was written; check once more directly before it takes its place.
          await lookUp(base, names);
        });
        return { previous };
      });
    },

    async remove(user, path) {
      const base = userFolder(root, user);
      const names = parseFilePath(path);
      await inTurn(user, async () => {
        const found = await lookUp(base, names);
        if (found === null) return;
        if (found.stats.isDirectory())
          throw new ProblemError('conflict', `${path} is a folder; only files are removed`);
        await rm(found.path, { force: true });
        await removeEmptyFolders(base, names.slice(0, -1));
      });
    },
  };
}

function requireWritable(text: string, maxFileBytes: number): void {
  if (Buffer.byteLength(text) > maxFileBytes)
    throw new ProblemError('too-large', `the text is larger than ${maxFileBytes} bytes`);
  const checked = CleanTextSchema.safeParse(text);
  if (checked.success) return;
  const message = checked.error.issues[0]?.message ?? 'is not clean text';
  throw new ProblemError('invalid-body', `the text ${message}`, { errors: [{ path: 'text', message }] });
}

/** The file's text, or null where nothing is. */
async function readText(base: string, names: readonly string[], maxFileBytes: number): Promise<string | null> {
  const found = await lookUp(base, names);
  if (found === null) return null;
  const path = names.join('/');
  if (found.stats.isDirectory()) throw new ProblemError('conflict', `${path} is a folder, not a file`);
  if (!found.stats.isFile()) throw new ProblemError('unsupported-media', `${path} is not an ordinary file`);
  const file = await openOrNull(found.path);
  if (file === null) return null;
  try {
    const bytes = await readBounded(file, maxFileBytes);
    if (bytes === null) throw new ProblemError('too-large', `${path} is larger than ${maxFileBytes} bytes`);
    return decode(bytes, path);
  } finally {
    await file.close();
  }
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, READ_FLAGS);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    if (systemErrorCode(error) === 'ELOOP')
      throw new ProblemError('forbidden', 'the path leads through a symbolic link', { cause: error });
    throw error;
  }
}

/** The whole content, or null when it is larger than allowed, however large the file says it is. */
async function readBounded(file: FileHandle, maxFileBytes: number): Promise<Buffer | null> {
  const buffer = Buffer.alloc(Math.min((await file.stat()).size, maxFileBytes) + 1);
  let used = 0;
  while (used < buffer.length) {
    const { bytesRead } = await file.read(buffer, used, buffer.length - used, used);
    if (bytesRead === 0) return buffer.subarray(0, used);
    used += bytesRead;
  }
  return null;
}

function decode(bytes: Buffer, path: string): string {
  const detail = `${path} is not a text file (UTF-8)`;
  if (bytes.includes(0)) throw new ProblemError('unsupported-media', detail);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ProblemError('unsupported-media', detail, { cause: error });
  }
}

/** The first `limit` files below a folder. */
async function collect(base: string, names: readonly string[], limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const path of walk(base, names)) {
    if (entries.length >= limit) break;
    const found = await lookUp(base, path);
    if (found !== null)
      entries.push({ path: path.join('/'), size: found.stats.size, modifiedAt: found.stats.mtime.toISOString() });
  }
  return entries;
}

async function isFull(base: string, maxFiles: number): Promise<boolean> {
  let count = 0;
  for await (const _ of walk(base, [])) {
    if (++count >= maxFiles) return true;
  }
  return false;
}

/** Files depth first by name; links, pipes and leftovers of writes are left out. */
async function* walk(base: string, names: readonly string[]): AsyncGenerator<string[]> {
  for (const child of await readFolder(join(base, ...names))) {
    const path = [...names, child.name];
    if (child.isDirectory()) yield* walk(base, path);
    else if (child.isFile() && !child.name.startsWith(TEMPORARY_PREFIX)) yield path;
  }
}

async function readFolder(path: string): Promise<Dirent[]> {
  try {
    const children = await readdir(path, { withFileTypes: true });
    return children.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Folders come and go with their files; one that is not empty ends the way up. */
async function removeEmptyFolders(base: string, names: readonly string[]): Promise<void> {
  for (let depth = names.length; depth > 0; depth--) {
    try {
      await rmdir(join(base, ...names.slice(0, depth)));
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemErrorCode(error) ?? '')) return;
      throw error;
    }
  }
}
