import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sendEffect } from '../../activities/effects.js';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { outsideSkill, type Skill, type SkillManifest, transactionSkill } from '../../contracts/skill.js';
import type { CallInput, EffectInput } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { readEvents } from '../../engine/event-feed.js';
import { nextStep } from '../../engine/steps.js';
import { viewRequest } from '../../engine/requests.js';
import { createSkillRegistry } from '../../skills/registry.js';
import { sql } from '../../store/sql.js';
import { approvalsOf, askAndApprove, ledgerOf, makeDue } from './effect-driver.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();

const NOTHING = z.strictObject({});
const manifest = (name: string, more: Partial<SkillManifest<object>>): SkillManifest<object> => ({
  name,
  description: 'Works.',
  effect: 'internal',
  input: NOTHING,
  output: z.json(),
  timeoutSeconds: 10,
  taints: [],
  summary: () => 'Works',
  ...more,
});

const done: string[] = [];
let isBroken = false;

const working = (name: string, more: Partial<SkillManifest<object>>): Skill =>
  outsideSkill<object, unknown>({
    manifest: manifest(name, more),
    run: (_input, { callId }) => {
      if (isBroken) return Promise.reject(new Error('it broke'));
      done.push(callId);
      return Promise.resolve({ output: null });
    },
  });

const posting = (name: string, more: Partial<SkillManifest<object>>): Skill =>
  outsideSkill<object, unknown>({
    manifest: manifest(name, { effect: 'outward', ...more }),
    run: () => Promise.reject(new Error('it was run without approval')),
    outward: {
      prepare: () => Promise.resolve({ title: name, preview: { text: name, recipients: [] } }),
      send: ({ key }, { beforeSend }) => {
        beforeSend();
        done.push(key);
        return Promise.resolve({ providerId: key, output: null, outputs: [] });
      },
    },
  });

let kit: EngineKit;
beforeAll(async () => {
  kit = await openEngine(
    [
      working('alone', { maxConcurrent: 1 }),
      working('dear', { maxConcurrent: 1, minIntervalSeconds: 3_600, priceUsd: '0.5' }),
      posting('post_alone', { maxConcurrent: 1 }),
      posting('post_rarely', { minIntervalSeconds: 3_600 }),
      posting('post_dearly', { minIntervalSeconds: 3_600, priceUsd: '0.5' }),
    ],
    { leaseMs: 60_000, sendMs: 60_000 },
  );
});
beforeEach(async () => {
  isBroken = false;
  done.length = 0;
  await kit.engine.db.system((tx) => tx.run(sql`delete from paces`));
});
afterAll(() => kit.close());

/** A call that the agent wants to make; nothing has begun. */
async function wanted(name: string, budgetUsd = '1'): Promise<CallInput> {
  const { id } = await acceptRequest(kit.engine, kit.owner, { body: { text: 'go', budgetUsd } });
  const ref = { user: kit.owner, request: id, agent: (await viewRequest(kit.engine, kit.owner, id)).agent };
  kit.answer(() => reply([{ type: 'tool_use', id: 'x', name, input: {} }], 'tool_use'));
  const step = await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal);
  if (step.kind !== 'calls' || step.calls[0] === undefined) throw new Error(`no call but ${step.kind}`);
  const { callId, mode, quick } = step.calls[0];
  return { ...ref, callId, mode, quick };
}
const run = (work: CallInput) => runSkillCall(kit.deps, work, 1, signal);
const rowOf = (work: CallInput) =>
  kit.engine.db.as(work.user, (tx) =>
    tx.one<{ status: string; attempts: number }>(sql`select status, attempts from calls where id = ${work.callId}`),
  );
const startsOf = async (work: CallInput) =>
  (await readEvents(kit.engine, work.user, work.request, 0, 100)).filter(({ type }) => type === 'skill.started');
const paces = () =>
  kit.engine.db.system((tx) => tx.rows<{ work: string }>(sql`select work from paces order by began_at, work`));
/** Somebody else is at it. */
const occupy = (skill: string) =>
  kit.engine.db.system((tx) =>
    tx.run(
      sql`insert into paces (user_id, skill, work, until) values (${kit.owner}, ${skill}, 'other', now() + interval '1 hour')`,
    ),
  );
const release = () => kit.engine.db.system((tx) => tx.run(sql`delete from paces where work = 'other'`));

