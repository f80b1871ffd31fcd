import { beforeEach, describe, expect, it } from 'vitest';
import type { Meeting } from '../../contracts/meeting.js';
import type { Atom } from '../../contracts/space.js';
import { recordMeeting } from '../../skills/record-meeting/run.js';
import { fileTranscript } from '../../skills/shared/transcript.js';
import { tasksUpdate } from '../../skills/tasks-update/run.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

let context: FakeContext;
let agreement: Atom;
let task: Atom;
beforeEach(async () => {
  context = fakeContext();
  context.words.push('They want to go live on the fourteenth.');
  agreement = await context.spaces.put('sp_meetings', {
    payload: { text: 'Go-live not before 15 January.', date: '2026-10-28' },
    metadata: { kind: 'agreement' },
    comment: 'set up',
  });
  task = await context.spaces.put('sp_tasks', {
    payload: { title: 'Go-live', due: '2027-01-15' },
    metadata: { status: 'open' },
    comment: 'set up',
  });
});

const PLAIN: Meeting = {
  title: 'Call with Castellan',
  attendees: ['Miriam Okafor', 'Mara Lindt'],
  decisions: [{ text: 'The price stays.' }],
  actionItems: [
    { id: 'a1', text: 'Send the plan', owner: 'Mara Lindt', ownerStatus: 'explicit', due: '2026-11-30' },
    { id: 'a2', text: 'Mail the new test window', owner: null, ownerStatus: 'unassigned', due: null },
  ],
  openQuestions: [{ text: 'Who trains the call centre?' }, 'Who pays?'],
  dependencies: [{ item: 'a1', dependsOn: 'a2' }],
  followUpMeeting: {
    start: '2026-12-03T14:00:00+01:00',
    end: '2026-12-03T15:00:00+01:00',
    timeZone: 'Europe/Berlin',
    attendees: ['Miriam Okafor', 'Mara Lindt'],
    agenda: ['plan'],
    certainty: 'confirmed',
  },
  contradictions: [],
  completedTasks: [],
};
const NAMED_WRONG: Meeting['actionItems'][number] = {
  id: 'followUpMeeting',
  text: 'x',
  owner: null,
  ownerStatus: 'unassigned',
  due: null,
};
const contradicting = (more: object): Meeting => ({
  ...PLAIN,
  contradictions: [{ agreement: agreement.id, text: '14 December is before 15 January.', ...more }],
});
const stored = (space: string, id: string): Promise<Atom> => context.spaces.get(space, id);
const outputOf = async (meeting: Meeting) => {
  const result = await runSkill(recordMeeting, meeting, context);
  return {
    result,
    output: result.output as { meeting: string; transcripts: string[]; held: { task: string | null }[] },
  };
};

