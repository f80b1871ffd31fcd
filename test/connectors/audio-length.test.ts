import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createAudioLength } from '../../connectors/local/audio-length.js';
import { opusOf, wavOf } from '../helpers/recordings.js';

const lengthOf = createAudioLength();
const folder = mkdtempSync(path.join(tmpdir(), 'retinue-lengths-'));
afterAll(() => lengthOf.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function child(name: string, source: string): URL {
  const place = path.join(folder, `${name.replaceAll(' ', '-')}.mjs`);
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

describe('a process that reads a length', () => {
  const answerOf = (name: string, source: string) =>
    createAudioLength({ entry: child(name, source), timeoutMs: 60_000 })(wavOf(1), 'audio/wav');

  test.each([
    ['wants four gigabytes of objects', 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));'],
    ['ends at once', 'process.exit(0);'],
    ['prints no number', 'process.stdout.write("long");'],
    ['prints a negative number', 'process.stdout.write("-5");'],
    ['prints too much', 'process.stdout.write(`5.${"0".repeat(100)}`);'],
  ])('and %s says nothing', async (name, source) => {
    expect(await answerOf(name, source)).toBeUndefined();
  });

  test('gets a bounded memory', async () => {
    const heap =
      'import v8 from "node:v8"; process.stdout.write(String(v8.getHeapStatistics().heap_size_limit / 2 ** 20));';
    expect(await answerOf('heap', heap)).toBeLessThan(300);
  });

  test.runIf(process.platform === 'linux')('and fills buffers is killed before it has filled a gigabyte', async () => {
    const filling = `import { writeFileSync } from 'node:fs';
      const all = []; let n = 0;
      const more = () => { all.push(Buffer.alloc(2 ** 24, 1)); n += 1;
        writeFileSync(${JSON.stringify(path.join(folder, 'filled'))}, String(n * 16)); setTimeout(more, 10); };
      more();`;
    expect(await answerOf('filling', filling)).toBeUndefined();
    expect(Number(readFileSync(path.join(folder, 'filled'), 'utf8'))).toBeLessThan(1_000);
  });
});

describe('what cannot be waited for', () => {
  test('is refused beyond sixteen that wait, and all of it when the lengths are closed', async () => {
    const lengths = createAudioLength({ entry: child('waiting', 'setTimeout(() => undefined, 60_000);') });
    const asked = Array.from({ length: 18 }, () => lengths(wavOf(1), 'audio/wav'));
    const settled = Promise.allSettled(asked);
    const busy = { type: 'unavailable', status: 503 };
    await expect(lengths(wavOf(1), 'audio/wav')).rejects.toMatchObject(busy);
    await lengths.close();
    const away = { status: 'rejected', reason: expect.objectContaining(busy) as unknown };
    expect(await settled).toEqual(Array(18).fill(away));
    await expect(lengths(wavOf(1), 'audio/wav')).rejects.toMatchObject(busy);
  });

  test('is refused where it is large and its reader was stopped, and where it only says nothing it is unknown', async () => {
    const large = Buffer.alloc(1024 * 1024 + 1);
    const slow = createAudioLength({ entry: child('slow-large', 'for (;;);'), timeoutMs: 300 });
    await expect(slow(large, 'audio/wav')).rejects.toMatchObject({ type: 'unsupported-media', status: 422 });
    expect(await slow(large.subarray(1), 'audio/wav')).toBeUndefined();
    expect(await lengthOf(large, 'audio/wav')).toBeUndefined();
    const givingUp = createAudioLength({ entry: child('give-up-large', 'process.exitCode = 1;') });
    expect(await givingUp(large, 'audio/wav')).toBeUndefined();
    const crashing = createAudioLength({ entry: child('crash-large', 'process.kill(process.pid, "SIGSEGV");') });
    await expect(crashing(large, 'audio/wav')).rejects.toMatchObject({ status: 422 });
  });
});
