import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../connectors/local/atomic-write.js';
import { systemErrorCode } from '../../connectors/local/system-error.js';
import { PORT_NAMES, type ServerPorts } from './ports.js';

/** What is remembered between starts, in `<home>/temporal/server.json`. */
export interface ServerState {
  readonly ports: ServerPorts;
  readonly pid: number;
  /** Tells the process apart from a later one with the same id; from /proc/PID/stat on Linux, opaque. */
  readonly processStartedAt: string;
  readonly dbPath: string;
}

/** Ports of an earlier start; nothing where the file is missing or damaged: it only saves choosing anew. */
export async function readRememberedPorts(folder: string, log: (line: string) => void): Promise<Partial<ServerPorts>> {
  const path = join(folder, 'server.json');
  try {
    const state: unknown = JSON.parse(await readFile(path, 'utf8'));
    return readPorts(state);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    if (!(error instanceof SyntaxError)) throw error;
    log(`${path} is damaged and is written anew`);
    return {};
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

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1024 && value <= 65_535;
}
