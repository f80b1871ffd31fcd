import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Policy, PolicySchema } from '../../contracts/approval.js';
import { type ApiHarness, openApi } from './harness.js';
import { newRequest } from './progress.js';
import { type Desk, MAIL, openDesk } from './proposals.js';
import { refused } from './refusals.js';

let api: ApiHarness;
let desk: Desk;
let person: { id: string; token: string };
let count = 0;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  desk = openDesk(api);
});
afterAll(() => api.close());

async function somebodyNew(): Promise<void> {
  count += 1;
  person = await api.person(`Person ${count}`);
}

const DANA = { skill: 'email_send', recipient: 'dana@example.com' };
const make = (payload: Record<string, unknown>, token = person.token) =>
  api.call({ method: 'POST', url: '/v1/policies', payload, token });
const drop = (id: string, token = person.token) => api.call({ method: 'DELETE', url: `/v1/policies/${id}`, token });
const list = async (query = '', token = person.token): Promise<{ items: Policy[]; cursor?: string }> =>
  (await api.call({ url: `/v1/policies${query}`, token })).json();
const approve = (approval: { id: string; payloadHash: string }, more: Record<string, unknown> = {}) =>
  api.call({
    method: 'POST',
    url: `/v1/approvals/${approval.id}`,
    token: person.token,
    payload: { decision: 'approve', payloadHash: approval.payloadHash, ...more },
  });

