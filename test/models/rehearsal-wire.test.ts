import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { createRehearsalFetch } from '../../models/rehearsal/index.js';
import { describeWithVendorSchemas, vendorValidator } from '../helpers/vendor-schema.js';
import { createClient, LABEL, SYSTEM, TOOLS } from './rehearsal-harness.js';

const NOTE =
  'Call with Lena. Lena sends the draft by Friday, and I book the flights tomorrow. The next call is on Monday at ten.';
const SCHEMA = 'anthropic/messages-2026-10-21.schema.json';

function body(text: string, stream = true) {
  return {
    model: 'rehearsal',
    max_tokens: 1024,
    system: SYSTEM,
    messages: [{ role: 'user', content: text }],
    tools: TOOLS,
    ...(stream ? { stream } : {}),
  };
}

function post(payload: unknown, path = '/v1/messages', method = 'POST'): Promise<Response> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return createRehearsalFetch()(`http://rehearsal.invalid${path}`, {
    method,
    ...(method === 'GET' ? {} : { body: text }),
  });
}

interface SentEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

async function eventsOf(response: Response): Promise<SentEvent[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '');
  return frames.map((frame) => {
    const [first = '', second = ''] = frame.split('\n');
    return {
      name: first.replace('event: ', ''),
      data: JSON.parse(second.replace('data: ', '')) as Record<string, unknown>,
    };
  });
}

describe('the rehearsal model on the wire', () => {
  it('streams calls in the order of the vendor, with the event name equal to the type', async () => {
    const events = await eventsOf(await post(body(NOTE)));
    const order = events.map((event) => event.name).join(' ');
    expect(order).toMatch(
      /^message_start( content_block_start( content_block_delta)+ content_block_stop)+ message_delta message_stop$/,
    );
    expect(events.every((event) => event.data['type'] === event.name)).toBe(true);
  });

  it('streams text in several deltas that add up to the text of the plain answer', async () => {
    const events = await eventsOf(await post(body('hello')));
    const deltas = events
      .filter((event) => event.name === 'content_block_delta')
      .map((event) => (event.data['delta'] as { text: string }).text);
    const plain = (await (await post(body('hello', false))).json()) as { content: { text: string }[] };
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.join('')).toBe(plain.content[0]?.text);
    expect(deltas.join('').endsWith(LABEL)).toBe(true);
  });

  it('sends tool input as pieces of JSON that parse to the input of the plain answer', async () => {
    const events = await eventsOf(await post(body(NOTE)));
    const plain = (await (await post(body(NOTE, false))).json()) as { content: { input: unknown }[] };
    plain.content.forEach((block, index) => {
      const deltas = events.filter((event) => event.name === 'content_block_delta' && event.data['index'] === index);
      const json = deltas.map((event) => (event.data['delta'] as { partial_json: string }).partial_json).join('');
      expect(JSON.parse(json)).toEqual(block.input);
    });
  });

  it('gives the same bytes for the same request', async () => {
    const [first, second] = await Promise.all([post(body(NOTE)), post(body(NOTE))]);
    expect(await first.text()).toBe(await second.text());
  });

  it('gives every call of a turn an id of its own that the vendor would accept', async () => {
    const plain = (await (await post(body(NOTE, false))).json()) as { content: { id: string }[] };
    const ids = plain.content.map((block) => block.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^toolu_[a-zA-Z0-9]{24}$/.test(id))).toBe(true);
  });

  it('counts tokens deterministically and at least one', async () => {
    const message = (await (await post(body('hi', false))).json()) as Anthropic.Message;
    expect(message.usage.input_tokens).toBe(Math.ceil(JSON.stringify(body('hi', false)).length / 4));
    expect(message.usage.output_tokens).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['/v1/models', 'GET'],
    ['/v1/messages', 'GET'],
    ['/v1/messages/count_tokens', 'POST'],
    ['/anything', 'POST'],
  ])('answers %s %s with the 404 of the vendor', async (path, method) => {
    const response = await post(body('hi'), path, method);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
  });

  it.each([
    ['no JSON', '{"model":'],
    ['no object', '[]'],
    ['no model', { max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }],
    ['no max_tokens', { model: 'm', messages: [{ role: 'user', content: 'hi' }] }],
    ['no messages', { model: 'm', max_tokens: 1, messages: [] }],
    ['a message that is no object', { model: 'm', max_tokens: 1, messages: ['hi'] }],
    ['an unknown role', { model: 'm', max_tokens: 1, messages: [{ role: 'system', content: 'hi' }] }],
    ['content that is a number', { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 5 }] }],
    ['a block without a type', { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: [{ text: 'hi' }] }] }],
    [
      'a prefilled answer',
      {
        model: 'm',
        max_tokens: 1,
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'Well' },
        ],
      },
    ],
    ['tools that are no list', { model: 'm', max_tokens: 1, tools: {}, messages: [{ role: 'user', content: 'hi' }] }],
  ])('refuses %s with the 400 of the vendor', async (_name, payload) => {
    const response = await post(payload);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });

  it('becomes the error classes of the SDK', async () => {
    await expect(createClient().models.list()).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    const empty = createClient().messages.create({ model: 'rehearsal', max_tokens: 5, messages: [] });
    await expect(empty).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });

  it('stops when the caller aborts', async () => {
    const abort = new AbortController();
    abort.abort();
    const late = createRehearsalFetch()('http://rehearsal.invalid/v1/messages', {
      method: 'POST',
      body: JSON.stringify(body('hi')),
      signal: abort.signal,
    });
    await expect(late).rejects.toThrow();
    const stream = createClient().messages.stream({
      model: 'rehearsal',
      max_tokens: 64,
      messages: [{ role: 'user', content: 'hello' }],
    });
    stream.on('text', () => stream.abort());
    await expect(stream.finalMessage()).rejects.toThrow();
  });

  it('answers without streaming through the SDK', async () => {
    const message = await createClient().messages.create({
      model: 'rehearsal',
      max_tokens: 64,
      messages: [{ role: 'user', content: 'thanks' }],
    });
    expect(message.content[0]).toMatchObject({ type: 'text', text: `You are welcome.\n${LABEL}` });
    expect(message.stop_reason).toBe('end_turn');
  });
});

describeWithVendorSchemas('the rehearsal model against the schema of the vendor', () => {
  const texts = [
    NOTE,
    'hello',
    'what did Lena say?',
    'use tasks_list {}',
    'colourless green ideas',
    '',
    'Grüße 👋🏽 — "quoted" \\ text?',
  ];

  it.each(texts)('sends a valid Message for %j', async (text) => {
    expect(vendorValidator(SCHEMA)('Message', await (await post(body(text, false))).json())).toEqual([]);
  });

  it.each(texts)('sends valid StreamEvents for %j', async (text) => {
    const events = await eventsOf(await post(body(text)));
    expect(events.flatMap((event) => vendorValidator(SCHEMA)('StreamEvent', event.data))).toEqual([]);
  });

  it('sends valid error bodies', async () => {
    for (const response of [await post('{'), await post(body('hi'), '/v1/other')]) {
      expect(vendorValidator(SCHEMA)('ErrorResponse', await response.json())).toEqual([]);
    }
  });

  it('finds a wrong value, so that an empty list means something', () => {
    expect(vendorValidator(SCHEMA)('Message', { type: 'message' }).length).toBeGreaterThan(3);
    expect(() => vendorValidator(SCHEMA)('NoSuchThing', {})).toThrow('NoSuchThing');
  });
});
