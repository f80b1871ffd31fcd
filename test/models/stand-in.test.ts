import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeWithVendorSchemas, vendorValidator } from '../helpers/vendor-schema.js';
import { unsourcedFacts } from '../stand-ins/anthropic-facts.js';
import { type AnthropicStandIn, type AnthropicStandInOptions, startAnthropicStandIn } from '../stand-ins/anthropic.js';

const TOOL = { name: 'mail_send', description: 'Sends a mail.', input_schema: { type: 'object' } };
const HELLO = { role: 'user', content: 'Write to Anna' };
const USE = { type: 'tool_use', id: 'toolu_1', name: 'mail_send', input: {} };
const RESULT = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sent' };

let standIn: AnthropicStandIn | undefined;

afterEach(async () => {
  await standIn?.close();
  standIn = undefined;
});

async function start(options: AnthropicStandInOptions = {}): Promise<AnthropicStandIn> {
  standIn = await startAnthropicStandIn({ script: () => ({ text: 'all right' }), ...options });
  return standIn;
}

interface Answered {
  readonly status: number;
  readonly body: {
    readonly type?: string;
    readonly error?: { readonly type: string; readonly message: string };
    readonly content?: unknown;
  };
}

async function post(server: AnthropicStandIn, body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(`${server.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2026-10-21', 'x-api-key': 'k', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answered['body'] };
}

function body(more: object = {}): object {
  return { model: 'claude-haiku-5-5', max_tokens: 100, messages: [HELLO], tools: [TOOL], ...more };
}

function talk(...messages: object[]): object {
  return body({ messages: [HELLO, ...messages] });
}

const REFUSED: readonly [string, object, RegExp][] = [
  ['an unknown field', body({ surprise: 1 }), /surprise/],
  ['temperature', body({ temperature: 1 }), /temperature/],
  ['no max_tokens', body({ max_tokens: undefined }), /max_tokens/],
  ['no messages', body({ messages: [] }), /at least one/],
  ['a message without content', body({ messages: [{ role: 'user', content: [] }] }), /must not be empty/],
  [
    'a blank text block',
    body({ messages: [{ role: 'user', content: [{ type: 'text', text: ' ' }] }] }),
    /non-whitespace/,
  ],
  ['a blank system block', body({ system: [{ type: 'text', text: '' }] }), /system\.0/],
  ['a tool name with a dot', body({ tools: [{ ...TOOL, name: 'mail.send' }] }), /mail\.send/],
  ['two tools of one name', body({ tools: [TOOL, TOOL] }), /not unique/],
  ['an assistant first', body({ messages: [{ role: 'assistant', content: 'Hello' }, HELLO] }), /first message/],
  ['a prefill', talk({ role: 'assistant', content: 'Dear' }), /prefill/],
  ['a call without an answer', talk({ role: 'assistant', content: [USE] }, HELLO), /no tool_result/],
  [
    'an answer without a call',
    talk({ role: 'assistant', content: 'Hm' }, { role: 'user', content: [RESULT] }),
    /answers no tool_use/,
  ],
  [
    'an answer given twice',
    talk({ role: 'assistant', content: [USE] }, { role: 'user', content: [RESULT, RESULT] }),
    /answered twice/,
  ],
  [
    'a call id used twice',
    talk({ role: 'assistant', content: [USE, USE] }, { role: 'user', content: [RESULT] }),
    /unique/,
  ],
  [
    'text before an answer',
    talk({ role: 'assistant', content: [USE] }, { role: 'user', content: [{ type: 'text', text: 'well' }, RESULT] }),
    /before other content/,
  ],
  [
    'tool blocks without tools',
    { ...talk({ role: 'assistant', content: [USE] }, { role: 'user', content: [RESULT] }), tools: undefined },
    /tools: required/,
  ],
  [
    'input that is no object',
    talk({ role: 'assistant', content: [{ ...USE, input: 'x' }] }, { role: 'user', content: [RESULT] }),
    /must be an object/,
  ],
  [
    'five cache breakpoints',
    body({
      system: Array.from({ length: 5 }, () => ({ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } })),
    }),
    /at most 4/,
  ],
  [
    'forced tools where they are not allowed',
    body({ model: 'claude-sonnet-5-5', tool_choice: { type: 'any' } }),
    /forced/,
  ],
  [
    'thinking switched off where it cannot be',
    body({ model: 'claude-opus-5-5', thinking: { type: 'disabled' } }),
    /adaptive/,
  ],
  [
    'thinking nobody thought',
    talk({ role: 'assistant', content: [{ type: 'thinking', thinking: 'mine', signature: 's' }] }, HELLO),
    /cannot be modified/,
  ],
];

describeWithVendorSchemas('a wrong request', () => {
  it.each(REFUSED)('with %s gets a vendor-shaped 400 and is a violation', async (_, wrong, pattern) => {
    const server = await start();
    const answer = await post(server, wrong);
    expect(answer).toMatchObject({ status: 400, body: { type: 'error', error: { type: 'invalid_request_error' } } });
    expect(answer.body.error?.message).toMatch(pattern);
    expect(server.violations.join('\n')).toMatch(pattern);
    expect(vendorValidator('anthropic/messages-2026-10-21.schema.json')('ErrorResponse', answer.body)).toEqual([]);
  });

  it('may be one in its headers, its JSON or its path', async () => {
    const server = await start();
    expect((await post(server, body(), { 'anthropic-version': '2020-01-01' })).status).toBe(400);
    expect((await post(server, body(), { 'x-api-key': '' })).status).toBe(401);
    expect((await post(server, '{"model":')).status).toBe(400);
    expect((await fetch(`${server.url}/v1/complete`, { method: 'POST' })).status).toBe(404);
    expect(server.violations).toHaveLength(4);
  });

  it('is not one when only the key or the model is unknown', async () => {
    const server = await start({ apiKey: 'right', models: ['claude-opus-5-5'] });
    expect((await post(server, body())).status).toBe(401);
    expect((await post(server, body(), { 'x-api-key': 'right' })).status).toBe(404);
    expect((await post(server, body({ model: 'claude-opus-5-5' }), { authorization: 'Bearer right' })).status).toBe(
      200,
    );
    expect(server.violations).toEqual([]);
  });
});

describe('a right request', () => {
  it('may have neighbours of one role and a call with its answer', async () => {
    const server = await start();
    const answer = await post(
      server,
      talk(HELLO, { role: 'assistant', content: [USE] }, { role: 'user', content: [RESULT] }, HELLO),
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { type: 'message', content: [{ type: 'text', text: 'all right' }] },
    });
    expect(server.violations).toEqual([]);
  });

  it('must bring back the thinking before a call', async () => {
    const server = await start({
      script: [{ thinking: 'a mail then', calls: [{ name: 'mail_send', input: {}, id: 'toolu_1' }] }, { text: 'done' }],
    });
    const content = (await post(server, body())).body.content as readonly { readonly type: string }[];
    const answers = { role: 'user', content: [RESULT] };
    const without = await post(server, talk({ role: 'assistant', content: content.slice(1) }, answers));
    expect(without.body.error?.message).toMatch(/thinking before tool_use toolu_1 is missing/);
    expect((await post(server, talk({ role: 'assistant', content }, answers))).status).toBe(200);
  });

  it('may resume a pause, and only that', async () => {
    const server = await start();
    server.pushFaults('pause_turn');
    const { content } = (await post(server, body())).body;
    expect((await post(server, talk({ role: 'assistant', content }))).status).toBe(200);
    expect((await post(server, talk({ role: 'assistant', content: 'Something else' }))).status).toBe(400);
  });
});

describe('a script', () => {
  it('is played in order and fails loudly when it is asked once more', async () => {
    const server = await start({ script: [{ text: 'one' }, (input) => ({ text: `two, ${input.tools.length} tool` })] });
    expect((await post(server, body())).body.content).toMatchObject([{ text: 'one' }]);
    expect((await post(server, body())).body.content).toMatchObject([{ text: 'two, 1 tool' }]);
    expect(server.remainingTurns()).toBe(0);
    expect(await post(server, body())).toMatchObject({ status: 500, body: { error: { type: 'api_error' } } });
    expect(server.violations).toEqual([expect.stringContaining('no turn for this call (user said: "Write to Anna")')]);
  });

  it('without any turns answers nothing', async () => {
    standIn = await startAnthropicStandIn();
    expect((await post(standIn, body())).status).toBe(500);
    expect(standIn.violations).toHaveLength(1);
  });

  it('can be keyed by what the user said, and each list among several belongs to one exchange', async () => {
    const server = await start({
      script: [
        { when: 'weather', turns: [{ text: 'it rains' }] },
        [{ text: 'first a' }, { text: 'first b' }],
        [{ text: 'second' }],
      ],
    });
    const say = async (text: string) =>
      (await post(server, body({ messages: [{ role: 'user', content: text }] }))).body.content;
    expect(await say('buy milk')).toMatchObject([{ text: 'first a' }]);
    expect(await say('call mum')).toMatchObject([{ text: 'second' }]);
    expect(await say('the weather?')).toMatchObject([{ text: 'it rains' }]);
    expect(await say('buy milk')).toMatchObject([{ text: 'first b' }]);
    expect(server.violations).toEqual([]);
  });

  it('is told the turn of the exchange, what the user said and what the tools answered', async () => {
    const seen: unknown[] = [];
    const server = await start({
      script: ({ turn, userText, toolResults }) => {
        seen.push({ turn, userText, toolResults });
        return { text: 'noted' };
      },
    });
    await post(server, body());
    const past = [HELLO, { role: 'assistant', content: 'Done' }];
    await post(
      server,
      body({
        messages: [
          ...past,
          { role: 'user', content: 'And Ben' },
          { role: 'assistant', content: [USE] },
          { role: 'user', content: [RESULT] },
        ],
      }),
    );
    expect(seen).toEqual([
      { turn: 0, userText: 'Write to Anna', toolResults: [] },
      {
        turn: 1,
        userText: 'And Ben',
        toolResults: [{ id: 'toolu_1', name: 'mail_send', content: 'sent', isError: false }],
      },
    ]);
  });

  it('may only call tools that are on offer, unless it says so', async () => {
    const calls = [{ name: 'rocket_launch', input: {} }];
    const server = await start({ script: [{ calls, unknownTools: true }, { calls }] });
    expect((await post(server, body())).status).toBe(200);
    expect((await post(server, body())).status).toBe(500);
    expect(server.violations[0]).toContain('rocket_launch');
  });

  it('that throws is a violation', async () => {
    const server = await start({
      script: () => {
        throw new Error('unexpected conversation');
      },
    });
    expect((await post(server, body())).status).toBe(500);
    expect(server.violations[0]).toContain('unexpected conversation');
  });

  it('keeps its turn when the call is aborted before the answer', async () => {
    const server = await start({ script: [{ text: 'late' }], latencyMs: 5_000 });
    const aborted = fetch(`${server.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2026-10-21', 'x-api-key': 'k' },
      body: JSON.stringify(body()),
      signal: AbortSignal.timeout(50),
    });
    await expect(aborted).rejects.toThrow(/timeout/);
    await vi.waitFor(() => expect(server.calls[0]?.aborted).toBe(true));
    server.latencyMs = 0;
    expect((await post(server, body())).body.content).toMatchObject([{ text: 'late' }]);
    expect(server.calls.map((call) => call.usage === undefined)).toEqual([true, false]);
  });
});

