import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Approval, Effect } from '../../contracts/approval.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { newRequest } from './progress.js';
import { type Desk, hashOf, MAIL, openDesk, type Proposed } from './proposals.js';

let api: ApiHarness;
let desk: Desk;
let proposed: Proposed;
let approval: Approval;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  desk = openDesk(api);
});
beforeEach(async () => {
  proposed = await desk.mails(api.owner.id, MAIL);
  approval = proposed.approval;
});
afterAll(() => api.close());

const post = (url: string, payload: unknown, token = api.owner.token) =>
  api.call({ method: 'POST', url, token, payload: payload as object });
const decide = (body: Record<string, unknown>, of = approval, token?: string) =>
  post(`/v1/approvals/${of.id}`, { payloadHash: of.payloadHash, ...body }, token);
const now = async (of = approval): Promise<Approval> => (await api.call({ url: `/v1/approvals/${of.id}` })).json();
const ledger = async (of = proposed): Promise<Effect[]> =>
  (await api.call({ url: `/v1/requests/${of.ref.request}/effects` })).json().items;
const statusOf = async (of = proposed): Promise<string> =>
  (await api.call({ url: `/v1/requests/${of.ref.request}` })).json().status;

async function expectProblem(answer: Awaited<ReturnType<typeof post>>, status: number, type: string, path?: string) {
  expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
    status,
    expect.stringContaining('application/problem+json'),
    expect.any(String),
  ]);
  const errors = path === undefined ? {} : { errors: [{ path }] };
  expect(answer.json()).toMatchObject({ status, type: `/problems/${type}`, ...errors });
}

/** A refusal that left everything as it was. */
async function expectUntouched(): Promise<void> {
  expect(await now()).toEqual(approval);
  expect(await ledger()).toEqual([]);
  expect(await statusOf()).toBe('waiting_approval');
}

async function overdue(of = approval): Promise<void> {
  await api.store.db.system((tx) =>
    tx.run(sql`update approvals set expires_at = now() - interval '1 second' where id = ${of.id}`),
  );
}

describe('a decision', () => {
  test('to approve is answered with who and when, lets the agent go on, and makes one entry of the ledger', async () => {
    const answer = await decide({ decision: 'approve' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      ...approval,
      status: 'approved',
      decidedBy: `user:${api.owner.id}`,
      decidedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(await now()).toEqual(answer.json());
    expect(await ledger()).toMatchObject([{ key: approval.id, payloadHash: approval.payloadHash, status: 'ready' }]);
    expect(await statusOf()).toBe('running');
  });

  test('to edit makes the mail anew, and a new hash with it', async () => {
    const payload = { ...MAIL, to: ['kim@example.com'], subject: 'Lunch, later', body: 'Lunch at two?' };
    const answer = await decide({ decision: 'edit', payload });
    expect(answer.statusCode).toBe(200);
    const edited: Approval = answer.json();
    expect(edited).toMatchObject({
      id: approval.id,
      status: 'edited',
      decidedBy: `user:${api.owner.id}`,
      payload,
      payloadHash: hashOf(payload),
      title: 'Mail to kim@example.com: Lunch, later',
      preview: { recipients: ['kim@example.com'], newRecipients: ['kim@example.com'] },
    });
    expect(edited.preview.text).toContain('Lunch at two?');
    expect(edited.preview.text).not.toContain('one?');
    expect(edited.rendered?.text).toContain('Lunch at two?');
    expect(edited.rendered?.sha256).not.toBe(approval.rendered?.sha256);
    expect(await ledger()).toMatchObject([{ payloadHash: edited.payloadHash }]);
    await desk.carryOut(proposed.ref, approval.id);
    expect(await ledger()).toMatchObject([{ status: 'done', payloadHash: edited.payloadHash }]);
  });

  test('to reject runs nothing and keeps the reason', async () => {
    const answer = await decide({ decision: 'reject', reason: 'Not this week.' });
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { status: 'rejected', reason: 'Not this week.' }]);
    expect(await ledger()).toEqual([]);
    expect(await statusOf()).toBe('running');
    await desk.say(proposed.ref, 'All right, no mail.');
    expect(JSON.stringify(desk.asked.at(-1)?.messages)).toContain('Not this week.');
    const request = (await api.call({ url: `/v1/requests/${proposed.ref.request}` })).json();
    expect(request).toMatchObject({ status: 'completed', result: { text: 'All right, no mail.', outputs: [] } });
  });

  test('to respond runs nothing and gives the agent the answer', async () => {
    const answer = await decide({ decision: 'respond', reason: 'Ask Kim instead.' });
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { status: 'rejected', reason: 'Ask Kim instead.' }]);
    expect(await ledger()).toEqual([]);
    await desk.say(proposed.ref, 'I will ask Kim.');
    expect(JSON.stringify(desk.asked.at(-1)?.messages)).toContain('Ask Kim instead.');
  });

  test('on one of two leaves the request waiting for the other', async () => {
    const two = await desk.mails(api.owner.id, MAIL, { ...MAIL, subject: 'Dinner' });
    const [first, second] = two.approvals;
    await decide({ decision: 'approve' }, first);
    const view = (await api.call({ url: `/v1/requests/${two.ref.request}` })).json();
    expect(view).toMatchObject({ status: 'waiting_approval', waitingFor: [{ kind: 'approval', id: second?.id }] });
    await decide({ decision: 'reject' }, second);
    expect(await statusOf(two)).toBe('running');
  });
});

