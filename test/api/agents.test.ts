import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Agent, Note, Request } from '../../contracts/request.js';
import type { Delivery, Page } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { sql } from '../../store/sql.js';
import { refused } from './refusals.js';
import { good, type Person } from './space-kit.js';
import { openTeams, type TeamKit } from './team-kit.js';

let teams: TeamKit;
let anna: Person;
beforeAll(async () => {
  teams = await openTeams();
});
beforeEach(async () => {
  anna = await teams.person('Anna');
});
afterAll(() => teams.close());

const view = (ref: AgentRef) => teams.read<Agent>(anna, `/v1/agents/${ref.agent}`);
const listed = async (query: string) => (await teams.read<Page<Agent>>(anna, `/v1/agents${query}`)).items;
const ask = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', { agent }: AgentRef, path = '', payload?: object) =>
  teams.call({ method, url: `/v1/agents/${agent}${path}`, token: anna.token, ...(payload && { payload }) });
const storage = (query: ReturnType<typeof sql>) => teams.store.db.system((tx) => tx.run(query));

/** A coordinator with a space of its user's. */
async function team() {
  const root = await teams.accept(anna);
  const space = await teams.client(anna).space();
  return { root, space: space.id };
}

describe('an agent', () => {
  test('shows its task, what it knows, what it may do and within which limits, and whom it waits for [S2-18]', async () => {
    const { root, space } = await team();
    await storage(
      sql`insert into secrets (user_id, name, key_id, ciphertext) values (${anna.id}, 'shop-key', 'k', '')`,
    );
    const [child] = await teams.spawn(root, {
      task: 'Find out when the shop opens',
      label: 'Shop',
      instructions: 'Be brief.',
      skills: ['web_search', 'email_read', 'spawn_agent'],
      spaces: { [space]: 'append' },
      secrets: ['shop-key'],
      hosts: ['shop.example'],
      budgetUsd: '0.2',
      timeoutSeconds: 600,
      priority: 2,
    });
    if (child === undefined) throw new Error('no child');
    const [grandchild] = await teams.spawn(child, { task: 'Read the page', model: 'tiny' });
    const seen = await view(child);
    expect(seen).toMatchObject({
      id: child.agent,
      label: 'Shop',
      owner: anna.id,
      parent: root.agent,
      request: root.request,
      task: 'Find out when the shop opens',
      instructions: 'Be brief.',
      status: 'running',
      skills: ['email_read', 'spawn_agent', 'web_search', 'request_access', 'message_agent'],
      spaces: { [space]: 'append' },
      secrets: ['shop-key'],
      hosts: ['shop.example'],
      capabilities: ['agents', 'mail', 'web'],
      limits: { turns: 10, depth: 4, children: 50, timeoutSeconds: 600 },
      budgetUsd: '0.2',
      dependsOn: [grandchild?.agent],
      context: { turns: 1, labels: [], atoms: [] },
      costUsd: '0.001',
      priority: 2,
      lasting: false,
    });
    expect(seen).not.toHaveProperty('outcome');
    const first = await view(root);
    expect(first).toMatchObject({ dependsOn: [child.agent], secrets: ['shop-key'], priority: 3, budgetUsd: '1' });
    expect(first).not.toHaveProperty('task');
    expect(first.capabilities).toEqual(expect.arrayContaining(['calendar', 'mail', 'memory', 'spaces', 'user', 'web']));
    expect((await teams.read<Request>(anna, `/v1/requests/${root.request}`)).agents).toEqual([
      first,
      seen,
      await view({ ...root, agent: grandchild?.agent ?? '' }),
    ]);
  });

  test('shows what became of it, whole where it is asked for by its id [S2-11]', async () => {
    const { root } = await team();
    const [child] = await teams.spawn(root, { task: `Count. ${'x'.repeat(2_000)}` });
    if (child === undefined) throw new Error('no child');
    await teams.answer(child, `One, two. ${'y'.repeat(2_000)}`);
    const whole = await view(child);
    expect(whole).toMatchObject({ status: 'ended', outcome: 'completed', dependsOn: [], endedAt: expect.any(String) });
    expect([whole.task?.length, whole.result?.length]).toEqual([2_007, 2_010]);
    const [short] = await listed(`?parent=${root.agent}`);
    expect([short?.task?.length, short?.result?.length, short?.result?.at(-1)]).toEqual([1_000, 1_000, '…']);
    expect((await view(root)).dependsOn).toEqual([]);
    await teams.answer(root, 'Two.');
    expect(await view(root)).toMatchObject({ status: 'ended', outcome: 'completed', result: 'Two.' });
  });

  test('shows no right whose time is over, and no more on a space than its user has', async () => {
    const { root, space } = await team();
    const [child] = await teams.spawn(root, { task: 'Look', skills: ['space_get'], spaces: { [space]: 'write' } });
    if (child === undefined) throw new Error('no child');
    expect((await view(child)).spaces).toMatchObject({ [space]: 'write' });
    await storage(
      sql`update space_grants set permission = 'read' where space_id = ${space} and principal = ${`user:${anna.id}`}`,
    );
    expect((await view(child)).spaces).toMatchObject({ [space]: 'read' });
    const over = sql`set expires_at = now() - interval '1 second'`;
    await storage(sql`update space_grants ${over} where space_id = ${space} and principal = ${`agent:${child.agent}`}`);
    await storage(sql`update agent_grants ${over} where agent_id = ${child.agent}`);
    const seen = await view(child);
    expect(seen.spaces).not.toHaveProperty(space);
    expect([seen.skills, seen.capabilities]).toEqual([['request_access', 'message_agent'], []]);
  });

  test('that was told how to behave by an atom names the atom', async () => {
    const { root, space } = await team();
    const { id } = await teams.client(anna).put(space, { text: 'Be kind.' });
    const [child] = await teams.spawn(root, { task: 'Greet', instructions: `atom:${id}` });
    expect(await view(child ?? root)).toMatchObject({ instructions: `atom:${id}` });
  });
});

