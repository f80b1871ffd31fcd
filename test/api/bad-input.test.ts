import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../store/sql.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { newRequest } from './progress.js';

let api: ApiHarness;
let atoms: string;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  const [space] = (await api.call({ url: '/v1/spaces?role=memory' })).json().items;
  atoms = `/v1/spaces/${space.id}/atoms`;
});
afterAll(async () => {
  await api.close();
});

const NUL = '\u0000';
const LONE = '\ud800';
const json = { 'content-type': 'application/json' };

function nested(levels: number, open = '[', close = ']'): string {
  return open.repeat(levels) + close.repeat(levels);
}

/** Every row that a refused call must not leave behind. */
async function rows(): Promise<Record<string, number>> {
  return api.store.db.system((tx) =>
    tx.one<Record<string, number>>(sql`
      select (select count(*)::int from requests) as requests, (select count(*)::int from messages) as messages, (select count(*)::int from conversations) as conversations,
        (select count(*)::int from agents) as agents, (select count(*)::int from outbox) as outbox, (select count(*)::int from files) as files,
        (select count(*)::int from request_events) as events, (select count(*)::int from atoms) as atoms, (select count(*)::int from users) as users, (select count(*)::int from spaces) as spaces`),
  );
}

async function refused(options: Parameters<ApiHarness['call']>[0], status: number, path?: string): Promise<void> {
  const before = await rows();
  const answer = await api.call(options);
  expect([answer.statusCode, answer.body.slice(0, 600)]).toEqual([status, expect.any(String)]);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const problem = answer.json();
  expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String), type: expect.stringMatching(/^(\/problems\/[a-z-]+|about:blank)$/) });
  if (path !== undefined) expect((problem.errors ?? []).map((error: { path: string }) => error.path)).toContain(path);
  expect(await rows()).toEqual(before);
}

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
    ['an attachment that is not base64', { attachments: [{ mediaType: 'audio/mpeg', data: 'not base64!' }] }, 'attachments.0.data'],
    ['an attachment with a wrong id', { attachments: [{ fileId: '../x' }] }, 'attachments.0.fileId'],
    ['an attachment of unknown fields', { attachments: [{ mediaType: 'audio/mpeg', data: 'aGk=', url: 'http://x' }] }, 'attachments.0.url'],
    ['an attachment that is a string', { attachments: ['x'] }, 'attachments.0'],
    ['the second attachment wrong', { attachments: [{ mediaType: 'text/plain', data: 'aGk=' }, { mediaType: 'text/plain', data: 7 }] }, 'attachments.1.data'],
    ['attachments that are no list', { attachments: {} }, 'attachments'],
    ['too many attachments', { attachments: Array.from({ length: 21 }, () => ({ mediaType: 'text/plain', data: 'aGk=' })) }, 'attachments'],
    ['an empty attachment', { attachments: [{ mediaType: 'text/plain', data: '' }] }, 'attachments.0'],
    ['a model with NUL', { text: 'a', model: `x${NUL}` }, 'model'],
  ];
  test.each(bodies)('%s', async (_name, body, path) => {
    await refused({ method: 'POST', url: '/v1/requests', headers: json, payload: typeof body === 'string' ? body : JSON.stringify(body) }, 400, path);
  });

  test.each([
    ['an unknown agent', { text: 'a', agent: 'nobody' }, 'agent'],
    ['an agent named as a built-in property', { text: 'a', agent: 'constructor' }, 'agent'],
    ['an unknown model', { text: 'a', model: 'gpt' }, 'model'],
    ['a file that is not there', { attachments: [{ fileId: 'file_0' }] }, 'attachments.0.fileId'],
  ])('%s has the right shape and the wrong meaning', async (_name, body, path) => {
    await refused({ method: 'POST', url: '/v1/requests', payload: body }, 422, path);
  });

  test('a conversation that is not there', async () => {
    await refused({ method: 'POST', url: '/v1/requests', payload: { text: 'a', conversation: 'cnv_0' } }, 404, 'conversation');
  });

  test('several wrong fields are all named', async () => {
    const answer = await api.call({ method: 'POST', url: '/v1/requests', payload: { text: 1, priority: 9, x: 1, y: 2 } });
    expect(answer.json().errors.map((error: { path: string }) => error.path).toSorted()).toEqual(['priority', 'text', 'x', 'y']);
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
    await refused({ method: 'POST', url: '/v1/requests', headers: json, payload }, 400, path);
  });

  test('brackets inside strings are no levels, and 64 levels are fine', async () => {
    expect((await api.call({ method: 'POST', url: '/v1/requests', payload: { text: `${'['.repeat(500)}"\\` } })).statusCode).toBe(202);
    const deep = await api.call({ method: 'POST', url: atoms, headers: json, payload: `{"comment":"deep","payload":${nested(63)}}` });
    expect(deep.statusCode).toBe(201);
    await refused({ method: 'POST', url: atoms, headers: json, payload: `{"comment":"deep","payload":${nested(64)}}` }, 400, 'body');
  });

  test('bytes that are not UTF-8, and other character sets', async () => {
    await refused({ method: 'POST', url: '/v1/requests', headers: json, payload: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }, 400, 'body');
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'content-type': 'application/json; charset=utf-16' }, payload: '{"text":"a"}' }, 415);
    const fine = await api.call({ method: 'POST', url: '/v1/requests', headers: { 'content-type': 'application/json; charset=UTF-8' }, payload: '{"text":"Grüße 👋🏽 عربى"}' });
    expect(fine.json().text).toBe('Grüße 👋🏽 عربى');
  });

  test('a body of 8 MiB is read, one byte more is not', async () => {
    const most = 8 * 1024 * 1024;
    const body = (length: number): string => `{"comment":"big","payload":"${'x'.repeat(length - 30)}"}`;
    expect(body(most)).toHaveLength(most);
    expect((await api.call({ method: 'POST', url: atoms, headers: json, payload: body(most) })).statusCode).toBe(201);
    await refused({ method: 'POST', url: atoms, headers: json, payload: body(most + 1) }, 413);
  });
});

