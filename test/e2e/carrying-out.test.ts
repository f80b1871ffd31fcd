import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SendError } from '../../contracts/effect.js';
import type { Approval } from '../../contracts/approval.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { type Desk, deskOf, outcomesIn, wordsIn } from './deciding.js';
import { createProvider } from './provider.js';
import { openStage, resolvers, type Stage } from './stage.js';

const SEND_MS = 600;

describe('an approved action', () => {
  const provider = createProvider();
  let stage: Stage;
  let desk: Desk;
  beforeAll(async () => {
    stage = await openStage({
      moreSkills: provider.skills,
      effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200], leaseMs: 2_000, sendMs: SEND_MS },
    });
    desk = deskOf(stage);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const posting = (skill: string, text: string): ScriptTurn => ({
    calls: [{ name: skill, input: { to: 'gus@example.com', text } }],
  });
  /** A request whose only note waits for approval, and is told of its end in one turn. */
  const proposed = async (skill: string, text: string): Promise<[string, Approval]> => {
    const request = await stage.play([posting(skill, text), { text: 'It waits.' }, { text: 'I know how it ended.' }]);
    const [approval] = await desk.waitFor(request, 1);
    await stage.world.until(request, (view) => view.status === 'waiting_approval');
    if (approval === undefined) throw new Error('nothing waits');
    return [request, approval];
  };
  const approved = async (skill: string, text: string): Promise<[string, Approval]> => {
    const [request, approval] = await proposed(skill, text);
    await desk.decide(approval, { decision: 'approve' });
    return [request, approval];
  };
  const logged = (text: string) => provider.log.filter((entry) => entry.note.text === text);
  const told = (request: string) => outcomesIn(stage.asked(request).at(-1));
  const toItsEnd = async (request: string) => {
    const view = await stage.world.ended(request);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'I know how it ended.' }, underWay: [] });
    expect(stage.asked(request)).toHaveLength(3);
  };

  test('whose line broke after it happened is found out about and not done again', async () => {
    provider.on('reset afterwards', async ({ beforeSend, happen }) => {
      beforeSend();
      happen();
      throw new Error('the connection was reset');
    });
    const [request, { id }] = await approved('post_note', 'reset afterwards');
    await toItsEnd(request);
    expect(logged('reset afterwards')).toMatchObject([{ key: id }]);
    expect(provider.attempts('reset afterwards')).toBe(1);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 1, providerId: `note-${id}` }]);
    expect(told(request)).toMatchObject([{ approval: id, decision: 'approved', status: 'done' }]);
  });

  test('whose line broke before it happened is done once more, with the same key', async () => {
    provider.on('reset before', async ({ beforeSend, happen, number }) => {
      beforeSend();
      if (number === 1) throw new Error('the connection was reset');
      happen();
    });
    const [request, { id }] = await approved('post_note', 'reset before');
    await toItsEnd(request);
    expect(logged('reset before')).toMatchObject([{ key: id }]);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });

  test('that was refused for the moment is tried again after the time the provider asked for', async () => {
    const tries: number[] = [];
    provider.on('busy', async ({ beforeSend, happen, number }) => {
      tries.push(Date.now());
      beforeSend();
      if (number === 1) throw new SendError('refused', 'Too many notes.', { retryAfterMs: 400 });
      happen();
    });
    const [request] = await approved('post_note', 'busy');
    await toItsEnd(request);
    const [first = 0, second = 0] = tries;
    expect(second - first).toBeGreaterThanOrEqual(390);
    expect(logged('busy')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });

  test('that was refused three times has failed, and the model is told why', async () => {
    provider.on('closed', async () => {
      throw new SendError('refused', 'The office is closed.');
    });
    const [request, { id }] = await approved('post_note', 'closed');
    await toItsEnd(request);
    expect(provider.attempts('closed')).toBe(3);
    expect(await desk.effects(request)).toMatchObject([{ status: 'failed', attempts: 3 }]);
    expect(told(request)).toMatchObject([
      { approval: id, decision: 'approved', status: 'failed', error: 'The office is closed.' },
    ]);
  });

  test('that was refused for good is not tried again', async () => {
    provider.on('unknown address', async ({ beforeSend }) => {
      beforeSend();
      throw new SendError('rejected', 'Nobody lives there.');
    });
    const [request] = await approved('post_note', 'unknown address');
    await toItsEnd(request);
    expect(provider.attempts('unknown address')).toBe(1);
    expect(told(request)).toMatchObject([{ status: 'failed', error: 'Nobody lives there.' }]);
  });

  test('does not begin to send after its time, and begins again instead', async () => {
    provider.on('suspended', async ({ beforeSend, happen, number }) => {
      if (number === 1) await delay(SEND_MS + 200);
      beforeSend();
      happen();
    });
    const [request] = await approved('post_note', 'suspended');
    await toItsEnd(request);
    expect(logged('suspended')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });

  /** What became of it nobody can tell: the question about it. */
  const asked = async (text: string): Promise<[string, Approval, Approval]> => {
    provider.on(text, async ({ beforeSend, happen }) => {
      beforeSend();
      happen();
      if (logged(text).length === 1) throw new Error('the connection was reset');
    });
    const [request, approval] = await approved('post_blind', text);
    const [question] = await desk.waitFor(request, 1);
    expect(question).toMatchObject({ effect: 'unknown', about: approval.id, skill: 'post_blind' });
    expect(question?.title).toContain('Did it arrive?');
    const waiting = await stage.world.until(request, (view) => view.status === 'waiting_approval');
    expect(waiting.underWay).toMatchObject([{ effect: approval.id }]);
    expect(stage.asked(request)).toHaveLength(2);
    if (question === undefined) throw new Error('nothing is asked');
    return [request, approval, question];
  };

  test('that only a person can tell about is asked about, and counts as done when it has arrived', async () => {
    const [request, { id }, question] = await asked('arrived');
    await expect(desk.decide(question, { decision: 'approve' })).rejects.toMatchObject({ type: 'invalid-body' });
    await desk.decide(question, { decision: 'respond', reason: 'arrived' });
    await toItsEnd(request);
    expect(logged('arrived')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ key: id, status: 'done', attempts: 1 }]);
    expect(told(request)).toMatchObject([{ approval: id, status: 'done' }]);
  });

  test('that only a person can tell about is sent again as an approval of its own when the person says so', async () => {
    const [request, { id, payloadHash }, question] = await asked('send again');
    await desk.decide(question, { decision: 'respond', reason: 'send_again' });
    await toItsEnd(request);
    const second = (await desk.all(request)).find((approval) => approval.replaces === id);
    expect(second).toMatchObject({ status: 'approved', decidedBy: `user:${stage.world.owner}`, payloadHash });
    expect(logged('send again').map(({ key }) => key)).toEqual([id, second?.id]);
    expect(await desk.effects(request)).toMatchObject([
      { key: id, status: 'unknown', attempts: 1 },
      { key: second?.id, status: 'done', attempts: 1 },
    ]);
  });

  test('that only a person can tell about is left alone when the person says so', async () => {
    const [request, { id }, question] = await asked('leave');
    await desk.decide(question, { decision: 'respond', reason: 'leave' });
    await toItsEnd(request);
    expect(logged('leave')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ key: id, status: 'unknown', attempts: 1 }]);
    expect(told(request)).toMatchObject([{ approval: id, decision: 'approved', status: 'unknown' }]);
  });

  /** An action that has begun and does not end before the test says so. */
  const underWay = async (text: string) => {
    const [begun, release] = [resolvers(), resolvers()];
    provider.on(text, async ({ beforeSend, happen }) => {
      beforeSend();
      begun.resolve();
      await release.promise;
      happen();
    });
    const [request, { id }] = await approved('post_note', text);
    await begun.promise;
    return { request, id, release: release.resolve };
  };

  test('that has begun is shown as under way by a request that ends meanwhile, and the ledger learns its end', async () => {
    const { request, id, release } = await underWay('half sent');
    await stage.cancel(request);
    expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled', underWay: [{ effect: id }] });
    expect(await desk.effects(request)).toMatchObject([{ status: 'started', attempts: 1 }]);
    release();
    expect(await desk.settled(request)).toMatchObject([{ key: id, status: 'done', attempts: 1 }]);
    expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled', underWay: [] });
    await vi.waitFor(
      async () => {
        const { status } = await stage.client.workflow.getHandle(`request:${request}`).describe();
        expect(status.name).toBe('COMPLETED');
      },
      { timeout: 15_000, interval: 100 },
    );
    expect(logged('half sent')).toHaveLength(1);
    expect(stage.asked(request)).toHaveLength(2);
  });

  test('that is under way is not sent a second time by a message that comes meanwhile', async () => {
    const { request, release } = await underWay('slow');
    await stage.say(request, 'is it out?');
    release();
    await toItsEnd(request);
    expect(wordsIn(stage.asked(request)[2])).toEqual(['is it out?']);
    expect(told(request)).toMatchObject([{ decision: 'approved', status: 'done' }]);
    expect(logged('slow')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 1 }]);
  });
});