describe('a decision before the agent has ended its turn', () => {
  test('to approve is carried out first; the agent hears of it in its next turn', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await desk.choose(ref, { skill: 'email_send', input: MAIL });
    const [early] = await desk.approvalsOf(ref);
    expect((await decide({ decision: 'approve' }, early)).statusCode).toBe(200);
    const effects = [{ key: early?.id, mode: 'send' }];
    expect(await desk.say(ref, 'It is sent.')).toMatchObject({ kind: 'effects', effects });
    expect((await api.call({ url: `/v1/requests/${ref.request}` })).json()).toMatchObject({
      status: 'running',
      waitingFor: [],
    });
    await desk.carryOut(ref, early?.id ?? '');
    await desk.say(ref, 'It is sent.');
    expect(JSON.stringify(desk.asked.at(-1)?.messages)).toContain('written to the local outbox');
    expect((await api.call({ url: `/v1/requests/${ref.request}` })).json()).toMatchObject({
      status: 'completed',
      result: { text: 'It is sent.', outputs: [{ kind: 'mail', ref: `effect:${early?.id}` }] },
    });
  });

  test('to reject is told to the agent in the same turn', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await desk.choose(ref, { skill: 'email_send', input: MAIL });
    const [early] = await desk.approvalsOf(ref);
    expect((await decide({ decision: 'reject', reason: 'Much too early.' }, early)).statusCode).toBe(200);
    expect(await desk.say(ref, 'No mail then.')).toMatchObject({ kind: 'done', status: 'completed' });
    expect(JSON.stringify(desk.asked.at(-1)?.messages)).toContain('Much too early.');
  });
});

describe('a second decision', () => {
  test.each(['approve', 'edit', 'reject', 'respond'])('to %s is told who decided what and when', async (decision) => {
    const first: Approval = (await decide({ decision: 'approve' })).json();
    const again = await decide({ decision, payload: decision === 'edit' ? MAIL : undefined, reason: 'again' });
    await expectProblem(again, 409, 'decided', 'id');
    expect(again.json().detail).toContain('approved by Olga');
    expect(again.json().detail).toContain(first.decidedAt);
    expect(await now()).toEqual(first);
    expect(await ledger()).toHaveLength(1);
  });

  test('at the same moment is refused: one of many counts', async () => {
    const kinds = ['approve', 'reject', 'approve', 'edit', 'respond', 'reject', 'approve', 'edit'];
    const answers = await Promise.all(
      kinds.map((decision) => decide({ decision, payload: decision === 'edit' ? MAIL : undefined, reason: 'now' })),
    );
    const won = answers.filter((answer) => answer.statusCode === 200);
    expect(won).toHaveLength(1);
    for (const answer of answers) if (!won.includes(answer)) await expectProblem(answer, 409, 'decided');
    const after = await now();
    expect(after).toEqual(won[0]?.json());
    expect(await ledger()).toHaveLength(after.status === 'rejected' ? 0 : 1);
  });

  test('after a cancel is refused, and so is the first', async () => {
    expect((await api.call({ method: 'POST', url: `/v1/requests/${proposed.ref.request}/cancel` })).statusCode).toBe(
      200,
    );
    for (const decision of ['approve', 'reject']) await expectProblem(await decide({ decision }), 409, 'decided');
    expect(await now()).toMatchObject({ status: 'cancelled', reason: 'The request has ended.' });
    expect(await ledger()).toEqual([]);
  });

  test('after the time is over is refused with 410, whoever has noticed that', async () => {
    await overdue();
    expect(await now()).toMatchObject({ status: 'expired' });
    for (const body of [{ decision: 'approve' }, { decision: 'reject' }, { decision: 'edit', payload: MAIL }])
      await expectProblem(await decide(body), 410, 'expired', 'id');
    expect(await ledger()).toEqual([]);
    await desk.say(proposed.ref, 'It was not decided in time.');
    await expectProblem(await decide({ decision: 'approve' }), 410, 'expired', 'id');
    expect(await statusOf()).toBe('completed');
  });
});

