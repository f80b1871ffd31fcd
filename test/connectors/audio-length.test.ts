import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createAudioLength } from '../../connectors/local/audio-length.js';
import { opusOf, wavOf } from '../helpers/recordings.js';

const lengthOf = createAudioLength();
const folder = mkdtempSync(path.join(tmpdir(), 'retinue-children-'));
afterAll(() => lengthOf.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function child(name: string, source: string): URL {
  const place = path.join(folder, `${name}.mjs`);
  writeFileSync(place, source);
  return pathToFileURL(place);
}

describe('the length of a recording', () => {
  test.each([
    ['a WAV file', wavOf(3.5), 'audio/wav', 3.5],
    ['a WAV file of an older type', wavOf(1), 'audio/x-wav', 1],
    ['a voice note', opusOf(61), 'audio/ogg', 61],
    ['a voice note of three hours', opusOf(10_800), 'audio/ogg', 10_800],
    ['a voice note as plain Ogg', opusOf(7), 'application/ogg', 7],
  ])('of %s is read from its bytes', async (_name, bytes, mediaType, seconds) => {
    expect(await lengthOf(bytes, mediaType)).toBeCloseTo(seconds, 1);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', randomBytes(200_000)],
    ['a page of Ogg and then noise', Buffer.concat([opusOf(5).subarray(0, 60), randomBytes(5_000)])],
    ['a head without sound', wavOf(0)],
    ['text', Buffer.from('This is no recording.')],
  ])('of %s is unknown', async (_name, bytes) => {
    expect(await lengthOf(bytes, 'audio/ogg')).toBeUndefined();
  });

  test('is read of several at once, each for itself', async () => {
    const lengths = await Promise.all([1, 2, 3, 4, 5].map((seconds) => lengthOf(wavOf(seconds), 'audio/wav')));
    expect(lengths).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a child process', () => {
  const wav = wavOf(1);
  const answerOf = (name: string, source: string, timeoutMs = 10_000) =>
    createAudioLength({ entry: child(name, source), timeoutMs })(wav, 'audio/wav');

  test('that hangs is killed when its time is over, and this process goes on meanwhile', async () => {
    const begun = performance.now();
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 20);
    expect(await answerOf('loop', 'process.stdout.write("5"); for (;;);', 700)).toBeUndefined();
    clearInterval(ticking);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(ticks).toBeGreaterThan(10);
  });

  test('that wants four gigabytes dies alone', async () => {
    const grow = 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));';
    expect(await answerOf('grow', grow)).toBeUndefined();
  });

  test.each([
    ['ends at once', 'process.exit(0);'],
    ['throws', 'throw new Error("broken");'],
    ['kills itself', 'process.kill(process.pid, "SIGSEGV");'],
    ['prints no number', 'process.stdout.write("long");'],
    ['prints a negative number', 'process.stdout.write("-5");'],
    ['prints without end', 'for (;;) process.stdout.write("1".repeat(1000));'],
    ['does not exist', undefined],
  ])('that %s says nothing', async (name, source) => {
    const entry =
      source === undefined ? new URL('file:///nowhere/at/all.mjs') : child(name.replaceAll(' ', '-'), source);
    expect(await createAudioLength({ entry, timeoutMs: 5_000 })(wav, 'audio/wav')).toBeUndefined();
  });

  test('gets none of the environment, and a bounded memory', async () => {
    process.env['TRANSCRIPTION_API_KEY'] = 'sk-not-for-children';
    const count =
      'process.stdout.write(String(Object.keys(process.env).filter((n) => /KEY|PATH/.test(n)).length + 1));';
    expect(await answerOf('environment', count)).toBe(1);
    delete process.env['TRANSCRIPTION_API_KEY'];
    const heap =
      'import v8 from "node:v8"; process.stdout.write(String(v8.getHeapStatistics().heap_size_limit / 2 ** 20));';
    expect(await answerOf('heap', heap)).toBeLessThan(300);
  });

  test('that hangs keeps others waiting no longer than its own time', async () => {
    const shared = createAudioLength({ entry: child('slow', 'for (;;);'), timeoutMs: 300 });
    const begun = performance.now();
    await Promise.all([1, 2, 3, 4].map(() => shared(wav, 'audio/wav')));
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

/** What a child does that first writes its process id into a file. */
const noting = (name: string, source: string): string =>
  `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(path.join(folder, name))}, String(process.pid)); ${source}`;

/** The process id that a child has written. */
async function pidIn(name: string): Promise<number> {
  const place = path.join(folder, name);
  await expect.poll(() => existsSync(place) && readFileSync(place, 'utf8') !== '', { timeout: 20_000 }).toBe(true);
  return Number(readFileSync(place, 'utf8'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe.runIf(process.platform === 'linux')('a child process that nobody holds', () => {
  test('and that loops ends by itself after its parent was killed', { timeout: 40_000 }, async () => {
    const looping = child('orphan', noting('orphan.pid', 'for (;;);'));
    const source = fileURLToPath(new URL('../../connectors/local/audio-length.ts', import.meta.url));
    const parent = path.join(folder, 'parent.mjs');
    writeFileSync(
      parent,
      `import { createAudioLength } from ${JSON.stringify(pathToFileURL(source).href)};
       void createAudioLength({ entry: new URL(${JSON.stringify(looping.href)}), timeoutMs: 2_000 })(Buffer.alloc(9), 'audio/wav');`,
    );
    const cwd = fileURLToPath(new URL('../../', import.meta.url));
    const started = spawn(process.execPath, ['--import', 'tsx', parent], { cwd, stdio: 'ignore' });
    const pid = await pidIn('orphan.pid');
    started.kill('SIGKILL');
    await new Promise((resolve) => started.once('close', resolve));
    expect(isAlive(pid)).toBe(true);
    try {
      await expect.poll(() => isAlive(pid), { timeout: 20_000, interval: 200 }).toBe(false);
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  test('and that fills buffers is killed before it has filled a gigabyte', async () => {
    const filling = `const all = []; let n = 0;
      const more = () => { all.push(Buffer.alloc(2 ** 24, 1)); n += 1;
        writeFileSync(${JSON.stringify(path.join(folder, 'filled'))}, String(n * 16)); setTimeout(more, 10); };
      more();`;
    const begun = performance.now();
    const lengths = createAudioLength({ entry: child('filling', noting('filling.pid', filling)), timeoutMs: 20_000 });
    expect(await lengths(wavOf(1), 'audio/wav')).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(Number(readFileSync(path.join(folder, 'filled'), 'utf8'))).toBeLessThan(1_000);
  });

  test('is killed when the lengths are closed, and then nothing is taken any more', async () => {
    const entry = child('closed', noting('closed.pid', 'for (;;);'));
    const lengths = createAudioLength({ entry, timeoutMs: 20_000 });
    const asked = [1, 2, 3, 4].map((seconds) => lengths(wavOf(seconds), 'audio/wav'));
    const settled = Promise.allSettled(asked);
    const pid = await pidIn('closed.pid');
    await lengths.close();
    expect(isAlive(pid)).toBe(false);
    const away = { status: 'rejected', reason: expect.objectContaining({ type: 'unavailable' }) };
    expect(await settled).toEqual([away, away, away, away]);
    await expect(lengths(wavOf(1), 'audio/wav')).rejects.toMatchObject({ type: 'unavailable' });
  });
});

describe('what cannot be waited for', () => {
  test('is refused beyond sixteen that wait', async () => {
    const lengths = createAudioLength({ entry: child('waiting', 'setTimeout(() => undefined, 60_000);') });
    const asked = Array.from({ length: 18 }, () => lengths(wavOf(1), 'audio/wav'));
    const settled = Promise.allSettled(asked);
    await expect(lengths(wavOf(1), 'audio/wav')).rejects.toMatchObject({ type: 'unavailable', status: 503 });
    await lengths.close();
    await settled;
  });

  test('is refused where it is large and its reader was stopped, and where it only says nothing it is unknown', async () => {
    const large = Buffer.alloc(1024 * 1024 + 1);
    const slow = createAudioLength({ entry: child('slow-large', 'for (;;);'), timeoutMs: 300 });
    await expect(slow(large, 'audio/wav')).rejects.toMatchObject({ type: 'unsupported-media', status: 422 });
    expect(await slow(large.subarray(1), 'audio/wav')).toBeUndefined();
    expect(await lengthOf(large, 'audio/wav')).toBeUndefined();
    const crashing = createAudioLength({ entry: child('crash-large', 'process.kill(process.pid, "SIGSEGV");') });
    await expect(crashing(large, 'audio/wav')).rejects.toMatchObject({ status: 422 });
  });
});
