import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Atom } from '../../contracts/space.js';
import { type ApiHarness, openApi } from './harness.js';
import { nested, refused } from './refusals.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

const NUL = '\u0000';
const LONE = '\ud800';
const json = { 'content-type': 'application/json' };

let api: ApiHarness;
let owners: SpaceClient;
let stranger: Person;
let space: string;
let atom: Atom;
let hidden: Atom;
let agent: string;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  owners = spaceClient(api, api.owner);
  stranger = await api.person('Bert');
  const theirs = spaceClient(api, stranger);
  hidden = await theirs.put((await theirs.space()).id, 'hidden');
  space = (await owners.space()).id;
  atom = await owners.put(space, 'rose');
  agent = await owners.agent();
});
afterAll(() => api.close());

type Case = readonly [name: string, path: string, body: (() => unknown) | string, wrong: string, status?: number];
const put = { op: 'put', payload: 1, comment: 'c' };
const withPath = (cases: readonly Case[]) => cases.map((one): [string, Case] => [one[0], one]);

function send([, path, body, wrong, status = 400]: Case, method: 'POST' | 'PUT' | 'PATCH'): Promise<void> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body());
  const url = path === '/v1/search' ? path : `/v1/spaces/${space}${path}`;
  return refused(api, { method, url, headers: json, payload }, status, wrong);
}

describe('an atom', () => {
  const metadata = (value: unknown) => () => ({ payload: 1, comment: 'c', metadata: value });
  test.each(
    withPath([
      ['1 MB of metadata', '/atoms', metadata({ a: 'x'.repeat(1_000_000) }), 'metadata.a'],
      ['1 MB of metadata in pieces', '/atoms', metadata(pieces(600, 'x'.repeat(1_700))), 'metadata'],
      ['201 keys', '/atoms', metadata(pieces(201, 1)), 'metadata'],
      ['an object as metadata', '/atoms', metadata({ a: {} }), 'metadata.a'],
      ['NUL in a metadata value', '/atoms', metadata({ a: NUL }), 'metadata.a'],
      ['a lone surrogate in a metadata value', '/atoms', metadata({ a: LONE }), 'metadata.a'],
      ['NUL in a metadata key', '/atoms', metadata({ [`a${NUL}`]: 1 }), `metadata.a${NUL}`],
      ['an empty metadata key', '/atoms', metadata({ '': 1 }), 'metadata.'],
      ['NUL in the payload', '/atoms', () => ({ payload: { a: [NUL] }, comment: 'c' }), 'payload.a.0'],
      ['a lone surrogate in the payload', '/atoms', '{"payload":"\\ud800","comment":"c"}', 'payload'],
      ['no comment', '/atoms', () => ({ payload: 1 }), 'comment'],
      ['a comment with NUL', '/atoms', () => ({ payload: 1, comment: NUL }), 'comment'],
      ['a comment that is too long', '/atoms', () => ({ payload: 1, comment: 'x'.repeat(2_001) }), 'comment'],
      ['65 levels', '/atoms', `{"comment":"c","payload":${nested(64)}}`, 'body'],
      ['100,000 levels', '/atoms', `{"comment":"c","payload":${nested(100_000)}}`, 'body'],
      ['__proto__ in the payload', '/atoms', '{"comment":"c","payload":{"__proto__":{}}}', 'body'],
      ['a reference without type', '/atoms', () => ({ ...refs({ atom: 'atm_0' }) }), 'references.0.type'],
      ['a reference to a path', '/atoms', () => refs({ type: 'a', atom: '../x' }), 'references.0.atom'],
      ['a reference to nothing', '/atoms', () => refs({ type: 'a', atom: 'atm_0' }), 'references.0.atom', 422],
      ['a reference to what one may not read', '/atoms', () => refs(known(), unread()), 'references.1.atom', 422],
    ]),
  )('with %s is refused', (_name, one) => send(one, 'POST'));

  test('is not changed by a patch that is wrong', async () => {
    const path = `/atoms/${atom.id}`;
    await send(['', path, () => ({ comment: 'c', metadata: { a: 'x'.repeat(1_000_000) } }), 'metadata.a'], 'PATCH');
    await send(['', path, () => ({ references: [unread()], comment: 'c' }), 'references.0.atom', 422], 'PATCH');
    await send(['', path, () => ({ comment: 'c', ifVersion: 0 }), 'ifVersion'], 'PATCH');
    await send(['', path, () => ({ payload: 2 }), 'comment'], 'PATCH');
    expect(good(await owners.call('GET', `/v1/spaces/${space}${path}`), 200)).toEqual(atom);
  });

  test('keeps odd but good Unicode as it is, wherever text is', async () => {
    for (const text of [
      '👩‍👩‍👧‍👦🏳️‍🌈',
      '\u202Eعربى עברית',
      'e\u0301\u0327 Z\u0351\u0343',
      '\u200B\u200D\uFEFF',
      '\uFFFE\uFFFF',
      '𝔘\u{10FFFF}',
    ]) {
      const made = await owners.put(space, { [text]: text }, { metadata: { [text]: text }, comment: text });
      expect(made).toMatchObject({ payload: { [text]: text }, metadata: { [text]: text }, comment: text });
      expect(good(await owners.call('GET', `/v1/spaces/${space}/atoms/${made.id}`), 200)).toEqual(made);
      const other = await owners.space({ name: `a${text}`, description: text, tags: [text] });
      expect(other).toMatchObject({ name: `a${text}`, description: text, tags: [text] });
    }
  });
});