describe('a decision that does not fit', () => {
  afterEach(expectUntouched);

  test.each([
    ['no payloadHash', { payloadHash: undefined, decision: 'approve' }, 'payloadHash'],
    ['a short payloadHash', { payloadHash: 'abc', decision: 'approve' }, 'payloadHash'],
    ['no decision', {}, 'decision'],
    ['an unknown decision', { decision: 'approved' }, 'decision'],
    ['an unknown field', { decision: 'approve', approved: true }, 'approved'],
    ['a status', { decision: 'approve', status: 'approved' }, 'status'],
    ['another user', { decision: 'approve', decidedBy: 'user:other' }, 'decidedBy'],
    ['something else to remember', { decision: 'approve', remember: 'all' }, 'remember'],
    ['a reason that is no text', { decision: 'reject', reason: 5 }, 'reason'],
    ['a reason with NUL', { decision: 'reject', reason: 'a\u0000b' }, 'reason'],
    ['a reason that is too long', { decision: 'reject', reason: 'a'.repeat(10_001) }, 'reason'],
    ['no payload to edit in', { decision: 'edit' }, 'payload'],
    ['no answer to respond with', { decision: 'respond' }, 'reason'],
    ['a blank answer', { decision: 'respond', reason: ' \n' }, 'reason'],
    ['an edit in an unknown field', { decision: 'edit', payload: { ...MAIL, approved: true } }, 'payload.approved'],
    [
      'an edit with a wrong address',
      { decision: 'edit', payload: { ...MAIL, to: ['Dana <d@x.org>'] } },
      'payload.to.0',
    ],
    ['an edit without an address', { decision: 'edit', payload: { ...MAIL, to: [] } }, 'payload.to'],
    ['an edit without a text', { decision: 'edit', payload: { to: MAIL.to, subject: 'Lunch' } }, 'payload.body'],
    [
      'an edit with a second header',
      { decision: 'edit', payload: { ...MAIL, subject: 'a\r\nBcc: b@c.de' } },
      'payload.subject',
    ],
    [
      'an edit with a text that is too long',
      { decision: 'edit', payload: { ...MAIL, body: 'a'.repeat(200_001) } },
      'payload.body',
    ],
    ['an edit that is no object', { decision: 'edit', payload: 'text' }, 'payload'],
  ])('has %s: 400', async (_name, body, path) => {
    await expectProblem(await decide(body), 400, 'invalid-body', path);
  });

  test.each([
    ['approves another payload', { decision: 'approve', payload: MAIL }, 'payload'],
    ['rejects with a payload', { decision: 'reject', payload: MAIL }, 'payload'],
    ['responds with a payload', { decision: 'respond', payload: MAIL, reason: 'This.' }, 'payload'],
    ['remembers a refusal', { decision: 'reject', remember: 'recipient' }, 'remember'],
    ['remembers an answer', { decision: 'respond', reason: 'Well.', remember: 'recipient' }, 'remember'],
  ])('%s: 422', async (_name, body, path) => {
    await expectProblem(await decide(body), 422, 'invalid-body', path);
  });

  test('names another hash: 409', async () => {
    for (const [place, old] of [
      [0, 'first'],
      [31, 'middle'],
      [63, 'last'],
    ] as const) {
      const digit = approval.payloadHash[place] === '0' ? '1' : '0';
      const payloadHash = approval.payloadHash.slice(0, place) + digit + approval.payloadHash.slice(place + 1);
      for (const body of [{ decision: 'approve' }, { decision: 'edit', payload: MAIL }, { decision: 'reject' }]) {
        const answer = await decide({ ...body, payloadHash });
        expect([old, answer.statusCode]).toEqual([old, 409]);
        await expectProblem(answer, 409, 'stale', 'payloadHash');
      }
    }
  });

  test('comes from somebody else: as if there were no such approval', async () => {
    const { token } = await api.person('Eva');
    const decision = { decision: 'approve', payloadHash: approval.payloadHash };
    const theirs = await post(`/v1/approvals/${approval.id}`, decision, token);
    const absent = await post('/v1/approvals/apr_0', decision, token);
    await expectProblem(theirs, 404, 'not-found');
    expect(theirs.body.replaceAll(approval.id, 'apr_0')).toBe(absent.body);
  });
});

