import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiHarness, openApi } from './harness.js';
import { nested, refused } from './refusals.js';

let api: ApiHarness;
let atoms: string;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  const [space] = (await api.call({ url: '/v1/spaces?role=memory' })).json().items;
  atoms = `/v1/spaces/${space.id}/atoms`;
});
afterAll(() => api.close());

const NUL = '\u0000';
const LONE = '\ud800';
const json = { 'content-type': 'application/json' };

describe('a request that is not right', () => {
  const bodies: readonly (readonly [string, unknown, string])[] = [
    ['nothing in it', {}, 'text'],
    ['no attachments and no text', { attachments: [] }, 'text'],
    ['an array', [], 'body'],
    ['null', null, 'body'],
    ['a string', '"text"', 'body'],
    ['empty text', { text: '' }, 'text'],
    ['blank text', { text: ' \n\t ' }, 'text'],
    ['a number as text', { text: 5 }, 'text'],
    ['null as text', { text: null }, 'text'],
    ['NUL in the text', { text: `a${NUL}b` }, 'text'],
    ['a lone surrogate', { text: `a${LONE}b` }, 'text'],
    ['text that is too long', { text: 'a'.repeat(1_000_001) }, 'text'],
    ['an unknown field', { text: 'a', colour: 'red' }, 'colour'],
    ['an unknown field with a dot', { text: 'a', 'a.b': 1 }, 'a.b'],
    ['a wrong time zone', { text: 'a', timeZone: 'Mars/Olympus' }, 'timeZone'],
    ['an offset as time zone', { text: 'a', timeZone: '+02:00' }, 'timeZone'],
    ['a time without offset', { text: 'a', occurredAt: '2026-01-01T10:00:00' }, 'occurredAt'],
    ['the 31st of February', { text: 'a', occurredAt: '2026-02-31T10:00:00Z' }, 'occurredAt'],
    ['the year 0', { text: 'a', occurredAt: '0000-01-01T00:00:00Z' }, 'occurredAt'],
    ['a time before the year 1', { text: 'a', occurredAt: '0001-01-01T00:00:00+01:00' }, 'occurredAt'],
    ['a time after the year 9999', { text: 'a', occurredAt: '9999-12-31T23:59:59-01:00' }, 'occurredAt'],
    ['an offset of 23 hours', { text: 'a', occurredAt: '2026-01-01T10:00:00+23:00' }, 'occurredAt'],
    ['a fraction of ten digits', { text: 'a', occurredAt: '2026-01-01T10:00:00.1234567890Z' }, 'occurredAt'],
    ['priority 0', { text: 'a', priority: 0 }, 'priority'],
    ['priority 6', { text: 'a', priority: 6 }, 'priority'],
    ['half a priority', { text: 'a', priority: 1.5 }, 'priority'],
    ['priority as text', { text: 'a', priority: '1' }, 'priority'],
    ['priority too large for a number', '{"text":"a","priority":1e400}', 'priority'],
    ['a budget as number', { text: 'a', budgetUsd: 1 }, 'budgetUsd'],
    ['a negative budget', { text: 'a', budgetUsd: '-1' }, 'budgetUsd'],
    ['a budget that is no number', { text: 'a', budgetUsd: 'NaN' }, 'budgetUsd'],
    ['a conversation that climbs', { text: 'a', conversation: '../../etc' }, 'conversation'],
    ['an attachment without content', { attachments: [{ mediaType: 'audio/mpeg' }] }, 'attachments.0.data'],
    [
      'an attachment that is not base64',
      { attachments: [{ mediaType: 'audio/mpeg', data: 'not base64!' }] },
      'attachments.0.data',
    ],
    ['an attachment with a wrong id', { attachments: [{ fileId: '../x' }] }, 'attachments.0.fileId'],
    [
      'an attachment of unknown fields',
      { attachments: [{ mediaType: 'audio/mpeg', data: 'aGk=', url: 'http://x' }] },
      'attachments.0.url',
    ],
    ['an attachment that is a string', { attachments: ['x'] }, 'attachments.0'],
    [
      'the second attachment wrong',
      {
        attachments: [
          { mediaType: 'text/plain', data: 'aGk=' },
          { mediaType: 'text/plain', data: 7 },
        ],
      },
      'attachments.1.data',
    ],
    ['attachments that are no list', { attachments: {} }, 'attachments'],
    [
      'too many attachments',
      { attachments: Array.from({ length: 21 }, () => ({ mediaType: 'text/plain', data: 'aGk=' })) },
      'attachments',
    ],
    ['an empty attachment', { attachments: [{ mediaType: 'text/plain', data: '' }] }, 'attachments.0'],
    ['a model with NUL', { text: 'a', model: `x${NUL}` }, 'model'],
  ];
  test.each(bodies)('%s', async (_name, body, path) => {
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        headers: json,
        payload: typeof body === 'string' ? body : JSON.stringify(body),
      },
      400,
      path,
    );
  });

  test.each([
    ['an unknown agent', { text: 'a', agent: 'nobody' }, 'agent'],
    ['an agent named as a built-in property', { text: 'a', agent: 'constructor' }, 'agent'],
    ['an unknown model', { text: 'a', model: 'gpt' }, 'model'],
    ['a conversation that is not there', { text: 'a', conversation: 'cnv_0' }, 'conversation'],
    ['a file that is not there', { attachments: [{ fileId: 'file_0' }] }, 'attachments.0.fileId'],
  ])('%s has the right shape and the wrong meaning', async (_name, body, path) => {
    await refused(api, { method: 'POST', url: '/v1/requests', payload: body }, 422, path);
  });

  test('several wrong fields are all named', async () => {
    const answer = await api.call({
      method: 'POST',
      url: '/v1/requests',
      payload: { text: 1, priority: 9, x: 1, y: 2 },
    });
    expect(
      answer
        .json()
        .errors.map((error: { path: string }) => error.path)
        .toSorted(),
    ).toEqual(['priority', 'text', 'x', 'y']);
  });

  test.each([
    ['malformed', '{"text": "a"', 'body'],
    ['a trailing comma', '{"text": "a",}', 'body'],
    ['two documents', '{"text":"a"}{"text":"b"}', 'body'],
    ['__proto__', '{"text":"a","__proto__":{"priority":1}}', 'body'],
    ['an escaped __proto__', '{"text":"a","\\u005f_proto__":{"priority":1}}', 'body'],
    ['constructor.prototype', '{"text":"a","constructor":{"prototype":{"x":1}}}', 'body'],
    ['65 levels', `{"text":"a","x":${nested(64)}}`, 'body'],
    ['10,000 levels', `{"text":"a","x":${nested(10_000)}}`, 'body'],
    ['10,000 levels of objects', nested(10_000, '{"a":', '}').replace('}', '1}'), 'body'],
    ['a million brackets', '['.repeat(1_000_000), 'body'],
  ])('%s', async (_name, payload, path) => {
    await refused(api, { method: 'POST', url: '/v1/requests', headers: json, payload }, 400, path);
  });

  test('brackets inside strings are no levels, and 64 levels are fine', async () => {
    expect(
      (await api.call({ method: 'POST', url: '/v1/requests', payload: { text: `${'['.repeat(500)}"\\` } })).statusCode,
    ).toBe(202);
    const deep = await api.call({
      method: 'POST',
      url: atoms,
      headers: json,
      payload: `{"comment":"deep","payload":${nested(63)}}`,
    });
    expect(deep.statusCode).toBe(201);
    await refused(
      api,
      { method: 'POST', url: atoms, headers: json, payload: `{"comment":"deep","payload":${nested(64)}}` },
      400,
      'body',
    );
  });

  test('bytes that are not UTF-8, and other character sets', async () => {
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        headers: json,
        payload: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      },
      400,
      'body',
    );
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        headers: { 'content-type': 'application/json; charset=utf-16' },
        payload: '{"text":"a"}',
      },
      415,
    );
    const fine = await api.call({
      method: 'POST',
      url: '/v1/requests',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      payload: '{"text":"Grüße 👋🏽 عربى"}',
    });
    expect(fine.json().text).toBe('Grüße 👋🏽 عربى');
  });

  test('a body of 8 MiB is read, one byte more is not', async () => {
    const most = 8 * 1024 * 1024;
    const body = (length: number): string => `{"comment":"big","payload":"${'x'.repeat(length - 30)}"}`;
    expect(body(most)).toHaveLength(most);
    expect((await api.call({ method: 'POST', url: atoms, headers: json, payload: body(most) })).statusCode).toBe(201);
    await refused(api, { method: 'POST', url: atoms, headers: json, payload: body(most + 1) }, 413);
  });
});
