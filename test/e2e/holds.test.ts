import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Atom, JsonValue, SpaceRole } from '../../contracts/space.js';
import { holdOf } from '../../engine/holds.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { opusOf } from '../helpers/recordings.js';
import { deskOf } from './deciding.js';
import { openStage, resolvers, type Stage } from './stage.js';

const SAID = '14 December is before 15 January.';

/** A contradiction that was recorded holds its task whatever the model does, until the user has answered. */
describe('a held task', () => {
  let stage: Stage;
  let task: Atom;
  let agreement: Atom;
  beforeAll(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const asUser = <T>(work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> =>
    stage.world.serving.installation.engine.db.as(stage.world.owner, (tx) =>
      work(spaceAccess(tx, userActor(stage.world.owner))),
    );
  const put = (role: SpaceRole, payload: JsonValue, metadata: Record<string, string>): Promise<Atom> =>
    asUser(async (spaces) => spaces.put((await spaces.ofRole(role)).id, { payload, metadata, comment: 'set up' }));
  const now = (): Promise<Atom> => asUser((spaces) => spaces.get(task.space, task.id));
  /** Takes the tasks of earlier cases off the board, so that nothing is held but what this case holds. */
  const forget = (): Promise<void> =>
    asUser(async (spaces) => {
      const board = await spaces.ofRole('tasks');
      for (const { atom } of (await spaces.search({ spaces: [board.id] })).items)
        await spaces.update(board.id, atom.id, {
          payload: { title: 'Old' },
          metadata: { status: 'done' },
          comment: 'c',
        });
    });
  /** A board with one task and an agreement about it, and the turn that records a contradiction. */
  const contradiction = async (title = 'Go-live', named?: object): Promise<ScriptTurn> => {
    await forget();
    task = await put('tasks', { title, due: '2027-01-15' }, { status: 'open' });
    agreement = await put(
      'meetings',
      { text: 'Go-live not before 15 January for Castellan.', date: '2026-10-28' },
      { kind: 'agreement' },
    );
    const record = {
      title: 'Castellan',
      attendees: ['Miriam Okafor'],
      decisions: [],
      actionItems: [],
      openQuestions: [],
      dependencies: [],
      followUpMeeting: null,
      contradictions: [{ agreement: agreement.id, text: SAID, ...(named ?? { task: task.id }) }],
      completedTasks: [],
    };
    return { calls: [{ name: 'record_meeting', input: record }] };
  };
  const update = (): ScriptTurn => ({
    calls: [{ name: 'tasks_update', input: { task: task.id, due: '2026-12-14' } }],
  });
  const updates = async (request: string): Promise<unknown[]> =>
    (await stage.callsOf(request)).filter((call) => call.skill === 'tasks_update').map((call) => call.output);
  const HELD = { status: 'held', due: '2027-01-15', held: { text: SAID } };
  const unchanged = { payload: { title: 'Go-live', due: '2027-01-15' }, metadata: { status: 'held' } };
  const changed = { payload: { title: 'Go-live', due: '2026-12-14' }, metadata: { status: 'open' } };

  test('stays although the model updates it, asks, and changes after the answer [S0-09]', async () => {
    const record = await contradiction();
    const request = await stage.play([
      record,
      update,
      { calls: [{ name: 'ask_user', input: { question: 'Which date holds?' } }] },
      update,
      { text: 'Moved to 14 December.' },
    ]);
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    expect(await updates(request)).toMatchObject([HELD]);
    expect(await now()).toMatchObject(unchanged);
    await stage.say(request, 'The fourteenth holds.');
    const view = await stage.world.ended(request);
    expect(await now()).toMatchObject(changed);
    expect(view.result?.outputs).toContainEqual({ kind: 'contradiction', title: SAID, ref: `atom:${agreement.id}` });
  });

  test('may change once the user has answered in the conversation it was said in', async () => {
    const record = await contradiction();
    const first = await stage.finish([record, { text: `Held: ${SAID} Which date holds?` }]);
    expect(await now()).toMatchObject(unchanged);
    await stage.finish([update, { text: 'done' }], { conversation: first.conversation, text: 'The fourteenth.' });
    expect(await now()).toMatchObject(changed);
  });

  test('stays for another conversation, for words said before the user was told, and for other skills', async () => {
    const record = await contradiction();
    const other = {
      calls: [{ name: 'space_update', input: { space: task.space, atom: task.id, payload: 'x', comment: 'c' } }],
    };
    const gate = resolvers();
    stage.outside('gate', () => gate.promise.then(() => null));
    const wait = { calls: [{ name: 'probe', input: { name: 'gate' } }] };
    const first = await stage.play([record, wait, update, other, { text: 'told' }, { text: 'and heard' }]);
    await expect.poll(async () => (await stage.callsOf(first)).length, { timeout: 10_000 }).toBe(2);
    await stage.say(first, 'And hurry, please.');
    gate.resolve();
    const told = await stage.world.ended(first);
    expect(await updates(first)).toMatchObject([HELD]);
    const refused = (await stage.callsOf(first)).find((call) => call.skill === 'space_update');
    expect(refused?.error).toContain('is held');
    await stage.finish([update, { text: 'done' }], { text: 'Something else entirely' });
    expect(await now()).toMatchObject(unchanged);
    expect(told.status).toBe('completed');
  });

  const ASK = { name: 'ask_user', input: { question: 'Which Anna?' } };
  const answered = async (turns: readonly (ScriptTurn | (() => ScriptTurn))[], text: string): Promise<void> => {
    const request = await stage.play(turns, { text: 'Something else entirely' });
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    await stage.say(request, text);
    await stage.world.ended(request);
  };

  test('is not set free by the answer to a question that was asked before it was known', async () => {
    const record = await contradiction();
    await answered([{ calls: [ASK, ...(record.calls ?? [])] }, update, { text: 'done' }], 'Anna Schmidt');
    expect(await now()).toMatchObject(unchanged);
  });

  test('elsewhere is set free only by the answer to a question that the hold has led to', async () => {
    await stage.finish([await contradiction(), { text: 'told' }]);
    await answered([{ calls: [ASK] }, update, { text: 'done' }], 'Anna Schmidt');
    expect(await now()).toMatchObject(unchanged);
    await answered([update, { calls: [ASK] }, update, { text: 'done' }], 'The fourteenth holds.');
    expect(await now()).toMatchObject(changed);
  });

  test('is found by what the contradiction is about where the record names none', async () => {
    const record = await contradiction('Go-live for Castellan', {});
    const request = await stage.finish([record, update, { text: 'told' }]);
    expect(await updates(request.id)).toMatchObject([HELD]);
    expect((await now()).payload).toMatchObject({ due: '2027-01-15' });
  });

  test('cannot be had under another name', async () => {
    const record = await contradiction();
    const create = (title: string) => ({ name: 'tasks_create', input: { title, due: '2026-12-14' } });
    const input = { space: task.space, payload: { title: 'Go-live', due: '2026-12-14' }, comment: 'c' };
    const rename: (input: { toolResults: readonly { content: string }[] }) => ScriptTurn = ({ toolResults }) => {
      const { id } = JSON.parse(toolResults[2]?.content ?? '{}') as { id: string };
      return { calls: [{ name: 'tasks_update', input: { task: id, title: 'Go-live in December' } }] };
    };
    const view = await stage.finish([
      record,
      { calls: [create('Go-live 14 December'), { name: 'space_put', input }, create('Buy cake')] },
      rename as () => ScriptTurn,
      { text: 'told' },
    ]);
    const results = (await stage.callsOf(view.id)).filter((call) => call.turn > 1).map(({ output }) => output);
    expect(results).toMatchObject([
      { status: 'held', held: { text: SAID } },
      { version: 1 },
      { status: 'open' },
      { status: 'held' },
    ]);
    const board = await asUser(async (spaces) => spaces.search({ spaces: [task.space], metadata: { status: 'held' } }));
    const held = board.items.map(({ atom }) => (atom.payload as { title: string }).title);
    expect(held.toSorted()).toEqual(['Go-live', 'Go-live', 'Go-live 14 December', 'Go-live in December'].toSorted());
  });

  test('is held before the other calls of the turn that records it', async () => {
    for (let round = 0; round < 3; round += 1) {
      const record = await contradiction();
      const both = { calls: [...(update().calls ?? []), ...(record.calls ?? [])] };
      const view = await stage.finish([both, { text: 'told' }]);
      expect(await updates(view.id)).toMatchObject([HELD]);
    }
  });

  test('stays held while another record holds it, and gets its former status back in the end', async () => {
    const record = await contradiction();
    const first = await stage.finish([record, { text: 'told' }]);
    const second = await stage.finish([record, { text: 'told' }]);
    const undo = async (request: string): Promise<void> => {
      const call = (await stage.callsOf(request)).find(({ skill }) => skill === 'record_meeting');
      await stage.undo(call?.id ?? '');
      await expect
        .poll(async () => (await stage.callsOf(request)).find(({ id }) => id === call?.id)?.status, { timeout: 10_000 })
        .toBe('undone');
    };
    await undo(second.id);
    await stage.finish([update, { text: 'done' }]);
    expect(await now()).toMatchObject(unchanged);
    await undo(first.id);
    expect(await now()).toMatchObject({ metadata: { status: 'open' } });
  });

  test('that the user has opened by hand is free, and an old contradiction does not come back', async () => {
    await stage.finish([await contradiction(), { text: 'told' }]);
    const set = (status: string) =>
      asUser((spaces) => spaces.update(task.space, task.id, { metadata: { status }, comment: 'by hand' }));
    await set('open');
    await stage.finish([update, { text: 'done' }]);
    expect(await now()).toMatchObject(changed);
    await set('held');
    const later = { calls: [{ name: 'tasks_update', input: { task: task.id, due: '2026-12-15' } }] };
    await stage.finish([later, { text: 'done' }]);
    expect(await now()).toMatchObject({ payload: { due: '2026-12-15' }, metadata: { status: 'held' } });
  });

  test('is not set free by words of somebody else that are passed on', async () => {
    const { conversation } = await stage.finish([await contradiction(), { text: 'told' }]);
    const data = opusOf(2).toString('base64');
    const attachments = [{ mediaType: 'audio/ogg', data, forwarded: true }];
    const asked = stage.model.calls.length;
    const request = await stage.world.send({ conversation, attachments });
    await expect.poll(() => stage.model.calls.length, { timeout: 10_000 }).toBeGreaterThan(asked);
    const caller = { requestId: request, conversationId: conversation, user: { id: stage.world.owner } };
    const { engine } = stage.world.serving.installation;
    const hold = await engine.db.as(stage.world.owner, (tx) => holdOf(tx, caller as never, task.id));
    expect(hold).toMatchObject({ isAnswered: false });
  });

  test('is shown above every mail of the request, and is free again when the record is taken back', async () => {
    const record = await contradiction();
    const mail = { to: ['miriam@castellan.example'], subject: 'As discussed', body: 'Go-live on 14 December.' };
    const request = await stage.play([
      record,
      { calls: [{ name: 'email_send', input: mail }] },
      { text: 'A draft.' },
      { text: 'ok' },
    ]);
    const desk = deskOf(stage);
    const [approval] = await desk.waitFor(request, 1);
    expect(approval?.preview.contradictions).toEqual([SAID]);
    expect(approval?.preview.text).toContain(`Contradicts an earlier agreement, not settled yet: ${SAID}`);
    const call = (await stage.callsOf(request)).find((candidate) => candidate.skill === 'record_meeting');
    await stage.undo(call?.id ?? '');
    await expect.poll(now, { timeout: 10_000 }).toMatchObject({ metadata: { status: 'open' } });
    expect((await desk.pending(request))[0]?.preview.contradictions).toBeUndefined();
    await desk.decide(approval, { decision: 'reject', reason: 'no' });
    await stage.world.ended(request);
  });
});
