import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Delivery, Grant, Page, Subscription } from '../../contracts/space.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { type ApiHarness, openApi } from './harness.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

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

describe('a space', () => {
  test('is renamed and described field by field by whoever may grant', async () => {
    const { id } = await annas.space({ description: 'What grows where', tags: ['home'] });
    await annas.share(id, `user:${bert.id}`, 'write');
    expect(good(await annas.call('PATCH', `/v1/spaces/${id}`, { name: 'Orchard' }), 200)).toMatchObject({
      name: 'Orchard',
      description: 'What grows where',
      tags: ['home'],
    });
    good(await berts.call('PATCH', `/v1/spaces/${id}`, { description: 'mine' }), 403);
    await annas.share(id, `user:${bert.id}`, 'grant');
    expect(good(await berts.call('PATCH', `/v1/spaces/${id}`, { tags: [], description: '' }), 200)).toMatchObject({
      name: 'Orchard',
      description: '',
      tags: [],
      permission: 'grant',
      owner: anna.id,
    });
  });

  test('is found by its tag', async () => {
    const { id } = await annas.space({ tags: ['fruit & veg', 'x'] });
    const found = async (tag: string) =>
      good<Page<{ id: string }>>(await annas.call('GET', `/v1/spaces?tag=${encodeURIComponent(tag)}`), 200).items.map(
        (space) => space.id,
      );
    expect(await found('fruit & veg')).toEqual([id]);
    expect(await found('fruit')).toEqual([]);
    good(await annas.call('GET', '/v1/spaces?tag=%00'), 400);
  });

  test('is deleted by its owner alone, with everything in it', async () => {
    const { id } = await annas.space();
    await annas.share(id, `user:${bert.id}`, 'grant');
    const atom = await annas.put(id, 'rose');
    const mine = await annas.space();
    await annas.put(mine.id, 'a list', { references: [{ type: 'about', atom: atom.id }] });
    good(await berts.call('DELETE', `/v1/spaces/${id}`), 403);
    expect(good(await annas.call('DELETE', `/v1/spaces/${id}`), 200)).toEqual({ id, deleted: true });
    for (const client of [annas, berts]) {
      good(await client.call('GET', `/v1/spaces/${id}`), 404);
      good(await client.call('DELETE', `/v1/spaces/${id}`), 404);
      good(await client.call('GET', `/v1/spaces/${id}/atoms/${atom.id}`), 404);
    }
    const [role] = good<Page<{ id: string }>>(await annas.call('GET', '/v1/spaces?role=memory'), 200).items;
    expect(good(await annas.call('DELETE', `/v1/spaces/${role?.id}`), 409)).toMatchObject({
      type: '/problems/conflict',
    });
  });

  test('is forked by whoever reads it, into a private copy', async () => {
    const { id } = await annas.space({ description: 'Beds', tags: ['home'] });
    await annas.put(id, 'rose');
    good(await berts.call('POST', `/v1/spaces/${id}/fork`, { name: 'Mine' }), 404);
    await annas.share(id, `user:${bert.id}`, 'read');
    const fork = good<{ id: string }>(await berts.call('POST', `/v1/spaces/${id}/fork`, { name: 'Mine' }), 201);
    expect(fork).toMatchObject({
      name: 'Mine',
      description: 'Beds',
      owner: bert.id,
      permission: 'grant',
      atomCount: 1,
    });
    expect(good(await berts.call('GET', `/v1/spaces/${fork.id}/atoms`), 200)).toMatchObject({
      items: [{ payload: 'rose', origin: 'untrusted' }],
    });
    good(await annas.call('GET', `/v1/spaces/${fork.id}`), 404);
  });
});

