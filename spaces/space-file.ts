import { ProblemError } from '../contracts/problem.js';
import {
  AtomLineSchema,
  type AtomVersion,
  AtomVersionSchema,
  type FiledAtom,
  type SpaceFileHeader,
  SpaceFileHeaderSchema,
} from '../contracts/space-file.js';

const MOST_BYTES = 25 * 1024 * 1024;
const MOST_ATOMS = 20_000;
/** Blank ones too. */
const MOST_LINES = 100_000;
/** Of one line; a payload is three levels inside. */
const MOST_LEVELS = 70;
const SLICE_MS = 10;

/** Lets others go on every few milliseconds of long work. */
export function createPace(): () => Promise<void> {
  let until = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < until) return;
    await new Promise((resolve) => setImmediate(resolve));
    until = performance.now() + SLICE_MS;
  };
}

/**
 * Reads the text of a space's file, one JSON value a line, blank lines apart. Others go on meanwhile. Throws
 * `invalid-body` (422) at the first wrong line and `too-large` beyond 25 MiB, 20,000 atoms or 100,000 lines.
 */
export async function readSpaceFile(text: string): Promise<{ header: SpaceFileHeader; atoms: FiledAtom[] }> {
  const [[place, first] = [1, ''], ...rest] = filledLines(text);
  const pace = createPace();
  const header = checked(SpaceFileHeaderSchema, readLine(first, place), place);
  const seen = new Map<string, number>();
  const atoms: FiledAtom[] = [];
  for (const [number, line] of rest) {
    const { id, versions } = checked(AtomLineSchema, readLine(line, number), number);
    const earlier = seen.get(id);
    if (earlier !== undefined) throw wrongLine(number, [{ path: 'id', message: `is that of line ${earlier} as well` }]);
    seen.set(id, number);
    const read: AtomVersion[] = [];
    for (const [index, version] of versions.entries()) {
      read.push(checked(AtomVersionSchema, version, number, `versions.${index}`));
      await pace();
    }
    atoms.push({ id, versions: read });
  }
  return { header, atoms };
}

/** Lines that say something, with their numbers. */
function filledLines(text: string): [number, string][] {
  if (Buffer.byteLength(text) > MOST_BYTES) throw tooLarge(`${MOST_BYTES / 1024 / 1024} MiB`);
  const lines = text.split('\n', MOST_LINES + 1);
  if (lines.length > MOST_LINES) throw tooLarge(`${MOST_LINES.toLocaleString('en')} lines, blank ones included`);
  const filled = lines
    .map((line, index): [number, string] => [index + 1, line])
    .filter(([, line]) => line.trim() !== '');
  if (filled.length > MOST_ATOMS + 1) throw tooLarge(`${MOST_ATOMS.toLocaleString('en')} atoms`);
  return filled;
}

function tooLarge(most: string): ProblemError {
  return new ProblemError('too-large', `A file of a space may have ${most}; split it.`);
}

function readLine(line: string, number: number): unknown {
  const value = parseJson(line, number);
  if (!isDeeper(value, MOST_LEVELS)) return value;
  throw wrongLine(number, [{ path: '', message: `must not be nested more than ${MOST_LEVELS} levels deep` }]);
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw wrongLine(number, [{ path: '', message: 'must be one JSON object' }], error);
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

interface Parser<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

function checked<T>(schema: Parser<T>, value: unknown, number: number, place?: string): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw wrongLine(
    number,
    read.error.issues.map(({ path, message }) => ({
      path: [...(place === undefined ? [] : [place]), ...path].join('.'),
      message,
    })),
  );
}

function wrongLine(
  number: number,
  problems: readonly { path: string; message: string }[],
  cause?: unknown,
): ProblemError {
  return new ProblemError('invalid-body', `Line ${number} of the file is wrong; nothing was imported.`, {
    errors: problems.map(({ path, message }) => ({ path: `line ${number}: ${path}`.replace(/: $/, ''), message })),
    status: 422,
    cause,
  });
}
