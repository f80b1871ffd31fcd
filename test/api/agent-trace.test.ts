import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Approval } from '../../contracts/approval.js';
import type { Agent, TraceNode } from '../../contracts/request.js';
import type { Atom, Page } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import type { CallRow } from '../../engine/rows.js';
import { sql } from '../../store/sql.js';
import { good, type Person } from './space-kit.js';
import { openTeams, type TeamKit } from './team-kit.js';

let teams: TeamKit;
let anna: Person;
let root: AgentRef;
let space: string;
beforeAll(async () => {
  teams = await openTeams();
});
beforeEach(async () => {
  anna = await teams.person('Anna');
  root = await teams.accept(anna);
  space = (await teams.client(anna).space()).id;
});
afterAll(() => teams.close());

const trace = () => teams.read<TraceNode>(anna, `/v1/requests/${root.request}/trace`);
const below = (node: TraceNode): TraceNode[] => [node, ...node.children.flatMap(below)];
const nodeOf = async (ref: AgentRef): Promise<TraceNode | undefined> =>
  below(await trace()).find(({ id }) => id === ref.agent);
/** The access that a call of `request_access` has asked for. */
function askedFor(call: CallRow | undefined): string {
  const { access } = (call?.output ?? {}) as { access?: string };
  if (access === undefined) throw new Error(`nothing was asked for: ${call?.error ?? 'no call'}`);
  return access;
}
async function child(wish: Record<string, unknown>): Promise<AgentRef> {
  const [ref] = await teams.spawn(root, wish as never);
  if (ref === undefined) throw new Error('no child');
  return ref;
}

test('says which agent did what, for which task, under which grant, at what cost, and which one failed and why [S1-16]', async () => {
  const [writer, looker] = await teams.spawn(
    root,
    { task: 'Note the price', label: 'Writer', skills: ['space_put'], spaces: { [space]: 'append' }, budgetUsd: '0.3' },
    { task: 'Look around', label: 'Looker', hosts: ['shop.example'] },
  );
  if (writer === undefined || looker === undefined) throw new Error('no children');
  await teams.act(writer, ['space_put', { space, payload: { text: '9 EUR' }, comment: 'price noted' }]);
  await teams.answer(writer, 'Noted.');
  await teams.fail(looker);
  const { children: found } = await trace();
  expect(found).toHaveLength(1);
  const [first] = found;
  expect(first).toMatchObject({
    id: root.agent,
    kind: 'agent',
    inputRef: `request:${root.request}`,
  });
  const calls = first?.children[0]?.children ?? [];
  expect(calls.map(({ name, children }) => [name, children.map(({ name: label }) => label)])).toEqual([
    ['spawn_agent', ['Writer']],
    ['spawn_agent', ['Looker', 'Looker']],
  ]);
  const [atom] = (await teams.read<Page<Atom>>(anna, `/v1/spaces/${space}/atoms`)).items;
  const by = `agent:${root.agent}`;
  expect(calls[0]?.children[0]).toMatchObject({
    id: writer.agent,
    inputRef: `task:${writer.agent}`,
    outputRef: `turn:${writer.agent}:2`,
    outcome: 'completed',
    usd: '0.002',
    grant: {
      skills: ['space_put', 'request_access', 'message_agent'],
      spaces: { [space]: 'append' },
      secrets: [],
      budgetUsd: '0.3',
      depth: 4,
      rights: expect.arrayContaining([
        { kind: 'space', name: space, permission: 'append', grantedBy: by },
        { kind: 'skill', name: 'space_put', grantedBy: by },
      ]),
    },
    children: [
      { kind: 'turn', usd: '0.001', children: [{ name: 'space_put', atoms: [atom?.id], status: 'done' }] },
      { kind: 'turn', usd: '0.001', children: [] },
    ],
  });
  const [failed, heir] = calls[1]?.children ?? [];
  expect(failed).toMatchObject({
    id: looker.agent,
    outcome: 'failed',
    error: { type: 'empty-answer', message: expect.stringContaining('empty answer') },
  });
  expect(heir).toMatchObject({ replaces: looker.agent, grant: { hosts: ['shop.example'] }, children: [] });
  expect(heir).not.toHaveProperty('outcome');
  const all = below(await trace()).filter(({ kind }) => kind === 'turn');
  const spent = all.reduce((sum, { usd }) => sum + Number(usd), 0);
  expect(Number((await trace()).usd)).toBeCloseTo(spent, 9);
});

