import { ProblemError } from '../../contracts/problem.js';
import { createKillableChild } from '../child-process/killable-child.js';

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
const TIMEOUT_MS = 5_000;
const HEAP_MEGABYTES = 128;
/** Twice what the largest file needs. */
const MOST_RESIDENT_KILOBYTES = 300 * 1024;
const MOST_OUTPUT = 100;
/** A parser that gives up, as the bytes are none of its own, ends with 1. */
const END_CODES = [0, 1];
/** A recording up to this size may pass with an unknown length: at the lowest rate that speech has, it is 23 minutes. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/** Reads lengths in a child process of its own for each recording. Whoever opens it closes it. */
export function createAudioLength({ entry = ENTRY, timeoutMs = TIMEOUT_MS }: AudioLengthOptions = {}): AudioLength {
  const child = createKillableChild({
    entry,
    timeoutMs,
    heapMegabytes: HEAP_MEGABYTES,
    mostResidentKilobytes: MOST_RESIDENT_KILOBYTES,
    mostOutput: MOST_OUTPUT,
    endCodes: END_CODES,
    busy,
  });

  async function lengthIn(bytes: Uint8Array, mediaType: string): Promise<number | undefined> {
    const output = await child.run([mediaType], bytes);
    if (output === undefined && bytes.length > MOST_UNREAD_BYTES) throw unreadable();
    return output === undefined ? undefined : lengthOf(output);
  }

  return Object.assign(lengthIn, { close: () => child.close() });
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
