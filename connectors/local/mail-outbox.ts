import { randomUUID } from 'node:crypto';
import { linkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SendError } from '../../contracts/effect.js';
import { TEMPORARY_PREFIX, syncFolder, writeSynced } from './atomic-write.js';
import { readStart } from './mail-folder.js';
import { systemErrorCode } from './system-error.js';

/**
 * Writes a new file with exactly this text, at most once: the bytes are on the disk before `beforePublish` is called, which
 * may still refuse by throwing, and the name appears in the same breath. True when it was written, false when the name was
 * taken. An error of the publishing itself means that nothing was published.
 */
async function publishNew(path: string, text: string, beforePublish: () => void): Promise<boolean> {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${randomUUID()}`);
  try {
    await refusedOnError(() => writeSynced(temporary, text));
    beforePublish();
    return link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Synchronous, so that no time passes between the last permission and the act. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw asRefused(error);
  }
}

/** Publishes a mail unless it stands there already. Throws `SendError`: `ambiguous` where another text stands there. */
export async function publishMail(path: string, mime: string, beforeSend: () => void): Promise<void> {
  const earlier = await refusedOnError(() => compare(path, mime));
  if (earlier === 'absent' && (await publishNew(path, mime, beforeSend))) return settle(path);
  const found = earlier === 'absent' ? await ambiguousOnError(() => compare(path, mime)) : earlier;
  if (found !== 'same') throw new SendError('ambiguous', 'another mail stands in the outbox under the same key');
  return settle(path);
}

/** Whether the file holds exactly this text. */
export async function compare(path: string, text: string): Promise<'same' | 'other' | 'absent'> {
  const bytes = Buffer.from(text, 'utf8');
  const found = await readStart(path, bytes.length);
  if (found === 'absent') return 'absent';
  return found !== 'not-a-file' && found.isWhole && found.bytes.equals(bytes) ? 'same' : 'other';
}

/** Runs what happens before the act: whatever goes wrong there, nothing was sent. */
export async function refusedOnError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asRefused(error);
  }
}

/** The name is there; only a synced folder keeps it through a power loss. */
async function settle(path: string): Promise<void> {
  await ambiguousOnError(() => syncFolder(dirname(path)));
}

async function ambiguousOnError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new SendError('ambiguous', `the mail may stand in the outbox (${reason(error)})`, { cause: error });
  }
}

function asRefused(error: unknown): SendError {
  return new SendError('refused', `the mail was not written to the outbox (${reason(error)})`, { cause: error });
}

/** Messages of system errors name paths of this machine; their code is enough. */
function reason(error: unknown): string {
  return systemErrorCode(error) ?? (error instanceof Error ? error.message : 'unknown reason');
}
