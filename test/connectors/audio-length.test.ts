import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createAudioLength } from '../../connectors/local/audio-length.js';
import { opusOf, wavOf } from '../helpers/recordings.js';

const lengthOf = createAudioLength();
const folder = mkdtempSync(path.join(tmpdir(), 'retinue-children-'));
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
