import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Approval, Decision } from '../../contracts/approval.js';
import { listApprovals, listEffects, viewApproval } from '../../engine/approval-views.js';
import { decide } from '../../engine/decisions.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { createWorld, type RequestView, type World } from '../helpers/world.js';
import { openStage, type Stage } from './stage.js';

/** A person with a keyboard: reads what waits, decides, and looks into the outbox. */
function personIn(world: World) {
  const { engine } = world.serving.installation;
  const folder = path.join(world.home, 'local', world.owner, 'mail', 'outbox');
  return {
    outbox: (): string[] =>
      existsSync(folder)
        ? readdirSync(folder)
            .toSorted()
            .map((name) => readFileSync(path.join(folder, name), 'latin1'))
        : [],
    waiting: async (request: string): Promise<Approval[]> =>
      (await listApprovals(engine, world.owner, { request, status: 'pending', limit: 50 })).items,
    effects: (request: string) => listEffects(engine, world.owner, request),
    read: (id: string): Promise<Approval> => viewApproval(engine, world.owner, id),
    decide: (approval: Approval, decision: Omit<Decision, 'payloadHash'>): Promise<void> =>
      decide(engine, world.owner, approval.id, { ...decision, payloadHash: approval.payloadHash }),
    held: (request: string): Promise<RequestView> => world.until(request, (view) => view.status === 'waiting_approval'),
  };
}

function only<T>(items: readonly T[]): T {
  const [first] = items;
  if (first === undefined || items.length !== 1) throw new Error(`expected one, got ${items.length}`);
  return first;
}

describe('a mail by the rehearsal model', () => {
  let world: World;
  let person: ReturnType<typeof personIn>;
  beforeAll(async () => {
    world = await createWorld({ file: { owner: { name: 'Mike' } } });
    person = personIn(world);
  });
  afterAll(() => world.close());

  test('is held with its whole text and every recipient shown, edited, and sent once as edited [S0-14]', async () => {
    const request = await world.send({
      text: 'Send dana@example.com a mail with the subject Lunch saying Shall we meet at one? I book a table.',
    });
    const held = await person.held(request);
    const approval = only(await person.waiting(request));
    expect(held.waitingFor).toEqual([{ kind: 'approval', id: approval.id, text: approval.title }]);
    expect(held.result?.text).toContain('dana@example.com');
    expect(approval.payload).toEqual({
      to: ['dana@example.com'],
      subject: 'Lunch',
      body: 'Shall we meet at one? I book a table.',
    });
    expect(approval.preview).toMatchObject({
      recipients: ['dana@example.com'],
      newRecipients: ['dana@example.com'],
      text: expect.stringContaining('Shall we meet at one? I book a table.'),
    });
    expect([person.outbox(), await person.effects(request)]).toEqual([[], []]);
    const payload = {
      to: ['dana@example.com'],
      cc: ['kim@example.com'],
      subject: 'Lunch?',
      body: 'Dear Dana,\nshall we meet at two? — Grüße\n',
    };
    await person.decide(approval, { decision: 'edit', payload });
    const ended = await world.ended(request);
    expect(ended).toMatchObject({ status: 'completed', waitingFor: [] });
    const edited = await person.read(approval.id);
    expect(edited).toMatchObject({ status: 'edited', payload });
    expect(edited.payloadHash).not.toBe(approval.payloadHash);
    expect(person.outbox()).toEqual([edited.rendered?.text]);
    expect(await person.effects(request)).toMatchObject([
      { key: approval.id, status: 'done', attempts: 1, payloadHash: edited.payloadHash },
    ]);
    expect(ended.result?.outputs).toEqual([
      { kind: 'mail', title: 'Mail to dana@example.com (+1 more): Lunch?', ref: `effect:${approval.id}` },
    ]);
  });

  test('that is rejected leaves no trace outside, and the answer says so [S0-14]', async () => {
    const before = person.outbox();
    const request = await world.send({ text: 'Send eve@example.com a mail saying The offer is withdrawn.' });
    await person.held(request);
    await person.decide(only(await person.waiting(request)), { decision: 'reject', reason: 'Not yet.' });
    const ended = await world.ended(request);
    expect(ended).toMatchObject({ status: 'completed', waitingFor: [], result: { outputs: [] } });
    expect(ended.result?.text).toMatch(/reject|not sent|Nothing was sent/i);
    expect(person.outbox()).toEqual(before);
    expect(await person.effects(request)).toEqual([]);
    const next = await world.send({ text: 'Send eve@example.com a mail saying Hello.' });
    await person.held(next);
    expect(only(await person.waiting(next)).preview.newRecipients).toEqual(['eve@example.com']);
  });

  test('that nobody has decided does not hold up anything else', async () => {
    const request = await world.send({ text: 'Send dana@example.com a mail saying Still there?' });
    await person.held(request);
    const other = await world.ended(await world.send({ text: 'thanks' }));
    expect(other.status).toBe('completed');
    expect((await world.view(request)).status).toBe('waiting_approval');
    const approval = only(await person.waiting(request));
    expect(approval.preview.newRecipients).toEqual([]);
    await person.decide(approval, { decision: 'approve' });
    await world.ended(request);
    expect(person.outbox()).toContain(approval.rendered?.text);
  });
});

