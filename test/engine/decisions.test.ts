import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Approval } from '../../contracts/approval.js';
import type { AgentRef } from '../../contracts/step.js';
import { listApprovals, viewApproval } from '../../engine/approval-views.js';
import { cancelRequest } from '../../engine/cancel.js';
import { decide, decideBatch } from '../../engine/decisions.js';
import { payloadHash } from '../../engine/payload-hash.js';
import { sql } from '../../store/sql.js';
import { type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';
import { approvalsOf, ask, follow, ledgerOf, meddle, order, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

let kit: EngineKit;
let provider: OutsideProvider;
let count = 0;

beforeAll(async () => {
  provider = await startProvider({ seed: 1, identified: true });
  kit = await openEngine([postSkill({ name: 'post', provider }).skill], { leaseMs: 60_000, sendMs: 60_000 });
});
afterAll(async () => {
  await kit.close();
  await provider.close();
});

async function asked() {
  count += 1;
  const label = `letter ${count}`;
  const made = await ask(kit, 'post', { to: ['dana@example.com'], text: label });
  return { ...made, label, sent: () => provider.log.filter((line) => line.label === label) };
}

const view = (approval: Approval): Promise<Approval> => viewApproval(kit.engine, kit.owner, approval.id);

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  );
}

describe('of two decisions on one approval', () => {
  test.each([
    ['two approvals', 'approve', 'approve'],
    ['an approval and a rejection', 'approve', 'reject'],
    ['a rejection and an edit', 'reject', 'edit'],
  ] as const)('at once, %s, one counts and the other is told who was first and when', async (_, first, second) => {
    const { ref, approval, label, sent } = await asked();
    const payload = { to: ['eve@example.com'], text: label };
    const outcomes = await Promise.allSettled(
      [first, second].map((kind) => say(kit, ref, approval, kind, kind === 'edit' ? { payload } : {})),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(refused).toMatchObject([{ type: 'decided', status: 409 }]);
    const decided = await view(approval);
    expect(decided.decidedBy).toBe(`user:${kit.owner}`);
    const [error] = refused;
    expect(error instanceof Error ? error.message : '').toBe(
      `This was decided already: ${decided.status} by Olga at ${decided.decidedAt}.`,
    );
    await follow(kit, ref);
    expect(await ledgerOf(kit, ref)).toHaveLength(decided.status === 'rejected' ? 0 : 1);
    expect(sent()).toHaveLength(decided.status === 'rejected' ? 0 : 1);
  });

  test('the later one is refused also long after the first was carried out', async () => {
    const { ref, approval, sent } = await asked();
    await say(kit, ref, approval, 'approve');
    await follow(kit, ref);
    expect(await errorOf(say(kit, ref, approval, 'approve'))).toMatchObject({ type: 'decided', status: 409 });
    await follow(kit, ref);
    expect(sent()).toHaveLength(1);
  });
});

describe('a decision is refused and changes nothing', () => {
  test.each<[string, (made: { ref: AgentRef; approval: Approval }) => Promise<unknown>, object]>([
    [
      'with the hash of another payload',
      ({ ref, approval }) => say(kit, ref, approval, 'approve', { payloadHash: payloadHash({ other: true }) }),
      { type: 'stale', status: 409, errors: [{ path: 'payloadHash' }] },
    ],
    [
      'by another user, to whom it does not exist',
      async ({ approval }) => say(kit, { user: await kit.person('Mallory') }, approval, 'approve'),
      { type: 'not-found', status: 404 },
    ],
    [
      'when it carries a payload but is no edit',
      ({ ref, approval }) => say(kit, ref, approval, 'approve', { payload: approval.payload }),
      { type: 'invalid-body', errors: [{ path: 'payload' }] },
    ],
    [
      'as an edit without a payload',
      ({ ref, approval }) => say(kit, ref, approval, 'edit'),
      { type: 'invalid-body', errors: [{ path: 'payload' }] },
    ],
    [
      'as an edit with a field that the skill does not know',
      ({ ref, approval }) =>
        say(kit, ref, approval, 'edit', { payload: { to: ['a@b.example'], text: 'x', approved: true } }),
      { type: 'invalid-body', errors: [{ path: 'payload.approved', message: 'is not a field of this skill' }] },
    ],
    [
      'as an edit with a field of the wrong type',
      ({ ref, approval }) => say(kit, ref, approval, 'edit', { payload: { to: 'a@b.example', text: 'x' } }),
      { type: 'invalid-body', errors: expect.arrayContaining([expect.objectContaining({ path: 'payload.to' })]) },
    ],
    [
      'as an answer without words',
      ({ ref, approval }) => say(kit, ref, approval, 'respond', { reason: ' ' }),
      { type: 'invalid-body', errors: [{ path: 'reason' }] },
    ],
    [
      'when a rejection is to be remembered',
      ({ ref, approval }) => say(kit, ref, approval, 'reject', { remember: 'recipient' }),
      { type: 'invalid-body', errors: [{ path: 'remember' }] },
    ],
  ])('%s', async (_, decision, expected) => {
    const made = await asked();
    expect(await errorOf(decision(made))).toMatchObject(expected);
    expect(await view(made.approval)).toEqual(made.approval);
    expect(await ledgerOf(kit, made.ref)).toEqual([]);
  });

  test('after the request was cancelled', async () => {
    const { ref, approval, sent } = await asked();
    await cancelRequest(kit.engine, ref.user, ref.request);
    expect(await errorOf(say(kit, ref, approval, 'approve'))).toMatchObject({ type: 'decided', status: 409 });
    expect(await view(approval)).toMatchObject({ status: 'cancelled' });
    await follow(kit, ref);
    expect(sent()).toEqual([]);
  });

  test('after its time, whether or not anybody has written that down', async () => {
    const { ref, approval, sent } = await asked();
    await meddle(kit, sql`update approvals set expires_at = now() - interval '1 minute' where id = ${approval.id}`);
    expect(await view(approval)).toMatchObject({ status: 'expired' });
    const expected = { type: 'expired', status: 410 };
    expect(await errorOf(say(kit, ref, approval, 'approve'))).toMatchObject(expected);
    const listed = (status: 'pending' | 'expired') =>
      listApprovals(kit.engine, ref.user, { status, request: ref.request, limit: 10 });
    expect([(await listed('pending')).items.length, (await listed('expired')).items.length]).toEqual([0, 1]);
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await errorOf(say(kit, ref, approval, 'approve'))).toMatchObject(expected);
    expect(sent()).toEqual([]);
    const told = kit.asked.at(-1)?.messages.at(-1);
    expect(JSON.stringify(told)).toContain('expired');
  });
});

