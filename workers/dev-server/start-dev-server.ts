import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Environment, essentialEnvironment } from './environment.js';
import { choosePorts, type ServerPorts } from './ports.js';
import { endProcess, findProcesses, isSame, type ProcessInfo, readProcess } from './process-info.js';
import { databaseMark, portsOf, serverArguments } from './server-command.js';
import { isHealthy, waitUntilHealthy } from './server-health.js';
import { openServerLog, readServerLog } from './server-log.js';
import { type ProcessMark, type RememberedState, readServerState, writeServerState } from './server-state.js';

const START_LIMIT_MS = 30_000;
const ANNOUNCEMENT_LIMIT_MS = 10_000;
const START_ATTEMPTS = 3;
/** The server's parts also talk over ports that it picks itself; when one of those is lost, it panics on a listener that is nil. */
const PORT_TAKEN = /address already in use|grpc\.\(\*Server\)\.Serve\(\S+, \{0x0, 0x0\}\)/;

export interface DevServerOptions {
  /** The installation's home folder; the server's files are in `<home>/temporal/`. */
  readonly home: string;
  /** From `findTemporalCli`. */
  readonly cliPath: string;
  /** Gets one plain line at a time. */
  readonly log: (line: string) => void;
  readonly namespace?: string;
  /** Only PATH, HOME and the like reach the server; without them a version manager's shim may not run. */
  readonly environment?: Environment;
  /** Ports to prefer over the remembered ones; one that is taken is replaced by a free one. */
  readonly ports?: Partial<ServerPorts>;
}

/** A running development server that belongs to this installation. */
export interface DevServer {
  /** host:port for gRPC. */
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
  /** True when a server that outlived an earlier start was taken over. */
  readonly adopted: boolean;
  /** Resolves when the server's process is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** SIGTERM, after 5 s SIGKILL; resolves when the process is gone. Calling it again changes nothing. */
  stop(): Promise<void>;
}

interface Setting extends DevServerOptions {
  readonly namespace: string;
  readonly folder: string;
  readonly dbPath: string;
  readonly remembered: RememberedState;
  readonly self: ProcessMark;
}

/**
 * Brings up the Temporal development server on `<home>/temporal/temporal.db`, at the ports of the start before where they
 * are free. A server on the same file that outlived its parent is adopted when it is healthy and has today's flags, else
 * ended; a stranger's server is never used. The server has its own process group: it ends by `stop()`, not by Ctrl-C.
 * Throws when another living Retinue process answers for a server on the file; two starts at the very same moment are to be
 * kept apart by the caller's lock on the home folder.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const folder = join(options.home, 'temporal');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // One spelling of the path, so that a later start recognises it in a command line.
  const real = await realpath(folder);
  const self = await readProcess(process.pid);
  if (self === null) throw new Error('this process cannot look at itself; the list of processes is not readable');
  const setting: Setting = {
    ...options,
    namespace: options.namespace ?? 'default',
    folder: real,
    dbPath: join(real, 'temporal.db'),
    remembered: await readServerState(real, options.log),
    self,
  };
  return (await adoptOrphan(setting)) ?? (await startNew(setting));
}

/** Ends every other server on the database file: two of them on one file would destroy it. */
async function adoptOrphan(setting: Setting): Promise<DevServer | null> {
  const orphans = await findProcesses(databaseMark(setting.dbPath));
  if (orphans.length > 0) await requireNoOtherOwner(setting);
  let adopted: DevServer | null = null;
  for (const orphan of orphans) {
    const ports = adopted === null ? await adoptablePorts(setting, orphan) : null;
    if (ports === null) {
      setting.log(`ending a Temporal server left behind by an earlier start (pid ${orphan.pid})`);
      await endProcess(orphan);
    } else {
      setting.log(`taking over the Temporal server of an earlier start (pid ${orphan.pid})`);
      adopted = await remember(setting, orphan, ports, true);
    }
  }
  return adopted;
}

/** A server whose owner lives is no orphan: taking it over, or ending it later, would pull it from under the owner's feet. */
async function requireNoOtherOwner({ remembered: { owner }, self, folder }: Setting): Promise<void> {
  if (owner === null || owner.pid === self.pid || !(await isSame(owner))) return;
  throw new Error(
    `Retinue already runs on this folder (${folder}) as process ${owner.pid}; end it first, or use another RETINUE_HOME.`,
  );
}

