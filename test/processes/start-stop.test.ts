import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Request } from '../../contracts/request.js';
import { needs } from '../helpers/needs.js';
import {
  endEverything,
  eventually,
  isAlive,
  leftOvers,
  newHome,
  prepareHome,
  removeHomes,
  spawnProduct,
  startProduct,
  temporalServers,
} from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';

/** What the product promises for a stop. */
const STOP_MS = 15_000;

let template: string;
let model: AnthropicStandIn;

beforeAll(async () => {
  template = await prepareHome();
});

afterEach(async () => {
  await endEverything();
  await model?.close();
});

afterAll(removeHomes);

async function scripted(latencyMs = 0): Promise<Record<string, string>> {
  model = await startAnthropicStandIn({ script: ({ userText }) => ({ text: `I heard: ${userText}` }), latencyMs });
  return { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' };
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('stopping', () => {
  it.each([
    ['SIGTERM', 'parent'],
    ['SIGINT', 'group'],
  ] as const)('%s to the %s ends everything with code 0, and the next start goes on where it was', async (name, to) => {
    const home = newHome(template);
    const env = await scripted();
    const first = await startProduct({ home, env });
    const done = await first.api.ended(await first.api.send('done before the stop'));
    model.latencyMs = 30_000;
    const under = await first.api.send('under way at the stop');
    await eventually(
      async () => model.calls.length === 2,
      10_000,
      () => model.calls.length,
    );

    first.signal(name, to);
    expect(await first.ended(STOP_MS)).toEqual({ code: 0, signal: null });
    expect(await leftOvers(first)).toEqual([]);

    model.latencyMs = 0;
    const second = await startProduct({ home, port: first.port, env });
    expect(await second.api.request(done.id)).toEqual(done);
    expect((await second.api.ended(under)).result?.text).toBe('I heard: under way at the stop');
    model.assertClean();
    expect((await second.stop()).code).toBe(0);
  });

  it('Ctrl-C while it still starts leaves nothing behind either', async () => {
    const product = await spawnProduct({ home: newHome(template) });
    await product.printed(/database: embedded, open/);
    product.signal('SIGINT');
    expect(await product.ended(STOP_MS)).toEqual({ code: 0, signal: null });
    expect(await leftOvers(product)).toEqual([]);
  });

  it('says so and ends with code 1 when its Temporal server dies', async () => {
    const product = await startProduct({ home: newHome(template), env: await scripted() });
    const [server] = await temporalServers(product.home);
    process.kill(server?.pid ?? 0, 'SIGKILL');
    expect(await product.ended(30_000)).toEqual({ code: 1, signal: null });
    expect(product.output()).toContain('The Temporal server has ended unexpectedly');
    expect(product.output()).not.toMatch(/^ +at /m);
    expect(await leftOvers(product)).toEqual([]);
  });
});

describe('starting', () => {
  it('refuses a second process on the same home and leaves the first alone', async () => {
    const env = await scripted();
    const first = await startProduct({ home: newHome(template), env });
    const second = await spawnProduct({ home: first.home, env });
    expect(await second.ended()).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain(`Another Retinue process uses ${first.home}`);
    expect(second.output()).not.toMatch(/^ +at /m);
    const request = await first.api.ended(await first.api.send('still there?'));
    expect(request.status).toBe('completed');
  });

  it('names a port that is taken and leaves nothing running', async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const address = stranger.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const product = await spawnProduct({ home: newHome(template), port });
      expect(await product.ended(30_000)).toEqual({ code: 1, signal: null });
      expect(product.output()).toContain(`Port ${port} is taken by another program. Set PORT to a free one.`);
      expect(await leftOvers(product)).toEqual([]);
    } finally {
      stranger.close();
    }
  });

  it("does not use a stranger's Temporal server that listens on the remembered port", async () => {
    const strange = inject('temporalAddress');
    const home = newHome(template);
    const ports = { frontend: Number(strange.split(':')[1]) };
    writeFileSync(path.join(home, 'temporal', 'server.json'), JSON.stringify({ ports }));
    const product = await startProduct({ home, env: await scripted() });
    const { id } = await product.api.ended(await product.api.send('whose server is this?'));

    const state = JSON.parse(readFileSync(path.join(home, 'temporal', 'server.json'), 'utf8')) as {
      ports: typeof ports;
    };
    expect(state.ports.frontend).not.toBe(ports.frontend);
    const connection = await Connection.connect({ address: strange });
    try {
      await expect(new Client({ connection }).workflow.getHandle(`request:${id}`).describe()).rejects.toThrow(
        /not found/,
      );
    } finally {
      await connection.close();
    }
    expect((await product.stop()).code).toBe(0);
    const again = await Connection.connect({ address: strange });
    await again.close();
  });

  it('keeps its token for the owner alone, and what it prints works as it stands', async (context) => {
    needs(context, 'curl', hasCurl());
    const home = newHome(template);
    const token = path.join(home, 'token');
    // Without RETINUE_TOKEN, and with the rehearsal model.
    const first = await startProduct({ home, env: { RETINUE_TOKEN: undefined } });
    await first.printed(/Ctrl-C stops everything/);
    expect(statSync(token).mode & 0o777).toBe(0o600);
    const made = readFileSync(token, 'utf8');

    const [command = ''] = /^ +curl [\s\S]+?'$/m.exec(first.output().replaceAll(/\\\n/g, '')) ?? [];
    const { stdout } = await promisify(execFile)('bash', ['-c', command]);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', origin: 'user' } satisfies Partial<Request>);

    const [link = ''] = /http\S+signin\?ticket=\S+/.exec(first.output()) ?? [];
    const signIn = await fetch(link, { redirect: 'manual' });
    expect(signIn.status).toBe(303);
    const cookie = (signIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    expect((await fetch(`${first.api.url}/v1/me`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(401);
    expect((await first.stop()).code).toBe(0);

    const second = await startProduct({ home, port: first.port, env: { RETINUE_TOKEN: undefined } });
    expect(readFileSync(token, 'utf8')).toBe(made);
    expect((await second.api.get('/v1/me')).status).toBe(200);
    // The browser stays signed in.
    expect((await fetch(`${second.api.url}/v1/me`, { headers: { cookie } })).status).toBe(200);
    expect(isAlive(second.pid)).toBe(true);
  });
});
