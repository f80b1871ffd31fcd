import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Length of a recording in seconds; undefined where its bytes do not tell, for whatever reason. Never throws. */
export type AudioLength = (bytes: Uint8Array, mediaType: string) => Promise<number | undefined>;

export interface AudioLengthOptions {
  /** Program of the child process; it reads the bytes from standard input and prints a number. */
  readonly entry?: URL;
  /** How long one child may take before it is killed. */
  readonly timeoutMs?: number;
}

const ENTRY = new URL('./audio-length-child.mjs', import.meta.url);
const TIMEOUT_MS = 5_000;
const MEGABYTES = 128;
/** Children at the same time; further recordings wait for their turn. */
const AT_ONCE = 2;
const MOST_OUTPUT = 100;

/**
 * Reads lengths in a child process of its own for each recording, with a memory limit and without the environment: bytes
 * that make a parser loop, grow or crash take nothing else down.
 */
export function createAudioLength({ entry = ENTRY, timeoutMs = TIMEOUT_MS }: AudioLengthOptions = {}): AudioLength {
  let free = AT_ONCE;
  const waiting: (() => void)[] = [];
  const turn = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const passOn = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return async (bytes, mediaType) => {
    await turn();
    try {
      return lengthOf(await outputOf(startChild(entry, mediaType), bytes, timeoutMs));
    } finally {
      passOn();
    }
  };
}

function startChild(entry: URL, mediaType: string): ChildProcess {
  return spawn(process.execPath, [`--max-old-space-size=${MEGABYTES}`, fileURLToPath(entry), mediaType], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
}

/** What the child has printed when it is gone; nothing when it had to be killed or did not start. */
function outputOf(child: ChildProcess, bytes: Uint8Array, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    let output = '';
    const kill = (): void => {
      output = '';
      child.kill('SIGKILL');
    };
    const timer = setTimeout(kill, timeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      resolve(output);
    };
    child.once('error', end);
    child.once('close', end);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > MOST_OUTPUT) kill();
    });
    // A child that is gone before it has read everything breaks the pipe; that it is gone says enough.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(bytes);
  });
}

function lengthOf(output: string): number | undefined {
  const seconds = Number(output);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}
