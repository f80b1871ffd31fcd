import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cliCacheDir, findTemporalCli } from '../../workers/dev-server/find-temporal-cli.js';
import { prepareNamespace } from '../../workers/dev-server/prepare-namespace.js';
import { readProcess } from '../../workers/dev-server/process-info.js';
import { type DevServer, type DevServerOptions, startDevServer } from '../../workers/dev-server/start-dev-server.js';
import { killHard, runFixture } from './fixtures/processes.js';

let cliPath: string;
let home: string;
let lines: string[];
const running: DevServer[] = [];

beforeAll(async () => {
  cliPath = await findTemporalCli({
    cacheDir: cliCacheDir(process.env, homedir()),
    environment: process.env,
    log: () => undefined,
  });
}, 600_000);

beforeEach(async () => {
  // The blank is on purpose: a path must survive the comparison of command lines.
  home = await mkdtemp(join(tmpdir(), 'retinue home-'));
  lines = [];
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(home, { recursive: true, force: true });
});

async function start(options: Partial<DevServerOptions> = {}): Promise<DevServer> {
  const server = await startDevServer({ home, cliPath, log: (line) => lines.push(line), ...options });
  running.push(server);
  return server;
}

function portOf(server: DevServer): number {
  return Number(server.address.split(':')[1]);
}

async function listen(port: number): Promise<Server> {
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen({ host: '127.0.0.1', port }, resolve));
  return stranger;
}

