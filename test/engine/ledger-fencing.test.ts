import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import { ProblemError } from '../../contracts/problem.js';
import type { EffectInput } from '../../contracts/step.js';
import { nextStep } from '../../engine/steps.js';
import { sql } from '../../store/sql.js';
import { type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { type PostSkill, postSkill } from '../stand-ins/provider-skill.js';
import {
  type Acting,
  anotherProcess,
  approvalsOf,
  askAndApprove,
  currentWork,
  follow,
  ledgerOf,
  makeDue,
  meddle,
  say,
} from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

/** Nothing here is decided by how fast the machine is, unless a process is given other times. */
const PATIENT = { leaseMs: 60_000, sendMs: 60_000 };
const HASTY = { leaseMs: 150, sendMs: 100 };

/** Somewhere in an attempt where it waits until it is let go. */
class Stop {
  readonly reached: Promise<void>;
  readonly #letGo: Promise<void>;
  go: () => void = () => undefined;
  #reach: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#letGo = new Promise((resolve) => {
      this.go = resolve;
    });
  }

  async pass(): Promise<void> {
    this.#reach();
    await this.#letGo;
  }
}

/** Where nothing was asked there is nothing to decide. */
function refusedAnyway(): Promise<never> {
  return Promise.reject(new ProblemError('decided', 'Nothing was asked.'));
}

