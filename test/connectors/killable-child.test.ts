import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createKillableChild } from '../../connectors/child-process/killable-child.js';

const folder = mkdtempSync(path.join(tmpdir(), 'retinue-children-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, source: string): URL {
  const place = path.join(folder, `${name.replaceAll(' ', '-')}.mjs`);
  writeFileSync(place, source);
  return pathToFileURL(place);
}

const BYTES = Buffer.from('<p>x</p>');
const BUSY = new Error('Later.');
const LIMITS = {
  timeoutMs: 10_000,
  heapMegabytes: 128,
  mostResidentKilobytes: 300 * 1024,
  mostOutput: 100,
  endCodes: [0],
  busy: () => BUSY,
};
const childOf = (name: string, source: string, limits: Partial<typeof LIMITS> = {}) =>
  createKillableChild({ ...LIMITS, ...limits, entry: program(name, source) });
const outputOf = (...options: Parameters<typeof childOf>) => childOf(...options).run([], BYTES);

describe('a child process', () => {
  test('that loops is killed when its time is over, and this process goes on meanwhile', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 20);
    expect(await outputOf('loop', 'process.stdout.write("{}"); for (;;);', { timeoutMs: 700 })).toBeUndefined();
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
  });

  test.each([
    ['wants four gigabytes of objects', 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));'],
    ['throws', 'throw new Error("broken");'],
    ['gives up', 'process.stdout.write("5"); process.exitCode = 1;'],
    ['kills itself', 'process.kill(process.pid, "SIGSEGV");'],
    ['prints too much', 'process.stdout.write("1".repeat(101));'],
    ['prints without end', 'for (;;) process.stdout.write("1".repeat(1000));'],
  ])('that %s says nothing, and nothing else goes down', async (name, source) => {
    expect(await outputOf(name, source, { timeoutMs: 60_000 })).toBeUndefined();
  });

  test('that does not exist says nothing', async () => {
    const child = createKillableChild({ ...LIMITS, entry: new URL('file:///nowhere/at/all.mjs') });
    expect(await child.run([], BYTES)).toBeUndefined();
  });

  test('says what it has printed, up to the limit, when it ends with one of the codes it may end with', async () => {
    const source = 'process.stdout.write("1".repeat(100)); process.exitCode = 1;';
    expect(await outputOf('ends with one', source, { endCodes: [0, 1] })).toBe('1'.repeat(100));
    expect(await outputOf('crashes', 'process.abort();', { endCodes: [0, 1] })).toBeUndefined();
  });

  test('gets its arguments and the bytes, and none of the environment', async () => {
    process.env['ANTHROPIC_API_KEY'] = 'sk-not-for-children';
    const source = `import { text } from 'node:stream/consumers';
      process.stdout.write(JSON.stringify([process.argv.slice(2), await text(process.stdin),
        Object.keys(process.env).filter((name) => /KEY|PATH/.test(name))]));`;
    const output = await childOf('tell', source).run(['a', ''], BYTES);
    delete process.env['ANTHROPIC_API_KEY'];
    expect(JSON.parse(output ?? '')).toEqual([['a', ''], '<p>x</p>', []]);
  });

  test('is one of two; what comes then waits, and is refused where too much does', async () => {
    const child = childOf('waiting', 'setTimeout(() => undefined, 60_000);', { timeoutMs: 60_000 });
    const asked = Promise.allSettled(Array.from({ length: 18 }, () => child.run([], BYTES)));
    await expect(child.run([], BYTES)).rejects.toBe(BUSY);
    await child.close();
    expect(await asked).toEqual(Array(18).fill({ status: 'rejected', reason: BUSY }));
    await expect(child.run([], BYTES)).rejects.toBe(BUSY);
  });

  test('that hangs gives its place to what waits when its time is over', async () => {
    const shared = childOf('slow', 'for (;;);', { timeoutMs: 300 });
    expect(await Promise.all([1, 2, 3, 4].map(() => shared.run([], BYTES)))).toEqual(Array(4).fill(undefined));
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
    const looping = program('orphan', noting('orphan.pid', 'for (;;);'));
    const source = fileURLToPath(new URL('../../connectors/child-process/killable-child.ts', import.meta.url));
    const limits = JSON.stringify({ ...LIMITS, timeoutMs: 2_000 });
    const parent = program(
      'parent',
      `import { createKillableChild } from ${JSON.stringify(pathToFileURL(source).href)};
       void createKillableChild({ ...${limits}, entry: new URL(${JSON.stringify(looping.href)}) }).run([], Buffer.alloc(9));`,
    );
    const cwd = fileURLToPath(new URL('../../', import.meta.url));
    const started = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(parent)], { cwd, stdio: 'ignore' });
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
    const filling = `import { writeFileSync } from 'node:fs';
      const all = []; let n = 0;
      const more = () => { all.push(Buffer.alloc(2 ** 24, 1)); n += 1;
        writeFileSync(${JSON.stringify(path.join(folder, 'filled'))}, String(n * 16)); setTimeout(more, 10); };
      more();`;
    expect(await outputOf('filling', filling, { timeoutMs: 60_000 })).toBeUndefined();
    expect(Number(readFileSync(path.join(folder, 'filled'), 'utf8'))).toBeLessThan(1_000);
  });

  test('is killed when its keeper is closed, and then nothing is taken any more', async () => {
    const child = childOf('closed', noting('closed.pid', 'for (;;);'), { timeoutMs: 20_000 });
    const settled = Promise.allSettled([1, 2, 3, 4].map(() => child.run([], BYTES)));
    const pid = await pidIn('closed.pid');
    await child.close();
    expect(isAlive(pid)).toBe(false);
    expect(await settled).toEqual(Array(4).fill({ status: 'rejected', reason: BUSY }));
    await expect(child.run([], BYTES)).rejects.toBe(BUSY);
  });
});
