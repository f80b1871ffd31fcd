import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendEffect } from '../../activities/effects.js';
import { SendError } from '../../contracts/effect.js';
import type { EffectInput } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { viewRequest } from '../../engine/requests.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry } from '../../skills/registry.js';
import { sql } from '../../store/sql.js';
import { type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { type PostSkill, postSkill } from '../stand-ins/provider-skill.js';
import { approvalsOf, askAndApprove, follow, ledgerOf, meddle, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

type Hook = () => Promise<void>;

let kit: EngineKit;
let provider: OutsideProvider;
let planted: PostSkill;
/** By label: what happens, or is said to have changed, right before it is sent. */
const looks = new Map<string, () => Promise<string | undefined>>();
const pauses = new Map<string, Hook>();
let count = 0;

beforeAll(async () => {
  provider = await startProvider({ seed: 1, identified: true });
  planted = postSkill({
    name: 'post',
    provider,
    pause: async ({ input }) => pauses.get(input.text)?.(),
    difference: async ({ input }) => looks.get(input.text)?.(),
  });
  kit = await openEngine([planted.skill], { leaseMs: 60_000, sendMs: 60_000 });
});
afterAll(async () => {
  await kit.close();
  await provider.close();
});

async function prepared() {
  count += 1;
  const label = `letter ${count}`;
  const made = await askAndApprove(kit, 'post', { to: ['dana@example.com'], text: label });
  return { ...made, label, sent: () => provider.log.filter((line) => line.label === label) };
}
type Prepared = Awaited<ReturnType<typeof prepared>>;

const approvalIs = (change: ReturnType<typeof sql>) => (made: Prepared) =>
  meddle(kit, sql`update approvals set ${change} where id = ${made.approval.id}`);
const OTHER_TEXT = sql`payload = jsonb_set(payload, '{text}', '"something else"')`;

describe('nothing is sent', () => {
  test.each<[string, (made: Prepared) => Promise<unknown>, RegExp]>([
    ['whose payload is another one by now', approvalIs(OTHER_TEXT), /not what was approved/],
    [
      'whose payload and hash were exchanged together',
      approvalIs(sql`payload_hash = repeat('0', 64), payload = '{}'`),
      /not what was approved/,
    ],
    [
      'whose entry names another hash',
      (made) => meddle(kit, sql`update effects set payload_hash = repeat('0', 64) where key = ${made.approval.id}`),
      /not what was approved/,
    ],
    ['whose bytes are others by now', approvalIs(sql`frozen = frozen || ' '`), /not what was approved/],
    ['whose bytes are gone', approvalIs(sql`frozen = null`), /not what was approved/],
    ['whose approval has expired', approvalIs(sql`expires_at = now() - interval '1 second'`), /expired/],
    ['that still waits for a decision', approvalIs(sql`status = 'pending'`), /does not match/],
    ['that was rejected', approvalIs(sql`status = 'rejected'`), /does not match/],
    ['whose request was cancelled', (made) => cancelRequest(kit.engine, kit.owner, made.ref.request), /had ended/],
    [
      'whose request has ended otherwise',
      (made) =>
        meddle(kit, sql`update requests set ended_at = now(), status = 'failed' where id = ${made.ref.request}`),
      /had ended/,
    ],
    [
      'whose agent may not use the skill any more',
      (made) => meddle(kit, sql`update agents set skills = '{tasks_list}' where id = ${made.ref.agent}`),
      /may not use this skill/,
    ],
    [
      'that is exchanged between the last look and the claim',
      async (made) =>
        looks.set(made.label, async () => {
          await approvalIs(OTHER_TEXT)(made);
          return undefined;
        }),
      /not what was approved/,
    ],
  ])('%s', async (_, spoil, reason) => {
    const made = await prepared();
    await spoil(made);
    await sendEffect(kit.deps, made.work);
    const [effect] = await ledgerOf(kit, made.ref);
    expect(effect).toMatchObject({ status: 'failed', error: expect.stringMatching(reason) });
    await sendEffect(kit.deps, made.work);
    expect(made.sent()).toEqual([]);
  });

  test.each([
    ['an earlier attempt', -1],
    ['a later attempt', 1],
  ])('in the name of %s than the one that is due', async (_, step) => {
    const { work, ref, sent } = await prepared();
    await sendEffect(kit.deps, { ...work, fence: work.fence + step });
    expect(sent()).toEqual([]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'ready', attempts: 0 }]);
  });

  test('for another user', async () => {
    const { work, ref, sent } = await prepared();
    const stranger: EffectInput = { ...work, user: await kit.person('Mallory') };
    await sendEffect(kit.deps, stranger);
    expect(sent()).toEqual([]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'ready', attempts: 0 }]);
  });

  test('by a skill that is not installed any more', async () => {
    const { work, ref, sent } = await prepared();
    await sendEffect({ ...kit.deps, skills: createSkillRegistry(builtinSkills) }, work);
    expect(sent()).toEqual([]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'failed', error: 'post is gone.' }]);
  });

  test('of all this would have been held back for its own sake', async () => {
    const { ref, sent } = await prepared();
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(sent()).toMatchObject([{ executed: true }]);
  });
});

describe('what no longer fits the world when it is to be sent', () => {
  test.each<[string, (label: string) => void]>([
    ['by the look before', (label) => looks.set(label, async () => 'Dana has moved to another address.')],
    [
      'by the service itself',
      (label) => pauses.set(label, () => Promise.reject(new SendError('stale', 'Dana has moved to another address.'))),
    ],
  ])('is found out %s, not sent, and asked again with the difference', async (_, change) => {
    const { label, ref, approval, sent } = await prepared();
    change(label);
    const step = await follow(kit, ref);
    expect(step).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    expect(sent()).toEqual([]);
    expect(await ledgerOf(kit, ref)).toMatchObject([
      { key: approval.id, status: 'failed', error: expect.stringContaining('another address') },
    ]);
    const [, fresh, ...more] = await approvalsOf(kit, ref);
    expect(more).toEqual([]);
    expect(fresh).toMatchObject({ status: 'pending', replaces: approval.id, payloadHash: approval.payloadHash });
    expect(fresh?.preview.text).toContain('Dana has moved to another address.');
    expect(await viewRequest(kit.engine, ref.user, ref.request)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: [{ kind: 'approval', id: fresh?.id }],
      result: { outputs: [{ kind: 'draft', ref: `approval:${fresh?.id}` }] },
    });
    looks.delete(label);
    pauses.delete(label);
    if (fresh === undefined) throw new Error('nothing was asked again');
    await say(kit, ref, fresh, 'approve');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(sent()).toMatchObject([{ key: fresh.id, executed: true }]);
    expect((await ledgerOf(kit, ref)).map(({ status }) => status)).toEqual(['failed', 'done']);
  });

  test('is not asked for ever when nobody can look', async () => {
    const { label, ref, sent } = await prepared();
    let asked = 0;
    looks.set(label, () => {
      asked += 1;
      return Promise.reject(new SendError('refused', 'The service is closed.'));
    });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done' });
    expect(asked).toBe(3);
    expect(sent()).toEqual([]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'failed', error: 'The service is closed.' }]);
  });
});
