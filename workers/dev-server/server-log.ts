import { type FileHandle, open, readFile, stat, truncate } from 'node:fs/promises';
import { systemErrorCode } from '../../connectors/local/system-error.js';

const LIMIT_BYTES = 5 * 1024 * 1024;

/** Opens the server's log for appending, emptied first when it has grown over 5 MB; `start` is where this run begins. */
export async function openServerLog(path: string): Promise<{ file: FileHandle; start: number }> {
  if ((await sizeOf(path)) > LIMIT_BYTES) await truncate(path);
  const file = await open(path, 'a', 0o600);
  return { file, start: await sizeOf(path) };
}

/** The log's text from byte `start` on. */
export async function readServerLog(path: string, start: number): Promise<string> {
  return (await readFile(path)).subarray(start).toString('utf8');
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
