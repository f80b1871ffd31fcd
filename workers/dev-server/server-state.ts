import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../connectors/local/atomic-write.js';
import { systemErrorCode } from '../../connectors/local/system-error.js';
import { PORT_NAMES, type ServerPorts } from './ports.js';
import type { ProcessInfo } from './process-info.js';

/** What is remembered between starts, in `<home>/temporal/server.json`. */
export interface ServerState {
  readonly ports: ServerPorts;
  readonly pid: number;
  /** Tells the process apart from a later one with the same id; from /proc/PID/stat on Linux, opaque. */
  readonly processStartedAt: string;
  readonly dbPath: string;
  /** The process that answers for the server: who started or adopted it. */
  readonly owner: ProcessMark;
}

/** Enough to tell whether a process still runs: its id, and when it was started (opaque). */
export type ProcessMark = Pick<ProcessInfo, 'pid' | 'startedAt'>;

/** What an earlier start left; each part only as far as it can be read. */
export interface RememberedState {
  readonly ports: Partial<ServerPorts>;
  readonly owner: ProcessMark | null;
}

/** The state of an earlier start; nothing where the file is missing or damaged. */
export async function readServerState(folder: string, log: (line: string) => void): Promise<RememberedState> {
  const path = join(folder, 'server.json');
  try {
    const state: unknown = JSON.parse(await readFile(path, 'utf8'));
    return { ports: readPorts(state), owner: readOwner(state) };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { ports: {}, owner: null };
    if (!(error instanceof SyntaxError)) throw error;
    log(`${path} is damaged and is written anew`);
    return { ports: {}, owner: null };
  }
}

/** Replaces `server.json` in one step. */
export async function writeServerState(folder: string, state: ServerState): Promise<void> {
  await writeFileAtomically(join(folder, 'server.json'), `${JSON.stringify(state, null, 2)}\n`);
}

function readPorts(state: unknown): Partial<ServerPorts> {
  if (typeof state !== 'object' || state === null || !('ports' in state)) return {};
  const ports = state.ports;
  if (typeof ports !== 'object' || ports === null) return {};
  const entries = Object.entries(ports).filter(
    ([name, port]) => PORT_NAMES.some((known) => known === name) && isPort(port),
  );
  return Object.fromEntries(entries) as Partial<ServerPorts>;
}

function readOwner(state: unknown): ProcessMark | null {
  if (typeof state !== 'object' || state === null || !('owner' in state)) return null;
  const { owner } = state;
  if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('startedAt' in owner)) return null;
  const { pid, startedAt } = owner;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0 || typeof startedAt !== 'string') return null;
  return { pid, startedAt };
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1024 && value <= 65_535;
}