describe('facts', () => {
  const source = { messages: ['Mail anna@example.com about the Budget at 9:30, room 204, says Ben.'] };

  it.each([
    ['a name', { text: 'This goes to Carla.' }, ['Carla']],
    [
      'a name in a call',
      { calls: [{ name: 'x', input: { who: 'Carla', deep: [{ place: 'the Louvre' }] } }] },
      ['Carla', 'Louvre'],
    ],
    ['an address', { text: 'mail to ann@example.com' }, ['ann@example.com']],
    ['a number', { text: 'at 10:45' }, ['10', '45']],
    ['a number in a call', { calls: [{ name: 'x', input: { amount: 4711 } }] }, ['4711']],
  ])('%s without a source is found', (_, statement, facts) => {
    expect(unsourcedFacts(statement, source)).toEqual(facts);
  });

  it.each([
    ['what was given', { text: 'Ben wants Anna to see the budget at 09:30 in 204 (anna@example.com).' }],
    ['capitals that open a sentence', { text: 'Done. Everything waits.\nNothing else! I said so.' }],
    ['short values and single digits', { text: 'there are 3', calls: [{ name: 'x', input: { kind: 'ABC', n: 5 } }] }],
    [
      'what is marked as worked out',
      { calls: [{ name: 'x', input: { at: '2026-11-24T09:30:00+01:00' } }], derived: ['2026-11-24T09:30:00+01:00'] },
    ],
  ])('%s need nothing', (_, statement) => {
    expect(unsourcedFacts(statement, source)).toEqual([]);
  });

  it('that are invented make the call fail, unless the check is off', async () => {
    const script = [{ text: 'I told Carla.' }];
    const strict = await start({ script });
    expect((await post(strict, body())).status).toBe(500);
    expect(strict.violations[0]).toContain('"Carla"');
    await strict.close();
    const free = await start({ script, factsFrom: 'anywhere' });
    expect((await post(free, body())).status).toBe(200);
  });
});

