import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from '../../store/sql.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { newRequest, takeTurn } from './progress.js';
import { openDesk } from './proposals.js';

interface Ids {
  request: string;
  call: string;
  conversation: string;
  file: string;
  space: string;
  atom: string;
  approval: string;
  policy: string;
  agent: string;
}

let api: ApiHarness;
let anna: { id: string; token: string };
let bert: { id: string; token: string };
let ids: Ids;
const hashes = new Map<string, string>();
const ABSENT: Ids = {
  request: 'req_0',
  call: 'call_0',
  conversation: 'cnv_0',
  file: 'file_0',
  space: 'spc_0',
  atom: 'atm_0',
  approval: 'apr_0',
  policy: 'pol_0',
  agent: 'agt_0',
};

beforeAll(async () => {
  api = await openApi({ rateLimit: { failures: 1_000 } });
  anna = await api.person('Anna');
  bert = await api.person('Bert');
  ids = await everythingOf(anna);
});
afterAll(async () => {
  await api.close();
});

async function everythingOf(person: { id: string; token: string }): Promise<Ids> {
  const ref = await newRequest(api.engine, person.id, 'my secret plan');
  await takeTurn(api.engine, ref, { turn: 1, text: 'thinking', usd: '0.5', calls: [{ skill: 'remember' }] });
  const { token } = person;
  const trace = (await api.call({ url: `/v1/requests/${ref.request}/trace`, token })).json();
  const file = await api.call({
    method: 'POST',
    url: '/v1/files',
    token,
    ...form([{ name: 'file', filename: 'secret.txt', type: 'text/plain', body: 'secret' }]),
  });
  const [space] = (await api.call({ url: '/v1/spaces?role=memory', token })).json().items;
  const atom = await api.call({
    method: 'POST',
    url: `/v1/spaces/${space.id}/atoms`,
    token,
    payload: { payload: { text: 'a secret fact' }, metadata: { kind: 'fact' }, comment: 'kept' },
  });
  const view = (await api.call({ url: `/v1/requests/${ref.request}`, token })).json();
  const { approval } = await openDesk(api).mails(person.id, {
    to: ['secret@example.com'],
    subject: 'secret',
    body: 'a secret mail',
  });
  hashes.set(approval.id, approval.payloadHash);
  const policy = await api.call({
    method: 'POST',
    url: '/v1/policies',
    token,
    payload: { skill: 'email_send', recipient: 'secret@example.com' },
  });
  return {
    request: ref.request,
    call: trace.children[0].children[0].children[0].id,
    conversation: view.conversation,
    file: file.json().id,
    space: space.id,
    atom: atom.json().id,
    approval: approval.id,
    policy: policy.json().id,
    agent: ref.agent,
  };
}

type Route = readonly [
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD',
  url: (ids: Ids) => string,
  payload?: (ids: Ids) => Record<string, unknown>,
  /** What the answer is when it is not there; 422 where only the body names it. */
  missing?: number,
];
const named = (routes: readonly Route[]) =>
  routes.map((route): [string, Route] => [`${route[0]} ${route[1](ABSENT)}`, route]);

