import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelError, type ModelMessage } from '../../contracts/model.js';
import { createAnthropicClient } from '../../models/anthropic-client.js';
import { blocksOf } from '../stand-ins/anthropic-body.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import {
  CALL_TURN,
  type ClientHarness,
  INPUT,
  KEY,
  TEXT_TURN,
  TOOL,
  USER,
  modelRequest,
  startClientHarness,
} from './client-harness.js';

let harness: ClientHarness;
let standIn: AnthropicStandIn;
let ask: ClientHarness['ask'];
let failure: ClientHarness['failure'];

beforeEach(async () => {
  harness = await startClientHarness();
  ({ standIn, ask, failure } = harness);
});

afterEach(() => harness.close());

describe('an answer', () => {
  it('is streamed as text and returned whole', async () => {
    const { reply, text } = await ask();
    expect(reply).toMatchObject({
      model: 'claude-haiku-5-5',
      content: [{ type: 'text', text: TEXT_TURN.text }],
      stopReason: 'end_turn',
      providerRequestId: 'req_stand_in_0',
    });
    expect(text).toBe(TEXT_TURN.text);
    expect(standIn.calls[0]).toMatchObject({ finished: true, aborted: false });
  });

  it('carries tool calls with their input exactly as it was streamed', async () => {
    standIn.setScript([CALL_TURN]);
    const { reply } = await ask();
    expect(reply.stopReason).toBe('tool_use');
    expect(reply.content).toEqual([
      { type: 'text', text: 'one moment' },
      { type: 'tool_use', id: expect.any(String), name: 'mail_send', input: INPUT },
    ]);
  });

  it('accepts a call without arguments and a stop sequence', async () => {
    standIn.setScript([{ calls: [{ name: 'mail_send', input: {} }] }, { text: 'so far', stopReason: 'stop_sequence' }]);
    expect((await ask()).reply.content).toMatchObject([{ type: 'tool_use', input: {} }]);
    expect((await ask()).reply.stopReason).toBe('stop_sequence');
  });

  it('reports the tokens as billed', async () => {
    const usage = { inputTokens: 11, outputTokens: 22, cacheReadTokens: 33, cacheWriteTokens: 44 };
    standIn.setScript([{ ...TEXT_TURN, usage }]);
    expect((await ask()).reply.usage).toEqual(usage);
  });

  it('is read to its end, so that the connection can be used again', async () => {
    standIn.setScript([TEXT_TURN, TEXT_TURN]);
    const one = harness.client();
    const options = { abortSignal: new AbortController().signal, onText: () => undefined };
    await one.complete(modelRequest(), options);
    await one.complete(modelRequest(), options);
    expect(standIn.calls.map((call) => call.aborted)).toEqual([false, false]);
  });

  it('goes back unchanged in a tool loop, thinking included', async () => {
    standIn.setScript([{ ...CALL_TURN, thinking: 'they want a mail, so I shall write it' }, TEXT_TURN]);
    const { reply } = await ask();
    expect(reply.content[0]).toMatchObject({ type: 'opaque', block: { type: 'thinking' } });
    const call = reply.content.find((block) => block.type === 'tool_use');
    const result = {
      type: 'tool_result',
      toolUseId: call?.id ?? '',
      content: 'waiting for approval',
      isError: false,
    } as const;
    const messages: ModelMessage[] = [
      USER,
      { role: 'assistant', content: reply.content },
      { role: 'user', content: [result] },
    ];
    expect((await ask({ request: modelRequest(messages) })).reply.stopReason).toBe('end_turn');
  });
});

