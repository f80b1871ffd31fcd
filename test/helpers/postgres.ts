import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const SUPERUSER = 'retinue';
const READY_MS = 30_000;
/** A commit still reaches the operating system, so nothing confirmed is lost when the server is killed. */
const WITHOUT_DISK_WAITS = ['fsync=off', 'full_page_writes=off', 'max_connections=200'];

/** Ends the server when the test process is gone, however it ended: its end of the pipe closes. */
const KEEPER = '"$@" & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; wait $server';

/** A throw-away PostgreSQL server with its own folder and port, for one test file. */
export interface TestPostgres {
  /** Of the database `postgres`. */
  readonly url: string;
  readonly socketFolder: string;
  /** Makes an empty database and returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Kills the server as a crash would and starts it again on the same port and files. */
  restart(): Promise<void>;
  /** Freezes the server: connections hang and none is refused, as behind a dead network. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

interface Cluster {
  readonly binaries: string;
  readonly folder: string;
  readonly port: number;
  readonly account: Account;
}

/** The folder of `initdb` and `postgres`, or undefined where PostgreSQL is not installed. */
export function findPostgres(): string | undefined {
  return [...debianFolders(), ...configuredFolder(), ...(process.env.PATH ?? '').split(path.delimiter)].find(
    (folder) => existsSync(path.join(folder, 'initdb')) && existsSync(path.join(folder, 'postgres')),
  );
}

/** Starts a server in a new temporary folder. Throws where `findPostgres` finds none. */
export async function startPostgres(): Promise<TestPostgres> {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error('PostgreSQL is not installed');
  const cluster = { binaries, folder: newFolder(), port: await freePort(), account: plainAccount() };
  createFiles(cluster);
  let keeper = await startServer(cluster);
  const url = urlOf(cluster, 'postgres');
  return {
    url,
    socketFolder: cluster.folder,
    createDatabase: async (name) => {
      await runSql(url, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
      return urlOf(cluster, name);
    },
    restart: async () => {
      await endServer(cluster, keeper);
      keeper = await startServer(cluster);
    },
    pause: () => signalServer(cluster, 'SIGSTOP'),
    resume: () => signalServer(cluster, 'SIGCONT'),
    stop: async () => {
      await endServer(cluster, keeper);
      rmSync(cluster.folder, { recursive: true, force: true });
    },
  };
}

function debianFolders(): string[] {
  if (!existsSync(DEBIAN_FOLDER)) return [];
  const versions = readdirSync(DEBIAN_FOLDER).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => path.join(DEBIAN_FOLDER, version, 'bin'));
}

function configuredFolder(): string[] {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()];
  } catch {
    return [];
  }
}

function newFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'retinue-pg-'));
}

/** PostgreSQL refuses to run as root; then some account without rights does. */
function plainAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const accounts = new Map(readFileSync('/etc/passwd', 'utf8').split('\n').map(parseAccount));
  const account = accounts.get('postgres') ?? accounts.get('nobody');
  if (account === undefined) throw new Error('PostgreSQL needs an account other than root: postgres or nobody');
  return account;
}

function parseAccount(line: string): [string, Account] {
  const [name = '', , uid, gid] = line.split(':');
  return [name, { uid: Number(uid), gid: Number(gid) }];
}

function dataFolder(cluster: Cluster): string {
  return path.join(cluster.folder, 'data');
}

function createFiles(cluster: Cluster): void {
  const { account, binaries, folder } = cluster;
  mkdirSync(dataFolder(cluster), { mode: 0o700 });
  for (const owned of account.uid === undefined ? [] : [folder, dataFolder(cluster)]) {
    chownSync(owned, account.uid ?? 0, account.gid ?? 0);
  }
  const options = ['--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C', `--username=${SUPERUSER}`];
  execFileSync(path.join(binaries, 'initdb'), ['-D', dataFolder(cluster), ...options], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

async function startServer(cluster: Cluster): Promise<ChildProcess> {
  const { account, binaries, folder, port } = cluster;
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`];
  const command = [path.join(binaries, 'postgres'), '-D', dataFolder(cluster)];
  const flags = [...settings, ...WITHOUT_DISK_WAITS].flatMap((setting) => ['-c', setting]);
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', ...command, ...flags], {
    ...account,
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  keeper.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  await untilReady(urlOf(cluster, 'postgres'), log);
  return keeper;
}

async function untilReady(url: string, log: readonly string[]): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      await runSql(url, 'SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${log.join('')}`, { cause: error });
      await delay(50);
    }
  }
}

async function endServer(cluster: Cluster, keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  signalServer(cluster, 'SIGCONT');
  const ended = new Promise((resolve) => keeper.once('exit', resolve));
  keeper.stdin?.end();
  await ended;
}

function signalServer(cluster: Cluster, signal: NodeJS.Signals): void {
  const pidFile = path.join(dataFolder(cluster), 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const postmaster = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  for (const pid of [postmaster, ...childrenOf(postmaster)]) signalIfThere(pid, signal);
}

/** A connection's process may end between listing and signalling. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function childrenOf(pid: number): number[] {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = listing.split('\n').map((row) => row.trim().split(/\s+/).map(Number));
  return rows.filter(([, parent]) => parent === pid).map(([child = 0]) => child);
}

function urlOf(cluster: Cluster, database: string): string {
  return `postgres://${SUPERUSER}@127.0.0.1:${cluster.port}/${encodeURIComponent(database)}`;
}

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  // The server going down under an idle client is no crash of the test.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