describe('record_meeting', () => {
  it('files exactly its input as one atom that refers to the transcript, and shows it as an output', async () => {
    const { result, output } = await outputOf({ ...PLAIN, completedTasks: [task.id] });
    const atom = await stored('sp_meetings', output.meeting);
    expect(atom.payload).toEqual({ ...PLAIN, completedTasks: [task.id] });
    expect(atom.metadata).toMatchObject({ kind: 'meeting', title: 'Call with Castellan', at: context.now });
    const [transcript] = output.transcripts;
    expect(atom.references).toEqual([
      { type: 'transcript', atom: transcript },
      { type: 'completed', atom: task.id },
    ]);
    expect((await stored('sp_meetings', transcript ?? '')).payload).toMatchObject({
      text: 'They want to go live on the fourteenth.',
    });
    expect(result.outputs).toEqual([{ kind: 'meeting', title: 'Call with Castellan', ref: `atom:${output.meeting}` }]);
    expect((await stored('sp_tasks', task.id)).metadata['status']).toBe('open');
  });

  it('keeps one transcript however often the meeting is recorded', async () => {
    const first = await outputOf(PLAIN);
    const second = await outputOf(PLAIN);
    expect(second.output.transcripts).toEqual(first.output.transcripts);
  });

  it('takes the next meeting as a part where there is one', async () => {
    const dependencies = [{ item: 'followUpMeeting', dependsOn: 'a1' }];
    const { output } = await outputOf({ ...PLAIN, dependencies });
    expect((await stored('sp_meetings', output.meeting)).payload).toMatchObject({ dependencies });
  });

  it.each<[string, () => Partial<Meeting>, RegExp]>([
    ['a finished task', () => ({ completedTasks: ['atm_99'] }), /completedTasks\.0/],
    ['an agreement that is a task', () => ({ contradictions: [{ agreement: task.id, text: 'x' }] }), /agreement/],
    [
      'a task of an item',
      () => ({
        actionItems: [{ ...PLAIN.actionItems[1], id: 'a1', existingTask: 'atm_98' } as never],
        dependencies: [],
      }),
      /existingTask/,
    ],
  ])('refuses to name what is not there: %s', async (_what, wrong, message) => {
    await expect(runSkill(recordMeeting, { ...PLAIN, ...wrong() }, context)).rejects.toMatchObject({
      errors: [{ path: expect.stringMatching(message) }],
    });
  });

  it.each<[string, Partial<Meeting>, string]>([
    [
      'an owner who was not named',
      { actionItems: [{ id: 'a1', text: 'x', owner: 'Jo', ownerStatus: 'ambiguous', due: null }], dependencies: [] },
      'actionItems.0.owner',
    ],
    ['an item called like the next meeting', { actionItems: [NAMED_WRONG], dependencies: [] }, 'actionItems.0.id'],
    ['a part that depends on itself', { dependencies: [{ item: 'a1', dependsOn: 'a1' }] }, 'dependencies.0.dependsOn'],
    [
      'the next meeting as a part where there is none',
      { followUpMeeting: null, dependencies: [{ item: 'followUpMeeting', dependsOn: 'a1' }] },
      'dependencies.0.item',
    ],
    [
      'a dependency on the next meeting where there is none',
      { followUpMeeting: null, dependencies: [{ item: 'a1', dependsOn: 'followUpMeeting' }] },
      'dependencies.0.dependsOn',
    ],
    ['a dependency on nothing', { dependencies: [{ item: 'a1', dependsOn: 'a9' }] }, 'dependencies.0.dependsOn'],
    [
      'a day that was not resolved',
      {
        actionItems: [{ id: 'a1', text: 'x', owner: null, ownerStatus: 'unassigned', due: 'Friday' }],
        dependencies: [],
      },
      'actionItems.0.due',
    ],
  ])('refuses %s and says where', async (_what, wrong, path) => {
    await expect(runSkill(recordMeeting, { ...PLAIN, ...wrong }, context)).rejects.toThrow(path);
  });

  it('holds the task that a contradiction names, and says it to the user [S0-09]', async () => {
    const { result, output } = await outputOf(contradicting({ task: task.id }));
    expect(output.held).toMatchObject([{ task: task.id, agreement: agreement.id }]);
    expect(await stored('sp_tasks', task.id)).toMatchObject({ payload: task.payload, metadata: { status: 'held' } });
    expect(result.outputs?.at(-1)).toEqual({
      kind: 'contradiction',
      title: '14 December is before 15 January.',
      ref: `atom:${agreement.id}`,
    });
  });

  it('holds the task that the contradicting action item is about, and the one it would become', async () => {
    const [first, second] = PLAIN.actionItems;
    if (first === undefined || second === undefined) throw new Error('no items');
    const other = await context.spaces.put('sp_meetings', {
      payload: { text: 'No mail before Tuesday.', date: '2026-10-28' },
      metadata: { kind: 'agreement' },
      comment: 'set up',
    });
    const items = [{ ...first, existingTask: task.id }, second];
    const { output } = await outputOf({
      ...contradicting({ item: 'a1' }),
      actionItems: items,
      contradictions: [
        { agreement: agreement.id, item: 'a1', text: 'one' },
        { agreement: other.id, item: 'a2', text: 'two' },
      ],
    });
    expect(output.held.map((held) => held.task)).toEqual([task.id, null]);
    expect([...context.holds.placed.keys()]).toEqual([task.id, 'title:Mail the new test window']);
  });

  it('is taken back with its holds', async () => {
    const { result, output } = await outputOf(contradicting({ task: task.id }));
    await undoSkill(recordMeeting, result, context);
    expect(await stored('sp_meetings', output.meeting)).toMatchObject({ deprecated: true });
    expect((await stored('sp_tasks', task.id)).metadata['status']).toBe('open');
  });
});