describe('the request on the wire', () => {
  it('keeps system, tools and messages in order, with cache breakpoints at the stable prefix and the end', async () => {
    await ask();
    const cache_control = { type: 'ephemeral' };
    expect(standIn.calls[0]?.body).toEqual({
      model: 'claude-haiku-5-5',
      max_tokens: 1_000,
      stream: true,
      system: [
        { type: 'text', text: 'You help.', cache_control },
        { type: 'text', text: 'It is Monday.' },
      ],
      tools: [{ name: TOOL.name, description: TOOL.description, input_schema: TOOL.inputSchema }],
      messages: [{ role: 'user', content: [{ ...USER.content[0], cache_control }] }],
    });
  });

  it('sends the key as Bearer and makes one attempt', async () => {
    standIn.pushFaults('500');
    await failure();
    expect(standIn.calls).toHaveLength(1);
    expect(standIn.calls[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'anthropic-version': '2026-10-21',
    });
  });

  it('leaves blank text and messages without content out, and sends images', async () => {
    const messages: ModelMessage[] = [
      USER,
      { role: 'assistant', content: [{ type: 'text', text: ' ' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: '' },
          { type: 'image', mediaType: 'image/png', data: 'AAAA' },
        ],
      },
    ];
    await ask({ request: modelRequest(messages, { system: ['You help.', ''], tools: [] }) });
    const body = standIn.calls[0]?.body;
    expect(body?.messages).toHaveLength(2);
    expect(blocksOf(body?.messages[1]?.content ?? [])[0]).toMatchObject({
      type: 'image',
      source: { data: 'AAAA' },
    });
    expect(body?.system).toHaveLength(1);
    expect(body).not.toHaveProperty('tools');
  });

  it('refuses a request without any content before it is sent', async () => {
    const error = await failure({ request: modelRequest([{ role: 'user', content: [] }]) });
    expect(error.kind).toBe('invalid');
    expect(standIn.calls).toHaveLength(0);
  });

  it('accepts a base URL with /v1 and a slash', async () => {
    await ask({ client: { baseUrl: `${standIn.url}/v1/` } });
    expect(standIn.calls).toHaveLength(1);
  });

  it('needs a key or a base URL', async () => {
    expect(() => createAnthropicClient({ idleTimeoutMs: 1, timeoutMs: 1 })).toThrow(ModelError);
    const open = await startAnthropicStandIn({ script: [TEXT_TURN] });
    expect((await ask({ client: { baseUrl: open.url, apiKey: undefined } })).reply.stopReason).toBe('end_turn');
    await open.close();
    expect(open.violations).toEqual([]);
  });

  it('goes through an in-process fetch without a network', async () => {
    const seen: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      seen.push(url);
      return globalThis.fetch(url.replace('http://rehearsal.invalid', standIn.url), init);
    };
    await ask({ client: { baseUrl: 'http://rehearsal.invalid', fetch } });
    expect(seen).toEqual(['http://rehearsal.invalid/v1/messages']);
  });
});

describe('a complete answer that is not the usual one', () => {
  it.each([
    ['refusal', 'refusal'],
    ['max_tokens', 'max_tokens'],
    ['context-window', 'model_context_window_exceeded'],
    ['pause_turn', 'pause_turn'],
    ['empty', 'end_turn'],
  ] as const)('%s is returned with stop reason %s', async (fault, stopReason) => {
    standIn.pushFaults(fault);
    const { reply } = await ask();
    expect(reply.stopReason).toBe(stopReason);
    expect(reply.content.length).toBe(fault === 'refusal' || fault === 'empty' ? 0 : 1);
  });

  it('keeps the text that the output limit cut', async () => {
    standIn.pushFaults('max_tokens');
    const { reply, text } = await ask();
    expect(TEXT_TURN.text?.startsWith(text)).toBe(true);
    expect(reply.content).toEqual([{ type: 'text', text }]);
  });

  it('may hold events and blocks of tomorrow', async () => {
    standIn.setScript([TEXT_TURN, TEXT_TURN]);
    standIn.pushFaults('unknown-event', 'unknown-block');
    expect((await ask()).reply.content).toEqual([{ type: 'text', text: TEXT_TURN.text }]);
    expect((await ask()).reply.content[1]).toEqual({ type: 'opaque', block: { type: 'hologram', data: 'AAEC' } });
  });

  it('may come a few bytes at a time, longer in all than it may be silent', async () => {
    const text = 'slowly but surely '.repeat(100);
    standIn.setScript([{ text }]);
    standIn.pushFaults({ kind: 'drip', everyMs: 2 });
    const began = performance.now();
    expect((await ask({ client: { idleTimeoutMs: 500 } })).text).toBe(text);
    expect(performance.now() - began).toBeGreaterThan(500);
  });

  it('counts although the endpoint does not close the connection, which is closed then', async () => {
    standIn.pushFaults('linger');
    expect((await ask({ client: { idleTimeoutMs: 100 } })).text).toBe(TEXT_TURN.text);
    await vi.waitFor(() => expect(standIn.calls[0]?.aborted).toBe(true));
  });
});
