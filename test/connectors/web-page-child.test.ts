import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createWebReader } from '../../connectors/web/reader.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

const folder = mkdtempSync(path.join(tmpdir(), 'retinue-pages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, source: string): URL {
  const place = path.join(folder, `${name.replaceAll(' ', '-')}.mjs`);
  writeFileSync(place, source);
  return pathToFileURL(place);
}

const { signal: abortSignal } = new AbortController();
const UNREADABLE = {
  type: 'unsupported-media',
  status: 422,
  message: expect.stringContaining('Use another page') as string,
};

describe('a process that reads a page', () => {
  let web: WebStandIn;
  let reader: ReturnType<typeof createWebReader>;
  beforeAll(async () => (web = await startWebStandIn()));
  afterEach(() => reader.close());
  afterAll(() => web.close());

  /** Reads a page with this program instead of the real one. */
  function readWith(name: string, source: string, childTimeoutMs = 60_000) {
    reader = createWebReader({ allowedHosts: [web.host], entry: program(name, source), childTimeoutMs });
    return reader.read(web.page('/page', { body: '<p>x</p>' }), { abortSignal });
  }

  test.each([
    ['wants four gigabytes of objects', 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));'],
    ['gives up', 'process.stdout.write(JSON.stringify({ title: "", text: "x" })); process.exitCode = 1;'],
    ['prints too much', 'process.stdout.write(JSON.stringify({ title: "", text: "x".repeat(8_000_000) }));'],
    ['lies', 'process.stdout.write(JSON.stringify({ title: 3 }));'],
    ['is silent', ''],
  ])('and %s leaves the page unread, with a sentence for whoever asked', async (name, source) => {
    await expect(readWith(name, source)).rejects.toMatchObject(UNREADABLE);
  });

  test('and loops leaves the page unread when its time is over', async () => {
    await expect(readWith('loops', 'for (;;);', 500)).rejects.toMatchObject(UNREADABLE);
  });

  test.runIf(process.platform === 'linux')('and wants four gigabytes of buffers is killed', async () => {
    const source =
      'const all = []; const more = () => { all.push(Buffer.alloc(2 ** 24, 1)); setTimeout(more, 10); }; more();';
    await expect(readWith('buffers', source)).rejects.toMatchObject(UNREADABLE);
  });

  test('is one of two; further pages wait, and are refused where too many do, or when it is closed', async () => {
    const url = web.page('/page', { body: '<p>x</p>' });
    const entry = program('waiting', 'setTimeout(() => undefined, 60_000);');
    reader = createWebReader({ allowedHosts: [web.host], entry, childTimeoutMs: 60_000 });
    const asked = Array.from({ length: 19 }, () => reader.read(url, { abortSignal }));
    const settled = Promise.allSettled(asked);
    const busy = { type: 'unavailable', message: expect.stringContaining('Too many pages') as string };
    await expect(Promise.race(asked)).rejects.toMatchObject(busy);
    await reader.close();
    expect((await settled).map(({ status }) => status)).toEqual(Array(19).fill('rejected'));
    await expect(reader.read(url, { abortSignal })).rejects.toMatchObject(busy);
  });

  test('reads what surrounds a tower of tags, and leaves its top out', async () => {
    reader = createWebReader({ allowedHosts: [web.host] });
    const url = web.page('/deep', { body: `<p>below</p>${'<b>'.repeat(3_000)}top${'</b>'.repeat(3_000)}<p>after</p>` });
    expect((await reader.read(url, { abortSignal })).text).toBe('below\n\nafter');
  });
});
