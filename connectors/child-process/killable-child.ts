import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface KillableChild {
  /**
   * What the child has printed for these bytes; undefined when it had to be killed, crashed, did not start or ended
   * with another code than it may. Throws what `busy` gives when too much waits already, or after `close`.
   */
  run(args: readonly string[], bytes: Uint8Array): Promise<string | undefined>;
  /** Kills what runs and refuses what waits and what comes; resolves when no child is left. */
  close(): Promise<void>;
}

interface KillableChildOptions {
  /** Program of the child process; it reads the bytes from standard input. */
  readonly entry: URL;
  /** How long one child may take before it is killed. */
  readonly timeoutMs: number;
  readonly heapMegabytes: number;
  /** Buffers are outside the heap, so the heap's own limit does not see them. */
  readonly mostResidentKilobytes: number;
  /** Characters; a child that prints more is killed. */
  readonly mostOutput: number;
  /** Exit codes of a child that has read its bytes to the end. */
  readonly endCodes: readonly number[];
  /** What is thrown when too much waits, or nothing is taken any more. */
  busy(): Error;
}

const SHELL = '/bin/sh';
const LOOK_MS = 100;
/** Children at the same time; further bytes wait for their turn. */
const AT_ONCE = 2;
const MOST_WAITING = 16;

/**
 * Runs a program over bytes in a process of its own for each, without the environment: bytes that make a parser loop,
 * grow or crash take nothing else down. A child is killed when its time is over and, on Linux, when it has grown too large.
 * Where there is a POSIX shell, its processor time is limited too, so that it ends also when this process is gone.
 */
export function createKillableChild(options: KillableChildOptions): KillableChild {
  const running = new Set<Promise<string | undefined>>();
  const children = new Set<ChildProcess>();
  const waiting: (() => void)[] = [];
  let isClosed = false;
  let free = AT_ONCE;

  async function turn(): Promise<void> {
    if (!isClosed && free > 0) free -= 1;
    else if (!isClosed && waiting.length < MOST_WAITING) await new Promise<void>((resolve) => waiting.push(resolve));
    else throw options.busy();
  }

  function passOn(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  async function outputFor(args: readonly string[], bytes: Uint8Array): Promise<string | undefined> {
    if (isClosed) throw options.busy();
    const child = startChild(options, args);
    children.add(child);
    const output = outputOf(child, bytes, options);
    running.add(output);
    try {
      return await output;
    } finally {
      children.delete(child);
      running.delete(output);
    }
  }

  return {
    async run(args, bytes) {
      await turn();
      try {
        const output = await outputFor(args, bytes);
        if (isClosed) throw options.busy();
        return output;
      } finally {
        passOn();
      }
    },
    async close() {
      isClosed = true;
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(running);
    },
  };
}

/** The limit of processor time is the child's own: nobody need be there to enforce it. */
function startChild({ entry, timeoutMs, heapMegabytes }: KillableChildOptions, args: readonly string[]): ChildProcess {
  const command = [process.execPath, `--max-old-space-size=${heapMegabytes}`, fileURLToPath(entry), ...args];
  const seconds = String(Math.ceil(timeoutMs / 1000) * 2);
  const [program = '', ...rest] = existsSync(SHELL)
    ? [SHELL, '-c', 'ulimit -c 0; ulimit -t "$0"; exec "$@"', seconds, ...command]
    : command;
  return spawn(program, rest, { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
}

/** What the child has printed when it is gone. */
function outputOf(
  child: ChildProcess,
  bytes: Uint8Array,
  { timeoutMs, mostResidentKilobytes, mostOutput, endCodes }: KillableChildOptions,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const pieces: string[] = [];
    let size = 0;
    const kill = (): void => void child.kill('SIGKILL');
    const timer = setTimeout(kill, timeoutMs);
    const looking = setInterval(() => {
      if (residentKilobytes(child.pid) > mostResidentKilobytes) kill();
    }, LOOK_MS);
    const end = (isWhole: boolean): void => {
      clearTimeout(timer);
      clearInterval(looking);
      resolve(isWhole ? pieces.join('') : undefined);
    };
    child.once('error', () => end(false));
    child.once('close', (code) => end(code !== null && endCodes.includes(code) && size <= mostOutput));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      size += text.length;
      if (size > mostOutput) kill();
      else pieces.push(text);
    });
    // A child that is gone before it has read everything breaks the pipe; that it is gone says enough.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(bytes);
  });
}

/** Memory a process has in use; 0 where the platform does not show it. */
function residentKilobytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