describe('a batch', () => {
  test('does all of it in order, and says what became of each', async () => {
    const { id } = await annas.space();
    const old = await annas.put(id, 'weed');
    const done = good<{ items: Record<string, unknown>[] }>(
      await annas.call('POST', `/v1/spaces/${id}/batch`, {
        operations: [
          { op: 'put', key: 'bed', payload: 'bed', comment: 'a' },
          { op: 'put', payload: 'rose', references: [{ type: 'in', atom: '$bed' }], comment: 'b' },
          {
            op: 'update',
            atom: old.id,
            metadata: { kind: 'weed' },
            references: [{ type: 'in', atom: '$bed' }],
            comment: 'c',
          },
          { op: 'deprecate', atom: old.id, comment: 'd' },
          { op: 'restore', atom: old.id, comment: 'e' },
        ],
      }),
      200,
    );
    const bed = done.items[0]?.['atom'] as { id: string };
    const inBed = { references: [{ type: 'in', atom: bed.id }] };
    expect(done.items).toMatchObject([
      { op: 'put', key: 'bed', atom: { payload: 'bed', version: 1 } },
      { op: 'put', atom: { payload: 'rose', ...inBed } },
      { op: 'update', atom: { id: old.id, version: 2, metadata: { kind: 'weed' }, ...inBed } },
      { op: 'deprecate', atom: { id: old.id, version: 3, deprecated: true } },
      { op: 'restore', atom: { id: old.id, version: 4, deprecated: false } },
    ]);
    expect(done.items[1]).not.toHaveProperty('key');
  });

  test('of appends needs append, one that changes something needs write', async () => {
    const { id } = await annas.space();
    const atom = await annas.put(id, 'rose');
    await annas.share(id, `user:${bert.id}`, 'append');
    const batch = (operations: unknown[]) => berts.call('POST', `/v1/spaces/${id}/batch`, { operations });
    const put = { op: 'put', payload: 'tulip', comment: 'a' };
    good(await batch([put]), 200);
    good(await batch([put, { op: 'deprecate', atom: atom.id, comment: 'b' }]), 403);
    expect(good(await berts.call('GET', `/v1/spaces/${id}`), 200)).toMatchObject({ atomCount: 2 });
  });

  test('a version that came in between undoes all of it', async () => {
    const { id } = await annas.space();
    const atom = await annas.put(id, 'rose');
    await annas.patch(atom, { payload: 'red rose' });
    const refused = await annas.call('POST', `/v1/spaces/${id}/batch`, {
      operations: [
        { op: 'put', payload: 'tulip', comment: 'a' },
        { op: 'update', atom: atom.id, payload: 'white rose', ifVersion: 1, comment: 'b' },
      ],
    });
    expect(good(refused, 409)).toMatchObject({ type: '/problems/stale' });
    expect(good(await annas.call('GET', `/v1/spaces/${id}`), 200)).toMatchObject({ atomCount: 1 });
  });

  test('an atom is brought back', async () => {
    const { id } = await annas.space();
    const atom = await annas.put(id, 'rose');
    const url = `/v1/spaces/${id}/atoms/${atom.id}`;
    good(await annas.call('POST', `${url}/deprecate`, { comment: 'withered' }), 200);
    expect(good(await annas.call('POST', `${url}/restore`, { comment: 'it lives' }), 200)).toMatchObject({
      version: 3,
      deprecated: false,
      comment: 'it lives',
    });
    good(await annas.call('POST', `${url}/restore`), 400);
  });
});

describe('grants', () => {
  test('are given, changed, listed and taken back', async () => {
    const { id } = await annas.space();
    const url = `/v1/spaces/${id}/grants`;
    const berth = `${url}/user:${bert.id}`;
    expect(good(await annas.call('PUT', berth, { permission: 'read' }), 200)).toMatchObject({
      space: id,
      principal: `user:${bert.id}`,
      permission: 'read',
      grantedBy: `user:${anna.id}`,
    });
    good(await berts.call('GET', url), 403);
    good(await berts.call('PUT', berth, { permission: 'grant' }), 403);
    good(await annas.call('PUT', `${url}/user%3A${bert.id}`, { permission: 'append' }), 200);
    const agent = await annas.agent();
    await annas.share(id, `agent:${agent}`, 'append');
    const listed = good<Page<Grant>>(await annas.call('GET', url), 200).items;
    expect(listed.map(({ principal, permission }) => [principal, permission]).toSorted()).toEqual(
      [
        [`agent:${agent}`, 'append'],
        [`user:${anna.id}`, 'grant'],
        [`user:${bert.id}`, 'append'],
      ].toSorted(),
    );
    expect(good(await annas.call('DELETE', berth), 200)).toEqual({ id: `user:${bert.id}`, deleted: true });
    good(await annas.call('DELETE', berth), 404);
    good(await berts.call('GET', `/v1/spaces/${id}`), 404);
  });

  test('of somebody who is not there, or of a stranger’s agent, are refused alike', async () => {
    const { id } = await annas.space();
    const foreign = await berts.agent();
    const messages = [];
    for (const principal of ['user:usr_0', 'agent:agt_0', `agent:${foreign}`]) {
      const answer = await annas.call('PUT', `/v1/spaces/${id}/grants/${principal}`, { permission: 'read' });
      messages.push(good<{ detail: string; errors: unknown[] }>(answer, 422));
    }
    expect(messages[2]).toEqual(messages[1]);
    expect(messages[0]).toMatchObject({ errors: [{ path: 'principal' }] });
    for (const principal of ['group:all', 'usr_0', `user:${'x'.repeat(65)}`])
      good(await annas.call('PUT', `/v1/spaces/${id}/grants/${principal}`, { permission: 'read' }), 404);
  });

  test('the owner’s own stays; everybody else may leave', async () => {
    const { id } = await annas.space();
    const owners = `/v1/spaces/${id}/grants/user:${anna.id}`;
    good(await annas.call('PUT', owners, { permission: 'read' }), 409);
    good(await annas.call('DELETE', owners), 409);
    good(await annas.call('PUT', owners, { permission: 'grant' }), 200);
    await annas.share(id, `user:${bert.id}`, 'grant');
    good(await berts.call('PUT', owners, { permission: 'read' }), 409);
    good(await berts.call('DELETE', `/v1/spaces/${id}/grants/user:${bert.id}`), 200);
    good(await berts.call('GET', `/v1/spaces/${id}`), 404);
  });
});