describe('a call that has to keep a pace', () => {
  test('is tried again until its turn has come, which is no attempt of it, and is told of as started once', async () => {
    const work = await wanted('alone');
    await occupy('alone');
    for (let times = 0; times < 6; times += 1) {
      const failure: unknown = await run(work).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ type: 'ToKeepPace', nonRetryable: false, nextRetryDelay: expect.any(Number) });
      expect(await rowOf(work)).toEqual({ status: 'pending', attempts: 0 });
    }
    expect(done).toEqual([]);
    await release();
    await run(work);
    expect(await rowOf(work)).toEqual({ status: 'done', attempts: 1 });
    expect(await startsOf(work)).toHaveLength(1);
    expect(done).toEqual([work.callId]);
    expect(await paces()).toEqual([]);
  });

  test('gives its place back when it fails, and is given up after as many attempts as any other', async () => {
    const work = await wanted('alone');
    isBroken = true;
    for (const attempt of [1, 2, 3]) {
      await expect(run(work)).rejects.toMatchObject({ type: 'SkillFailed' });
      expect(await rowOf(work)).toEqual({ status: 'pending', attempts: attempt });
      expect(await paces()).toEqual([]);
    }
    await run(work);
    expect(await rowOf(work)).toEqual({ status: 'failed', attempts: 4 });
  });

  test('that cannot be paid for has not begun: nobody waits for it', async () => {
    const poor = await wanted('dear', '0.2');
    await run(poor);
    expect(done).toEqual([]);
    expect(await viewRequest(kit.engine, kit.owner, poor.request)).toMatchObject({ status: 'waiting_approval' });
    expect(await paces()).toEqual([]);
    const rich = await wanted('dear');
    await run(rich);
    expect(done).toEqual([rich.callId]);
    expect(await paces()).toEqual([{ work: rich.callId }]);
  });
});

describe('an approved action that has to keep a pace', () => {
  const send = (work: EffectInput) => sendEffect(kit.deps, work);

  test('stays ready and is due when it is its turn; nothing is sent before, and no attempt is counted', async () => {
    const [first, second] = [await askAndApprove(kit, 'post_rarely', {}), await askAndApprove(kit, 'post_rarely', {})];
    await send(first.work);
    await send(second.work);
    expect(done).toEqual([first.work.key]);
    expect(await ledgerOf(kit, second.ref)).toMatchObject([{ status: 'ready', attempts: 0 }]);
    const step = await nextStep(kit.engine, second.ref);
    expect(step).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    // Somebody who looks too soon finds the same.
    await makeDue(kit, second.work.key);
    await send(second.work);
    expect(await ledgerOf(kit, second.ref)).toMatchObject([{ status: 'ready', attempts: 0 }]);
    await kit.engine.db.system((tx) => tx.run(sql`update paces set began_at = now() - interval '2 hours'`));
    await send(second.work);
    expect(done).toEqual([first.work.key, second.work.key]);
    expect(await ledgerOf(kit, second.ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
  });

  test('keeps its place while it waits', async () => {
    const made = [];
    for (let count = 0; count < 3; count += 1) made.push(await askAndApprove(kit, 'post_alone', {}));
    const [first, second, third] = made.map(({ work }) => work);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
    await occupy('post_alone');
    for (const work of [first, second, third]) await send(work);
    await release();
    // Whoever comes first now has asked last.
    for (const work of [third, second, first, third, second, third]) await send(work);
    expect(done).toEqual([first.key, second.key, third.key]);
  });

  test('that cannot be paid for has not begun', async () => {
    const { work, ref } = await askAndApprove(kit, 'post_dearly', {});
    await kit.engine.db.system((tx) =>
      tx.run(sql`update requests set settings = settings || '{"budgetUsd": "0.1"}' where id = ${work.request}`),
    );
    await send(work);
    expect(done).toEqual([]);
    expect((await approvalsOf(kit, ref)).map(({ effect, status }) => `${effect} ${status}`)).toEqual([
      'outward approved',
      'budget pending',
    ]);
    expect(await paces()).toEqual([]);
  });
});

describe('the registry', () => {
  const inside = (more: Partial<SkillManifest<object>>): Skill =>
    transactionSkill<object, unknown>({
      manifest: manifest('inside', more),
      run: () => Promise.resolve({ output: null }),
    });

  test.each([{ maxConcurrent: 1 }, { minIntervalSeconds: 1 }])('refuses %j for what runs inside the store', (pace) => {
    expect(() => createSkillRegistry([inside(pace)])).toThrow(/inside runs inside the store/);
  });

  test.each([
    { maxConcurrent: 0 },
    { maxConcurrent: 1.5 },
    { minIntervalSeconds: 0 },
    { minIntervalSeconds: Number.NaN },
    { minIntervalSeconds: Number.POSITIVE_INFINITY },
  ])('refuses %j', (pace) => {
    expect(() => createSkillRegistry([working('outside', pace)])).toThrow(/of outside must be/);
  });
});
