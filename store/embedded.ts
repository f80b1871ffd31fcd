import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { pgTypes } from './pg-types.js';

export interface EmbeddedStore {
  readonly pool: pg.Pool;
  /** Resolves when the database has ended by itself, with what a person should know. */
  readonly broken: Promise<string>;
  close(): Promise<void>;
}

/** Thrown when another process holds the folder; the message tells a person what to do. */
class StoreLockedError extends Error {
  constructor(folder: string) {
    super(
      `Another Retinue process uses ${folder}. Stop it first, or set RETINUE_HOME to another folder; several processes need DATABASE_URL (PostgreSQL).`,
    );
    this.name = 'StoreLockedError';
  }
}

const OPEN_TIMEOUT_MS = 120_000;

/**
 * Opens the embedded database in its own thread and a pool with the one connection it serves.
 * The folder is locked first, by a lock that the kernel drops when the process dies; `onHeld` is called once it is held.
 */
export async function openEmbedded(folder: string, onHeld?: () => void): Promise<EmbeddedStore> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const digest = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 40);
  const unlock = await lockFolder(folder, digest);
  onHeld?.();
  const socketFolder = makeSocketFolder(digest);
  try {
    const thread = await startThread(folder, path.join(socketFolder, '.s.PGSQL.5432'));
    const pool = new pg.Pool({
      host: socketFolder,
      port: 5432,
      user: 'postgres',
      database: 'postgres',
      max: 1,
      types: pgTypes,
      connectionTimeoutMillis: 30_000,
      idleTimeoutMillis: 0,
    });
    pool.on('error', (error) => process.emitWarning(`an idle database connection failed: ${error.message}`));
    pool.on(
      'connect',
      (client) =>
        void client
          .query('deallocate all; set plan_cache_mode = force_generic_plan; set random_page_cost = 1.1')
          .catch((error: Error) => process.emitWarning(error.message)),
    );
    return {
      pool,
      broken: endOf(thread).then(
        (reason) => `The embedded database has ended (${reason}). Start Retinue again to go on.`,
      ),
      async close() {
        await pool.end();
        await stopThread(thread);
        rmSync(socketFolder, { recursive: true, force: true });
        await unlock();
      },
    };
  } catch (error) {
    rmSync(socketFolder, { recursive: true, force: true });
    await unlock();
    throw error;
  }
}

/**
 * Holds a name that belongs to the folder for as long as this process lives: on Linux in the kernel's own name space,
 * which nothing outlives, elsewhere as a socket file, which counts only while somebody answers on it.
 */
async function lockFolder(folder: string, digest: string): Promise<() => Promise<void>> {
  const isLinux = process.platform === 'linux';
  const name = isLinux ? `\0retinue-${digest}` : path.join(tmpdir(), `retinue-${digest.slice(0, 24)}.lock`);
  if (!isLinux && !(await someoneAnswers(name))) rmSync(name, { force: true });
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new StoreLockedError(folder) : error),
    );
    server.listen({ path: name }, () => {
      server.unref();
      resolve(() => new Promise((done) => server.close(() => done())));
    });
  });
}

/**
 * The same one for the same database each time, so that a process that was killed leaves nothing for ever. The lock is
 * held: what is in it is stale. A folder of that name that somebody else made is not used.
 */
function makeSocketFolder(digest: string): string {
  const place = path.join(tmpdir(), `retinue-${digest.slice(0, 24)}`);
  if (lstatSync(place, { throwIfNoEntry: false }) === undefined) mkdirSync(place, { mode: 0o700 });
  const found = lstatSync(place);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) return mkdtempSync(`${place}-`);
  chmodSync(place, 0o700);
  rmSync(path.join(place, '.s.PGSQL.5432'), { force: true });
  return place;
}

function someoneAnswers(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(name, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function startThread(folder: string, socketPath: string): Promise<Worker> {
  const thread = new Worker(new URL('./pglite-thread.mjs', import.meta.url), {
    workerData: { folder, socketPath },
    execArgv: [],
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The embedded database in ${folder} did not open within ${OPEN_TIMEOUT_MS / 1000} s.`)),
      OPEN_TIMEOUT_MS,
    );
    const settle = (action: () => void): void => {
      clearTimeout(timer);
      action();
    };
    thread.once('message', () => settle(resolve));
    thread.once('error', (error) =>
      settle(() =>
        reject(
          new Error(
            `The embedded database in ${folder} could not be opened: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          ),
        ),
      ),
    );
    thread.once('exit', (code) =>
      settle(() => reject(new Error(`The embedded database thread ended with code ${code}.`))),
    );
  });
  return thread;
}

/** Resolves when the thread is gone, whatever ended it. */
function endOf(thread: Worker): Promise<string> {
  return new Promise((resolve) => {
    thread.once('error', (error) => resolve(error instanceof Error ? error.message : String(error)));
    thread.once('exit', (code) => resolve(`exit code ${code}`));
  });
}

async function stopThread(thread: Worker): Promise<void> {
  // A thread that has ended already has no number.
  if (thread.threadId === -1) return;
  const ended = endOf(thread);
  thread.postMessage('close');
  const timer = setTimeout(() => void thread.terminate(), 10_000);
  await ended;
  clearTimeout(timer);
}