describe('subscriptions', () => {
  test('are made, replaced, listed page by page and ended', async () => {
    const { id } = await annas.space();
    const [one, two] = [await annas.agent(), await annas.agent()];
    const url = `/v1/spaces/${id}/subscriptions`;
    const wish = { metadata: { status: 'open' }, author: `user:${bert.id}`, debounceSeconds: 1.5 };
    expect(good(await annas.call('PUT', `${url}/${one}`, wish), 200)).toMatchObject({ ...wish, space: id, agent: one });
    good(await annas.call('PUT', `${url}/${one}`, {}), 200);
    good(await annas.call('PUT', `${url}/${two}`, { references: { blocked_by: { status: 'done' } } }), 200);
    const first = good<Page<Subscription>>(await annas.call('GET', `${url}?limit=1`), 200);
    const second = good<Page<Subscription>>(await annas.call('GET', `${url}?limit=1&cursor=${first.cursor}`), 200);
    expect(second.cursor).toBeUndefined();
    const both = [...first.items, ...second.items];
    expect(both.map(({ agent }) => agent).toSorted()).toEqual([one, two].toSorted());
    expect(both.find(({ agent }) => agent === one)).toEqual({
      space: id,
      agent: one,
      debounceSeconds: 0,
      createdAt: expect.any(String),
    });
    expect(good(await annas.call('DELETE', `${url}/${one}`), 200)).toEqual({ id: one, deleted: true });
    good(await annas.call('DELETE', `${url}/${one}`), 404);
  });

  test('of one reader are not told to another', async () => {
    const { id } = await annas.space();
    await annas.share(id, `user:${bert.id}`, 'grant');
    const agent = await annas.agent();
    const url = `/v1/spaces/${id}/subscriptions`;
    good(await annas.call('PUT', `${url}/${agent}`, {}), 200);
    expect(good(await berts.call('GET', url), 200)).toEqual({ items: [] });
    const absent = good(await berts.call('PUT', `${url}/agt_0`, {}), 404) as { detail: string };
    expect(good(await berts.call('PUT', `${url}/${agent}`, {}), 404)).toEqual({
      ...absent,
      detail: absent.detail.replace('agt_0', agent),
    });
    good(await berts.call('DELETE', `${url}/${agent}`), 404);
  });

  test('fill the inbox of the agent, without content and page by page', async () => {
    const { id } = await annas.space();
    await annas.share(id, `user:${bert.id}`, 'append');
    const agent = await annas.agent();
    good(await annas.call('PUT', `/v1/spaces/${id}/subscriptions/${agent}`, {}), 200);
    for (const bed of ['north', 'south', 'east'])
      await berts.put(id, `secret of ${bed}`, { comment: `planted ${bed}` });
    await deliverDue(api.store.db);
    const inbox = (query = '') => annas.call('GET', `/v1/agents/${agent}/inbox${query}`);
    const first = good<Page<Delivery>>(await inbox('?limit=2'), 200);
    const rest = good<Page<Delivery>>(await inbox(`?limit=2&cursor=${first.cursor}`), 200);
    expect([...first.items, ...rest.items].map(({ event }) => [event.comment, event.author, event.type])).toEqual(
      ['north', 'south', 'east'].map((bed) => [`planted ${bed}`, `user:${bert.id}`, 'put']),
    );
    expect((await inbox()).body).not.toContain('secret');
    good(await berts.call('GET', `/v1/agents/${agent}/inbox`), 404);
    good(await inbox('?cursor=x'), 400);
    good(await annas.call('DELETE', `/v1/spaces/${id}`), 200);
    expect(good(await inbox(), 200)).toEqual({ items: [] });
  });
});