describe('the list', () => {
  test('is newest first, by request, state and parent, page by page', async () => {
    const { root } = await team();
    const [one] = await teams.spawn(root, { task: 'one', wait: false });
    const [two] = await teams.spawn(root, { task: 'two', wait: false });
    const other = await teams.accept(anna, 'another');
    const all = [other, two, one, root].map((ref) => ref?.agent);
    const ids = async (query: string) => (await listed(query)).map(({ id }) => id);
    expect(await ids('')).toEqual(all);
    expect(await ids(`?request=${root.request}`)).toEqual(all.slice(1));
    expect(await ids(`?parent=${root.agent}`)).toEqual(all.slice(1, 3));
    await teams.answer(one ?? root, 'done');
    expect(await ids('?status=ended')).toEqual([one?.agent]);
    expect(await ids('?lasting=false')).toEqual(all);
    expect(await ids('?lasting=true')).toEqual([]);
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Page<Agent> = await teams.read(anna, `/v1/agents?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.cursor;
    }
    expect(seen).toEqual(all);
  });

  test.each([
    ['?limit=0', 'limit'],
    ['?status=asleep', 'status'],
    ['?request=../x', 'request'],
    ['?lasting=1', 'lasting'],
    ['?cursor=x', 'cursor'],
    ['?colour=red', 'colour'],
  ])('refuses %s', (query, path) => refused(teams, { url: `/v1/agents${query}`, token: anna.token }, 400, path));

  test('of skills says who may have them and what they are good for', async () => {
    const { items } = await teams.read<Page<{ name: string }>>(anna, '/v1/skills');
    const shown = (name: string) => items.find((skill) => skill.name === name);
    expect(shown('ask_user')).toMatchObject({ facesUser: true, delegates: false, capability: 'user' });
    expect(shown('spawn_agent')).toMatchObject({ facesUser: false, delegates: true, capability: 'agents' });
    expect(shown('calendar_find_free')).toMatchObject({ facesUser: false, delegates: false, capability: 'calendar' });
    expect(shown('transcribe_audio')).toMatchObject({ hints: { seconds: expect.any(Number) }, capability: 'audio' });
  });
});

describe('the queue', () => {
  test('is shown with its order, can be changed, and moves on when somebody is stopped', async () => {
    const { root } = await team();
    const five = await teams.spawn(root, ...['a', 'b', 'c', 'd', 'e'].map((task) => ({ task, wait: false })));
    const places = async () => {
      const seen = await Promise.all(five.map(view));
      return seen.map(({ status, queuePosition }) => queuePosition ?? status);
    };
    const before = await places();
    expect(before.toSorted()).toEqual([1, 2, 'running', 'running', 'running']);
    const last = five[before.indexOf(2)] ?? root;
    expect(good(await ask('PATCH', last, '', { priority: 1 }), 200)).toMatchObject({ priority: 1, queuePosition: 1 });
    expect((await places()).toSorted()).toEqual([1, 2, 'running', 'running', 'running']);
    const working = five[before.indexOf('running')] ?? root;
    expect(good(await ask('DELETE', working), 200)).toMatchObject({ status: 'ended', outcome: 'cancelled' });
    expect(await view(last)).toMatchObject({ status: 'running', priority: 1 });
    expect((await places()).toSorted()).toEqual([1, 'ended', 'running', 'running', 'running']);
    await storage(sql`update admission set per_user = 4`);
    const left = five.find((_ref, index) => before[index] === 1) ?? root;
    expect(good(await ask('PATCH', left, '', { priority: 5 }), 200)).toMatchObject({ status: 'running' });
    await storage(sql`update admission set per_user = 3`);
  });

  test('cannot be left by what is no priority, nor entered by a first agent or one that has ended', async () => {
    const { root } = await team();
    const [child] = await teams.spawn(root, { task: 'x' });
    if (child === undefined) throw new Error('no child');
    expect(good(await ask('PATCH', child, '', {}), 200)).toMatchObject({ priority: 3 });
    for (const priority of [0, 6, 1.5, '1', null])
      await refused(
        teams,
        { method: 'PATCH', url: `/v1/agents/${child.agent}`, token: anna.token, payload: { priority } },
        400,
        'priority',
      );
    good(await ask('PATCH', root, '', { priority: 1 }), 409);
    await teams.answer(child, 'done');
    expect(good(await ask('PATCH', child, '', { priority: 1 }), 409)).toMatchObject({
      detail: expect.stringContaining('has already ended (completed)'),
    });
  });
});

describe('stopping', () => {
  test('ends an agent with all below it, and tells whoever waits', async () => {
    const { root } = await team();
    const [child] = await teams.spawn(root, { task: 'lead', skills: ['spawn_agent'] });
    if (child === undefined) throw new Error('no child');
    const [below] = await teams.spawn(child, { task: 'work' });
    good(await ask('DELETE', child), 200);
    expect(await view(child)).toMatchObject({ outcome: 'cancelled', error: { message: 'The user stopped it.' } });
    expect(await view(below ?? root)).toMatchObject({ status: 'ended', outcome: 'cancelled' });
    await teams.answer(root, 'Without it, then.');
    expect(teams.shown()).toContain('was stopped. The user stopped it.');
    good(await ask('DELETE', child), 200);
  });

  test('is refused for a first agent, whose request can be cancelled, and for one that is done', async () => {
    const { root } = await team();
    const [child] = await teams.spawn(root, { task: 'x' });
    await teams.answer(child ?? root, 'done');
    for (const [ref, why] of [
      [root, `POST /v1/requests/${root.request}/cancel`],
      [child ?? root, 'has already ended (completed)'],
    ] as const)
      expect(good(await ask('DELETE', ref), 409)).toMatchObject({ detail: expect.stringContaining(why) });
    expect(await view(root)).not.toHaveProperty('outcome');
    good(await ask('DELETE', { ...root, agent: 'agt_0' }), 404);
  });
});

describe('the inbox', () => {
  const inbox = (ref: AgentRef, query = '') =>
    teams.read<Page<Delivery | Note>>(anna, `/v1/agents/${ref.agent}/inbox${query}`);

  test('takes the user’s word to the agent, which reads it in its next turn', async () => {
    const { root } = await team();
    const [child] = await teams.spawn(root, { task: 'x', skills: ['file_list'] });
    if (child === undefined) throw new Error('no child');
    const { id } = good<{ id: string }>(await ask('POST', child, '/inbox', { text: 'Only the red ones.' }), 202);
    const note = { id, agent: child.agent, deliveredAt: expect.any(String), kind: 'steer', text: 'Only the red ones.' };
    expect((await inbox(child)).items).toEqual([{ ...note, read: false }]);
    await teams.act(child, ['file_list', {}]);
    expect(teams.shown()).toContain('[steer] Only the red ones.');
    expect((await inbox(child)).items).toEqual([{ ...note, read: true }]);
    await teams.answer(child, 'done');
    good(await ask('POST', child, '/inbox', { text: 'And the blue ones.' }), 409);
    expect((await inbox(child)).items).toHaveLength(1);
  });

  test('holds what agents say and what spaces tell, in order, page by page', async () => {
    const { root, space } = await team();
    const [child] = await teams.spawn(root, { task: 'x', wait: false });
    if (child === undefined) throw new Error('no child');
    const client = teams.client(anna);
    good(await client.call('PUT', `/v1/spaces/${space}/subscriptions/${root.agent}`, {}), 200);
    const told = async (text: string) => {
      await client.put(space, text, { comment: text });
      await deliverDue(teams.store.db);
    };
    await told('first');
    await teams.act(child, ['message_agent', { text: 'second', wait: false }]);
    await teams.act(child, ['message_agent', { text: 'third', wait: false }]);
    await told('fourth');
    good(await ask('POST', root, '/inbox', { text: 'fifth' }), 202);
    const wordOf = (item: Delivery | Note) =>
      'event' in item ? item.event.comment : `${item.from ?? ''}:${item.text}`;
    const whole = ['first', `${child.agent}:second`, `${child.agent}:third`, 'fourth', ':fifth'];
    expect((await inbox(root)).items.map(wordOf)).toEqual(whole);
    for (const limit of [1, 2, 3, 4]) {
      const seen: string[] = [];
      for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
        const page: Page<Delivery | Note> = await inbox(root, `?limit=${limit}&cursor=${cursor}`);
        seen.push(...page.items.map(wordOf));
        cursor = page.cursor;
      }
      expect([limit, seen]).toEqual([limit, whole]);
    }
  });

  test.each([
    [{}, 'text'],
    [{ text: ' \n' }, 'text'],
    [{ text: 5 }, 'text'],
    [{ text: 'a\u0000' }, 'text'],
    [{ text: 'a\ud800' }, 'text'],
    [{ text: 'a'.repeat(100_001) }, 'text'],
    [{ text: 'a', kind: 'granted' }, 'kind'],
  ])('refuses %j', async (payload, path) => {
    const { root } = await team();
    await refused(
      teams,
      { method: 'POST', url: `/v1/agents/${root.agent}/inbox`, token: anna.token, payload },
      400,
      path,
    );
  });

  test('takes a hundred notes that nobody has read, and no more', async () => {
    const { root } = await team();
    await storage(sql`
      insert into agent_notes (id, user_id, request_id, agent_id, kind, text)
      select ${`not_${root.agent}_`} || n, ${anna.id}, ${root.request}, ${root.agent}, 'steer', 'x' from generate_series(1, 99) as n`);
    good(await ask('POST', root, '/inbox', { text: 'the last one' }), 202);
    good(await ask('POST', root, '/inbox', { text: 'one too many' }), 429);
  });
});
