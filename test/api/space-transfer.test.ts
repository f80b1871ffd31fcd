import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page, Atom, Space } from '../../contracts/space.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { refused } from './refusals.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

interface Imported {
  space: Space;
  atoms: number;
  droppedReferences: number;
}

const NDJSON = { 'content-type': 'application/x-ndjson' };

let api: ApiHarness;
let anna: Person;
let bert: Person;
let annas: SpaceClient;
let berts: SpaceClient;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  anna = await api.person('Anna');
  bert = await api.person('Bert');
  annas = spaceClient(api, anna);
  berts = spaceClient(api, bert);
});
afterAll(() => api.close());

async function garden(name = 'Garden'): Promise<{ space: string; file: string }> {
  const { id } = await annas.space({ name, description: 'What grows where', tags: ['home'] });
  const bed = await annas.put(id, { text: 'Beet 👩‍🌾 \u202Eعربى' });
  await annas.put(id, 'rose', { references: [{ type: 'in', atom: bed.id }] });
  await annas.patch(bed, { metadata: { sun: true } });
  return { space: id, file: (await annas.call('GET', `/v1/spaces/${id}/export`)).body };
}

function bring(file: string | Buffer, { query = '', token = bert.token } = {}) {
  return { method: 'POST', url: `/v1/spaces/import${query}`, token, headers: NDJSON, payload: file } as const;
}

describe('a space as a file', () => {
  test('has one line for itself and one an atom, and a name that is safe to save under', async () => {
    const { space } = await garden('../..\\evil"; x=\r\n\u202Egarden');
    const answer = await annas.call('GET', `/v1/spaces/${space}/export`);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringMatching(
        /^attachment; filename="[\w -][\w. -]*"; filename\*=UTF-8''[\w%.-]+$/,
      ),
    });
    expect(decodeURIComponent(String(answer.headers['content-disposition']))).not.toMatch(/[/\\\r\n\u202E]/);
    const lines = answer.body.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ description: 'What grows where' });
  });

  test('comes back as a private space, untrusted unless somebody vouches', async () => {
    const { file } = await garden();
    const plain = good<Imported>(await api.call(bring(file)), 201);
    expect(plain).toMatchObject({
      atoms: 2,
      droppedReferences: 0,
      space: { name: 'Garden', description: '', owner: bert.id, permission: 'grant', atomCount: 2 },
    });
    const atoms = (await berts.call('GET', `/v1/spaces/${plain.space.id}/atoms`)).json<Page<Atom>>().items;
    expect(atoms.map(({ origin, author }) => [origin, author])).toEqual(
      atoms.map(() => ['untrusted', `user:${bert.id}`]),
    );
    const vouched = good<Imported>(await api.call(bring(file, { query: '?trusted=true&name=Orchard' })), 201);
    expect(vouched.space).toMatchObject({ name: 'Orchard', description: 'What grows where', tags: ['home'] });
    good(await annas.call('GET', `/v1/spaces/${plain.space.id}`), 404);
  });

  test('is taken as a part of a form as well', async () => {
    const { file } = await garden();
    const parts = form([{ name: 'file', filename: 'garden.ndjson', type: 'application/x-ndjson', body: file }]);
    const made = await api.call({ method: 'POST', url: '/v1/spaces/import', token: bert.token, ...parts });
    expect(good<Imported>(made, 201)).toMatchObject({ atoms: 2, space: { owner: bert.id } });
  });

  test('is read page by page at the reader’s pace, and breaks off when the grant is taken back', async () => {
    const { id } = await annas.space();
    const operations = Array.from({ length: 500 }, (_item, index) => ({
      op: 'put',
      payload: 'x'.repeat(10_000),
      comment: `${index}`,
    }));
    good(await annas.call('POST', `/v1/spaces/${id}/batch`, { operations }), 200);
    await annas.share(id, `user:${bert.id}`, 'read');
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/v1/spaces/${id}/export`, {
      headers: { authorization: `Bearer ${bert.token}` },
    });
    const before = api.store.db.transactions();
    const reader = answer.body?.getReader();
    await reader?.read();
    good(await annas.call('DELETE', `/v1/spaces/${id}/grants/user:${bert.id}`), 200);
    const rest = async (): Promise<number> => {
      for (let bytes = 0; ; ) {
        const part = await reader?.read();
        if (part === undefined || part.done) return bytes;
        bytes += part.value.length;
      }
    };
    await expect(rest()).rejects.toThrow('terminated');
    expect(api.store.db.transactions() - before).toBeLessThan(10);
  });
});

describe('a file that is not right leaves nothing behind', () => {
  const lineOf = (atom: Record<string, unknown>): string => JSON.stringify(atom);

  test.each([
    ['no bytes', () => '', 422, 'line 1'],
    ['no JSON', (file: string) => `${file}{"id":`, 422, 'line 4'],
    ['an unknown format', (file: string) => file.replace('retinue-space', 'other'), 422, 'line 1: format'],
    [
      'an atom without versions',
      (file: string) => `${file}${lineOf({ id: 'atm_9', versions: [] })}\n`,
      422,
      'line 4: versions',
    ],
    ['an id twice', (file: string) => `${file}${file.split('\n')[1]}\n`, 422, 'line 4: id'],
    ['NUL in a comment', (file: string) => file.replace('planted', 'a\\u0000b'), 422, 'line 2: versions.0.comment'],
    ['a lone surrogate', (file: string) => file.replace('planted', '\\ud800'), 422, 'line 2: versions.0.comment'],
  ])('%s', async (_name, change, status, path) => {
    const { file } = await garden();
    await refused(api, bring(change(file)), status, path);
  });

  test('bytes that are not UTF-8, too many bytes, other kinds of content', async () => {
    const { file } = await garden();
    await refused(api, bring(Buffer.from([0xff, 0xfe, 0x0a])), 400, 'body');
    await refused(api, bring(Buffer.alloc(25 * 1024 * 1024 + 1, 0x20)), 413);
    await refused(api, { ...bring(file), headers: { 'content-type': 'application/json' }, payload: '{}' }, 415);
    await refused(api, { method: 'POST', url: '/v1/spaces/import', token: bert.token }, 415);
    await refused(api, { ...bring(file), ...form([]) }, 400, 'file');
    await refused(api, { ...bring(file), ...form([{ name: 'other', body: file }]) }, 400, 'other');
    await refused(api, bring(file, { query: '?trusted=maybe' }), 400, 'trusted');
    await refused(api, bring(file, { query: '?name=%00' }), 400, 'name');
    await refused(api, bring(file, { query: '?name=' }), 400, 'name');
  });
});
