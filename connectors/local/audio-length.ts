import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ProblemError } from '../../contracts/problem.js';

interface AudioLength {
  /**
   * Length of a recording in seconds; undefined where its bytes do not tell. Throws `unavailable` when too many
   * recordings wait already, and `unsupported-media` for a large one whose reader had to be stopped.
   */
  (bytes: Uint8Array, mediaType: string): Promise<number | undefined>;
  /** Kills what runs and refuses what waits and what comes; resolves when no child is left. */
  close(): Promise<void>;
}

interface AudioLengthOptions {
  /** Program of the child process; it reads the bytes from standard input and prints a number. */
  readonly entry?: URL;
  /** How long one child may take before it is killed. */
  readonly timeoutMs?: number;
}

const ENTRY = new URL('./audio-length-child.mjs', import.meta.url);
const SHELL = '/bin/sh';
const TIMEOUT_MS = 5_000;
const HEAP_MEGABYTES = 128;
/** Twice what the largest file needs. Buffers are outside the heap, so the heap's own limit does not see them. */
const MOST_RESIDENT_KILOBYTES = 300 * 1024;
const LOOK_MS = 100;
/** Children at the same time; further recordings wait for their turn. */
const AT_ONCE = 2;
const MOST_WAITING = 16;
const MOST_OUTPUT = 100;
/** A recording up to this size may pass with an unknown length: at the lowest rate that speech has, it is 23 minutes. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/**
 * Reads lengths in a child process of its own for each recording, without the environment: bytes that make a parser loop,
 * grow or crash take nothing else down. A child is killed when its time is over and, on Linux, when it has grown too large.
 * Where there is a POSIX shell, its processor time is limited too, so that it ends also when this process is gone.
 */
export function createAudioLength({ entry = ENTRY, timeoutMs = TIMEOUT_MS }: AudioLengthOptions = {}): AudioLength {
  const running = new Set<Promise<Reading>>();
  const children = new Set<ChildProcess>();
  const waiting: (() => void)[] = [];
  let isClosed = false;
  let free = AT_ONCE;

  async function turn(): Promise<void> {
    if (!isClosed && free > 0) free -= 1;
    else if (!isClosed && waiting.length < MOST_WAITING) await new Promise<void>((resolve) => waiting.push(resolve));
    else throw busy();
  }

  function passOn(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  async function readingOf(bytes: Uint8Array, mediaType: string): Promise<Reading> {
    if (isClosed) throw busy();
    const child = startChild(entry, mediaType, timeoutMs);
    children.add(child);
    const reading = outputOf(child, bytes, timeoutMs);
    running.add(reading);
    try {
      return await reading;
    } finally {
      children.delete(child);
      running.delete(reading);
    }
  }

  async function lengthIn(bytes: Uint8Array, mediaType: string): Promise<number | undefined> {
    await turn();
    try {
      const { output, isWhole } = await readingOf(bytes, mediaType);
      if (isClosed) throw busy();
      if (!isWhole && bytes.length > MOST_UNREAD_BYTES) throw unreadable();
      return isWhole ? lengthOf(output) : undefined;
    } finally {
      passOn();
    }
  }

  return Object.assign(lengthIn, {
    async close(): Promise<void> {
      isClosed = true;
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(running);
    },
  });
}

/** The limit of processor time is the child's own: nobody need be there to enforce it. */
function startChild(entry: URL, mediaType: string, timeoutMs: number): ChildProcess {
  const command = [process.execPath, `--max-old-space-size=${HEAP_MEGABYTES}`, fileURLToPath(entry), mediaType];
  const seconds = String(Math.ceil(timeoutMs / 1000) * 2);
  const [program = '', ...args] = existsSync(SHELL)
    ? [SHELL, '-c', 'ulimit -c 0; ulimit -t "$0"; exec "$@"', seconds, ...command]
    : command;
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
}

interface Reading {
  readonly output: string;
  /** False when the child had to be killed, crashed or did not start: then the bytes were not looked at to the end. */
  readonly isWhole: boolean;
}

/** What the child has printed when it is gone. */
function outputOf(child: ChildProcess, bytes: Uint8Array, timeoutMs: number): Promise<Reading> {
  return new Promise((resolve) => {
    let output = '';
    const kill = (): void => void child.kill('SIGKILL');
    const timer = setTimeout(kill, timeoutMs);
    const looking = setInterval(() => {
      if (residentKilobytes(child.pid) > MOST_RESIDENT_KILOBYTES) kill();
    }, LOOK_MS);
    const end = (isWhole: boolean): void => {
      clearTimeout(timer);
      clearInterval(looking);
      resolve({ output, isWhole });
    };
    child.once('error', () => end(false));
    // A parser that gives up, as the bytes are none of its own, ends with 1.
    child.once('close', (code) => end(code === 0 || code === 1));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > MOST_OUTPUT) kill();
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

function lengthOf(output: string): number | undefined {
  const seconds = Number(output);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

function busy(): ProblemError {
  return new ProblemError(
    'unavailable',
    'Too many recordings are being looked into, or Retinue is stopping. Send it again in a few seconds.',
  );
}

function unreadable(): ProblemError {
  return new ProblemError(
    'unsupported-media',
    'The length of a recording cannot be read: looking into it took too long. Save it again in another format, such as mp3, m4a, ogg or wav, or send it in parts of at most 1 MiB.',
    { status: 422 },
  );
}