describe('policies', () => {
  test('are made, listed and deleted; the same one twice is one', async () => {
    await somebodyNew();
    const made = await make(DANA);
    expect(made.statusCode).toBe(201);
    expect(PolicySchema.strict().parse(made.json())).toMatchObject(DANA);
    const again = await make({ ...DANA, recipient: 'DANA@Example.com' });
    expect([again.statusCode, again.json()]).toEqual([201, made.json()]);
    expect(await list()).toEqual({ items: [made.json()] });
    const gone = await drop(made.json().id);
    expect([gone.statusCode, gone.json()]).toEqual([200, { id: made.json().id, deleted: true }]);
    expect(await list()).toEqual({ items: [] });
    expect((await drop(made.json().id)).statusCode).toBe(404);
  });

  test('made at the same moment are one', async () => {
    await somebodyNew();
    const answers = await Promise.all(Array.from({ length: 8 }, () => make(DANA)));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect((await list()).items).toHaveLength(1);
  });

  test('are paged without gap or double, newest first', async () => {
    await somebodyNew();
    const made: string[] = [];
    for (let index = 0; index < 23; index += 1)
      made.push((await make({ ...DANA, recipient: `p${index}@example.com` })).json().id);
    const seen: Policy[] = [];
    for (let page = await list('?limit=5'); ; page = await list(`?limit=5&cursor=${page.cursor}`)) {
      seen.push(...page.items);
      if (page.cursor === undefined) break;
    }
    expect(seen.map(({ id }) => id).toSorted()).toEqual(made.toSorted());
    const times = seen.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('belong to one person: nobody else sees, uses or deletes them', async () => {
    await somebodyNew();
    const mine = (await make(DANA)).json();
    const other = await api.person('Other');
    expect(await list('', other.token)).toEqual({ items: [] });
    const theirs = await drop(mine.id, other.token);
    const absent = await drop('pol_0', other.token);
    expect([theirs.statusCode, theirs.body.replaceAll(mine.id, 'pol_0')]).toEqual([404, absent.body]);
    expect((await make(DANA, other.token)).json().id).not.toBe(mine.id);
    expect((await list()).items).toEqual([mine]);
  });

  test.each([
    ['a skill that is not there', { ...DANA, skill: 'teleport' }],
    ['a skill that reaches nobody', { ...DANA, skill: 'remember' }],
    ['a skill that only reads', { ...DANA, skill: 'email_search' }],
  ])('are refused for %s', async (_name, payload) => {
    await somebodyNew();
    await refused(api, { method: 'POST', url: '/v1/policies', payload, token: person.token }, 422, 'skill');
    expect(await list()).toEqual({ items: [] });
  });

  test.each([
    [{ skill: 'email_send' }, 'recipient'],
    [{ recipient: 'dana@example.com' }, 'skill'],
    [{ ...DANA, recipient: '' }, 'recipient'],
    [{ ...DANA, recipient: ['dana@example.com'] }, 'recipient'],
    [{ ...DANA, recipient: 'a'.repeat(321) }, 'recipient'],
    [{ ...DANA, recipient: 'a\u0000b' }, 'recipient'],
    [{ ...DANA, everywhere: true }, 'everywhere'],
  ])('are refused in the wrong form: %j', async (payload, path) => {
    await somebodyNew();
    await refused(api, { method: 'POST', url: '/v1/policies', payload, token: person.token }, 400, path);
  });
});

describe('a policy', () => {
  test('that a decision makes lets the next mail to these recipients go by itself, until it is deleted', async () => {
    await somebodyNew();
    const first = await desk.mails(person.id, { ...MAIL, cc: ['kim@example.com'] });
    expect((await approve(first.approval, { remember: 'recipient' })).statusCode).toBe(200);
    const rules = (await list()).items;
    expect(rules.map(({ skill, recipient }) => `${skill} ${recipient}`).toSorted()).toEqual([
      'email_send dana@example.com',
      'email_send kim@example.com',
    ]);
    const next = await desk.mails(person.id, { ...MAIL, to: ['Dana@Example.com'], subject: 'Again' });
    expect(next.approval).toMatchObject({ status: 'approved', decidedBy: 'policy', decidedAt: expect.any(String) });
    const effects = (await api.call({ url: `/v1/requests/${next.ref.request}/effects`, token: person.token })).json();
    expect(effects.items).toMatchObject([{ key: next.approval.id, status: 'ready' }]);
    const again = await approve(next.approval);
    expect([again.statusCode, again.json().type]).toEqual([409, '/problems/decided']);
    expect(again.json().detail).toContain('approved by policy');
    const wider = await desk.mails(person.id, { ...MAIL, bcc: ['eve@example.com'] });
    expect(wider.approval.status).toBe('pending');
    for (const rule of rules) expect((await drop(rule.id)).statusCode).toBe(200);
    expect((await desk.mails(person.id, MAIL)).approval.status).toBe('pending');
  });

  test('remembers the recipients of the edited mail, not of the one that was proposed', async () => {
    await somebodyNew();
    const { approval } = await desk.mails(person.id, MAIL);
    const edited = { decision: 'edit', payload: { ...MAIL, to: ['kim@example.com'] }, remember: 'recipient' };
    expect((await approve(approval, edited)).statusCode).toBe(200);
    expect((await list()).items).toMatchObject([{ skill: 'email_send', recipient: 'kim@example.com' }]);
  });

  test('is neither made nor used by an agent that has read other people’s words', async () => {
    await somebodyNew();
    const { approval } = await desk.untrustedMail(person.id, MAIL);
    const answer = await approve(approval, { remember: 'recipient' });
    expect([answer.statusCode, answer.json().errors]).toMatchObject([422, [{ path: 'remember' }]]);
    const still = (await api.call({ url: `/v1/approvals/${approval.id}`, token: person.token })).json();
    expect(still).toEqual(approval);
    expect(await list()).toEqual({ items: [] });
    expect((await make(DANA)).statusCode).toBe(201);
    expect((await desk.untrustedMail(person.id, MAIL)).approval.status).toBe('pending');
  });

  test('that is deleted between the choice of a call and its run counts no more', async () => {
    await somebodyNew();
    const rule = (await make(DANA)).json();
    const ref = await newRequest(api.engine, person.id);
    const calls = await desk.plan(ref, { skill: 'email_send', input: MAIL });
    expect(calls).toMatchObject([{ verdict: 'run' }]);
    expect((await drop(rule.id)).statusCode).toBe(200);
    await desk.run(ref, calls);
    expect(await desk.approvalsOf(ref)).toMatchObject([{ status: 'pending' }]);
  });
});
