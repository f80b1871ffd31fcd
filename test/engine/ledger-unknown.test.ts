import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleEffect } from '../../activities/effects.js';
import type { Approval } from '../../contracts/approval.js';
import type { AgentRef } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { viewRequest } from '../../engine/requests.js';
import { sql } from '../../store/sql.js';
import { type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';
import { approvalsOf, askAndApprove, currentWork, follow, ledgerOf, meddle, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

let kit: EngineKit;
let provider: OutsideProvider;
let count = 0;

beforeAll(async () => {
  provider = await startProvider({ seed: 1, identified: false });
  kit = await openEngine([postSkill({ name: 'post', provider }).skill], { leaseMs: 60_000, sendMs: 60_000 });
});
afterAll(async () => {
  await kit.close();
  await provider.close();
});

/** A message whose answer was lost on the way, and what the user is asked about it. */
async function lost(fault: 'reset-before' | 'execute-then-reset') {
  count += 1;
  const label = `letter ${count}`;
  const { ref, approval, work } = await askAndApprove(kit, 'post', { to: ['dana@example.com'], text: label });
  provider.plan(label, fault);
  expect(await follow(kit, ref)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
  const [, question, ...more] = await approvalsOf(kit, ref);
  if (question === undefined || more.length > 0) throw new Error('one question was expected');
  return { label, ref, approval, work, question, sent: () => provider.log.filter((line) => line.label === label) };
}

const answer = (ref: AgentRef, question: Approval, reason: string): Promise<void> =>
  say(kit, ref, question, 'respond', { reason });

describe('a message of which nobody can tell whether it arrived', () => {
  test('is asked about once, with everything needed to look for it', async () => {
    const { label, ref, approval, work, question } = await lost('execute-then-reset');
    expect(question).toMatchObject({
      effect: 'unknown',
      status: 'pending',
      about: approval.id,
      payload: approval.payload,
      payloadHash: approval.payloadHash,
      preview: { recipients: ['dana@example.com'] },
    });
    expect(question.preview.text).toContain(label);
    expect(await viewRequest(kit.engine, ref.user, ref.request)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: [{ kind: 'approval', id: question.id }],
    });
    for (let again = 0; again < 3; again += 1) {
      await settleEffect(kit.deps, work);
      await settleEffect(kit.deps, await currentWork(kit, ref, work.key));
      await follow(kit, ref);
    }
    expect(await approvalsOf(kit, ref)).toHaveLength(2);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'unknown', attempts: 1 }]);
  });

  test('counts as done when the user saw that it arrived', async () => {
    const { ref, question, sent } = await lost('execute-then-reset');
    await answer(ref, question, 'arrived');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', doneAt: expect.any(String) }]);
    expect(sent()).toHaveLength(1);
    expect(JSON.stringify(kit.asked.at(-1)?.messages.at(-1))).toContain('"status\\":\\"done');
  });

  test('stays unknown for good when the user lets it be', async () => {
    const { ref, question, sent } = await lost('reset-before');
    await answer(ref, question, 'leave');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'unknown' }]);
    expect(sent()).toHaveLength(1);
    expect((await approvalsOf(kit, ref)).map(({ status }) => status)).toEqual(['approved', 'rejected']);
  });

  test('is sent exactly once more, under a key of its own, when the user says so', async () => {
    const { label, ref, approval, question, sent } = await lost('reset-before');
    await answer(ref, question, 'send_again');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(sent()).toHaveLength(2);
    expect(provider.executions(label)).toBe(1);
    const again = (await approvalsOf(kit, ref)).find(({ replaces }) => replaces === approval.id);
    expect(again).toMatchObject({
      status: 'approved',
      decidedBy: `user:${ref.user}`,
      payloadHash: approval.payloadHash,
    });
    expect(await ledgerOf(kit, ref)).toMatchObject([
      { key: approval.id, status: 'unknown', attempts: 1 },
      { key: again?.id, status: 'done', attempts: 1 },
    ]);
    await expect(answer(ref, question, 'send_again')).rejects.toMatchObject({ type: 'decided' });
    await follow(kit, ref);
    expect(sent()).toHaveLength(2);
  });

  test('is asked about a second time when the second one is lost too', async () => {
    const { label, ref, question, sent } = await lost('reset-before');
    provider.plan(label, 'reset-before');
    await answer(ref, question, 'send_again');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    const open = (await approvalsOf(kit, ref)).filter(({ status }) => status === 'pending');
    expect(open).toMatchObject([{ effect: 'unknown' }]);
    expect(sent()).toHaveLength(2);
  });

  test.each([
    ['an approval', 'approve', undefined],
    ['an edit', 'edit', undefined],
    ['another word', 'respond', 'maybe'],
  ] as const)('cannot be answered by %s', async (_, decision, reason) => {
    const { ref, question, sent } = await lost('reset-before');
    const saying = say(kit, ref, question, decision, reason === undefined ? {} : { reason });
    await expect(saying).rejects.toMatchObject({ type: 'invalid-body' });
    expect(sent()).toHaveLength(1);
  });

  test('stays a question after its request was cancelled, but is not sent again', async () => {
    const { ref, question, sent } = await lost('execute-then-reset');
    await cancelRequest(kit.engine, ref.user, ref.request);
    expect((await approvalsOf(kit, ref)).at(-1)).toMatchObject({ id: question.id, status: 'pending' });
    await expect(answer(ref, question, 'send_again')).rejects.toMatchObject({ type: 'conflict' });
    await answer(ref, question, 'arrived');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'cancelled' });
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done' }]);
    expect(sent()).toHaveLength(1);
  });

  test('is given up as unknown when nobody answers in time', async () => {
    const { ref, approval, question, sent } = await lost('reset-before');
    await meddle(kit, sql`update approvals set expires_at = now() where id = ${question.id}`);
    await meddle(kit, sql`update effects set due_at = now() where key = ${approval.id}`);
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'unknown', error: expect.stringContaining('in time') }]);
    expect(sent()).toHaveLength(1);
  });
});