describe('tasks_update on a held task', () => {
  it('changes nothing before the user has answered, and says why [S0-09]', async () => {
    await outputOf(contradicting({ task: task.id }));
    const before = await stored('sp_tasks', task.id);
    const { output, outputs, undo } = await runSkill(tasksUpdate, { task: task.id, due: '2026-12-14' }, context);
    expect(output).toMatchObject({
      status: 'held',
      due: '2027-01-15',
      held: { text: '14 December is before 15 January.' },
    });
    expect({ outputs, undo }).toEqual({ outputs: undefined, undo: undefined });
    expect(await stored('sp_tasks', task.id)).toEqual(before);
  });

  it('changes it after the answer and opens it again', async () => {
    await outputOf(contradicting({ task: task.id }));
    context.holds.isAnswered = true;
    await runSkill(tasksUpdate, { task: task.id, due: '2026-12-14' }, context);
    expect(await stored('sp_tasks', task.id)).toMatchObject({
      payload: { due: '2026-12-14' },
      metadata: { status: 'open' },
    });
  });
});

describe('the transcript of a record', () => {
  /** Leaves what a request with recordings leaves. */
  async function recorded(request: string, files: readonly string[], conversation = 'cnv_1'): Promise<string[]> {
    const from = { ...context, requestId: request, conversationId: conversation };
    const atoms: string[] = [];
    for (const file of files)
      atoms.push((await fileTranscript(from, 'sp_meetings', { text: `said in ${file}`, file })).id);
    return atoms;
  }
  async function transcriptsFor(words: string): Promise<string[]> {
    context.words.splice(0, context.words.length, words);
    const result = await runSkill(recordMeeting, PLAIN, { ...context, requestId: 'req_9' });
    return (result.output as { transcripts: string[] }).transcripts.toSorted();
  }

  it('is what was recorded in this conversation before, where the user says no more than to file it', async () => {
    await recorded('req_1', ['file_1']);
    const newest = await recorded('req_2', ['file_2', 'file_3']);
    await recorded('req_3', ['file_4'], 'cnv_2');
    expect(await transcriptsFor('file that')).toEqual(newest.toSorted());
    // Only what was recorded counts, and only once.
    expect(await transcriptsFor('and file it again')).toEqual(newest.toSorted());
  });

  it('is what was typed where nothing was recorded in this conversation', async () => {
    await recorded('req_3', ['file_4'], 'cnv_2');
    const [typed] = await transcriptsFor('Anna sends the plan.');
    expect((await stored('sp_meetings', typed ?? '')).payload).toMatchObject({ text: 'Anna sends the plan.' });
  });

  it('is what was typed where that is a note itself', async () => {
    const older = await recorded('req_1', ['file_1']);
    const note = 'Just had the call with Anna about the harbour gate. '.repeat(8);
    const [typed] = await transcriptsFor(note);
    expect(older).not.toContain(typed);
    expect((await stored('sp_meetings', typed ?? '')).payload).toMatchObject({ text: note });
  });

  it('is each of a hundred recordings, and beyond them the record is refused', async () => {
    const own = await recorded(
      'req_9',
      Array.from({ length: 100 }, (_, index) => `file_${index}`),
    );
    expect(await transcriptsFor('file that')).toEqual(own.toSorted());
    await recorded('req_9', ['file_100']);
    await expect(transcriptsFor('file that')).rejects.toMatchObject({ type: 'conflict' });
  });
});
