import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Approval, ApprovalSchema, EffectSchema } from '../../contracts/approval.js';
import type { TraceNode } from '../../contracts/request.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { type Desk, hashOf, MAIL, openDesk, type Proposed } from './proposals.js';
import { readEvents } from './sse-client.js';

let api: ApiHarness;
let desk: Desk;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  desk = openDesk(api);
});
afterAll(() => api.close());

const read = async (url: string, token = api.owner.token) => {
  const answer = await api.call({ url, token });
  expect([url, answer.statusCode, answer.statusCode === 200 ? '' : answer.body]).toEqual([url, 200, '']);
  return answer.json();
};
const decide = async (approval: Approval, body: Record<string, unknown>, token = api.owner.token) =>
  api.call({
    method: 'POST',
    url: `/v1/approvals/${approval.id}`,
    token,
    payload: { payloadHash: approval.payloadHash, ...body },
  });

function callNodes(node: TraceNode): TraceNode[] {
  return node.kind === 'call' ? [node] : node.children.flatMap(callNodes);
}

describe('an approval', () => {
  test('shows payload, hash, preview, finished bytes, sources and expiry in full', async () => {
    const mail = {
      ...MAIL,
      cc: ['Kim@Example.com'],
      bcc: ['archive@example.org'],
      body: 'Lunch at one?\n\nGrüße, Olga',
    };
    const { ref, approval } = await desk.mails(api.owner.id, mail);
    const shown = await read(`/v1/approvals/${approval.id}`);
    expect(ApprovalSchema.strict().parse(shown)).toEqual(shown);
    expect(shown).toMatchObject({
      request: ref.request,
      agent: ref.agent,
      skill: 'email_send',
      effect: 'outward',
      status: 'pending',
      title: 'Mail to dana@example.com (+2 more): Lunch',
      payload: { ...mail, cc: ['Kim@example.com'] },
    });
    expect(shown.payloadHash).toBe(hashOf(shown.payload));
    expect(shown.preview.recipients).toEqual(['dana@example.com', 'kim@example.com', 'archive@example.org']);
    for (const part of [
      'To: dana@example.com',
      'Cc: Kim@example.com',
      'Bcc: archive@example.org',
      'Subject: Lunch',
      mail.body,
    ])
      expect(shown.preview.text).toContain(part);
    expect(shown.rendered).toEqual({
      mediaType: 'message/rfc822',
      sha256: createHash('sha256').update(shown.rendered.text).digest('hex'),
      text: expect.stringContaining('Subject: Lunch\r\n'),
    });
    expect(Date.parse(shown.expiresAt) - Date.parse(shown.createdAt)).toBe(7 * 86_400_000);
    expect(shown).not.toHaveProperty('decidedBy');
  });

  test('names what it was made from, and which of that other people wrote', async () => {
    const own = await desk.mails(api.owner.id, MAIL);
    expect(own.approval.derivedFrom).toEqual([{ ref: expect.stringMatching(/^message:msg_/), trusted: true }]);
    const { approval } = await desk.untrustedMail(api.owner.id, MAIL);
    expect(approval.derivedFrom).toEqual([
      { ref: expect.stringMatching(/^call:call_/), trusted: false },
      { ref: expect.stringMatching(/^message:msg_/), trusted: true },
    ]);
  });

  test('marks a recipient as new until something was sent there, whatever the capitals', async () => {
    const { id, token } = await api.person('Nora');
    const first = await desk.mails(id, MAIL);
    const unsent = await desk.mails(id, MAIL);
    for (const { approval } of [first, unsent]) {
      expect(approval.preview.newRecipients).toEqual(['dana@example.com']);
      expect(approval.preview.text).toMatch(/^First time that anything goes to: dana@example\.com\n/);
    }
    expect((await decide(first.approval, { decision: 'approve' }, token)).statusCode).toBe(200);
    await desk.carryOut(first.ref, first.approval.id);
    const second = await desk.mails(id, { ...MAIL, to: ['DANA@example.com', 'eve@example.com'] });
    expect(second.approval.preview.newRecipients).toEqual(['eve@example.com']);
    const third = await desk.mails(id, MAIL);
    expect(third.approval.preview.newRecipients).toEqual([]);
    expect(third.approval.preview.text).not.toContain('First time');
  });
});