describe('a batch', () => {
  const batch =
    (...operations: unknown[]) =>
    () => ({ operations });
  test.each(
    withPath([
      ['10,000 operations', '/batch', batch(...Array.from({ length: 10_000 }, () => put)), 'operations'],
      ['no operations', '/batch', batch(), 'operations'],
      ['no list', '/batch', () => ({ operations: put }), 'operations'],
      ['an unknown operation', '/batch', batch(put, { op: 'drop' }), 'operations.1.op'],
      ['an unknown field', '/batch', batch({ ...put, colour: 1 }), 'operations.0.colour'],
      [
        'a wrong operation among good ones',
        '/batch',
        batch(put, put, { ...put, comment: NUL }),
        'operations.2.comment',
      ],
      [
        'a reference to what one may not read',
        '/batch',
        () => ({ operations: [put, { ...put, references: [known(), unread()] }] }),
        'operations.1.references.1.atom',
        422,
      ],
      [
        'a key that comes later',
        '/batch',
        batch({ ...put, references: [{ type: 'a', atom: '$b' }] }, { ...put, key: 'b' }),
        'operations.0.references.0.atom',
        422,
      ],
      ['a key twice', '/batch', batch({ ...put, key: 'a' }, { ...put, key: 'a' }), 'operations.1.key', 422],
      [
        'an atom that is not there',
        '/batch',
        batch(put, { op: 'deprecate', atom: 'atm_0', comment: 'c' }),
        'operations.1',
        404,
      ],
      [
        'an atom of another space',
        '/batch',
        () => ({ operations: [put, { op: 'update', atom: hidden.id, comment: 'c' }] }),
        'operations.1',
        404,
      ],
    ]),
  )('with %s is refused whole', (_name, one) => send(one, 'POST'));
});

describe('sharing', () => {
  const grant = () => `/grants/user:${stranger.id}`;
  test('an unknown permission', async () => {
    for (const permission of ['admin', 'READ', '', null, 1, ['read']])
      await send(['', grant(), () => ({ permission }), 'permission'], 'PUT');
    await send(['', grant(), () => ({}), 'permission'], 'PUT');
    await send(['', grant(), () => ({ permission: 'read', until: 'x' }), 'until'], 'PUT');
  });

  test('a principal that does not exist', async () => {
    await send(['', '/grants/user:usr_0', () => ({ permission: 'read' }), 'principal', 422], 'PUT');
  });

  test('a subscription with conditions that are wrong', async () => {
    const path = `/subscriptions/${agent}`;
    await send(['', path, () => ({ debounceSeconds: -1 }), 'debounceSeconds'], 'PUT');
    await send(['', path, () => ({ debounceSeconds: 3_601 }), 'debounceSeconds'], 'PUT');
    await send(['', path, () => ({ author: 'everybody' }), 'author'], 'PUT');
    await send(['', path, () => ({ metadata: { a: { like: 'x' } } }), 'metadata.a.like'], 'PUT');
    await send(['', path, () => ({ metadata: { a: NUL } }), 'metadata.a'], 'PUT');
  });

  test('a space that changes nothing, or what is not its to change', async () => {
    await send(['', '', () => ({}), 'body'], 'PATCH');
    await send(['', '', () => ({ owner: stranger.id }), 'owner'], 'PATCH');
    await send(['', '', () => ({ name: '' }), 'name'], 'PATCH');
    await send(['', '', () => ({ tags: ['a', NUL] }), 'tags.1'], 'PATCH');
    await send(['', '/fork', () => ({}), 'name'], 'POST');
  });
});

describe('cursors that were made up', () => {
  const code = (text: string): string => Buffer.from(text).toString('base64url');
  const MADE_UP = [
    'x',
    '',
    code('|'),
    code('2026-01-01T00:00:00.000Z|'),
    code('2026-13-01T00:00:00.000Z|a'),
    code("2026-01-01T00:00:00.000Z|a'--"),
    code('[1]'),
    '1'.repeat(16),
    '%00',
    'x'.repeat(501),
  ];
  test.each(['/v1/spaces?', '/atoms?', '/subscriptions?', '/inbox?'])('%s', async (list) => {
    const url =
      list === '/inbox?' ? `/v1/agents/${agent}/inbox?` : list.startsWith('/v1') ? list : `/v1/spaces/${space}${list}`;
    for (const cursor of MADE_UP) await refused(api, { url: `${url}cursor=${cursor}` }, 400, 'cursor');
  });

  test.each([undefined, 'rose'])('search for %s', async (query) => {
    const made = [
      ...MADE_UP,
      code('atm_0 NaN'),
      code('atm_0 1 2'),
      code(`${atom.id} 1e999`),
      code('a b\n'.repeat(501)),
    ];
    for (const cursor of made.filter((one) => one !== '%00' && one !== 'x'.repeat(501)))
      await send(['', '/v1/search', () => ({ query, cursor }), 'cursor'], 'POST');
    await send(['', '/v1/search', () => ({ query, cursor: NUL }), 'cursor'], 'POST');
  });
});

function pieces(count: number, value: unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_item, index) => [`k${index}`, value]));
}

function refs(...references: unknown[]): Record<string, unknown> {
  return { payload: 1, comment: 'c', references };
}

function known(): unknown {
  return { type: 'a', atom: atom.id };
}

function unread(): unknown {
  return { type: 'a', atom: hidden.id };
}