describe('the stand-in as the SDK sees it', () => {
  it('is understood by the SDK, streamed or not, and its answers are right by the schema', async () => {
    const turn = { thinking: 'a mail', text: 'writing', calls: [{ name: 'mail_send', input: { to: 'Anna' } }] };
    const server = await start({ script: [turn, turn] });
    const sdk = new Anthropic({ apiKey: 'k', baseURL: server.url, maxRetries: 0, logLevel: 'off' });
    const asked: Anthropic.MessageCreateParamsNonStreaming = {
      model: 'claude-haiku-5-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Write to Anna' }],
      tools: [{ name: 'mail_send', input_schema: { type: 'object' } }],
    };
    const whole = await sdk.messages.create(asked);
    const streamed = await sdk.messages.stream(asked).finalMessage();
    const shape = (message: Anthropic.Message) => message.content.map((block) => ({ ...block, id: '', signature: '' }));
    expect(shape(streamed)).toEqual(shape(whole));
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(server.violations).toEqual([]);
  });

  it('shows what the SDK would hide: cut tool JSON comes back repaired', async () => {
    const server = await start({ script: [] });
    server.pushFaults('cut-tool-json');
    const sdk = new Anthropic({ apiKey: 'k', baseURL: server.url, maxRetries: 0, logLevel: 'off' });
    const message = await sdk.messages
      .stream({ model: 'claude-haiku-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'Go' }] })
      .finalMessage();
    expect(message.stop_reason).toBe('tool_use');
    expect(message.content.at(-1)).toMatchObject({ type: 'tool_use', name: 'send' });
  });

  it('gives faults in order, waits for the call a fault is meant for, and then answers', async () => {
    const server = await start({ script: [{ text: 'at last' }] });
    server.faults.push({ kind: '529', retryAfter: 3, when: (input) => input.userText.includes('Ben') }, '500', 'ok');
    expect((await post(server, body())).status).toBe(500);
    expect((await post(server, body({ messages: [{ role: 'user', content: 'Write to Ben' }] }))).status).toBe(529);
    expect((await post(server, body())).status).toBe(200);
    expect(server.calls.map((call) => call.fault)).toEqual(['500', '529', 'ok']);
    expect(server.violations).toEqual([]);
  });

  it('waits as long as it is told', async () => {
    const server = await start({ latencyMs: 60 });
    const began = performance.now();
    await post(server, body());
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
  });
});
