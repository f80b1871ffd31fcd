import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Atom, JsonValue, SpaceRole } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { deskOf } from './deciding.js';
import { openStage, type Stage } from './stage.js';

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
  /** A board with one task and an agreement about it, and the turn that records a contradiction. */
  const contradiction = async (): Promise<ScriptTurn> => {
    task = await put('tasks', { title: 'Go-live', due: '2027-01-15' }, { status: 'open' });
    agreement = await put('meetings', { text: 'Not before 15 January.', date: '2026-10-28' }, { kind: 'agreement' });
    const record = {
      title: 'Castellan',
      attendees: ['Miriam Okafor'],
      decisions: [],
      actionItems: [],
      openQuestions: [],
      dependencies: [],
      followUpMeeting: null,
      contradictions: [{ agreement: agreement.id, task: task.id, text: SAID }],
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
    const first = await stage.play([record, update, other, { text: 'told' }]);
    await stage.say(first, 'And hurry, please.');
    const told = await stage.world.ended(first);
    expect(await updates(first)).toMatchObject([HELD]);
    const refused = (await stage.callsOf(first)).find((call) => call.skill === 'space_update');
    expect(refused?.error).toContain('is held');
    await stage.finish([update, { text: 'done' }], { text: 'Something else entirely' });
    expect(await now()).toMatchObject(unchanged);
    expect(told.status).toBe('completed');
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