test('names whoever decided about an access, with the reason, the time and where it is written down', async () => {
  const ref = await child({ task: 'Look', label: 'Looker', wait: false });
  const wish = { skills: ['space_get'], spaces: { [space]: 'read' }, reason: 'The list is there.' };
  const [asked] = await teams.act(ref, ['request_access', wish]);
  const access = askedFor(asked);
  expect((await nodeOf(ref))?.access).toMatchObject([
    {
      id: access,
      coordinator: root.agent,
      reason: 'The list is there.',
      status: 'pending',
      wants: { skills: ['space_get'] },
    },
  ]);
  await teams.act(root, ['answer_access', { access, grant: true, reason: 'It needs it.', minutes: 5 }]);
  const node = await nodeOf(ref);
  const by = `agent:${root.agent}`;
  expect(node?.access).toMatchObject([{ id: access, status: 'granted', decidedBy: by, answer: 'It needs it.' }]);
  const given = { grantedBy: by, reason: 'It needs it.', atom: expect.any(String), expiresAt: expect.any(String) };
  const rights = node?.grant?.['rights'] as { name: string }[];
  expect(rights.filter(({ name }) => name === space || name === 'space_get')).toEqual([
    { kind: 'skill', name: 'space_get', ...given },
    { kind: 'space', name: space, permission: 'read', ...given },
  ]);
  expect(node?.grant).toMatchObject({ skills: expect.arrayContaining(['space_get']) });
  await teams.store.db.system((tx) =>
    tx.run(sql`update agent_grants set expires_at = now() - interval '1 second' where agent_id = ${ref.agent}`),
  );
  const later = await nodeOf(ref);
  expect(later?.grant?.['skills']).toEqual(['request_access', 'message_agent']);
  expect(later?.grant?.['rights']).toContainEqual(expect.objectContaining({ name: 'space_get', grantedBy: by }));
});

test('names the person who decided where the coordinator could not', async () => {
  const ref = await child({ task: 'Look', wait: false, skills: ['spawn_agent', 'answer_access'] });
  const [inner] = await teams.spawn(ref, { task: 'Look closer', wait: false });
  if (inner === undefined) throw new Error('no grandchild');
  const [asked] = await teams.act(inner, ['request_access', { skills: ['file_read'], reason: 'The plan is a file.' }]);
  const access = askedFor(asked);
  await teams.act(ref, ['answer_access', { access, grant: true, reason: 'I think so too.' }]);
  const [approval] = (await teams.read<Page<Approval>>(anna, '/v1/approvals?status=pending')).items;
  expect(approval).toMatchObject({ effect: 'access', agent: inner.agent });
  const { id, payloadHash } = approval ?? { id: '', payloadHash: '' };
  good(
    await teams.call({
      method: 'POST',
      url: `/v1/approvals/${id}`,
      token: anna.token,
      payload: { decision: 'reject', payloadHash, reason: 'Not that file.' },
    }),
    200,
  );
  expect((await nodeOf(inner))?.access).toMatchObject([
    { status: 'denied', coordinator: ref.agent, decidedBy: `user:${anna.id}`, answer: 'Not that file.' },
  ]);
});

test('an agent that takes over is another one: it knows nothing of the session before it, and finds what that wrote [S3-16]', async () => {
  const ref = await child({
    task: 'Note two prices',
    skills: ['space_put', 'space_search'],
    spaces: { [space]: 'append' },
  });
  await teams.act(ref, ['space_put', { space, payload: { text: 'nine euros' }, comment: 'first price' }]);
  expect(teams.shown()).toContain('Note two prices');
  await teams.fail(ref);
  const heirs = (await teams.read<Page<Agent>>(anna, `/v1/agents?parent=${root.agent}&status=running`)).items;
  expect(heirs).toMatchObject([{ replaces: ref.agent, task: 'Note two prices', context: { turns: 0 } }]);
  const heir = { ...root, agent: heirs[0]?.id ?? '' };
  expect(heir.agent).not.toBe(ref.agent);
  const [search] = await teams.act(heir, ['space_search', { space, query: 'euros' }]);
  expect(teams.shown()).toContain('Note two prices');
  expect(teams.shown()).not.toContain('nine euros');
  expect(JSON.stringify(search?.output)).toContain('nine euros');
  expect(await teams.read<Agent>(anna, `/v1/agents/${ref.agent}`)).toMatchObject({
    outcome: 'failed',
    context: { turns: 2 },
  });
});

test('shows every one of 200 agents and their turns once, at any depth', async () => {
  await teams.store.db.system(async (tx) => {
    await tx.run(sql`
      insert into agents (id, user_id, request_id, parent_id, label, model, instructions, status, confined, task, depth, path)
      select ${`${root.agent}_`} || n, ${anna.id}, ${root.request}, case when n <= 10 then ${root.agent} else ${`${root.agent}_`} || (n / 10) end,
        'agent ' || n, 'm', 'i', 'waiting', true, 'task ' || n, 1, '{}' from generate_series(1, 199) as n order by n`);
    await tx.run(sql`
      insert into turns (agent_id, number, user_id, request_id, attempt, model, content, stop_reason, usage, started_at)
      select a.id, n, a.user_id, a.request_id, 1, 'm', '[]', 'end_turn', '{}', now() from agents a, generate_series(1, 5) as n where a.request_id = ${root.request}`);
  });
  const nodes = below(await trace());
  const ids = (kind: string) => new Set(nodes.filter((node) => node.kind === kind).map(({ id }) => id)).size;
  expect([ids('agent'), ids('turn'), nodes.length]).toEqual([200, 1_000, 1_201]);
});