describe('several decisions at once', () => {
  const item = (of: Approval | undefined, decision = 'approve') => ({
    id: of?.id,
    decision,
    payloadHash: of?.payloadHash,
  });
  const batch = (items: unknown, token?: string) => post('/v1/approvals/batch', { items }, token);
  let other: Proposed;
  beforeEach(async () => {
    other = await desk.mails(api.owner.id, { ...MAIL, subject: 'Dinner' });
  });

  test('all count, in the order they were named', async () => {
    const answer = await batch([{ ...item(other.approval, 'reject'), reason: 'No.' }, item(approval)]);
    expect(answer.statusCode).toBe(200);
    expect(answer.json().items).toMatchObject([
      { id: other.approval.id, status: 'rejected', reason: 'No.', preview: other.approval.preview },
      { id: approval.id, status: 'approved', decidedBy: `user:${api.owner.id}` },
    ]);
    expect([await ledger(), await ledger(other)]).toMatchObject([[{ key: approval.id }], []]);
  });

  test.each([
    [
      'a wrong hash',
      409,
      'stale',
      'items.1.payloadHash',
      (id: string) => ({ id, decision: 'approve', payloadHash: '0'.repeat(64) }),
    ],
    [
      'an id that is not there',
      404,
      'not-found',
      'items.1.id',
      () => ({ id: 'apr_0', decision: 'approve', payloadHash: '0'.repeat(64) }),
    ],
  ] as const)('none counts where the second has %s', async (_name, status, type, path, second) => {
    await expectProblem(await batch([item(approval), second(other.approval.id)]), status, type, path);
    await expectUntouched();
    expect(await now(other.approval)).toEqual(other.approval);
  });

  test('none counts where the second was decided, has expired, lacks an answer, is named twice or is somebody else’s', async () => {
    const decided = await desk.mails(api.owner.id, MAIL);
    await decide({ decision: 'reject' }, decided.approval);
    const expired = await desk.mails(api.owner.id, MAIL);
    await overdue(expired.approval);
    const foreign = await desk.mails((await api.person('Fred')).id, MAIL);
    for (const [second, status, type, path] of [
      [item(decided.approval), 409, 'decided', 'items.1.id'],
      [item(expired.approval), 410, 'expired', 'items.1.id'],
      [item(other.approval, 'respond'), 400, 'invalid-body', 'items.1.reason'],
      [item(approval), 422, 'invalid-body', 'items.1.id'],
      [item(foreign.approval), 404, 'not-found', 'items.1.id'],
    ] as const) {
      await expectProblem(await batch([item(approval), second]), status, type, path);
      await expectUntouched();
    }
  });

  test.each([
    ['nothing', [], 'items'],
    ['no list', 'all', 'items'],
    [
      'more than 100',
      Array.from({ length: 101 }, (_, n) => ({ id: `apr_${n}`, decision: 'approve', payloadHash: '0'.repeat(64) })),
      'items',
    ],
    ['no hash', [{ id: 'apr_0', decision: 'approve' }], 'items.0.payloadHash'],
    ['an edit', [{ id: 'apr_0', decision: 'edit', payloadHash: '0'.repeat(64) }], 'items.0.decision'],
    [
      'an unknown field',
      [{ id: 'apr_0', decision: 'approve', payloadHash: '0'.repeat(64), approved: true }],
      'items.0.approved',
    ],
    [
      'a standing rule',
      [{ id: 'apr_0', decision: 'approve', payloadHash: '0'.repeat(64), remember: 'recipient' }],
      'items.0.remember',
    ],
  ])('are refused with %s in them', async (_name, items, path) => {
    await expectProblem(await batch(items), 400, 'invalid-body', path);
  });

  test('in opposite order at the same moment do not wait for each other', async () => {
    const forth = [item(approval), item(other.approval)];
    const answers = await Promise.all([
      batch(forth),
      batch(forth.toReversed()),
      batch(forth),
      batch(forth.toReversed()),
    ]);
    expect(answers.map((answer) => answer.statusCode).toSorted()).toEqual([200, 409, 409, 409]);
    expect([await ledger(), await ledger(other)]).toMatchObject([[{ key: approval.id }], [{ key: other.approval.id }]]);
  });
});
