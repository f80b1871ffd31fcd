import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiHarness, form, openApi } from './harness.js';

let api: ApiHarness;
let space: string;
beforeAll(async () => {
  api = await openApi();
  space = (
    await api.call({
      method: 'POST',
      url: '/v1/spaces',
      payload: { name: 'Garden', description: 'What grows where', tags: ['home'] },
    })
  ).json().id;
});
afterAll(async () => {
  await api.close();
});

async function put(payload: unknown, more: Record<string, unknown> = {}) {
  const answer = await api.call({
    method: 'POST',
    url: `/v1/spaces/${space}/atoms`,
    payload: { payload, comment: 'planted', ...more },
  });
  expect([answer.statusCode, answer.body.slice(0, 300)]).toEqual([201, expect.any(String)]);
  return answer.json();
}

describe('spaces over HTTP', () => {
  test('a made space is one’s own and listed', async () => {
    const seen = (await api.call({ url: `/v1/spaces/${space}` })).json();
    expect(seen).toMatchObject({ id: space, name: 'Garden', tags: ['home'], permission: 'grant', owner: api.owner.id });
    expect((await api.call({ url: '/v1/spaces?limit=1' })).json()).toMatchObject({
      items: [{ id: space }],
      cursor: expect.any(String),
    });
    expect((await api.call({ url: '/v1/spaces?role=contacts' })).json().items).toMatchObject([{ role: 'contacts' }]);
  });

  test('an atom is put, read, changed, outdated, and keeps its history', async () => {
    const atom = await put({ plant: 'rose', height: 1.5 }, { metadata: { bed: 'north' } });
    const url = `/v1/spaces/${space}/atoms/${atom.id}`;
    expect(atom).toMatchObject({
      version: 1,
      author: `user:${api.owner.id}`,
      origin: 'user',
      deprecated: false,
      mediaType: 'application/json',
    });
    expect((await api.call({ url })).json()).toEqual(atom);
    const changed = await api.call({
      method: 'PATCH',
      url,
      payload: { metadata: { bed: null, sun: true }, comment: 'moved', ifVersion: 1 },
    });
    expect(changed.json()).toMatchObject({ version: 2, payload: { plant: 'rose' }, metadata: { sun: true } });
    expect(changed.json().metadata).not.toHaveProperty('bed');
    const stale = await api.call({ method: 'PATCH', url, payload: { payload: 1, comment: 'late', ifVersion: 1 } });
    expect(stale.json()).toMatchObject({ type: '/problems/stale', status: 409 });
    const outdated = await api.call({ method: 'POST', url: `${url}/deprecate`, payload: { comment: 'withered' } });
    expect(outdated.json()).toMatchObject({ version: 3, deprecated: true });
    const history = (await api.call({ url: `${url}/history` })).json().items;
    expect(
      history.map(({ version, author, comment }: Record<string, unknown>) => ({ version, author, comment })),
    ).toEqual([
      { version: 3, author: `user:${api.owner.id}`, comment: 'withered' },
      { version: 2, author: `user:${api.owner.id}`, comment: 'moved' },
      { version: 1, author: `user:${api.owner.id}`, comment: 'planted' },
    ]);
    for (const item of history) expect(Number.isNaN(Date.parse(item.at))).toBe(false);
    const first = (await api.call({ url: `${url}/history?limit=2` })).json();
    const second = (await api.call({ url: `${url}/history?limit=2&cursor=${first.cursor}` })).json();
    expect([first.items, second]).toEqual([history.slice(0, 2), { items: history.slice(2) }]);
    for (const query of ['limit=0', 'limit=201', 'cursor=x'])
      expect((await api.call({ url: `${url}/history?${query}` })).statusCode).toBe(400);
    const listed = async (query: string) =>
      (await api.call({ url: `/v1/spaces/${space}/atoms${query}` }))
        .json()
        .items.map((item: { id: string }) => item.id);
    expect(await listed('')).not.toContain(atom.id);
    expect(await listed('?includeDeprecated=true')).toContain(atom.id);
  });

  test('every JSON value comes back as it was', async () => {
    const values: unknown[] = [
      'text',
      'Grüße 👩‍👩‍👧 \u202Eعربى\u200b',
      '',
      0,
      -0.5,
      1e-7,
      123456789012345,
      true,
      false,
      null,
      [],
      {},
      [[1, { a: [null] }]],
      { '': 1, 'a.b': 2, constructor: 'x', toString: 3 },
    ];
    for (const value of values) {
      const atom = await put(value);
      expect(atom.payload).toEqual(value);
      expect((await api.call({ url: `/v1/spaces/${space}/atoms/${atom.id}` })).json().payload).toEqual(value);
    }
  });

  test('words in long and foreign texts are indexed without breaking', async () => {
    const words = Array.from({ length: 120_000 }, (_item, index) =>
      String.fromCodePoint(0x4e00 + (index % 20_000), 0x4e00 + ((index * 7) % 20_000), 0x1f600),
    ).join(' ');
    await put({ text: words });
    await put({ text: 'é'.repeat(300_000) });
  });

  test('a search ranks words and filters by metadata', async () => {
    await put({ text: 'water the tomatoes' }, { metadata: { bed: 'south', priority: 2 } });
    await put({ text: 'tomatoes tomatoes tomatoes' }, { metadata: { bed: 'south', priority: 5 } });
    const search = async (url: string, payload: Record<string, unknown>) =>
      (await api.call({ method: 'POST', url, payload })).json();
    const found = await search(`/v1/spaces/${space}/search`, { query: 'tomato' });
    expect(found.items).toHaveLength(2);
    expect(found.items[0].score).toBeGreaterThanOrEqual(found.items[1].score);
    expect((await search('/v1/search', { metadata: { bed: 'south', priority: { gt: 2 } } })).items).toHaveLength(1);
    const first = await search('/v1/search', { metadata: { bed: 'south' }, limit: 1 });
    expect(
      (await search('/v1/search', { metadata: { bed: 'south' }, limit: 1, cursor: first.cursor })).items,
    ).toHaveLength(1);
    expect(
      (await search(`/v1/spaces/${space}/search`, { query: "'; drop table atoms; -- & | ! <-> ( )" })).items,
    ).toEqual(expect.any(Array));
  });
});