describe('an edit', () => {
  test('is hashed anew, shown as it will be sent, and sent exactly so', async () => {
    const { ref, approval, label, sent } = await asked();
    const payload = { to: ['Eve@Example.com'], text: label };
    await say(kit, ref, approval, 'edit', { payload });
    const edited = await view(approval);
    expect(edited).toMatchObject({
      status: 'edited',
      payload,
      payloadHash: payloadHash(payload),
      preview: { recipients: ['eve@example.com'], newRecipients: ['eve@example.com'] },
    });
    expect(edited.payloadHash).not.toBe(approval.payloadHash);
    expect(await errorOf(say(kit, ref, approval, 'approve'))).toMatchObject({ type: 'decided' });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(sent()).toMatchObject([{ key: approval.id, body: edited.rendered?.text }]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', payloadHash: edited.payloadHash }]);
    expect(JSON.stringify(kit.asked.at(-1)?.messages)).toContain('Eve@Example.com');
  });
});

describe('several decisions at once', () => {
  async function two() {
    count += 2;
    const inputs = [count - 1, count].map((number) => ({ to: ['dana@example.com'], text: `letter ${number}` }));
    const { ref, approvals } = await order(
      kit,
      inputs.map((input) => ({ name: 'post', input })),
    );
    const [first, second] = approvals;
    if (first === undefined || second === undefined) throw new Error('two approvals were expected');
    const item = ({ id, payloadHash: hash }: Approval, decision: 'approve' | 'reject', given = hash) => ({
      id,
      decision,
      payloadHash: given,
    });
    return { ref, first, second, item };
  }

  test('all count when all can', async () => {
    const { ref, first, second, item } = await two();
    await decideBatch(kit.engine, kit.owner, { items: [item(first, 'approve'), item(second, 'reject')] });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect((await approvalsOf(kit, ref)).map(({ status }) => status)).toEqual(['approved', 'rejected']);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ key: first.id, status: 'done' }]);
  });

  test('count none when one cannot, and say which', async () => {
    const { ref, first, second, item } = await two();
    const items = [item(first, 'approve'), item(second, 'approve', payloadHash('another'))];
    const error = await errorOf(decideBatch(kit.engine, kit.owner, { items }));
    expect(error).toMatchObject({ type: 'stale', errors: [{ path: 'items.1.payloadHash' }] });
    expect((await approvalsOf(kit, ref)).map(({ status }) => status)).toEqual(['pending', 'pending']);
    expect(await ledgerOf(kit, ref)).toEqual([]);
  });

  test('name each approval once, and none of other people', async () => {
    const { first, second, item } = await two();
    const twice = { items: [item(first, 'approve'), item(first, 'approve')] };
    expect(await errorOf(decideBatch(kit.engine, kit.owner, twice))).toMatchObject({
      errors: [{ path: 'items.1.id', message: 'is named twice' }],
    });
    const mallory = await kit.person('Mallory');
    const theirs = { items: [item(second, 'approve')] };
    expect(await errorOf(decideBatch(kit.engine, mallory, theirs))).toMatchObject({ type: 'not-found' });
    expect([(await view(first)).status, (await view(second)).status]).toEqual(['pending', 'pending']);
  });

  test('leave each of the other at once to one of two people’s devices', async () => {
    const { ref, first, second, item } = await two();
    const batches = [
      { items: [item(first, 'approve'), item(second, 'approve')] },
      { items: [item(second, 'reject'), item(first, 'reject')] },
    ];
    const outcomes = await Promise.allSettled(batches.map((batch) => decideBatch(kit.engine, kit.owner, batch)));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const statuses = new Set((await approvalsOf(kit, ref)).map(({ status }) => status));
    expect(statuses.size).toBe(1);
    const late = decide(kit.engine, kit.owner, first.id, { decision: 'approve', payloadHash: first.payloadHash });
    await expect(late).rejects.toMatchObject({ type: 'decided' });
  });
});
