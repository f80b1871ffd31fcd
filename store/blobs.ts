import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes } from 'node:fs/promises';
import path from 'node:path';

/** File contents by their SHA-256, on disk beside the database; rows say whose they are. */
export interface BlobStore {
  /** Writes the bytes durably and returns their hash; the same bytes are kept once, and count as new again. */
  put(bytes: Uint8Array): Promise<string>;
  read(sha256: string): Promise<Buffer>;
  /** Hashes of all that were put before then, in bounded batches. Clears away what a crash left half-written. */
  putBefore(then: Date): AsyncIterable<string[]>;
  /** Removes one, unless it was put again since then. */
  removePutBefore(sha256: string, then: Date): Promise<boolean>;
}

const MOST_IN_BATCH = 500;
/** A blob while it is written. */
const DRAFT = /^[0-9a-f]{64}\.[0-9a-f]{12}$/;
/** How a blob is called while it is decided whether it may go. */
const LEAVING = '.leaving';

export function createBlobStore(root: string): BlobStore {
  const placeOf = (sha256: string): string => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('not a SHA-256');
    return path.join(root, sha256.slice(0, 2), sha256);
  };
  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const place = placeOf(sha256);
      if (await renewed(place)) return sha256;
      await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
      const draft = `${place}.${randomBytes(6).toString('hex')}`;
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, place);
      return sha256;
    },
    read: (sha256) => readFile(placeOf(sha256)),
    async *putBefore(then) {
      for (const folder of await namesIn(root)) {
        const old = await oldNames(path.join(root, folder), then);
        for (let start = 0; start < old.length; start += MOST_IN_BATCH) yield old.slice(start, start + MOST_IN_BATCH);
      }
    },
    async removePutBefore(sha256, then) {
      const place = placeOf(sha256);
      const aside = `${place}${LEAVING}`;
      // Out of the way first: whoever puts these bytes from here on writes them anew, and nobody did so unseen before.
      if (!(await unlessMissing(rename(place, aside)))) return false;
      if (await isOlder(aside, then)) return unlessMissing(unlink(aside));
      await unlessMissing(rename(aside, place));
      return false;
    },
  };
}

/** Makes an existing blob count as just put; false when there is none. */
async function renewed(place: string): Promise<boolean> {
  const now = new Date();
  return unlessMissing(utimes(place, now, now));
}

/** Names of old blobs in one folder. */
async function oldNames(folder: string, then: Date): Promise<string[]> {
  const old: string[] = [];
  for (const name of await namesIn(folder)) {
    const place = path.join(folder, name);
    if (!(await isOlder(place, then))) continue;
    if (/^[0-9a-f]{64}$/.test(name)) old.push(name);
    else if (name.endsWith(LEAVING)) await unlessMissing(rename(place, place.slice(0, -LEAVING.length)));
    else if (DRAFT.test(name)) await unlessMissing(unlink(place));
  }
  return old;
}

async function isOlder(place: string, then: Date): Promise<boolean> {
  let old = false;
  await unlessMissing(
    stat(place).then((found) => {
      old = found.isFile() && found.mtime < then;
    }),
  );
  return old;
}

async function namesIn(folder: string): Promise<string[]> {
  let names: string[] = [];
  await unlessMissing(
    readdir(folder).then((found) => {
      names = found;
    }),
  );
  return names;
}

/** False when what it works on is not there. */
async function unlessMissing(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return false;
    throw error;
  }
}