describe('the list', () => {
  test('is filtered by status and request', async () => {
    const { id, token } = await api.person('Lea');
    const ids = async (query: string): Promise<string[]> =>
      (await read(`/v1/approvals${query}`, token)).items.map((item: Approval) => item.id);
    const { ref, approvals } = await desk.mails(id, MAIL, { ...MAIL, subject: 'B' }, { ...MAIL, subject: 'C' });
    const other = await desk.mails(id, { ...MAIL, subject: 'D' });
    const [a, b, c] = approvals;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were proposed');
    expect((await decide(a, { decision: 'approve' }, token)).statusCode).toBe(200);
    expect((await decide(b, { decision: 'reject' }, token)).statusCode).toBe(200);
    await overdue(c.id);
    expect(new Set(await ids(''))).toEqual(new Set([a.id, b.id, c.id, other.approval.id]));
    expect(await ids('?status=pending')).toEqual([other.approval.id]);
    expect(await ids('?status=approved')).toEqual([a.id]);
    expect(await ids('?status=rejected')).toEqual([b.id]);
    expect(await ids('?status=expired')).toEqual([c.id]);
    expect(await ids('?status=edited')).toEqual([]);
    expect(await ids(`?request=${other.ref.request}`)).toEqual([other.approval.id]);
    expect(await ids(`?request=${ref.request}&status=approved`)).toEqual([a.id]);
    expect(await ids('?request=req_0')).toEqual([]);
  });

  test('of 120, most of them made in the same moment, is paged without gap or double, newest first', async () => {
    const { id, token } = await api.person('Paula');
    const { approval } = await desk.mails(id, MAIL);
    const clones = (numbers: string): Promise<number> =>
      api.store.db.system((tx) =>
        tx.run(sql`
          insert into approvals select (jsonb_populate_record(a, jsonb_build_object('id', 'apr_' || md5(a.id || n),
            'created_at', a.created_at - make_interval(secs => (n % 4) * 0.001)))).*
          from approvals a, generate_series(${sql.raw(numbers)}) n where a.id = ${approval.id}`),
      );
    await clones('1, 119');
    const all = (await read('/v1/approvals?limit=200', token)).items as Approval[];
    expect(all).toHaveLength(120);
    const seen: Approval[] = [];
    let cursor: string | undefined;
    do {
      const page = await read(
        `/v1/approvals?limit=7&status=pending${cursor === undefined ? '' : `&cursor=${cursor}`}`,
        token,
      );
      expect(page.items.length).toBeLessThanOrEqual(7);
      seen.push(...(page.items as Approval[]));
      // What comes in meanwhile is newer than every page that follows.
      if (cursor === undefined) await clones('-2, -1');
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen.map((item) => item.id)).toEqual(all.map((item) => item.id));
    expect(new Set(seen.map((item) => item.id)).size).toBe(120);
    const times = seen.map((item) => item.createdAt);
    expect(times).toEqual(times.toSorted().toReversed());
    expect((await read('/v1/approvals', token)).items).toHaveLength(50);
  });

  test.each([
    ['?status=open', 'status'],
    ['?limit=0', 'limit'],
    ['?limit=201', 'limit'],
    ['?cursor=abc', 'cursor'],
    ['?request=../x', 'request'],
    ['?user=somebody', 'user'],
  ])('refuses %s', async (query, path) => {
    const answer = await api.call({ url: `/v1/approvals${query}` });
    expect([answer.statusCode, answer.json().type]).toEqual([400, '/problems/invalid-body']);
    expect(answer.json().errors).toMatchObject([{ path }]);
  });
});

describe('a request whose agent proposed something', () => {
  let proposed: Proposed;
  beforeAll(async () => {
    proposed = await desk.mails(api.owner.id, MAIL, { ...MAIL, subject: 'Dinner' });
  });

  test('waits for both decisions, with what the agent said so far as result', async () => {
    const { ref, approvals } = proposed;
    expect(await read(`/v1/requests/${ref.request}`)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: approvals.map(({ id, title }) => ({ kind: 'approval', id, text: title })),
      result: {
        text: 'It waits for you.',
        outputs: approvals.map(({ id, title }) => ({ kind: 'draft', title, ref: `approval:${id}` })),
      },
    });
    const waiting = (await read('/v1/requests?status=waiting_approval')).items as { id: string }[];
    expect(waiting.map(({ id }) => id)).toContain(ref.request);
    const asked = (await read('/v1/approvals?status=pending')).items as Approval[];
    expect(asked.map(({ id }) => id)).toEqual(expect.arrayContaining(approvals.map(({ id }) => id)));
  });

  test('tells of every approval in its events, by id and title', async () => {
    const { ref, approvals } = proposed;
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const events = readEvents(`http://127.0.0.1:${port}/v1/requests/${ref.request}/events`, {
      authorization: `Bearer ${api.owner.token}`,
    });
    await events.until((received) =>
      received.some(({ type, event }) => type === 'status' && event.data['status'] === 'waiting_approval'),
    );
    events.close();
    const told = events.received.filter(({ type }) => type === 'approval.requested');
    expect(told.map(({ event }) => event)).toMatchObject(
      approvals.map(({ id, title }) => ({ request: ref.request, agent: ref.agent, data: { approval: id, title } })),
    );
    expect(events.received.find(({ event }) => event.data['status'] === 'waiting_approval')?.event.data).toEqual({
      status: 'waiting_approval',
      waitingFor: approvals.map(({ id, title }) => ({ kind: 'approval', id, text: title })),
    });
    expect(JSON.stringify(events.received)).not.toContain(MAIL.body);
  });

  test('has the ledger and the trace say what was approved and what was done', async () => {
    const { ref, approvals } = proposed;
    const [sent, refused] = approvals;
    if (sent === undefined || refused === undefined) throw new Error('two were proposed');
    const effects = async () => (await read(`/v1/requests/${ref.request}/effects`)).items;
    const traced = async () => callNodes(await read(`/v1/requests/${ref.request}/trace`));
    expect(await effects()).toEqual([]);
    expect(await traced()).toMatchObject(approvals.map(({ id }) => ({ approvals: [id], effects: [] })));
    await decide(sent, { decision: 'approve' });
    const ready = await effects();
    expect(ready).toEqual([
      {
        key: sent.id,
        request: ref.request,
        skill: 'email_send',
        approval: sent.id,
        payloadHash: sent.payloadHash,
        status: 'ready',
        attempts: 0,
        createdAt: expect.any(String),
      },
    ]);
    await decide(refused, { decision: 'reject' });
    await desk.carryOut(ref, sent.id);
    const [done, ...more] = await effects();
    expect(more).toEqual([]);
    expect(EffectSchema.strict().parse(done)).toMatchObject({
      key: sent.id,
      status: 'done',
      attempts: 1,
      doneAt: expect.any(String),
      providerId: expect.stringContaining(sent.id),
    });
    expect(await traced()).toMatchObject([
      { approvals: [sent.id], effects: [sent.id] },
      { approvals: [refused.id], effects: [] },
    ]);
  });
});

async function overdue(id: string): Promise<void> {
  await api.store.db.system((tx) =>
    tx.run(sql`update approvals set expires_at = now() - interval '1 second' where id = ${id}`),
  );
}
