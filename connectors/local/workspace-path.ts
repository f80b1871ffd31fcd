import type { Stats } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import { TEMPORARY_PREFIX } from './atomic-write.js';
import { lstatOrNull, systemErrorCode } from './system-error.js';

const MAX_PATH_BYTES = 1024;
const MAX_NAME_BYTES = 255;
const MAX_DEPTH = 32;
const CONTROL = /[\u0000-\u001F\u007F]/;

/**
 * The names on a relative path, `.` left out; an empty list is the workspace itself. Throws `ProblemError` `forbidden` for
 * a path that means to leave the workspace, `invalid-body` for one that no file can have.
 */
export function parseWorkspacePath(path: string): string[] {
  if (!path.isWellFormed() || CONTROL.test(path)) throw malformed('contains characters no file name may have');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw malformed(`is longer than ${MAX_PATH_BYTES} bytes`);
  if (path.startsWith('/') || path.startsWith('~') || /^[A-Za-z]:/.test(path))
    throw escape('must be relative to the workspace');
  if (path.includes('\\')) throw escape('must use / between names');
  const names = path.replace(/\/$/, '').split('/');
  if (names.length > MAX_DEPTH) throw malformed(`has more than ${MAX_DEPTH} levels`);
  for (const name of names) checkName(name, names.length);
  return names.filter((name) => name !== '.' && name !== '');
}

/** The path of a file: as `parseWorkspacePath`, and not the workspace itself or a folder's. */
export function parseFilePath(path: string): string[] {
  const names = parseWorkspacePath(path);
  if (names.length === 0 || path.endsWith('/')) throw malformed('names a folder, not a file');
  return names;
}

/**
 * Walks from `base` down, one name at a time, and refuses every symbolic link on the way, so that the last name is really
 * inside. What stands there, or null where it or a folder above it is missing.
 */
export async function lookUp(base: string, names: readonly string[]): Promise<{ path: string; stats: Stats } | null> {
  let path = base;
  let stats = await lstatOrNull(path);
  refuseLink(stats, '');
  for (const [index, name] of names.entries()) {
    if (stats === null || !stats.isDirectory()) return null;
    path = join(path, name);
    stats = await lstatOrNull(path);
    refuseLink(stats, names.slice(0, index + 1).join('/'));
  }
  return stats === null ? null : { path, stats };
}

/** Makes the folders above a file, under the same rules; throws `ProblemError` `conflict` where a file stands in the way. */
export async function makeParents(base: string, names: readonly string[]): Promise<void> {
  await mkdir(base, { recursive: true, mode: 0o700 });
  for (let depth = 0; depth < names.length; depth++) {
    const above = names.slice(0, depth);
    const found = await lookUp(base, above);
    if (found === null) await makeFolder(join(base, ...above));
    else if (!found.stats.isDirectory())
      throw new ProblemError('conflict', `${above.join('/')} is a file, not a folder`);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}

function refuseLink(stats: Stats | null, path: string): void {
  if (stats?.isSymbolicLink())
    throw escape(`leads through a symbolic link (${path === '' ? 'the workspace itself' : path})`);
}

function checkName(name: string, count: number): void {
  if (name === '..') throw escape('must not contain ..');
  if (name === '' && count > 1) throw malformed('contains an empty name');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw malformed(`has a name longer than ${MAX_NAME_BYTES} bytes`);
  if (name.startsWith(TEMPORARY_PREFIX)) throw malformed(`has a name that begins with ${TEMPORARY_PREFIX}`);
  // Alternate streams and names that Windows silently shortens.
  if (process.platform === 'win32' && /[:<>"|?*]|[. ]$/.test(name) && name !== '.')
    throw escape('has a name Windows does not keep');
}

function escape(reason: string): ProblemError {
  return new ProblemError('forbidden', `the path ${reason}`, { errors: [{ path: 'path', message: reason }] });
}

function malformed(reason: string): ProblemError {
  return new ProblemError('invalid-body', `the path ${reason}`, { errors: [{ path: 'path', message: reason }] });
}
