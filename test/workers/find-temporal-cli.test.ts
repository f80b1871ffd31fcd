import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cliCacheDir, findTemporalCli } from '../../workers/dev-server/find-temporal-cli.js';

const ANSWERS = "#!/bin/sh\necho 'temporal version 1.5.1 (Server 1.29.1)'\n";

let root: string;
let lines: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'retinue-cli-'));
  lines = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function program(path: string, text: string): Promise<string> {
  const full = join(root, path);
  await mkdir(join(full, '..'), { recursive: true });
  await writeFile(full, text);
  await chmod(full, 0o755);
  return full;
}

function find(path = join(root, 'path')): Promise<string> {
  return findTemporalCli({
    cacheDir: join(root, 'cache'),
    tmpDir: join(root, 'tmp'),
    environment: { PATH: path },
    log: (line) => lines.push(line),
  });
}

describe('finding the Temporal CLI', () => {
  it('prefers PATH, then the cache folder, then the newest download of the SDK', async () => {
    const onPath = await program('path/temporal', ANSWERS);
    const cached = await program('cache/temporal', ANSWERS);
    await program('tmp/temporal-sdk-typescript-1.9.0', ANSWERS);
    const newest = await program('tmp/temporal-sdk-typescript-1.24.0', ANSWERS);
    await program('tmp/temporal-sdk-typescript-1.25.0.downloading', ANSWERS);
    expect(await find()).toBe(onPath);
    await rm(onPath);
    expect(await find()).toBe(cached);
    await rm(cached);
    expect(await find()).toBe(newest);
  });

  it('passes over a program of that name that is not the Temporal CLI, or is broken', async () => {
    await program('path/temporal', '#!/bin/sh\necho other program\n');
    await program('path2/temporal', '#!/bin/sh\nexit 3\n');
    const cached = await program('cache/temporal', ANSWERS);
    expect(await find(`${join(root, 'path')}:${join(root, 'path2')}`)).toBe(cached);
    expect(lines).toHaveLength(2);
  });

  it('builds it once with Go when it is nowhere, also when two starts come at the same time', async () => {
    const go = `#!/bin/sh
[ "$1" = version ] && echo go version go1.23.0 && exit 0
echo "$2" >> ${join(root, 'installs')}
/bin/sleep 1
/bin/cat > "$GOBIN/temporal" <<'END'
${ANSWERS}END
/bin/chmod 755 "$GOBIN/temporal"
`;
    await program('path/go', go);
    const found = await Promise.all([find(), find()]);
    expect(found).toEqual([join(root, 'cache', 'temporal'), join(root, 'cache', 'temporal')]);
    expect(await readFile(join(root, 'installs'), 'utf8')).toBe('github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
    expect(await readdir(join(root, 'cache'))).toEqual(['temporal']);
    expect(lines.join('\n')).toContain('go install');
  });

  it('says what to do when Go is missing', async () => {
    await expect(find()).rejects.toThrow(/Go,.* is missing\..*go\.dev.*PATH.*TEMPORAL_ADDRESS/s);
  });

  it('shows what Go said and leaves nothing behind when the build fails', async () => {
    await program('path/go', '#!/bin/sh\n[ "$1" = version ] && exit 0\necho "module lookup disabled" >&2\nexit 1\n');
    await expect(find()).rejects.toThrow(/module lookup disabled/);
    expect(await readdir(join(root, 'cache'))).toEqual([]);
  });

  it('keeps the binary in the user cache folder, whatever XDG_CACHE_HOME says in relative form', () => {
    expect(cliCacheDir({}, '/home/anna')).toBe('/home/anna/.cache/retinue/bin');
    expect(cliCacheDir({ XDG_CACHE_HOME: '/var/cache/anna' }, '/home/anna')).toBe('/var/cache/anna/retinue/bin');
    expect(cliCacheDir({ XDG_CACHE_HOME: 'cache' }, '/home/anna')).toBe('/home/anna/.cache/retinue/bin');
  });
});