describe('files over HTTP', () => {
  test('a file is stored, given back for saving only, and deleted', async () => {
    const upload = await api.call({
      method: 'POST',
      url: '/v1/files',
      ...form([{ name: 'file', filename: 'Ü "quoted"; note.txt', type: 'text/plain; charset=utf-8', body: 'content' }]),
    });
    expect(upload.statusCode).toBe(201);
    const file = upload.json();
    expect(file).toMatchObject({ mediaType: 'text/plain', size: 7, url: `http://localhost:3000/v1/files/${file.id}` });
    const bytes = await api.call({ url: `/v1/files/${file.id}` });
    expect(bytes.body).toBe('content');
    expect(bytes.headers).toMatchObject({
      'content-type': 'text/plain',
      'x-content-type-options': 'nosniff',
      'content-length': '7',
    });
    expect(bytes.headers['content-disposition']).toMatch(
      /^attachment; filename="[\w. -]+"; filename\*=UTF-8''[\w%.-]+$/,
    );
    const gone = await api.call({ method: 'DELETE', url: `/v1/files/${file.id}` });
    expect([gone.statusCode, gone.json()]).toEqual([200, { id: file.id, deleted: true }]);
    expect((await api.call({ url: `/v1/files/${file.id}` })).statusCode).toBe(404);
    expect((await api.call({ method: 'DELETE', url: `/v1/files/${file.id}` })).statusCode).toBe(404);
  });

  test('names that climb lose their folders', async () => {
    for (const name of ['../../etc/passwd', '..', 'a\\b.txt', '.']) {
      const upload = await api.call({
        method: 'POST',
        url: '/v1/files',
        ...form([{ name: 'file', filename: name, type: 'text/plain', body: 'x' }]),
      });
      expect(upload.json().name).not.toMatch(/[/\\]|^\.+$/);
    }
  });
});

test('skills and models are listed', async () => {
  expect((await api.call({ url: '/v1/skills' })).json()).toEqual({
    items: [
      {
        name: 'remember',
        capability: 'memory',
        description: 'Keeps a fact.',
        effect: 'internal',
        delegates: false,
        facesUser: false,
        inputSchema: { type: 'object' },
        timeoutSeconds: 30,
      },
    ],
  });
  expect((await api.call({ url: '/v1/models' })).json()).toMatchObject({
    items: [{ id: 'rehearsal', tiers: ['fast', 'smart'] }],
  });
});