describe('a mail by a model that reads the conversation', () => {
  let stage: Stage;
  let person: ReturnType<typeof personIn>;
  beforeAll(async () => {
    stage = await openStage();
    person = personIn(stage.world);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const sending = (body: string): ScriptTurn => ({
    calls: [{ name: 'email_send', input: { to: ['dana@example.com'], subject: 'Lunch', body } }],
    derived: ['dana@example.com', 'Lunch', body],
  });

  test('follows up with somebody from what was said before, and waits [S0-13]', async () => {
    const said = 'Dana Klein (dana.klein@example.com) wants the offer for the harbour wall by 27 November';
    const noted = await stage.finish([{ text: 'Noted.' }], { text: said });
    const mail = {
      to: ['dana.klein@example.com'],
      subject: 'The offer for the harbour wall',
      body: 'Dear Dana,\n\nyou will have the offer for the harbour wall by 27 November.',
    };
    const request = await stage.play(
      [
        { calls: [{ name: 'email_send', input: mail }] },
        { text: 'The mail to Dana waits for you.' },
        { text: 'Then not.' },
      ],
      { text: 'follow up with her', conversation: noted.conversation },
    );
    const held = await person.held(request);
    expect(held.result?.text).toBe('The mail to Dana waits for you.');
    const approval = only(await person.waiting(request));
    expect(approval).toMatchObject({ payload: mail, status: 'pending' });
    expect(person.outbox()).toEqual([]);
    await person.decide(approval, { decision: 'reject' });
    expect((await stage.world.ended(request)).result).toEqual({ text: 'Then not.', outputs: [] });
    expect(person.outbox()).toEqual([]);
  });

  test('is all there is to decide: tasks and events are done, and the summary says so [S0-22]', async () => {
    const mail = { to: ['anna@example.com'], subject: 'Our call', body: 'Dear Anna, thank you for the call.' };
    const event = {
      title: 'Call with Anna',
      start: '2026-11-26T14:00:00+01:00',
      end: '2026-11-26T14:30:00+01:00',
      timeZone: 'Europe/Berlin',
      attendees: [],
    };
    const summary = 'One task and one event are made; the mail to Anna waits for you.';
    const derived = [event.start, event.end, event.timeZone, 'Call', 'Our call'];
    const request = await stage.play(
      [
        {
          calls: [
            { name: 'tasks_create', input: { title: 'Check the firewall' } },
            { name: 'calendar_create_event', input: event },
            { name: 'email_send', input: mail },
          ],
          derived,
        },
        { text: summary },
        { text: 'The mail to Anna is sent.' },
      ],
      {
        text: 'Call with Anna (anna@example.com): I check the firewall, next call on Thursday at two. Thank her by mail.',
        occurredAt: '2026-11-23T09:00:00Z',
        timeZone: 'Europe/Berlin',
      },
    );
    const held = await person.held(request);
    const approval = only(await person.waiting(request));
    expect(held.waitingFor).toMatchObject([{ kind: 'approval', id: approval.id }]);
    expect(held.result?.text).toBe(summary);
    expect(held.result?.outputs).toMatchObject([
      { kind: 'task', title: 'Check the firewall' },
      { kind: 'event' },
      { kind: 'draft', ref: `approval:${approval.id}` },
    ]);
    const changed = { ...mail, body: `${mail.body}\n\nMike` };
    await person.decide(approval, { decision: 'edit', payload: changed });
    const ended = await stage.world.ended(request);
    expect(ended).toMatchObject({ status: 'completed', waitingFor: [], result: { text: 'The mail to Anna is sent.' } });
    expect(ended.result?.outputs.map(({ kind }) => kind)).toEqual(['task', 'event', 'mail']);
    expect(person.outbox()).toEqual([(await person.read(approval.id)).rendered?.text]);
  });

  test('is proposed anew when it is changed by talking, and only what was approved is sent', async () => {
    const before = person.outbox();
    const request = await stage.play([
      sending('Lunch at one?'),
      { text: 'A mail for one o’clock waits for you.' },
      sending('Lunch at two?'),
      { text: 'A mail for two o’clock waits for you.' },
      { text: 'The one for two o’clock is sent.' },
    ]);
    await person.held(request);
    const first = only(await person.waiting(request));
    await stage.say(request, 'make it two o’clock instead');
    const held = await stage.world.until(
      request,
      (view) => view.status === 'waiting_approval' && view.waitingFor.length === 2,
    );
    expect(held.result?.text).toBe('A mail for two o’clock waits for you.');
    const second = only((await person.waiting(request)).filter(({ id }) => id !== first.id));
    expect(second.payload).toMatchObject({ body: 'Lunch at two?' });
    expect(second.payloadHash).not.toBe(first.payloadHash);
    expect(second.derivedFrom.filter(({ ref }) => ref.startsWith('message:'))).toHaveLength(2);
    await person.decide(first, { decision: 'reject', reason: 'Two o’clock instead.' });
    expect((await stage.world.view(request)).waitingFor).toMatchObject([{ kind: 'approval', id: second.id }]);
    expect(person.outbox()).toEqual(before);
    await person.decide(second, { decision: 'approve' });
    const ended = await stage.world.ended(request);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'The one for two o’clock is sent.' } });
    expect(person.outbox().filter((mail) => !before.includes(mail))).toEqual([second.rendered?.text]);
    expect(await person.effects(request)).toMatchObject([{ key: second.id, status: 'done', attempts: 1 }]);
  });
});