describe.each([
  ['with ids', true],
  ['without ids', false],
])('an attempt at a provider %s', (_, identified) => {
  let kit: EngineKit;
  let provider: OutsideProvider;
  let planted: PostSkill;
  /** By label, each used by one attempt. */
  const beforeSending = new Map<string, Stop>();
  const afterAnswer = new Map<string, Stop>();
  let count = 0;

  beforeAll(async () => {
    provider = await startProvider({ seed: 1, identified });
    const passOnce = async (stops: Map<string, Stop>, label: string): Promise<void> => {
      const stop = stops.get(label);
      stops.delete(label);
      await stop?.pass();
    };
    planted = postSkill({
      name: 'post',
      provider,
      pause: ({ input }) => passOnce(beforeSending, input.text),
      linger: ({ input }) => passOnce(afterAnswer, input.text),
    });
    kit = await openEngine([planted.skill], PATIENT);
  });
  afterAll(async () => {
    await kit.close();
    await provider.close();
  });

  async function prepared() {
    count += 1;
    const label = `letter ${count}`;
    const { ref, approval, work } = await askAndApprove(kit, 'post', { to: ['dana@example.com'], text: label });
    const entry = async () => (await ledgerOf(kit, ref))[0];
    const row = () => kit.engine.db.as(ref.user, (tx) => tx.one(sql`select * from effects where key = ${approval.id}`));
    const sent = () => provider.log.filter((line) => line.label === label);
    return { label, ref, approval, work, entry, row, sent };
  }

  /** An attempt of this process that stops before its first byte. */
  async function suspended(acting: Acting, work: EffectInput, label: string) {
    const stop = new Stop();
    beforeSending.set(label, stop);
    const end = sendEffect(acting.deps, work);
    await stop.reached;
    return { stop, end };
  }

  const endsOf = (label: string): string[] =>
    planted.attempts.filter((attempt) => attempt.label === label).map(({ end }) => end);

  test('that was suspended after its claim does not send once its time is over', async () => {
    const { label, ref, work, entry, sent } = await prepared();
    const { stop, end } = await suspended(anotherProcess(kit, HASTY), work, label);
    await delay(HASTY.sendMs + 30);
    stop.go();
    await end;
    expect(endsOf(label)).toEqual(['too-late']);
    expect(sent()).toEqual([]);
    expect(await entry()).toMatchObject({ status: 'ready', attempts: 1 });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done' });
    expect(sent()).toMatchObject([{ executed: true }]);
  });

  test('that was suspended neither sends nor changes anything after another one has taken over', async () => {
    const { label, ref, work, row, sent } = await prepared();
    const { stop, end } = await suspended(anotherProcess(kit, HASTY), work, label);
    await delay(HASTY.leaseMs + 30);
    await follow(kit, ref);
    const before = await row();
    expect(sent()).toHaveLength(identified ? 1 : 0);
    stop.go();
    await end;
    expect(endsOf(label)).toEqual(identified ? ['sent', 'too-late'] : ['too-late']);
    expect(sent()).toHaveLength(identified ? 1 : 0);
    expect(await row()).toEqual(before);
    expect(before).toMatchObject(identified ? { status: 'done', attempts: 2 } : { status: 'unknown', closed_at: null });
  });

  test('that fails late changes nothing once another one has taken over', async () => {
    const { label, ref, approval, work, row } = await prepared();
    provider.plan(label, 'hang');
    const end = sendEffect(kit.deps, work);
    while (provider.log.every((line) => line.label !== label)) await delay(2);
    await makeDue(kit, approval.id);
    await follow(anotherProcess(kit), ref);
    const before = await row();
    await end;
    expect(endsOf(label)).toContain('ambiguous');
    expect(await row()).toEqual(before);
    expect(provider.executions(label)).toBe(identified ? 1 : 0);
    const questions = (await approvalsOf(kit, ref)).filter(({ about }) => about === approval.id);
    expect(questions).toHaveLength(identified ? 0 : 1);
  });

  test('that succeeds late is recorded as the fact it is, and nobody is asked about it any more', async () => {
    const { label, ref, approval, work, entry } = await prepared();
    const stop = new Stop();
    afterAnswer.set(label, stop);
    const end = sendEffect(kit.deps, work);
    await stop.reached;
    await makeDue(kit, approval.id);
    await follow(anotherProcess(kit), ref);
    const [question] = (await approvalsOf(kit, ref)).filter(({ about }) => about === approval.id);
    expect(question?.status).toBe(identified ? undefined : 'pending');
    expect(await entry()).toMatchObject({ status: identified ? 'done' : 'unknown' });
    stop.go();
    await end;
    expect(await entry()).toMatchObject({ status: 'done', providerId: approval.id });
    const late =
      question === undefined ? refusedAnyway() : say(kit, ref, question, 'respond', { reason: 'send_again' });
    await expect(late).rejects.toMatchObject({ type: 'decided' });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(provider.executions(label)).toBe(1);
  });

  test('that succeeds after it was given up is recorded all the same', async () => {
    const { label, work, approval, entry } = await prepared();
    const stop = new Stop();
    afterAnswer.set(label, stop);
    const end = sendEffect(kit.deps, work);
    await stop.reached;
    await meddle(kit, sql`update effects set status = 'failed', closed_at = now() where key = ${approval.id}`);
    stop.go();
    await end;
    expect(await entry()).toMatchObject({ status: 'done', providerId: approval.id });
    expect(provider.executions(label)).toBe(1);
  });

  test('is left alone by everybody as long as its lease lasts', async () => {
    const { label, ref, work, row, sent } = await prepared();
    const { stop, end } = await suspended(kit, work, label);
    const before = await row();
    await settleEffect(anotherProcess(kit).deps, work);
    expect(await row()).toEqual(before);
    expect(await nextStep(kit.engine, ref)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    stop.go();
    await end;
    expect(sent()).toHaveLength(1);
  });

  test('is not taken over by its own process when the clock jumps forward', async () => {
    const { label, ref, work, approval, entry } = await prepared();
    const stop = new Stop();
    afterAnswer.set(label, stop);
    const end = sendEffect(kit.deps, work);
    await stop.reached;
    for (let jump = 0; jump < 5; jump += 1) {
      await makeDue(kit, approval.id);
      await settleEffect(kit.deps, work);
      expect(await entry()).toMatchObject({ status: 'started', attempts: 1 });
    }
    stop.go();
    await end;
    await follow(kit, ref);
    expect(provider.log.filter((line) => line.label === label)).toHaveLength(1);
    expect(await entry()).toMatchObject({ status: 'done', attempts: 1 });
  });

  test('stays known to its process when the same step is begun twice at once', async () => {
    const { label, work, approval, entry, sent } = await prepared();
    const stop = new Stop();
    beforeSending.set(label, stop);
    const ends = [sendEffect(kit.deps, work), sendEffect(kit.deps, work)];
    await stop.reached;
    await Promise.race(ends);
    await makeDue(kit, approval.id);
    await settleEffect(kit.deps, work);
    expect(await entry()).toMatchObject({ status: 'started', attempts: 1 });
    stop.go();
    await Promise.all(ends);
    expect(sent()).toHaveLength(1);
    expect(await entry()).toMatchObject({ status: 'done', attempts: 1 });
  });

  test('is only looked into later when the clock jumps back', async () => {
    const { label, ref, work, approval, row, sent } = await prepared();
    provider.plan(label, 'execute-then-reset');
    await sendEffect(kit.deps, work);
    await meddle(kit, sql`update effects set due_at = now() + interval '1 hour' where key = ${approval.id}`);
    const before = await row();
    await settleEffect(kit.deps, work);
    expect(await row()).toEqual(before);
    expect(await nextStep(kit.engine, ref)).toMatchObject({ kind: 'wait' });
    await makeDue(kit, approval.id);
    await follow(kit, ref);
    expect(sent()).toHaveLength(1);
    expect(await row()).toMatchObject({ status: identified ? 'done' : 'unknown' });
  });

  test('is made once however often its step is done', async () => {
    const { ref, work, entry, sent } = await prepared();
    const processes = [kit, anotherProcess(kit), anotherProcess(kit)];
    await Promise.all(processes.map(({ deps }) => sendEffect(deps, work)));
    await sendEffect(kit.deps, work);
    await sendEffect(kit.deps, await currentWork(kit, ref, work.key));
    expect(sent()).toHaveLength(1);
    expect(await entry()).toMatchObject({ status: 'done', attempts: 1 });
  });
});