const ROUTES: readonly Route[] = [
  ['GET', (i) => `/v1/requests/${i.request}`],
  ['HEAD', (i) => `/v1/requests/${i.request}`],
  ['GET', (i) => `/v1/requests/${i.request}/events`],
  ['GET', (i) => `/v1/requests/${i.request}/trace`],
  ['GET', (i) => `/v1/requests/${i.request}/effects`],
  ['POST', (i) => `/v1/requests/${i.request}/messages`, () => ({ text: 'hi' })],
  ['POST', (i) => `/v1/requests/${i.request}/messages`, (i) => ({ attachments: [{ fileId: i.file }] })],
  ['POST', (i) => `/v1/requests/${i.request}/cancel`],
  ['POST', (i) => `/v1/calls/${i.call}/undo`],
  ['GET', (i) => `/v1/conversations/${i.conversation}`],
  ['POST', () => '/v1/requests', (i) => ({ text: 'hi', conversation: i.conversation }), 422],
  ['POST', () => '/v1/requests', (i) => ({ attachments: [{ fileId: i.file }] }), 422],
  ['GET', (i) => `/v1/files/${i.file}`],
  ['DELETE', (i) => `/v1/files/${i.file}`],
  ['GET', (i) => `/v1/spaces/${i.space}`],
  ['GET', (i) => `/v1/spaces/${i.space}/atoms`],
  ['POST', (i) => `/v1/spaces/${i.space}/atoms`, () => ({ payload: 1, comment: 'c' })],
  ['GET', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}`],
  ['PATCH', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}`, () => ({ payload: 2, comment: 'c' })],
  ['GET', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}/history`],
  ['POST', (i) => `/v1/spaces/${i.space}/atoms/${i.atom}/deprecate`, () => ({ comment: 'c' })],
  ['POST', (i) => `/v1/spaces/${i.space}/search`, () => ({ query: 'secret' })],
  ['POST', () => '/v1/search', (i) => ({ query: 'secret', spaces: [i.space] })],
  ['GET', (i) => `/v1/approvals/${i.approval}`],
  ['HEAD', (i) => `/v1/approvals/${i.approval}`],
  ...(['approve', 'edit', 'reject', 'respond'] as const).map(
    (decision): Route => ['POST', (i) => `/v1/approvals/${i.approval}`, (i) => deciding(i, decision)],
  ),
  ['POST', () => '/v1/approvals/batch', (i) => ({ items: [{ id: i.approval, ...deciding(i, 'approve') }] })],
  ['DELETE', (i) => `/v1/policies/${i.policy}`],
  ['GET', (i) => `/v1/agents/${i.agent}`],
  ['HEAD', (i) => `/v1/agents/${i.agent}`],
  ['PATCH', (i) => `/v1/agents/${i.agent}`, () => ({ priority: 1 })],
  ['DELETE', (i) => `/v1/agents/${i.agent}`],
  ['GET', (i) => `/v1/agents/${i.agent}/inbox`],
  ['POST', (i) => `/v1/agents/${i.agent}/inbox`, () => ({ text: 'hi' })],
];

function deciding({ approval }: Ids, decision: 'approve' | 'edit' | 'reject' | 'respond'): Record<string, unknown> {
  return {
    decision,
    payloadHash: hashes.get(approval) ?? '0'.repeat(64),
    ...(decision === 'respond' ? { reason: 'an answer' } : {}),
    ...(decision === 'edit' ? { payload: { to: ['a@example.com'], subject: 's', body: 'b' } } : {}),
  };
}

/** Everything stored, without what counts calls or keeps time. */
async function everything(): Promise<unknown> {
  return api.store.db.system(async (tx) => {
    const tables = [
      'requests',
      'messages',
      'calls',
      'atoms',
      'atom_versions',
      'files',
      'conversations',
      'outbox',
      'request_events',
      'users',
      'approvals',
      'effects',
      'policies',
      'known_recipients',
      'agents',
      'agent_notes',
    ];
    const counts: Record<string, unknown> = {};
    for (const table of tables) counts[table] = await tx.rows(sql`select * from ${sql.table(table)} order by 1, 2`);
    return counts;
  });
}

describe('what is somebody else’s', () => {
  test.each(named(ROUTES))('%s looks as if it were not there', async (_name, [method, url, payload, missing = 404]) => {
    const before = await everything();
    const ask = (of: Ids) =>
      api.call({ method, url: url(of), token: bert.token, ...(payload === undefined ? {} : { payload: payload(of) }) });
    const theirs = await ask(ids);
    const absent = await ask(ABSENT);
    expect(theirs.statusCode).toBe(missing);
    expect(absent.statusCode).toBe(missing);
    expect(withoutIds(theirs.body, ids)).toEqual(withoutIds(absent.body, ABSENT));
    expect(Object.keys(theirs.headers).toSorted()).toEqual(Object.keys(absent.headers).toSorted());
    expect(await everything()).toEqual(before);
  });

  test.each(named(ROUTES))('%s needs a token', async (_name, [method, url, payload]) => {
    const before = await everything();
    for (const token of [null, 'rtn_wrong', `${anna.token}x`]) {
      const answer = await api.call({
        method,
        url: url(ids),
        token,
        ...(payload === undefined ? {} : { payload: payload(ids) }),
      });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.body).not.toContain('secret');
    }
    expect(await everything()).toEqual(before);
  });

  test('even the owner of the installation sees nothing of it', async () => {
    for (const [method, url, payload, missing = 404] of ROUTES) {
      const answer = await api.call({
        method,
        url: url(ids),
        ...(payload === undefined ? {} : { payload: payload(ids) }),
      });
      expect([url(ids), answer.statusCode]).toEqual([url(ids), missing]);
    }
  });

  test('lists, search, counts and sums leave it out', async () => {
    for (const url of [
      '/v1/requests',
      `/v1/requests?conversation=${ids.conversation}`,
      '/v1/conversations',
      '/v1/charges',
      '/v1/charges?groupBy=agent',
      '/v1/charges?groupBy=user',
      '/v1/approvals',
      '/v1/approvals?status=pending',
      `/v1/approvals?request=${ids.request}`,
      '/v1/policies',
      '/v1/agents',
      `/v1/agents?request=${ids.request}`,
      `/v1/agents?parent=${ids.agent}`,
    ]) {
      expect([url, (await api.call({ url, token: bert.token })).json()]).toEqual([url, { items: [] }]);
    }
    const spaces = (await api.call({ url: '/v1/spaces', token: bert.token })).json().items;
    expect(spaces.filter((space: { role?: string }) => space.role !== undefined)).toHaveLength(6);
    expect(new Set(spaces.map((space: { owner: string }) => space.owner))).toEqual(new Set([bert.id]));
    expect(
      (await api.call({ method: 'POST', url: '/v1/search', payload: { query: 'secret' }, token: bert.token })).json(),
    ).toEqual({ items: [] });
    expect(
      (await api.call({ method: 'POST', url: '/v1/search', payload: { query: 'secret' }, token: anna.token })).json()
        .items,
    ).toHaveLength(1);
  });

  test('a reference to it and a file of it are unknown', async () => {
    const [mine] = (await api.call({ url: '/v1/spaces?role=memory', token: bert.token })).json().items;
    const atom = await api.call({
      method: 'POST',
      url: `/v1/spaces/${mine.id}/atoms`,
      token: bert.token,
      payload: { payload: 1, comment: 'c', references: [{ type: 'about', atom: ids.atom }] },
    });
    expect(atom.statusCode).toBe(422);
    const request = await api.call({
      method: 'POST',
      url: '/v1/requests',
      token: bert.token,
      payload: { attachments: [{ fileId: ids.file }] },
    });
    expect(request.statusCode).toBe(422);
  });

  test('an atom is not found through another space', async () => {
    const [other] = (await api.call({ url: '/v1/spaces?role=tasks', token: anna.token })).json().items;
    for (const path of ['', '/history'])
      expect(
        (await api.call({ url: `/v1/spaces/${other.id}/atoms/${ids.atom}${path}`, token: anna.token })).statusCode,
      ).toBe(404);
  });

  test('one’s own is all there', async () => {
    const reading = ROUTES.filter(([method, url]) => method === 'GET' && !url(ids).endsWith('/events'));
    for (const [method, url] of reading)
      expect([url(ids), (await api.call({ method, url: url(ids), token: anna.token })).statusCode]).toEqual([
        url(ids),
        200,
      ]);
  });
});

describe('the owner’s rights', () => {
  test('only the owner sees and makes people', async () => {
    expect(
      (await api.call({ method: 'POST', url: '/v1/users', payload: { name: 'X' }, token: bert.token })).json(),
    ).toMatchObject({ type: '/problems/forbidden', status: 403 });
    expect((await api.call({ url: '/v1/users', token: bert.token })).statusCode).toBe(403);
    const made = await api.call({
      method: 'POST',
      url: '/v1/users',
      payload: { name: 'Carla', timeZone: 'Asia/Tokyo', channels: [{ kind: 'telegram', id: '1' }] },
    });
    expect(made.statusCode).toBe(201);
    expect(made.json()).toMatchObject({
      name: 'Carla',
      timeZone: 'Asia/Tokyo',
      channels: [{ kind: 'telegram', id: '1' }],
    });
    expect(made.json().token).toMatch(/^rtn_[\w-]{43}$/);
    const me = await api.call({ url: '/v1/me', token: made.json().token });
    expect(me.json()).toEqual({
      id: made.json().id,
      name: 'Carla',
      timeZone: 'Asia/Tokyo',
      channels: [{ kind: 'telegram', id: '1' }],
    });
    const people = await api.call({ url: '/v1/users' });
    expect(people.body).not.toContain('token');
    expect(people.json().items.map((user: { name: string }) => user.name)).toContain('Carla');
  });

  test('everybody changes their own settings, field by field', async () => {
    const patch = async (payload: Record<string, unknown>) =>
      (await api.call({ method: 'PATCH', url: '/v1/me', payload, token: bert.token })).json();
    expect(await patch({ quietHours: { from: '22:00', to: '07:00' } })).toEqual({
      id: bert.id,
      name: 'Bert',
      timeZone: 'Europe/Berlin',
      quietHours: { from: '22:00', to: '07:00' },
      channels: [],
    });
    expect(
      await patch({ timeZone: 'America/New_York', channels: [{ kind: 'mail', id: 'b@example.org' }] }),
    ).toMatchObject({ timeZone: 'America/New_York', quietHours: { from: '22:00' }, channels: [{ kind: 'mail' }] });
    expect(await patch({ quietHours: null })).toEqual({
      id: bert.id,
      name: 'Bert',
      timeZone: 'America/New_York',
      channels: [{ kind: 'mail', id: 'b@example.org' }],
    });
    expect(await patch({})).toMatchObject({ name: 'Bert' });
    expect((await api.call({ url: '/v1/me', token: anna.token })).json()).toMatchObject({
      name: 'Anna',
      timeZone: 'Europe/Berlin',
    });
  });
});

function withoutIds(text: string, of: Ids): string {
  return Object.entries(of).reduce((left, [kind, id]) => left.replaceAll(id, kind), text);
}
