import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError } from '../../contracts/problem.js';
import { systemErrorCode } from './system-error.js';

/** Without a sign of life for this long a lock counts as left behind, whoever its owner is. */
const STALE_AFTER_MS = 30_000;
const SIGN_OF_LIFE_MS = 5_000;
/** The take-over guard is held for microseconds; an older one belongs to a process that died inside it. */
const GUARD_STALE_AFTER_MS = 10_000;

interface Owner {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
}

/** Proof of holding a lock while the guarded function runs. */
export interface HeldLock {
  /** Throws `ProblemError` `unavailable` when the lock was taken over, which only happens after a long standstill of this process. */
  assertHeld(): Promise<void>;
}

export interface LockOptions {
  /** How long to wait for another holder before giving up with `ProblemError` `unavailable`. */
  readonly waitMs: number;
  /** Called about once a second while another process holds the lock. */
  readonly onWait?: () => void;
}

/**
 * Runs `work` while holding a lock between processes: a file created exclusively that names its owner.
 * The lock of a process that died (same machine) is taken over at once, any other after 30 s without a sign of life.
 * Not re-entrant; two calls in one process exclude each other like two processes.
 */
export async function withFileLock<T>(
  path: string,
  options: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const owner: Owner = { token: randomUUID(), pid: process.pid, host: hostname() };
  await acquire(path, owner, options);
  const signOfLife = setInterval(() => {
    const now = new Date();
    // A failure shows itself in assertHeld; the timer has nobody to tell.
    utimes(path, now, now).catch(() => undefined);
  }, SIGN_OF_LIFE_MS);
  signOfLife.unref();
  try {
    return await work({ assertHeld: () => assertHeld(path, owner) });
  } finally {
    clearInterval(signOfLife);
    await release(path, owner);
  }
}

async function acquire(path: string, owner: Owner, options: LockOptions): Promise<void> {
  const start = Date.now();
  let told = start;
  while (!(await tryCreate(path, owner))) {
    await removeIfStale(path);
    const now = Date.now();
    if (now - start > options.waitMs) {
      throw new ProblemError(
        'unavailable',
        `another process holds ${path} for more than ${Math.round(options.waitMs / 1000)} s`,
      );
    }
    if (now - told > 1000) {
      told = now;
      options.onWait?.();
    }
    await sleep(5 + Math.random() * 20);
  }
}

async function tryCreate(path: string, owner: Owner): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(owner), 'utf8');
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Judging and removing happen under a guard file, so that two waiters never remove a lock that a third has just taken. */
async function removeIfStale(path: string): Promise<void> {
  if (!(await isStale(path))) return;
  const guard = `${path}.takeover`;
  if ((await ageMs(guard)) > GUARD_STALE_AFTER_MS) await rm(guard, { force: true });
  const owner: Owner = { token: randomUUID(), pid: process.pid, host: hostname() };
  if (!(await tryCreate(guard, owner))) return;
  try {
    if (await isStale(path)) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function isStale(path: string): Promise<boolean> {
  if ((await ageMs(path)) > STALE_AFTER_MS) return true;
  const owner = await readOwner(path);
  return owner !== null && owner.host === hostname() && !isAlive(owner.pid);
}

/** Milliseconds since the last sign of life; 0 for a file that is not there. */
async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Null for a lock that is gone or still being written: neither is a reason to take it over. */
async function readOwner(path: string): Promise<Owner | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isOwner(value) ? value : null;
  } catch {
    return null;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false;
  const { token, pid, host } = value as Partial<Record<keyof Owner, unknown>>;
  return (
    typeof token === 'string' && typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && typeof host === 'string'
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}

async function assertHeld(path: string, owner: Owner): Promise<void> {
  if ((await readOwner(path))?.token === owner.token) return;
  throw new ProblemError('unavailable', `the lock ${path} was taken over by another process; nothing was changed`);
}

async function release(path: string, owner: Owner): Promise<void> {
  if ((await readOwner(path))?.token === owner.token) await rm(path, { force: true });
}
