import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page, SearchHit } from '../../contracts/space.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

interface Ids {
  space: string;
  atom: string;
  agent: string;
  user: string;
  owner: string;
}

const ABSENT: Ids = { space: 'spc_0', atom: 'atm_0', agent: 'agt_0', user: 'usr_0', owner: 'usr_1' };
const TABLES = [
  'spaces',
  'atoms',
  'atom_versions',
  'atom_references',
  'space_events',
  'space_grants',
  'subscriptions',
  'deliveries',
  'users',
  'requests',
  'files',
];

let api: ApiHarness;
let anna: Person;
let annas: SpaceClient;
let people: Record<'stranger' | 'reader' | 'appender' | 'writer', Person>;
let ids: Ids;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000, failures: 1_000 } });
  anna = await api.person('Anna');
  annas = spaceClient(api, anna);
  people = {
    stranger: await api.person('Bert'),
    reader: await api.person('Rita'),
    appender: await api.person('Axel'),
    writer: await api.person('Willa'),
  };
  const { id: space } = await annas.space({ name: 'Secrets', description: 'secret', tags: ['secret'] });
  for (const [who, permission] of [
    ['reader', 'read'],
    ['appender', 'append'],
    ['writer', 'write'],
  ] as const)
    await annas.share(space, `user:${people[who].id}`, permission);
  const atom = await annas.put(
    space,
    { text: 'a secret fact' },
    { metadata: { kind: 'secret', status: 'open' }, comment: 'a secret comment' },
  );
  const agent = await annas.agent();
  good(await annas.call('PUT', `/v1/spaces/${space}/subscriptions/${agent}`, {}), 200);
  await annas.put(space, 'another secret', { references: [{ type: 'blocked_by', atom: atom.id }] });
  await deliverDue(api.store.db);
  ids = { space, atom: atom.id, agent, user: people.reader.id, owner: anna.id };
});
afterAll(() => api.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Needed = 'read' | 'append' | 'write' | 'grant' | 'own';
type Route = readonly [method: Method, url: (ids: Ids) => string, needed: Needed, payload?: (ids: Ids) => unknown];

const batch = (operation: (ids: Ids) => unknown) => (i: Ids) => ({ operations: [operation(i)] });
const put = { op: 'put', payload: 1, comment: 'c' };
const comment = (): unknown => ({ comment: 'c' });
const of = (path: string) => (i: Ids) => `/v1/spaces/${i.space}${path}`;
const ROUTES: readonly Route[] = [
  ['GET', of(''), 'read'],
  ['GET', of('/atoms'), 'read'],
  ['GET', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}`, 'read'],
  ['GET', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}/history`, 'read'],
  ['POST', of('/search'), 'read', () => ({ query: 'secret' })],
  ['GET', of('/export'), 'read'],
  ['GET', of('/subscriptions'), 'read'],
  ['POST', of('/fork'), 'read', () => ({ name: 'x' })],
  ['POST', of('/atoms'), 'append', () => ({ payload: 1, comment: 'c' })],
  ['POST', of('/batch'), 'append', batch(() => put)],
  ['POST', of('/batch'), 'write', batch((i) => ({ op: 'update', atom: i.atom, payload: 2, comment: 'c' }))],
  ['POST', of('/batch'), 'write', batch((i) => ({ op: 'deprecate', atom: i.atom, comment: 'c' }))],
  ['PATCH', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}`, 'write', () => ({ payload: 2, comment: 'c' })],
  ['POST', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}/deprecate`, 'write', comment],
  ['POST', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}/restore`, 'write', comment],
  ['PATCH', of(''), 'grant', () => ({ description: 'x' })],
  ['GET', of('/grants'), 'grant'],
  ['PUT', (i) => `/v1/spaces/${i.space}/grants/user:${i.user}`, 'grant', () => ({ permission: 'grant' })],
  ['DELETE', (i) => `/v1/spaces/${i.space}/grants/user:${i.owner}`, 'grant'],
  ['DELETE', of(''), 'own'],
];
/** These are about an agent of the caller's own: nobody else's exists, whatever the permission. */
const AGENT_ROUTES: readonly Route[] = [
  ['PUT', (i) => `/v1/spaces/${i.space}/subscriptions/${i.agent}`, 'read', () => ({})],
  ['DELETE', (i) => `/v1/spaces/${i.space}/subscriptions/${i.agent}`, 'read'],
  ['GET', (i) => `/v1/agents/${i.agent}/inbox`, 'read'],
];
const named = (routes: readonly Route[]) =>
  routes.map((route): [string, Route] => [
    `${route[0]} ${route[1](ABSENT).replace('spc_0', '{id}')} ${JSON.stringify(route[3]?.(ABSENT) ?? '')}`,
    route,
  ]);

function ask([method, url, , payload]: Route, about: Ids, person: Person) {
  return spaceClient(api, person).call(method, url(about), payload?.(about));
}

async function everything(): Promise<unknown> {
  return api.store.db.system(async (tx) => {
    const rows: Record<string, unknown> = {};
    for (const table of TABLES) rows[table] = await tx.rows(sql`select * from ${sql.table(table)} order by 1, 2, 3`);
    return rows;
  });
}

function withoutIds(text: string, about: Ids): string {
  return [about.space, about.atom, about.agent].reduce((left, id, index) => left.replaceAll(id, `id${index}`), text);
}

describe('to a stranger', () => {
  // A stream of events is refused like the rest before it begins.
  test.each(named([...ROUTES, ...AGENT_ROUTES, ['GET', of('/events'), 'read']]))(
    '%s looks as if it were not there',
    async (_name, route) => {
      const before = await everything();
      const theirs = await ask(route, ids, people.stranger);
      const absent = await ask(route, ABSENT, people.stranger);
      expect([theirs.statusCode, absent.statusCode]).toEqual([404, 404]);
      expect(withoutIds(theirs.body, ids)).toBe(withoutIds(absent.body, ABSENT));
      expect(Object.keys(theirs.headers).toSorted()).toEqual(Object.keys(absent.headers).toSorted());
      // One id that is there and one that is not tell no more.
      const halves = [
        { ...ids, space: ABSENT.space },
        { ...ids, atom: ABSENT.atom },
        { ...ids, agent: ABSENT.agent },
      ];
      for (const half of halves) {
        const answer = await ask(route, half, people.stranger);
        expect(withoutIds(withoutIds(answer.body, ids), ABSENT)).toBe(withoutIds(absent.body, ABSENT));
      }
      expect(await everything()).toEqual(before);
    },
  );

  test('another space of one’s own leads to nothing in it', async () => {
    const berts = spaceClient(api, people.stranger);
    const { id: mine } = await berts.space();
    for (const [method, url, , payload] of ROUTES.filter(([, url]) => url(ids).includes(ids.atom))) {
      const answer = await berts.call(method, url({ ...ids, space: mine }), payload?.(ids));
      const absent = await berts.call(method, url({ ...ABSENT, space: mine }), payload?.(ABSENT));
      expect([answer.statusCode, withoutIds(answer.body, ids)]).toEqual([404, withoutIds(absent.body, ABSENT)]);
    }
  });

  test('references and conditions on them tell nothing of what is unreadable', async () => {
    const berts = spaceClient(api, people.stranger);
    const { id: mine } = await berts.space();
    const refer = (atom: string) =>
      berts.call('POST', `/v1/spaces/${mine}/atoms`, {
        payload: 1,
        comment: 'c',
        references: [{ type: 'blocked_by', atom }],
      });
    expect(good(await refer(ids.atom), 422)).toEqual(good(await refer(ABSENT.atom), 422));
    // Once readable, then not any more: every condition on it is false, whatever its state is.
    await annas.share(ids.space, `user:${people.stranger.id}`, 'read');
    good(await refer(ids.atom), 201);
    good(await annas.call('DELETE', `/v1/spaces/${ids.space}/grants/user:${people.stranger.id}`), 200);
    for (const conditions of [{ status: 'open' }, { status: { not: 'open' } }, { nothing: null }, {}])
      expect(
        good(await berts.call('POST', '/v1/search', { spaces: [mine], references: { blocked_by: conditions } }), 200),
      ).toEqual({ items: [] });
  });

  test('no list, search or count has anything of it', async () => {
    const berts = spaceClient(api, people.stranger);
    for (const search of [
      { query: 'secret' },
      { metadata: { kind: 'secret' } },
      { metadata: { kind: { in: ['secret'] } } },
    ])
      expect(good(await berts.call('POST', '/v1/search', search), 200)).toEqual({ items: [] });
    expect(good(await berts.call('GET', '/v1/spaces?tag=secret'), 200)).toEqual({ items: [] });
    expect((await berts.call('GET', '/v1/spaces?limit=200')).body).not.toContain(ids.space);
    expect((await berts.call('POST', '/v1/search', { query: 'secret', spaces: [ids.space] })).statusCode).toBe(404);
  });

  test('a cursor of another’s search leads to nothing', async () => {
    const pages = await Promise.all(
      [
        { query: 'secret', limit: 1 },
        { metadata: { kind: { in: ['secret', null] } }, limit: 1 },
      ].map(async (search) => {
        const page = good<Page<SearchHit>>(await annas.call('POST', '/v1/search', search), 200);
        expect(page.cursor).toEqual(expect.any(String));
        return { ...search, cursor: page.cursor };
      }),
    );
    for (const search of pages) {
      const answer = good<Page<SearchHit>>(
        await spaceClient(api, people.stranger).call('POST', '/v1/search', search),
        200,
      );
      expect(answer.items.filter(({ atom }) => atom.space === ids.space)).toEqual([]);
    }
    const listed = good<Page<unknown>>(await annas.call('GET', `/v1/spaces/${ids.space}/atoms?limit=1`), 200);
    expect(listed.cursor).toEqual(expect.any(String));
    good(
      await spaceClient(api, people.stranger).call('GET', `/v1/spaces/${ids.space}/atoms?cursor=${listed.cursor}`),
      404,
    );
  });
});

describe.each(['reader', 'appender', 'writer'] as const)('to a %s', (who) => {
  const HELD = { reader: 'read', appender: 'append', writer: 'write' }[who];
  const ORDER: readonly string[] = ['read', 'append', 'write', 'grant', 'own'];
  const tooMuch = ROUTES.filter(([, , needed]) => ORDER.indexOf(needed) > ORDER.indexOf(HELD));
  const allowed = ROUTES.filter(([, , needed]) => ORDER.indexOf(needed) <= ORDER.indexOf(HELD));

  test.each(named(tooMuch))('%s is forbidden and does nothing', async (_name, route) => {
    const before = await everything();
    const answer = await ask(route, ids, people[who]);
    expect(good<{ type: string }>(answer, 403).type).toBe('/problems/forbidden');
    // Whether an atom is there is known to readers; who may do what is not told by another way of asking.
    expect((await ask(route, { ...ids, user: ABSENT.user }, people[who])).statusCode).toBe(403);
    expect(await everything()).toEqual(before);
  });

  test.each(named(allowed))('%s is allowed', async (_name, route) => {
    expect([200, 201]).toContain((await ask(route, ids, people[who])).statusCode);
  });

  test.each(named(AGENT_ROUTES))('%s knows no agent of others', async (_name, route) => {
    const theirs = await ask(route, ids, people[who]);
    const absent = await ask(route, { ...ids, agent: ABSENT.agent }, people[who]);
    expect([theirs.statusCode, withoutIds(theirs.body, ids)]).toEqual([
      404,
      withoutIds(absent.body, { ...ids, agent: ABSENT.agent }),
    ]);
  });
});

test.each(named([...ROUTES, ...AGENT_ROUTES]))('%s needs a token', async (_name, [method, url, , payload]) => {
  for (const token of [null, `${anna.token}x`]) {
    const answer = await api.call({
      method,
      url: url(ids),
      token,
      ...(payload === undefined ? {} : { payload: payload(ids) as object }),
    });
    expect([answer.statusCode, answer.body.includes('secret')]).toEqual([401, false]);
  }
});
