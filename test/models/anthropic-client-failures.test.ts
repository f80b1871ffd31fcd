import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModelErrorKind } from '../../contracts/model.js';
import type { AnthropicStandIn, Fault } from '../stand-ins/anthropic.js';
import { CALL_TURN, type ClientHarness, INPUT, KEY, USER, modelRequest, startClientHarness } from './client-harness.js';

let harness: ClientHarness;
let standIn: AnthropicStandIn;
let ask: ClientHarness['ask'];
let failure: ClientHarness['failure'];

beforeEach(async () => {
  harness = await startClientHarness();
  ({ standIn, ask, failure } = harness);
});

afterEach(() => harness.close());

const STATUS_TABLE: readonly [Fault, ModelErrorKind, boolean][] = [
  ['400', 'invalid', false],
  ['prompt-too-long', 'too_large', false],
  ['401', 'unauthorised', false],
  ['402', 'billing', false],
  ['403', 'unauthorised', false],
  ['404', 'invalid', false],
  ['408', 'timeout', true],
  ['409', 'server', true],
  ['413', 'too_large', false],
  ['429', 'rate_limited', true],
  ['spend-limit', 'billing', false],
  ['500', 'server', true],
  ['503', 'server', true],
  ['504', 'timeout', true],
  ['529', 'overloaded', true],
];

const STREAM_TABLE: readonly [Fault, ModelErrorKind][] = [
  ['reset', 'network'],
  ['truncate', 'cut_off'],
  ['end-early', 'cut_off'],
  ['no-message-stop', 'cut_off'],
  ['null-stop-reason', 'cut_off'],
  ['cut-tool-json', 'cut_off'],
  ['bad-event', 'cut_off'],
  ['max-tokens-in-tool', 'cut_off'],
  ['context-window-in-tool', 'too_large'],
  ['sse-error', 'overloaded'],
  ['html', 'invalid'],
];