describe('content that is not what it says', () => {
  test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/json5', 'image/png'])('%s is not taken', async (type) => {
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'content-type': type }, payload: '{"text":"a"}' }, 415);
  });

  test('a body without a type is not taken', async () => {
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'content-type': '' }, payload: '{"text":"a"}' }, 415);
  });

  test('no body at all', async () => {
    await refused({ method: 'POST', url: '/v1/requests' }, 400, 'body');
    await refused({ method: 'POST', url: '/v1/requests', headers: json, payload: '' }, 400, 'body');
  });

  test('forms go only where files are taken', async () => {
    await refused({ method: 'POST', url: '/v1/spaces', ...form([{ name: 'request', body: '{"name":"a"}' }]) }, 415);
    await refused({ method: 'POST', url: '/v1/files', payload: { file: 'x' } }, 415);
  });

  test.each([
    ['a part of another name', [{ name: 'other', body: 'x' }], 'other'],
    ['a message that is not JSON', [{ name: 'request', body: 'hello' }], 'body'],
    ['a message that is too deep', [{ name: 'request', body: nested(10_000) }], 'body'],
    ['a message with a wrong field', [{ name: 'request', body: '{"text":"a","colour":1}' }], 'colour'],
    ['a message that is a list', [{ name: 'request', body: '[]' }], 'body'],
    ['__proto__ in a typed message', [{ name: 'request', type: 'application/json', body: '{"text":"a","__proto__":{}}' }], undefined],
    ['a part named __proto__', [{ name: '__proto__', body: 'x' }], undefined],
    ['nothing', [], 'text'],
    ['an empty file', [{ name: 'file', filename: 'a.txt', type: 'text/plain', body: '' }], 'file.0'],
    ['a field named file', [{ name: 'file', body: 'x' }], 'file'],
  ] as const)('a form with %s', async (_name, parts, path) => {
    await refused({ method: 'POST', url: '/v1/requests', ...form(parts) }, 400, path);
  });

  test('a form that is cut off or has no boundary', async () => {
    const whole = form([{ name: 'request', body: '{"text":"a"}' }]);
    await refused({ method: 'POST', url: '/v1/requests', headers: whole.headers, payload: whole.payload.subarray(0, whole.payload.length - 20) }, 400);
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'content-type': 'multipart/form-data' }, payload: whole.payload }, 400);
  });

  test('a file of 25 MiB is taken, one byte more is not, and neither is a crowd of parts', async () => {
    const text = (size: number) => form([{ name: 'file', filename: 'big.txt', type: 'text/plain', body: Buffer.alloc(size, 0x61) }]);
    expect((await api.call({ method: 'POST', url: '/v1/files', ...text(25 * 1024 * 1024) })).statusCode).toBe(201);
    await refused({ method: 'POST', url: '/v1/files', ...text(25 * 1024 * 1024 + 1) }, 413);
    await refused({ method: 'POST', url: '/v1/files', ...text(27 * 1024 * 1024) }, 413);
    await refused({ method: 'POST', url: '/v1/requests', ...form(Array.from({ length: 40 }, () => ({ name: 'file', filename: 'a.txt', type: 'text/plain', body: 'a' }))) }, 400, 'file');
    await refused({ method: 'POST', url: '/v1/files', ...form([1, 2].map(() => ({ name: 'file', filename: 'a.txt', type: 'text/plain', body: 'a' }))) }, 400, 'file');
    await refused({ method: 'POST', url: '/v1/files', ...form([]) }, 400, 'file');
  });

  test('a file whose bytes are of another kind', async () => {
    const zip = Buffer.from('PK\u0003\u0004rest of an archive');
    await refused({ method: 'POST', url: '/v1/files', ...form([{ name: 'file', filename: 'a.png', type: 'image/png', body: zip }]) }, 415, 'file.mediaType');
    await refused({ method: 'POST', url: '/v1/requests', payload: { attachments: [{ mediaType: 'application/zip', data: zip.toString('base64') }] } }, 415, 'attachments.0.mediaType');
    await refused({ method: 'POST', url: '/v1/files', ...form([{ name: 'file', filename: 'a.html', type: 'text/html', body: '<script>' }]) }, 415, 'file.mediaType');
  });
});

