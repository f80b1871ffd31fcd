import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Prefix of the temporary files this module makes; a crash may leave one behind, it is never read. */
export const TEMPORARY_PREFIX = '.retinue-tmp-';

/**
 * Replaces a file so that a reader (and a crash) sees the old or the new text, never half: temporary file in the same
 * folder, fsync, rename, fsync of the folder. `beforeRename` is the last chance to refuse; when it throws, nothing changed.
 */
export async function writeFileAtomically(
  path: string,
  text: string,
  beforeRename?: () => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${randomUUID()}`);
  try {
    await writeSynced(temporary, text);
    await beforeRename?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a new file that is on the disk when this returns; fails where one is already. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself survive a power loss; Windows cannot open folders and does not need it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
