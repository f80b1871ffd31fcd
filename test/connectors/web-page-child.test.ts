import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createPageChild } from '../../connectors/web/page-child.js';
import { createWebReader } from '../../connectors/web/reader.js';
import { startWebStandIn } from '../stand-ins/web.js';

const folder = mkdtempSync(path.join(tmpdir(), 'retinue-pages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, source: string): URL {
  const place = path.join(folder, `${name.replaceAll(' ', '-')}.mjs`);
  writeFileSync(place, source);
  return pathToFileURL(place);
}

const PAGE = Buffer.from('<p>x</p>');
const outputOf = (name: string, source: string, timeoutMs = 10_000) =>
  createPageChild({ entry: program(name, source), timeoutMs }).run([], PAGE);

describe('a process that reads a page', () => {
  test('and loops is killed when its time is over, and this process goes on meanwhile', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 20);
    expect(await outputOf('loop', 'process.stdout.write("{}"); for (;;);', 700)).toBeUndefined();
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
  });

  test.each([
    ['wants four gigabytes of objects', 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));'],
    ['throws', 'throw new Error("broken");'],
    ['gives up', 'process.exit(1);'],
    ['kills itself', 'process.kill(process.pid, "SIGSEGV");'],
    ['prints without end', 'for (;;) process.stdout.write("1".repeat(100_000));'],
  ])('and %s says nothing, and nothing else goes down', async (name, source) => {
    expect(await outputOf(name, source)).toBeUndefined();
  });

  test.runIf(process.platform === 'linux')('and wants four gigabytes of buffers is killed', async () => {
    const source =
      'const all = []; const more = () => { all.push(Buffer.alloc(2 ** 24, 1)); setTimeout(more, 10); }; more();';
    expect(await outputOf('buffers', source, 60_000)).toBeUndefined();
  });

  test('and does not exist says nothing', async () => {
    expect(await createPageChild({ entry: new URL('file:///nowhere/at/all.mjs') }).run([], PAGE)).toBeUndefined();
  });

  test('gets its arguments and the bytes, and none of the environment', async () => {
    process.env['ANTHROPIC_API_KEY'] = 'sk-not-for-children';
    const source = `import { text } from 'node:stream/consumers';
      process.stdout.write(JSON.stringify([process.argv.slice(2), await text(process.stdin),
        Object.keys(process.env).filter((name) => /KEY|PATH/.test(name))]));`;
    const output = await createPageChild({ entry: program('tell', source) }).run(['a', ''], PAGE);
    delete process.env['ANTHROPIC_API_KEY'];
    expect(JSON.parse(output ?? '')).toEqual([['a', ''], '<p>x</p>', []]);
  });

  test('is one of two; further pages wait, and are refused where too many do', async () => {
    const child = createPageChild({ entry: program('waiting', 'setTimeout(() => undefined, 60_000);') });
    const asked = Promise.allSettled(Array.from({ length: 18 }, () => child.run([], PAGE)));
    await expect(child.run([], PAGE)).rejects.toMatchObject({ type: 'unavailable' });
    await child.close();
    expect((await asked).map(({ status }) => status)).toEqual(Array(18).fill('rejected'));
    await expect(child.run([], PAGE)).rejects.toMatchObject({ type: 'unavailable' });
  });

  test.each([
    ['looping', 'for (;;);'],
    ['lying', 'process.stdout.write(JSON.stringify({ title: 3 }));'],
    ['silent', ''],
  ])('%s leaves the page unread, with a sentence for whoever asked', async (name, source) => {
    const web = await startWebStandIn();
    const entry = program(name, source);
    const reader = createWebReader({ allowedHosts: [web.host], entry, childTimeoutMs: 500 });
    const url = web.page('/page', { body: '<p>x</p>' });
    await expect(reader.read(url, { abortSignal: new AbortController().signal })).rejects.toMatchObject({
      type: 'unsupported-media',
      status: 422,
      message: expect.stringContaining('Use another page'),
    });
    await reader.close();
    await web.close();
  });

  test('reads what surrounds a tower of tags, and leaves its top out', async () => {
    const web = await startWebStandIn();
    const reader = createWebReader({ allowedHosts: [web.host] });
    const url = web.page('/deep', { body: `<p>below</p>${'<b>'.repeat(3_000)}top${'</b>'.repeat(3_000)}<p>after</p>` });
    expect((await reader.read(url, { abortSignal: new AbortController().signal })).text).toBe('below\n\nafter');
    await reader.close();
    await web.close();
  });
});