describe('wrong queries, headers and addresses', () => {
  test.each([
    ['/v1/requests?limit=0', 'limit'],
    ['/v1/requests?limit=201', 'limit'],
    ['/v1/requests?limit=x', 'limit'],
    ['/v1/requests?limit=1&limit=2', 'limit'],
    ['/v1/requests?limit=', 'limit'],
    ['/v1/requests?status=sleeping', 'status'],
    ['/v1/requests?from=yesterday', 'from'],
    ['/v1/requests?cursor=abc', 'cursor'],
    [`/v1/requests?cursor=${Buffer.from('2026-01-01T00:00:00Z|x|y').toString('base64url')}`, 'cursor'],
    ['/v1/requests?cursor=%00', 'cursor'],
    ['/v1/requests?colour=red', 'colour'],
    ['/v1/requests?__proto__=1', '__proto__'],
    ['/v1/me?x=1', 'x'],
    ['/v1/charges?groupBy=day', 'groupBy'],
    ['/v1/charges?groupBy=agent&cursor=abc', 'cursor'],
    ['/v1/spaces?role=cellar', 'role'],
    ['/v1/conversations?limit=-1', 'limit'],
  ])('%s', async (url, path) => {
    await refused({ url }, 400, path);
  });

  test.each(['-1', '61', 'x', '1.5'])('?wait=%s', async (wait) => {
    await refused({ method: 'POST', url: `/v1/requests?wait=${wait}`, payload: { text: 'a' } }, 400, 'wait');
  });

  test('an idempotency key that is empty or too long', async () => {
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'idempotency-key': 'k'.repeat(256) }, payload: { text: 'a' } }, 400, 'Idempotency-Key');
    await refused({ method: 'POST', url: '/v1/requests', headers: { 'idempotency-key': '' }, payload: { text: 'a' } }, 400, 'Idempotency-Key');
  });

  test('an event number that is none', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await refused({ url: `/v1/requests/${ref.request}/events`, headers: { 'last-event-id': 'abc' } }, 400, 'Last-Event-Id');
    await refused({ url: `/v1/requests/${ref.request}/events?after=-1` }, 400, 'after');
  });

  test.each(['..', '%2e%2e', '%00', 'a%2Fb', "'", '%', '%zz', 'a'.repeat(65), 'a'.repeat(1000), 'ü', '%ff'])('/v1/requests/%s is not there', async (id) => {
    await refused({ url: `/v1/requests/${id}` }, 404);
  });

  test('unknown addresses are 404, wrong methods 405 with what is allowed', async () => {
    await refused({ url: '/v1/nothing' }, 404);
    await refused({ url: '/v1/nothing', token: null }, 404);
    await refused({ method: 'DELETE', url: '/v1/requests' }, 405);
    await refused({ method: 'PUT', url: '/v1/me' }, 405);
    const answer = await api.call({ method: 'PUT', url: '/v1/me' });
    expect(answer.headers['allow']?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'PATCH']);
    expect((await api.call({ method: 'HEAD', url: '/v1/me' })).statusCode).toBe(200);
    expect((await api.call({ method: 'HEAD', url: '/v1/requests/req_1/events' })).statusCode).toBe(405);
  });
});

