import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';

/** File contents by their SHA-256, on disk beside the database; rows say whose they are. */
export interface BlobStore {
  /** Writes the bytes durably and returns their hash; the same bytes are kept once. */
  put(bytes: Uint8Array): Promise<string>;
  read(sha256: string): Promise<Buffer>;
  remove(sha256: string): Promise<void>;
}

export function createBlobStore(root: string): BlobStore {
  const placeOf = (sha256: string): string => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('not a SHA-256');
    return path.join(root, sha256.slice(0, 2), sha256);
  };
  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const place = placeOf(sha256);
      if (await exists(place)) return sha256;
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
    remove: (sha256) => unlink(placeOf(sha256)).catch(ignoreMissing),
  };
}

async function exists(place: string): Promise<boolean> {
  return stat(place).then(
    () => true,
    (error: unknown) => {
      ignoreMissing(error);
      return false;
    },
  );
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
