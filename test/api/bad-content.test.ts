import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiHarness, form, openApi } from './harness.js';
import { newRequest } from './progress.js';
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

describe('content that is not what it says', () => {
  test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/json5', 'image/png'])(
    '%s is not taken',
    async (type) => {
      await refused(
        api,
        { method: 'POST', url: '/v1/requests', headers: { 'content-type': type }, payload: '{"text":"a"}' },
        415,
      );
    },
  );

  test('a body without a type is not taken', async () => {
    await refused(
      api,
      { method: 'POST', url: '/v1/requests', headers: { 'content-type': '' }, payload: '{"text":"a"}' },
      415,
    );
  });

  test('no body at all', async () => {
    await refused(api, { method: 'POST', url: '/v1/requests' }, 400, 'body');
    await refused(api, { method: 'POST', url: '/v1/requests', headers: json, payload: '' }, 400, 'body');
  });

  test('forms go only where files are taken', async () => {
    await refused(
      api,
      { method: 'POST', url: '/v1/spaces', ...form([{ name: 'request', body: '{"name":"a"}' }]) },
      415,
    );
    await refused(api, { method: 'POST', url: '/v1/files', payload: { file: 'x' } }, 415);
  });

  test.each([
    ['a part of another name', [{ name: 'other', body: 'x' }], 'other'],
    ['a message that is not JSON', [{ name: 'request', body: 'hello' }], 'body'],
    ['a message that is too deep', [{ name: 'request', body: nested(10_000) }], 'body'],
    ['a message with a wrong field', [{ name: 'request', body: '{"text":"a","colour":1}' }], 'colour'],
    ['a message that is a list', [{ name: 'request', body: '[]' }], 'body'],
    [
      '__proto__ in a typed message',
      [{ name: 'request', type: 'application/json', body: '{"text":"a","__proto__":{}}' }],
      undefined,
    ],
    ['a part named __proto__', [{ name: '__proto__', body: 'x' }], undefined],
    ['nothing', [], 'text'],
    ['an empty file', [{ name: 'file', filename: 'a.txt', type: 'text/plain', body: '' }], 'file.0'],
    ['a field named file', [{ name: 'file', body: 'x' }], 'file'],
  ] as const)('a form with %s', async (_name, parts, path) => {
    await refused(api, { method: 'POST', url: '/v1/requests', ...form(parts) }, 400, path);
  });

  test('a form that is cut off or has no boundary', async () => {
    const whole = form([{ name: 'request', body: '{"text":"a"}' }]);
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        headers: whole.headers,
        payload: whole.payload.subarray(0, whole.payload.length - 20),
      },
      400,
    );
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        headers: { 'content-type': 'multipart/form-data' },
        payload: whole.payload,
      },
      400,
    );
  });

  test('a file of 25 MiB is taken, one byte more is not, and neither is a crowd of parts', async () => {
    const text = (size: number) =>
      form([{ name: 'file', filename: 'big.txt', type: 'text/plain', body: Buffer.alloc(size, 0x61) }]);
    expect((await api.call({ method: 'POST', url: '/v1/files', ...text(25 * 1024 * 1024) })).statusCode).toBe(201);
    await refused(api, { method: 'POST', url: '/v1/files', ...text(25 * 1024 * 1024 + 1) }, 413);
    await refused(api, { method: 'POST', url: '/v1/files', ...text(27 * 1024 * 1024) }, 413);
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        ...form(Array.from({ length: 40 }, () => ({ name: 'file', filename: 'a.txt', type: 'text/plain', body: 'a' }))),
      },
      400,
      'file',
    );
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/files',
        ...form([1, 2].map(() => ({ name: 'file', filename: 'a.txt', type: 'text/plain', body: 'a' }))),
      },
      400,
      'file',
    );
    await refused(api, { method: 'POST', url: '/v1/files', ...form([]) }, 400, 'file');
  });

  test('a file whose bytes are of another kind', async () => {
    const zip = Buffer.from('PK\u0003\u0004rest of an archive');
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/files',
        ...form([{ name: 'file', filename: 'a.png', type: 'image/png', body: zip }]),
      },
      415,
      'file.mediaType',
    );
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/requests',
        payload: { attachments: [{ mediaType: 'application/zip', data: zip.toString('base64') }] },
      },
      415,
      'attachments.0.mediaType',
    );
    await refused(
      api,
      {
        method: 'POST',
        url: '/v1/files',
        ...form([{ name: 'file', filename: 'a.html', type: 'text/html', body: '<script>' }]),
      },
      415,
      'file.mediaType',
    );
  });
});