describe('atoms, users and messages that are not right', () => {
  test.each([
    [{ payload: 1 }, 'comment'],
    [{ comment: 'c' }, 'payload'],
    [{ payload: 1, comment: '' }, 'comment'],
    [{ payload: `x${NUL}`, comment: 'c' }, 'payload'],
    [{ payload: { deep: [1, `x${LONE}`] }, comment: 'c' }, 'payload.deep.1'],
    [{ payload: { [`k${NUL}`]: 1 }, comment: 'c' }, undefined],
    [{ payload: 1, comment: 'c', metadata: { a: { b: 1 } } }, 'metadata.a'],
    [{ payload: 1, comment: 'c', metadata: [] }, 'metadata'],
    [{ payload: 1, comment: 'c', references: [{ type: 'x', atom: '..' }] }, 'references.0.atom'],
    [{ payload: 1, comment: 'c', author: 'me' }, 'author'],
  ])('an atom %j', async (body, path) => {
    await refused({ method: 'POST', url: atoms, headers: json, payload: JSON.stringify(body) }, 400, path);
  });

  test('a reference to nothing', async () => {
    await refused({ method: 'POST', url: atoms, payload: { payload: 1, comment: 'c', references: [{ type: 'about', atom: 'atm_0' }] } }, 422, 'references.0.atom');
  });

  test.each([
    [{ query: 5 }, 'query'],
    [{ metadata: { a: { less: 1 } } }, 'metadata.a.less'],
    [{ spaces: 'all' }, 'spaces'],
    [{ limit: 1000 }, 'limit'],
    [{ cursor: 'zzz' }, 'cursor'],
  ])('a search %j', async (payload, path) => {
    await refused({ method: 'POST', url: '/v1/search', payload }, 400, path);
  });

  test.each([
    ['POST', '/v1/users', { name: '' }, 'name'],
    ['POST', '/v1/users', { name: 'A', isOwner: true }, 'isOwner'],
    ['PATCH', '/v1/me', { timeZone: 'Nowhere' }, 'timeZone'],
    ['PATCH', '/v1/me', { quietHours: { from: '25:00', to: '07:00' } }, 'quietHours.from'],
    ['PATCH', '/v1/me', { id: 'x' }, 'id'],
    ['PATCH', '/v1/me', { channels: [{ kind: 'telegram' }] }, 'channels.0.id'],
    ['POST', '/v1/spaces', { description: 'x' }, 'name'],
    ['POST', '/v1/spaces', { name: 'x', role: 'memory' }, 'role'],
  ] as const)('%s %s %j', async (method, url, payload, path) => {
    await refused({ method, url, payload }, 400, path);
  });

  test('a message without words, and a cancel with a body', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await refused({ method: 'POST', url: `/v1/requests/${ref.request}/messages`, payload: {} }, 400, 'text');
    await refused({ method: 'POST', url: `/v1/requests/${ref.request}/cancel`, payload: { force: true } }, 400, 'force');
  });
});

describe('on the wire', () => {
  test('half a request and a garbled one do not disturb the server', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const answers = await Promise.all([raw(port, 'GARBAGE\r\n\r\n'), raw(port, `GET /v1/me HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`)]);
    expect(answers.map((answer) => answer.slice(0, 12))).toEqual(['HTTP/1.1 400', 'HTTP/1.1 431']);
    expect((await api.call({ url: '/v1/me' })).statusCode).toBe(200);
  });

  function raw(port: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (data) => {
        answer += String(data);
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
  }
});