describe('the development server', () => {
  it('runs on its own database file and keeps ports and data from start to start', async () => {
    const first = await start();
    expect(first.adopted).toBe(false);
    expect((await stat(join(home, 'temporal', 'temporal.db'))).size).toBeGreaterThan(0);
    expect((await fetch(first.uiUrl)).status).toBe(200);
    const connection = await Connection.connect({ address: first.address });
    await new Client({ connection }).workflow.start('anything', { taskQueue: 'none', workflowId: 'kept' });
    await connection.close();
    await first.stop();
    await first.stop();
    await first.exited;
    expect(await readProcess(first.pid)).toBeNull();

    const second = await start();
    expect(second.address).toBe(first.address);
    expect(second.uiUrl).toBe(first.uiUrl);
    const again = await Connection.connect({ address: second.address });
    expect((await new Client({ connection: again }).workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    await again.close();
  });

  it('is adopted by the next start when its parent was killed', async () => {
    const { child, firstLine } = await runFixture('start-server.ts', [home, cliPath]);
    const orphan = JSON.parse(firstLine) as { address: string; pid: number };
    await expect(start()).rejects.toThrow(`already runs on this folder`);
    await killHard(child);
    expect(await readProcess(orphan.pid)).not.toBeNull();

    const next = await start();
    expect(next).toMatchObject({ adopted: true, pid: orphan.pid, address: orphan.address });
    await next.stop();
    await next.exited;
    expect(await readProcess(orphan.pid)).toBeNull();
  });

  it('ends an orphan that was started with other flags, also when server.json is gone', async () => {
    const orphan = await start();
    await rm(join(home, 'temporal', 'server.json'));
    const next = await start({ namespace: 'other' });
    expect(next.adopted).toBe(false);
    expect(next.pid).not.toBe(orphan.pid);
    expect(await readProcess(orphan.pid)).toBeNull();
    expect(lines.join('\n')).toContain('left behind');
  });

  it('ends an orphan that no longer answers', async () => {
    const orphan = await start();
    process.kill(orphan.pid, 'SIGSTOP');
    const next = await start();
    expect(next.adopted).toBe(false);
    expect(await readProcess(orphan.pid)).toBeNull();
  });

  it('moves to another port when a stranger listens on its own', async () => {
    const first = await start();
    await first.stop();
    const stranger = await listen(portOf(first));
    try {
      const second = await start();
      expect(second.address).not.toBe(first.address);
      expect(second.uiUrl).toBe(first.uiUrl);
      await second.stop();
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  it('never uses the Temporal server of another installation', async () => {
    const otherHome = await mkdtemp(join(tmpdir(), 'retinue-other-'));
    try {
      const other = await start({ home: otherHome });
      const own = await start({ ports: { frontend: portOf(other) } });
      expect(own.address).not.toBe(other.address);
      expect(own.pid).not.toBe(other.pid);
      await other.stop();
    } finally {
      await rm(otherHome, { recursive: true, force: true });
    }
  });

  it('starts in spite of a damaged server.json', async () => {
    for (const damage of ['{"ports": {"front', '[]', '{"ports": {"frontend": "x", "ui": -1}}']) {
      const first = await start();
      await first.stop();
      await writeFile(join(home, 'temporal', 'server.json'), damage);
    }
    const last = await start();
    const state = JSON.parse(await readFile(join(home, 'temporal', 'server.json'), 'utf8')) as { pid: number };
    expect(state.pid).toBe(last.pid);
    expect(lines.join('\n')).toContain('damaged');
  });

  it('tells the last lines of a server that does not come up', async () => {
    const broken = join(home, 'broken');
    await writeFile(broken, '#!/bin/sh\necho "database disk image is malformed" >&2\nexit 1\n', { mode: 0o755 });
    await expect(start({ cliPath: broken })).rejects.toThrow(/did not start.*disk image is malformed/s);
  });

  it('tries again when the server lost one of the ports that it picks itself', async () => {
    const unlucky = join(home, 'unlucky');
    const trace = 'google.golang.org/grpc.(*Server).Serve(0x5d4e71f2e00, {0x0, 0x0})';
    const once = `[ -e '${home}/tried' ] && exec '${cliPath}' "$@"; touch '${home}/tried'; echo '${trace}'; seq 20; exit 2`;
    await writeFile(unlucky, `#!/bin/sh\n${once}\n`, { mode: 0o755 });
    const server = await start({ cliPath: unlucky });
    expect((await fetch(server.uiUrl)).status).toBe(200);
  });

  it('empties a log that has grown over 5 MB', async () => {
    const first = await start();
    await first.stop();
    const path = join(home, 'temporal', 'server.log');
    await writeFile(path, 'x'.repeat(6 * 1024 * 1024));
    await start();
    expect((await stat(path)).size).toBeLessThan(1024 * 1024);
  });
});

describe('preparing the namespace', () => {
  let connection: Connection;
  afterAll(() => connection.close());

  it('registers the search attributes, so that runs can be started with them at once, and keeps runs for 30 days', async () => {
    const server = await start();
    connection = await Connection.connect({ address: server.address });
    const options = { connection, namespace: 'default', embedded: true };
    expect(await prepareNamespace(options)).toBe(true);
    const client = new Client({ connection });
    await client.workflow.start('anything', {
      taskQueue: 'none',
      workflowId: 'searchable',
      typedSearchAttributes: [
        { key: defineSearchAttributeKey('RetinueUser', SearchAttributeType.KEYWORD), value: 'anna' },
        { key: defineSearchAttributeKey('RetinueCost', SearchAttributeType.DOUBLE), value: 0.25 },
      ],
    });
    await expect
      .poll(() => client.workflow.count('RetinueUser = "anna" AND RetinueCost > 0.2').then(({ count }) => count), {
        timeout: 5000,
      })
      .toBe(1);
    expect(await prepareNamespace(options)).toBe(true);
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600);
  });

  it('says no when an attribute has another type, and leaves the retention of a server that is not ours', async () => {
    const server = await start();
    const other = await Connection.connect({ address: server.address });
    try {
      const before = await other.workflowService.describeNamespace({ namespace: 'default' });
      const INT = 3;
      await other.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { RetinueUser: INT } });
      expect(await prepareNamespace({ connection: other, namespace: 'default' })).toBe(false);
      const after = await other.workflowService.describeNamespace({ namespace: 'default' });
      expect(after.config?.workflowExecutionRetentionTtl).toEqual(before.config?.workflowExecutionRetentionTtl);
    } finally {
      await other.close();
    }
  });
});
