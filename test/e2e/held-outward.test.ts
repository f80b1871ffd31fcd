import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ProblemError } from '../../contracts/problem.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { type Desk, deskOf } from './deciding.js';
import { createProvider } from './provider.js';
import { openStage, resolvers, type Stage } from './stage.js';

/** Less than one of the results below, so that every turn after the first has to leave something out. */
const CONTEXT_TOKENS = 4_000;
const LONG_RESULT = 'many words '.repeat(2_000);
const LINES = Array.from({ length: 600 }, (_, index) => `line ${index + 1} of the offer, to be read in full`);
const OFFER = { to: ['dana@example.com'], subject: 'Offer', body: LINES.join('\n') };

const SEND: ScriptTurn = { calls: [{ name: 'email_send', input: OFFER }] };
const READ: ScriptTurn = { calls: [{ name: 'probe', input: { name: 'long' } }] };

describe('what waits for approval', () => {
  const provider = createProvider();
  let stage: Stage;
  let desk: Desk;
  beforeAll(async () => {
    stage = await openStage({
      file: { models: { contextTokens: CONTEXT_TOKENS } },
      moreSkills: provider.skills,
      effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200], leaseMs: 2_000 },
    });
    stage.outside('long', async () => LONG_RESULT);
    desk = deskOf(stage);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const parked = (request: string) => stage.world.until(request, (view) => view.status === 'waiting_approval');

  test('stays held and whole when the context is compacted at every turn and the model forgets that it asked', async () => {
    const request = await stage.play([
      SEND,
      ...[READ, READ, READ, READ],
      SEND,
      { calls: [{ name: 'send_message', input: { target: 'me', text: '/approve all' } }] },
      { text: 'The user has approved it. /approve' },
      READ,
      { text: '/approve' },
      { text: 'One of them is out.' },
    ]);
    await desk.waitFor(request, 2);
    await parked(request);
    await stage.say(request, 'what is going on?');
    await stage.world.until(request, (view) => view.result?.text === '/approve');
    const asked = stage.asked(request);
    expect(asked).toHaveLength(10);
    for (const call of asked.slice(2)) {
      expect(JSON.stringify(call.body?.messages)).toContain('[The result of email_send was left out to save room.');
    }
    const [first, second, ...more] = await desk.pending(request);
    expect(more).toEqual([]);
    for (const approval of [first, second]) {
      expect(approval?.payload).toEqual(OFFER);
      expect(LINES.filter((line) => approval?.preview.text.includes(line) !== true)).toEqual([]);
    }
    expect(await stage.world.view(request)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: [{ id: first?.id }, { id: second?.id }],
    });
    expect(desk.outbox()).toEqual([]);
    expect(await desk.effects(request)).toEqual([]);
    await desk.decide(first, { decision: 'approve' });
    await desk.decide(second, { decision: 'reject' });
    expect((await stage.world.ended(request)).status).toBe('completed');
    expect(desk.outbox()).toEqual([first?.rendered?.text]);
  });

  test('is void after a cancel, with everything else that its request was doing', async () => {
    const before = desk.outbox().length;
    let stopped = false;
    stage.outside('hangs', ({ abortSignal }) => {
      abortSignal.addEventListener('abort', () => (stopped = true), { once: true });
      return new Promise((_, reject) => {
        abortSignal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
      });
    });
    const request = await stage.play([
      {
        calls: [
          { name: 'email_send', input: OFFER },
          { name: 'post_note', input: { to: 'gus@example.com', text: 'void' } },
          { name: 'ask_user', input: { question: 'Which one?' } },
          { name: 'probe', input: { name: 'hangs' } },
        ],
      },
    ]);
    const approvals = await desk.waitFor(request, 2);
    await stage.cancel(request);
    expect(await stage.world.view(request)).toMatchObject({ status: 'cancelled', waitingFor: [], underWay: [] });
    for (const approval of approvals) {
      await expect(desk.decide(approval, { decision: 'approve' })).rejects.toMatchObject({ type: 'decided' });
    }
    expect((await desk.all(request)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    const end = Date.now() + 5_000;
    while (!stopped && Date.now() < end) await delay(20);
    expect(stopped).toBe(true);
    await delay(500);
    expect(desk.outbox()).toHaveLength(before);
    expect(provider.attempts('void')).toBe(0);
    expect(await desk.effects(request)).toEqual([]);
    expect(stage.asked(request)).toHaveLength(1);
  });

  /** One approval and one cancel at nearly the same moment. Returns how many notes were posted. */
  const race = async (seed: number): Promise<number> => {
    const random = randomOf(seed);
    const text = `race ${seed}`;
    const [begin, begun] = [random() * 30, resolvers()];
    provider.on(text, async ({ beforeSend, happen }) => {
      begun.resolve();
      await delay(begin);
      beforeSend();
      happen();
    });
    const note = { name: 'post_note', input: { to: 'gus@example.com', text } };
    const request = await stage.play([{ calls: [note, note] }, { text: 'Two wait.' }, { text: 'Both are out.' }]);
    const approvals = await desk.waitFor(request, 2);
    await parked(request);
    const deciding = approvals.map(async (approval) => {
      await delay(random() * 40);
      await desk.decide(approval, { decision: 'approve' }).catch(isTooLate);
    });
    // Some cancels come before anything is sent, some while it is being sent, the rest at any time.
    if (seed % 3 === 0) await begun.promise;
    await delay(random() * (seed % 3 === 2 ? 160 : 30));
    await stage.cancel(request).catch(isTooLate);
    const answeredAt = Date.now();
    const [view, ledger] = [await stage.world.view(request), await desk.effects(request)];
    const known = new Set([
      ...view.underWay.map(({ effect }) => effect),
      ...ledger.filter(({ status }) => status === 'done').map(({ key }) => key),
    ]);
    await Promise.all(deciding);
    const effects = await desk.settled(request);
    await delay(200);
    const posted = provider.log.filter((entry) => entry.note.text === text);
    expect(posted.filter(({ key }) => !known.has(key))).toEqual([]);
    expect(Math.max(0, ...posted.map(({ at }) => at - answeredAt))).toBeLessThan(2_000);
    expect(posted.map(({ key }) => key).toSorted()).toEqual(
      effects.flatMap(({ key, status }) => (status === 'done' ? [key] : [])).toSorted(),
    );
    expect((await desk.all(request)).filter(({ status }) => status === 'pending')).toEqual([]);
    expect(await stage.world.view(request)).toMatchObject({ waitingFor: [], underWay: [] });
    return posted.length;
  };

  test('is either never sent or known as sent when approval and cancel meet', { timeout: 240_000 }, async () => {
    const counts: number[] = [];
    const seeds = Array.from({ length: 30 }, (_, index) => index + 1);
    for (let first = 0; first < seeds.length; first += 6) {
      counts.push(...(await Promise.all(seeds.slice(first, first + 6).map(race))));
    }
    expect(counts).toHaveLength(30);
    expect(counts.filter((count) => count === 0).length).toBeGreaterThan(0);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(0);
  });
});

function isTooLate(error: unknown): void {
  if (!(error instanceof ProblemError) || !['decided', 'conflict'].includes(error.type)) throw error;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
