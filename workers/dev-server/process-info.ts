import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../connectors/local/system-error.js';

const run = promisify(execFile);

/** A running process, told apart from a later one with the same id by `startedAt` (opaque, equal only for the same process). */
export interface ProcessInfo {
  readonly pid: number;
  readonly startedAt: string;
  /** Program and arguments joined by one space. */
  readonly commandLine: string;
}

/** The process with this id, or null when it is gone (a zombie counts as gone). */
export async function readProcess(pid: number): Promise<ProcessInfo | null> {
  return process.platform === 'linux' ? readLinuxProcess(pid) : ((await listWithPs(['-p', String(pid)]))[0] ?? null);
}

/** All processes whose command line contains `text`, as far as this user may see them. */
export async function findProcesses(text: string): Promise<ProcessInfo[]> {
  const all = process.platform === 'linux' ? await listLinuxProcesses() : await listWithPs(['-ax']);
  return all.filter((info) => info.commandLine.includes(text) && info.pid !== process.pid);
}

/**
 * Ends a process and its group: SIGTERM, then SIGKILL after `graceMs`. Resolves when it is gone; does nothing if the id
 * belongs to another process by now.
 */
export async function endProcess(target: ProcessInfo, graceMs = 5000): Promise<void> {
  if (!(await isSame(target))) return;
  signalGroup(target.pid, 'SIGTERM');
  if (await isGoneWithin(target, graceMs)) return;
  signalGroup(target.pid, 'SIGKILL');
  if (await isGoneWithin(target, 5000)) return;
  throw new Error(`process ${target.pid} (${target.commandLine}) does not end, not even by SIGKILL`);
}

/** Whether the process still runs, and still is the same one. */
export async function isSame(target: Pick<ProcessInfo, 'pid' | 'startedAt'>): Promise<boolean> {
  return (await readProcess(target.pid))?.startedAt === target.startedAt;
}

async function isGoneWithin(target: ProcessInfo, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (await isSame(target)) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/** The group catches a wrapper script's child too; a process that leads no group gets the signal alone. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if (systemErrorCode(error) !== 'ESRCH') throw error;
    }
  }
}

async function readLinuxProcess(pid: number): Promise<ProcessInfo | null> {
  try {
    const [status, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // The program's name stands in parentheses and may itself contain spaces and parentheses.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    const [state, startedAt] = [fields[0], fields[19]];
    if (state === undefined || startedAt === undefined || 'ZX'.includes(state)) return null;
    return { pid, startedAt, commandLine: command.replace(/\0$/, '').replaceAll('\0', ' ') };
  } catch (error) {
    // ESRCH: it ended between opening and reading; EACCES: another user's, so not ours.
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(systemErrorCode(error) ?? '')) return null;
    throw error;
  }
}

async function listLinuxProcesses(): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const infos = await Promise.all(pids.map(readLinuxProcess));
  return infos.filter((info) => info !== null);
}

/** `ps` prints `pid state lstart(5 words) command`; Windows has none, there nothing is ever recognised. */
async function listWithPs(selection: readonly string[]): Promise<ProcessInfo[]> {
  if (process.platform === 'win32') return [];
  let stdout: string;
  try {
    ({ stdout } = await run('ps', ['-ww', ...selection, '-o', 'pid=,state=,lstart=,command='], {
      maxBuffer: 32 * 1024 * 1024,
    }));
  } catch (error) {
    // ps ends with code 1 when no process matches.
    if (error instanceof Error && 'code' in error && error.code === 1) return [];
    throw error;
  }
  return stdout.split('\n').flatMap(parsePsLine);
}

function parsePsLine(line: string): ProcessInfo[] {
  const match = /^\s*(\d+)\s+(\S+)\s+((?:\S+\s+){4}\S+)\s+(.+)$/.exec(line);
  const [, pid, state, startedAt, commandLine] = match ?? [];
  if (pid === undefined || startedAt === undefined || commandLine === undefined || state?.startsWith('Z')) return [];
  return [{ pid: Number(pid), startedAt, commandLine: commandLine.trim() }];
}