describe('a failure', () => {
  it.each(STATUS_TABLE)('with status fault %s is %s, worth a retry: %s', async (fault, kind, retryable) => {
    standIn.pushFaults(fault);
    const error = await failure();
    expect(error).toMatchObject({ kind, retryable, name: 'ModelError' });
    expect(error.message).not.toContain(KEY);
    expect((await ask()).reply.stopReason).toBe('end_turn');
  });

  it.each(STREAM_TABLE)('of the stream, %s, is %s and nothing is returned', async (fault, kind) => {
    standIn.setScript([CALL_TURN]);
    standIn.pushFaults(fault);
    expect(await failure()).toMatchObject({ kind, retryAfterMs: undefined });
    expect((await ask()).reply.content).toContainEqual(expect.objectContaining({ type: 'tool_use', input: INPUT }));
  });

  it.each([
    ['reset', 'maybe', false],
    ['truncate', 'maybe', false],
    ['no-message-stop', 'maybe', false],
    ['sse-error', 'maybe', false],
    ['null-stop-reason', 'maybe', true],
    ['cut-tool-json', 'maybe', true],
    ['max-tokens-in-tool', 'maybe', true],
    ['context-window-in-tool', 'maybe', true],
    ['529', 'no', false],
    ['html', 'no', false],
  ] as const)('by %s may be billed: %s; its price is known: %s', async (fault, billed, isCounted) => {
    standIn.setScript([CALL_TURN]);
    standIn.pushFaults(fault);
    const error = await failure();
    expect([error.billed, error.usage !== undefined]).toEqual([billed, isCounted]);
    expect(error.usage).toEqual(isCounted ? standIn.calls[0]?.usage : undefined);
  });

  it.each(['429', '529'] as const)('%s passes on how long to wait', async (kind) => {
    standIn.pushFaults(
      { kind, retryAfter: 7 },
      { kind, retryAfter: new Date(Date.now() + 30_000).toUTCString() },
      kind,
    );
    expect((await failure()).retryAfterMs).toBe(7_000);
    expect((await failure()).retryAfterMs).toBeGreaterThan(25_000);
    expect((await failure()).retryAfterMs).toBeUndefined();
  });

  it('names what to set for an unknown model, and the request id', async () => {
    standIn.pushFaults('404');
    const error = await failure({ request: modelRequest([USER], { model: 'claude-typo-1' }) });
    expect(error.message).toMatch(/"claude-typo-1".*set a model/);
    expect(error.message).toContain('req_stand_in_0');
  });

  it('of the network says where it went', async () => {
    const { port } = await closedPort();
    const error = await failure({ client: { baseUrl: `http://127.0.0.1:${port}` } });
    expect(error).toMatchObject({ kind: 'network', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it('never shows the key, even when the endpoint repeats it', async () => {
    const echo = createServer((incoming, response) => {
      incoming.resume();
      const error = { type: 'authentication_error', message: `wrong key ${incoming.headers.authorization ?? ''}` };
      response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ type: 'error', error }));
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const error = await failure({ client: { baseUrl: `http://127.0.0.1:${(echo.address() as AddressInfo).port}` } });
    echo.close();
    expect(error.kind).toBe('unauthorised');
    for (const text of [error.message, error.stack, JSON.stringify(error.cause), String(error.cause)])
      expect(text).not.toContain(KEY);
  });

  it('inside onText is passed on as it is, and closes the connection', async () => {
    standIn.pushFaults('drip');
    const options = {
      abortSignal: new AbortController().signal,
      onText: () => {
        throw new RangeError('no room');
      },
    };
    await expect(harness.client().complete(modelRequest(), options)).rejects.toThrow(RangeError);
    await vi.waitFor(() => expect(standIn.calls[0]?.aborted).toBe(true));
  });
});

describe('time', () => {
  it.each(['hang', 'stall'] as const)(
    'runs out when nothing comes (%s), and the connection is closed',
    async (fault) => {
      standIn.pushFaults(fault);
      const error = await failure({ client: { idleTimeoutMs: 60 } });
      expect(error).toMatchObject({ kind: 'timeout', retryable: true });
      expect(error.message).toContain('0.06 s');
      await vi.waitFor(() => expect(standIn.calls[0]?.aborted).toBe(true));
    },
  );

  it('runs out in all even while something comes', async () => {
    standIn.pushFaults({ kind: 'drip', everyMs: 10 });
    const error = await failure({ client: { timeoutMs: 120 } });
    expect(error).toMatchObject({ kind: 'timeout' });
    expect(error.message).toContain('finish within 0.12 s');
    await vi.waitFor(() => expect(standIn.calls[0]?.aborted).toBe(true));
  });

  it('does not depend on a fetch that listens to the abort signal', async () => {
    const deaf: typeof fetch = () => new Promise(() => undefined);
    expect((await failure({ client: { fetch: deaf, idleTimeoutMs: 30 } })).kind).toBe('timeout');
  });
});

describe('aborting', () => {
  it.each(['hang', 'stall', 'drip'] as const)('during %s closes the connection', async (fault) => {
    standIn.pushFaults(fault);
    const controller = new AbortController();
    const failed = failure({ abortSignal: controller.signal });
    await vi.waitFor(() => expect(standIn.calls[0]?.fault).toBe(fault));
    controller.abort(new Error('stop that'));
    expect(await failed).toMatchObject({ kind: 'aborted', retryable: false });
    await vi.waitFor(() => expect(standIn.calls[0]?.aborted).toBe(true));
  });

  it('before the call sends nothing', async () => {
    expect((await failure({ abortSignal: AbortSignal.abort() })).kind).toBe('aborted');
    expect(standIn.calls).toHaveLength(0);
  });

  it('leaves no listener behind on a long-lived signal', async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await ask({ abortSignal: signal });
    expect(removed.mock.calls.length).toBeGreaterThanOrEqual(added.mock.calls.length);
  });
});

async function closedPort(): Promise<AddressInfo> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return address;
}