/** The orphan's ports if it is what a new start would be, and answers. */
async function adoptablePorts(setting: Setting, orphan: ProcessInfo): Promise<ServerPorts | null> {
  const ports = portsOf(orphan.commandLine);
  if (ports === null || orphan.commandLine !== commandLine(setting, ports)) return null;
  if (Object.entries(setting.ports ?? {}).some(([name, port]) => ports[name as keyof ServerPorts] !== port))
    return null;
  return (await isHealthy(addressOf(ports), setting.namespace)) ? ports : null;
}

/** Somebody else may take a chosen port before the server does: then it exits, and other ports are tried. */
async function startNew(setting: Setting): Promise<DevServer> {
  const wanted = { ...setting.remembered.ports, ...setting.ports };
  let failure = '';
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    const ports = await choosePorts(attempt < START_ATTEMPTS ? wanted : {});
    const result = await startOn(setting, ports);
    if ('address' in result) return result;
    failure = result.lastLines;
    if (!result.isPortTaken) break;
  }
  throw new Error(
    `The Temporal server did not start. Its last lines (all of them: ${join(setting.folder, 'server.log')}):\n${failure}`,
  );
}

interface FailedStart {
  readonly lastLines: string;
  readonly isPortTaken: boolean;
}

/** The running server, or what it printed when it did not come up. */
async function startOn(setting: Setting, ports: ServerPorts): Promise<DevServer | FailedStart> {
  const logPath = join(setting.folder, 'server.log');
  const { file, start } = await openServerLog(logPath);
  let child: ChildProcess;
  try {
    child = spawn(setting.cliPath, serverArguments({ ...setting, ports }), {
      cwd: setting.folder,
      env: essentialEnvironment(setting.environment ?? {}),
      detached: true,
      stdio: ['ignore', file.fd, file.fd],
    });
    await spawned(child);
  } finally {
    await file.close();
  }
  const own = child.pid === undefined ? null : await readProcess(child.pid);
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (own !== null && (await isUp(setting, ports, () => readServerLog(logPath, start), isGone))) {
    child.unref();
    return remember(setting, own, ports, false);
  }
  const reason = isGone() ? '' : `no answer within ${START_LIMIT_MS / 1000} s`;
  if (own !== null) await endProcess(own);
  const text = await readServerLog(logPath, start);
  return {
    lastLines: [...lastLines(text), reason].filter((line) => line !== '').join('\n'),
    isPortTaken: PORT_TAKEN.test(text),
  };
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

/**
 * That a server answers does not prove that it is ours: a stranger may have taken the port in between. Ours prints its
 * address once it listens, and exits when a port is taken. A CLI that prints something else is only asked later.
 */
async function isUp(
  setting: Setting,
  ports: ServerPorts,
  readLog: () => Promise<string>,
  isGone: () => boolean,
): Promise<boolean> {
  const start = Date.now();
  while (!isGone() && Date.now() < start + ANNOUNCEMENT_LIMIT_MS) {
    if (/^(Temporal )?Server: /m.test(await readLog())) break;
    await sleep(20);
  }
  const left = START_LIMIT_MS - (Date.now() - start);
  return (await waitUntilHealthy(addressOf(ports), setting.namespace, left, isGone)) && !isGone();
}

async function remember(setting: Setting, info: ProcessInfo, ports: ServerPorts, adopted: boolean): Promise<DevServer> {
  const { pid, startedAt } = setting.self;
  await writeServerState(setting.folder, {
    owner: { pid, startedAt },
    ports,
    pid: info.pid,
    processStartedAt: info.startedAt,
    dbPath: setting.dbPath,
  });
  const exit = watchExit(info);
  let stopping: Promise<void> | undefined;
  return {
    address: addressOf(ports),
    uiUrl: `http://127.0.0.1:${ports.ui}`,
    pid: info.pid,
    adopted,
    exited: exit.promise,
    stop: () => {
      stopping ??= endProcess(info).then(exit.resolve);
      return stopping;
    },
  };
}

/** Watches by process id, because an adopted server is nobody's child; keeps no process alive. */
function watchExit(info: ProcessInfo): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  const timer = setInterval(() => {
    // A process that cannot be looked at counts as running.
    isSame(info).then(
      (same) => {
        if (!same) resolve();
      },
      () => undefined,
    );
  }, 1000);
  timer.unref();
  void promise.then(() => clearInterval(timer));
  return { promise, resolve };
}

function commandLine(setting: Setting, ports: ServerPorts): string {
  return [setting.cliPath, ...serverArguments({ ...setting, ports })].join(' ');
}

function addressOf(ports: ServerPorts): string {
  return `127.0.0.1:${ports.frontend}`;
}

/** The end of the log: what a person needs to see, without the page of usage an unknown flag prints. */
function lastLines(text: string): string[] {
  return text.trimEnd().split('\n').slice(-8);
}
