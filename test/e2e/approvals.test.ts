import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPolicy } from '../../engine/policies.js';
import { resultText, blocksOf } from '../stand-ins/anthropic-body.js';
import type { RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import { type Desk, deskOf, outcomesIn, wordsIn } from './deciding.js';
import { openStage, type Stage } from './stage.js';

const MAIL = { to: ['dana@example.com'], subject: 'Lunch', body: 'Lunch at one?' };

function sending(...mails: unknown[]): ScriptTurn {
  return { calls: mails.map((input) => ({ name: 'email_send', input })) };
}

/** The answers to the calls of the turn before, as the model reads them. */
function answersIn(call: RecordedCall | undefined): string[] {
  return blocksOf(call?.body?.messages.at(-1)?.content ?? [])
    .filter((block) => block.type === 'tool_result')
    .map(resultText);
}

describe('what goes outward', () => {
  let stage: Stage;
  let desk: Desk;
  beforeAll(async () => {
    stage = await openStage();
    desk = deskOf(stage);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const parked = (request: string) => stage.world.until(request, (view) => view.status === 'waiting_approval');
  const mailsAbout = (subject: string): string[] =>
    desk.outbox().filter((mail) => mail.includes(`Subject: ${subject}\r\n`));

  test('is held with the summary shown, sent once when approved, and told of in one further turn [S0-14] [S0-22]', async () => {
    const request = await stage.play([
      sending(MAIL),
      { text: 'A mail to Dana waits for you.' },
      { text: 'It is sent.' },
    ]);
    const waiting = await parked(request);
    expect(waiting.result?.text).toBe('A mail to Dana waits for you.');
    expect(desk.outbox()).toEqual([]);
    const [approval] = await desk.pending(request);
    expect(approval?.preview).toMatchObject({ recipients: ['dana@example.com'] });
    expect(approval?.preview.text).toContain('Lunch at one?');
    await desk.decide(approval, { decision: 'approve' });
    const ended = await stage.world.ended(request);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'It is sent.' }, underWay: [] });
    expect(desk.outbox()).toEqual([approval?.rendered?.text]);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(outcomesIn(stage.asked(request).at(-1))).toMatchObject([{ decision: 'approved', status: 'done' }]);
  });

  test('is asked together for all calls of a turn, and all decisions are told in one message of one further turn', async () => {
    const subjects = ['As it is', 'With a change', 'Not at all', 'In other words'];
    const request = await stage.play([
      sending(...subjects.map((subject) => ({ ...MAIL, subject }))),
      { text: 'Four mails wait.' },
      { text: 'Understood.' },
    ]);
    expect((await parked(request)).waitingFor.map(({ kind }) => kind)).toEqual(Array(4).fill('approval'));
    const [asItIs, changed, refused, other] = await desk.waitFor(request, 4);
    await desk.decide(asItIs, { decision: 'approve' });
    await vi.waitFor(() => expect(mailsAbout('As it is')).toHaveLength(1), { timeout: 10_000 });
    const payload = { ...MAIL, subject: 'With a change', body: 'Lunch at two.' };
    await desk.decide(changed, { decision: 'edit', payload });
    await desk.decide(refused, { decision: 'reject', reason: 'too early for that' });
    expect(stage.asked(request)).toHaveLength(2);
    expect(await stage.world.view(request)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: [{ kind: 'approval', id: other?.id }],
    });
    await desk.decide(other, { decision: 'respond', reason: 'say it with a poem' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Understood.' } });
    expect(stage.asked(request)).toHaveLength(3);
    const told = outcomesIn(stage.asked(request)[2]);
    expect(told).toMatchObject([
      { approval: asItIs?.id, decision: 'approved', status: 'done' },
      { approval: changed?.id, decision: 'edited', status: 'done', payload },
      { approval: refused?.id, decision: 'rejected', reason: 'too early for that' },
      { approval: other?.id, decision: 'rejected', reason: 'say it with a poem' },
    ]);
    expect(told[0]).not.toHaveProperty('payload');
    const [mail, ...more] = mailsAbout('With a change');
    expect(mail).toContain('Lunch at two.');
    expect(more).toEqual([]);
    expect([...mailsAbout('Not at all'), ...mailsAbout('In other words')]).toEqual([]);
    expect(await desk.effects(request)).toHaveLength(2);
  });

  test('lets a message that comes meanwhile have a turn at once, while the old approval stays until it is decided', async () => {
    const at = (hour: string) => ({ ...MAIL, subject: 'Meeting', body: `At ${hour} o'clock.` });
    const request = await stage.play([
      sending(at('one')),
      { text: 'At one: waits for you.' },
      sending(at('two')),
      { text: 'At two: waits for you as well.' },
      { text: 'Sent for two.' },
    ]);
    const [one] = await desk.waitFor(request, 1);
    await parked(request);
    await stage.say(request, "make it two o'clock instead");
    const both = await desk.waitFor(request, 2);
    expect(wordsIn(stage.asked(request)[2])).toEqual(["make it two o'clock instead"]);
    expect(both[0]?.id).toBe(one?.id);
    const shown = await stage.world.until(request, (view) => view.result?.text === 'At two: waits for you as well.');
    expect(shown).toMatchObject({ status: 'waiting_approval', waitingFor: both.map(({ id }) => ({ id })) });
    expect(mailsAbout('Meeting')).toEqual([]);
    await desk.decide(both[0], { decision: 'reject', reason: 'two it is' });
    await desk.decide(both[1], { decision: 'approve' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Sent for two.' } });
    expect(outcomesIn(stage.asked(request)[4]).map(({ decision }) => decision)).toEqual(['rejected', 'approved']);
    expect(mailsAbout('Meeting')).toEqual([both[1]?.rendered?.text]);
  });

  const ASK_TOO: ScriptTurn = {
    calls: [
      ...(sending({ ...MAIL, subject: 'Both' }).calls ?? []),
      { name: 'ask_user', input: { question: 'Which room?' } },
    ],
  };

  test('may wait beside a question: approved first, it is told of together with the answer', async () => {
    const request = await stage.play([ASK_TOO, { text: 'All set.' }]);
    const [approval] = await desk.waitFor(request, 1);
    const waiting = await stage.world.until(request, (view) => view.waitingFor.length === 2);
    expect(waiting.status).toBe('waiting_user');
    expect(waiting.waitingFor.map(({ kind }) => kind).toSorted()).toEqual(['approval', 'user']);
    await desk.decide(approval, { decision: 'approve' });
    expect(await desk.settled(request)).toMatchObject([{ status: 'done' }]);
    expect(await stage.world.view(request)).toMatchObject({ status: 'waiting_user', waitingFor: [{ kind: 'user' }] });
    await stage.say(request, 'the small room');
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'All set.' } });
    expect(answersIn(stage.asked(request)[1])[1]).toBe('{"answer":"the small room"}');
    expect(outcomesIn(stage.asked(request)[1])).toMatchObject([{ decision: 'approved', status: 'done' }]);
    expect(stage.asked(request)).toHaveLength(2);
  });

  test('that a policy gives leaves the request waiting for the user where a question stands beside it', async () => {
    const { engine } = stage.world.serving.installation;
    await createPolicy(engine, stage.world.owner, { skill: 'email_send', recipient: 'covered@example.com' });
    const covered = { ...MAIL, to: ['covered@example.com'] };
    const calls = [...(sending(covered).calls ?? []), { name: 'ask_user', input: { question: 'Which room?' } }];
    const request = await stage.play([{ calls }, { text: 'All set.' }]);
    const waiting = await stage.world.until(request, (view) => view.status === 'waiting_user');
    expect(waiting.waitingFor).toMatchObject([{ kind: 'user', text: 'Which room?' }]);
    expect(await desk.settled(request)).toMatchObject([{ status: 'done' }]);
    await stage.say(request, 'the small room');
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'All set.' } });
  });

  test('may wait beside a question: answered first, the agent goes on and the approval stays', async () => {
    const request = await stage.play([ASK_TOO, { text: 'The mail still waits.' }, { text: 'And it is out.' }]);
    const [approval] = await desk.waitFor(request, 1);
    await stage.world.until(request, (view) => view.waitingFor.length === 2);
    await stage.say(request, 'the large room');
    expect(await parked(request)).toMatchObject({
      result: { text: 'The mail still waits.' },
      waitingFor: [{ kind: 'approval', id: approval?.id }],
    });
    await desk.decide(approval, { decision: 'approve' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'And it is out.' } });
    expect(stage.asked(request)).toHaveLength(3);
  });

  test('is asked for anew when the turn that was told of the outcomes wants more', async () => {
    const request = await stage.play([
      sending({ ...MAIL, subject: 'First' }),
      { text: 'The first waits.' },
      sending({ ...MAIL, subject: 'Second' }),
      { text: 'The second waits.' },
      { text: 'Both are out.' },
    ]);
    const [first] = await desk.waitFor(request, 1);
    await parked(request);
    await desk.decide(first, { decision: 'approve' });
    const [second] = await vi.waitFor(async () => {
      const found = await desk.pending(request);
      expect(found).toMatchObject([{ payload: { subject: 'Second' } }]);
      return found;
    }, 10_000);
    expect(mailsAbout('Second')).toEqual([]);
    await parked(request);
    await desk.decide(second, { decision: 'approve' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Both are out.' } });
    expect(outcomesIn(stage.asked(request).at(-1))).toMatchObject([{ approval: second?.id, decision: 'approved' }]);
    expect([mailsAbout('First'), mailsAbout('Second')].map((mails) => mails.length)).toEqual([1, 1]);
  });

  test('runs by itself under a rule the user has made, whose row says so, and asks for everybody else', async () => {
    const to = ['erin@example.com'];
    const first = await stage.play([sending({ ...MAIL, to }), { text: 'Waits.' }, { text: 'Sent.' }]);
    const [asked] = await desk.waitFor(first, 1);
    await desk.decide(asked, { decision: 'approve', remember: 'recipient' });
    await stage.world.ended(first);
    const next = await stage.finish([sending({ ...MAIL, to, subject: 'Unasked' }), { text: 'Sent at once.' }]);
    expect(next).toMatchObject({ status: 'completed', result: { text: 'Sent at once.' } });
    expect(await desk.all(next.id)).toMatchObject([{ status: 'approved', decidedBy: 'policy' }]);
    expect(await desk.effects(next.id)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(mailsAbout('Unasked')).toHaveLength(1);
    expect(outcomesIn(stage.asked(next.id)[1])).toMatchObject([{ decision: 'approved', status: 'done' }]);
    const wider = await stage.play([
      sending({ ...MAIL, to: [...to, 'frank@example.com'], subject: 'Wider' }),
      { text: 'Waits again.' },
      { text: 'Left.' },
    ]);
    const [one] = await desk.waitFor(wider, 1);
    await parked(wider);
    expect(mailsAbout('Wider')).toEqual([]);
    await desk.decide(one, { decision: 'reject' });
    expect((await stage.world.ended(wider)).status).toBe('completed');
  });

  test('goes on by itself when the time for a decision is over, and says that nothing was done', async () => {
    const limits = stage.world.serving.installation.engine.limits as { approvalDays: number };
    const usual = limits.approvalDays;
    limits.approvalDays = 4 / 86_400;
    const turns = [sending({ ...MAIL, subject: 'Too late' }), { text: 'Waits.' }, { text: 'It has expired.' }];
    const request = await stage.play(turns);
    const [approval] = await desk.waitFor(request, 1).finally(() => (limits.approvalDays = usual));
    expect(await stage.world.ended(request)).toMatchObject({
      status: 'completed',
      result: { text: 'It has expired.' },
    });
    expect(outcomesIn(stage.asked(request)[2])).toMatchObject([{ approval: approval?.id, decision: 'expired' }]);
    expect(await desk.all(request)).toMatchObject([{ status: 'expired' }]);
    await expect(desk.decide(approval, { decision: 'approve' })).rejects.toMatchObject({ type: 'expired' });
    expect(mailsAbout('Too late')).toEqual([]);
    expect(await desk.effects(request)).toEqual([]);
  });

  test('tells of what expired together with what was decided later', async () => {
    const request = await stage.play([
      sending({ ...MAIL, subject: 'Forgotten' }, { ...MAIL, subject: 'Remembered' }),
      { text: 'Two wait.' },
      { text: 'One of two.' },
    ]);
    const [forgotten, remembered] = await desk.waitFor(request, 2);
    await parked(request);
    await desk.expire(forgotten);
    await expect(desk.decide(forgotten, { decision: 'approve' })).rejects.toMatchObject({ type: 'expired' });
    await desk.decide(remembered, { decision: 'approve' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'One of two.' } });
    const decisions = outcomesIn(stage.asked(request)[2]).map(({ approval, decision }) => [approval, decision]);
    expect(decisions).toEqual([
      [forgotten?.id, 'expired'],
      [remembered?.id, 'approved'],
    ]);
    expect([...mailsAbout('Forgotten'), ...mailsAbout('Remembered')]).toHaveLength(1);
  });
});