describe('wrong queries, headers and addresses', () => {
  test.each<readonly [string, string]>([
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
    ...[
      '1|x',
      '2026|x',
      '2026-02-31T00:00:00.000Z|x',
      '0000-01-01T00:00:00.000Z|x',
      '+012026-01-01T00:00:00.000Z|x',
    ].flatMap((place) =>
      ['requests', 'charges', 'conversations', 'spaces', 'users'].map(
        (list) => [`/v1/${list}?cursor=${Buffer.from(place).toString('base64url')}`, 'cursor'] as const,
      ),
    ),
    ...['0000-01-01T00:00:00Z', '2026-01-01T00:00:00%2B23:00', '2026-01-01T00:00:00-16:00'].flatMap((time) => [
      [`/v1/requests?from=${time}`, 'from'] as const,
      [`/v1/charges?to=${time}`, 'to'] as const,
    ]),
    ['/v1/requests?colour=red', 'colour'],
    ['/v1/requests?__proto__=1', '__proto__'],
    ['/v1/me?x=1', 'x'],
    ['/v1/charges?groupBy=day', 'groupBy'],
    ['/v1/charges?groupBy=agent&cursor=abc', 'cursor'],
    ['/v1/spaces?role=cellar', 'role'],
    ['/v1/conversations?limit=-1', 'limit'],
  ])('%s', async (url, path) => {
    await refused(api, { url }, 400, path);
  });

  test.each(['-1', '61', 'x', '1.5'])('?wait=%s', async (wait) => {
    await refused(api, { method: 'POST', url: `/v1/requests?wait=${wait}`, payload: { text: 'a' } }, 400, 'wait');
  });

  test('an idempotency key that is empty or too long', async () => {
    await refused(
      api,
      { method: 'POST', url: '/v1/requests', headers: { 'idempotency-key': 'k'.repeat(256) }, payload: { text: 'a' } },
      400,
      'Idempotency-Key',
    );
    await refused(
      api,
      { method: 'POST', url: '/v1/requests', headers: { 'idempotency-key': '' }, payload: { text: 'a' } },
      400,
      'Idempotency-Key',
    );
  });

  test('an event number that is none', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await refused(
      api,
      { url: `/v1/requests/${ref.request}/events`, headers: { 'last-event-id': 'abc' } },
      400,
      'Last-Event-Id',
    );
    await refused(api, { url: `/v1/requests/${ref.request}/events?after=-1` }, 400, 'after');
  });

  test.each(['..', '%2e%2e', '%00', 'a%2Fb', "'", '%', '%zz', 'a'.repeat(65), 'a'.repeat(1000), 'ü', '%ff'])(
    '/v1/requests/%s is not there',
    async (id) => {
      await refused(api, { url: `/v1/requests/${id}` }, 404);
    },
  );

  test('unknown addresses are 404, wrong methods 405 with what is allowed', async () => {
    await refused(api, { url: '/v1/nothing' }, 404);
    await refused(api, { url: '/v1/nothing', token: null }, 404);
    await refused(api, { method: 'DELETE', url: '/v1/requests' }, 405);
    await refused(api, { method: 'PUT', url: '/v1/me' }, 405);
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
    await refused(api, { method: 'POST', url: atoms, headers: json, payload: JSON.stringify(body) }, 400, path);
  });

  test('a reference to nothing', async () => {
    await refused(
      api,
      {
        method: 'POST',
        url: atoms,
        payload: { payload: 1, comment: 'c', references: [{ type: 'about', atom: 'atm_0' }] },
      },
      422,
      'references.0.atom',
    );
  });

  test.each([
    [{ query: 5 }, 'query'],
    [{ metadata: { a: { less: 1 } } }, 'metadata.a.less'],
    [{ spaces: 'all' }, 'spaces'],
    [{ limit: 1000 }, 'limit'],
    [{ cursor: 'zzz' }, 'cursor'],
    [{ cursor: Buffer.from('1e3').toString('base64url') }, 'cursor'],
  ])('a search %j', async (payload, path) => {
    await refused(api, { method: 'POST', url: '/v1/search', payload }, 400, path);
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
    await refused(api, { method, url, payload }, 400, path);
  });

  test('a message without words, and a cancel with a body', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await refused(api, { method: 'POST', url: `/v1/requests/${ref.request}/messages`, payload: {} }, 400, 'text');
    await refused(
      api,
      { method: 'POST', url: `/v1/requests/${ref.request}/cancel`, payload: { force: true } },
      400,
      'force',
    );
  });
});

describe('on the wire', () => {
  test('half a request and a garbled one do not disturb the server', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const answers = await Promise.all([
      raw(port, 'GARBAGE\r\n\r\n'),
      raw(port, `GET /v1/me HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`),
    ]);
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
