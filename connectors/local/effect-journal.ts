import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import type { JournalEntry } from '../../contracts/effect.js';
import { writeFileAtomically } from './atomic-write.js';

/**
 * A file beside the embedded database, which may lose its last commits when the machine dies: an entry is on the disk
 * before anything is sent, so that nothing that was sent is forgotten. One process writes it at a time.
 */
export interface EffectJournal {
  /** Resolves once the entry would survive a power cut. */
  append(key: string, fence: number): Promise<void>;
  close(): Promise<void>;
}

/** Entries older than this are left out when the journal is opened; no database backup that old is put to use again. */
const KEPT_DAYS = 90;

/** Opens the journal for writing and tells what stood in it. A last line that a crash cut off is ignored. */
export async function openJournal(place: string): Promise<{ journal: EffectJournal; entries: JournalEntry[] }> {
  const oldest = new Date(Date.now() - KEPT_DAYS * 86_400_000).toISOString();
  const entries = readEntries(place).filter((entry) => entry.at >= oldest);
  await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
  await writeFileAtomically(place, entries.map(line).join(''));
  const file = await open(place, 'a', 0o600);
  return { journal: writer(file), entries };
}

function readEntries(place: string): JournalEntry[] {
  if (!existsSync(place)) return [];
  return readFileSync(place, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const [key, fence, at] = text.split(' ');
      return key && at && Number.isInteger(Number(fence)) ? [{ key, fence: Number(fence), at }] : [];
    });
}

function line(entry: JournalEntry): string {
  return `${entry.key} ${entry.fence} ${entry.at}\n`;
}

function writer(file: FileHandle): EffectJournal {
  let last: Promise<void> = Promise.resolve();
  return {
    append(key, fence) {
      // One after the other, so that lines stay whole.
      const written = last.then(async () => {
        await file.appendFile(line({ key, fence, at: new Date().toISOString() }));
        await file.datasync();
      });
      last = written.catch(() => undefined);
      return written;
    },
    async close() {
      await last;
      await file.close();
    },
  };
}
