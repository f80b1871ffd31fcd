import { z } from 'zod';
import type { Meeting } from '../../contracts/meeting.js';
import { ProblemError } from '../../contracts/problem.js';
import { type TransactionContext, transactionSkill } from '../../contracts/skill.js';
import type { Atom, AtomReference } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { asJson } from '../shared/as-json.js';
import { collectHits } from '../shared/collect-hits.js';
import { withNote } from '../shared/note.js';
import { mainText } from '../shared/payload-field.js';
import { isAboutWork } from '../shared/same-work.js';
import { quote } from '../shared/summary-text.js';
import { transcriptsOfRequest } from '../shared/transcript.js';
import { visibleLine } from '../shared/visible-text.js';
import { type HeldTask, recordMeetingManifest } from './manifest.js';

const UndoSchema = z.strictObject({ space: z.string(), atom: z.string() });
const TITLE_BYTES = 500;
const MOST_TASKS = 500;
const ASK =
  'Held tasks stay as they are until the user has said what holds. Ask with ask_user, or say it in your answer.';
const UNDONE = 'Undo: the call that made this was taken back';

/** Files a meeting, and holds the tasks whose change would contradict an agreement. */
export const recordMeeting = transactionSkill({
  manifest: recordMeetingManifest,
  async run(meeting, context) {
    const { spaces, now } = context;
    const space = await spaces.ofRole('meetings');
    await requireNamed(meeting, context, space.id);
    const transcripts = await transcriptsOfRequest(context, space.id);
    const title = cutText(meeting.title, TITLE_BYTES);
    const atom = await spaces.put(space.id, {
      payload: asJson(meeting),
      metadata: { kind: 'meeting', title, at: now },
      references: referencesOf(meeting, transcripts),
      comment: `Meeting: ${quote(meeting.title)}`,
    });
    const held = await holdTasks(meeting, atom.id, context);
    return {
      output: { meeting: atom.id, transcripts, held, ...withNote(held.length === 0 ? undefined : ASK) },
      outputs: [
        { kind: 'meeting', title, ref: `atom:${atom.id}` },
        ...meeting.contradictions.map(({ text, agreement }) => ({
          kind: 'contradiction',
          title: cutText(text, TITLE_BYTES),
          ref: `atom:${agreement}`,
        })),
      ],
      undo: { space: atom.space, atom: atom.id },
    };
  },
  async undo(undo, { spaces, holds }) {
    const { space, atom } = UndoSchema.parse(undo);
    const board = await spaces.ofRole('tasks');
    for (const { task, former } of await holds.withdraw(atom)) {
      const { metadata } = await spaces.get(board.id, task);
      if (metadata['status'] === 'held')
        await spaces.update(board.id, task, { metadata: { status: former }, comment: UNDONE });
    }
    await spaces.deprecate(space, atom, UNDONE);
  },
});

/** Throws with the path of every task and agreement that is not there. */
async function requireNamed(meeting: Meeting, { spaces }: TransactionContext, meetings: string): Promise<void> {
  const tasks = [
    ...meeting.actionItems.map(
      ({ existingTask }, index) => [`actionItems.${index}.existingTask`, existingTask] as const,
    ),
    ...meeting.completedTasks.map((task, index) => [`completedTasks.${index}`, task] as const),
    ...meeting.contradictions.map(({ task }, index) => [`contradictions.${index}.task`, task] as const),
  ];
  const agreements = meeting.contradictions.map(
    ({ agreement }, index) => [`contradictions.${index}.agreement`, agreement] as const,
  );
  const errors: { path: string; message: string }[] = [];
  const check = async (space: string, named: readonly (readonly [string, string | undefined])[], message: string) => {
    for (const [path, id] of named)
      if (id !== undefined && !(await isThere(spaces, space, id))) errors.push({ path, message });
  };
  if (tasks.some(([, id]) => id !== undefined)) {
    const board = await spaces.ofRole('tasks');
    await check(board.id, tasks, 'is not the id of a task on the board; tasks_list shows them');
  }
  await check(meetings, agreements, 'is not the id of an atom in the space of meetings; space_search finds them');
  if (errors.length > 0)
    throw new ProblemError('invalid-body', 'The record names something that is not there.', { errors });
}

async function isThere(spaces: TransactionContext['spaces'], space: string, id: string): Promise<boolean> {
  try {
    await spaces.get(space, id);
    return true;
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'not-found') return false;
    throw error;
  }
}

function referencesOf(meeting: Meeting, transcripts: readonly string[]): AtomReference[] {
  const tasks = meeting.actionItems.flatMap(({ existingTask }) => existingTask ?? []);
  const typed = (type: string, atoms: readonly string[]): AtomReference[] =>
    [...new Set(atoms)].map((atom) => ({ type, atom }));
  return [
    ...typed('transcript', transcripts),
    ...typed('task', tasks),
    ...typed('completed', meeting.completedTasks),
    ...typed(
      'contradicts',
      meeting.contradictions.map(({ agreement }) => agreement),
    ),
  ];
}

/**
 * A contradiction holds the task it names and the one its action item is about; where it names none, those on the board
 * that it is about; where there are none, the one that comes of it.
 */
async function holdTasks(meeting: Meeting, id: string, { spaces, holds }: TransactionContext): Promise<HeldTask[]> {
  const held: HeldTask[] = [];
  if (meeting.contradictions.length === 0) return held;
  const board = await spaces.ofRole('tasks');
  for (const contradiction of meeting.contradictions) {
    const { agreement } = contradiction;
    const text = visibleLine(contradiction.text);
    const tasks = await tasksAgainst(contradiction, meeting, spaces, board.id);
    for (const task of tasks) {
      const hold = await holds.of(task.id);
      const former = hold?.former ?? String(task.metadata['status'] ?? 'open');
      if (hold?.isAnswered !== false)
        await spaces.update(board.id, task.id, {
          metadata: { status: 'held' },
          comment: `Held, because it contradicts an agreement: ${quote(text)}`,
        });
      await holds.place(task.id, { meeting: id, agreement, text }, former);
      held.push({ task: task.id, agreement, text });
    }
    if (tasks.length > 0) continue;
    const action = meeting.actionItems.find((candidate) => candidate.id === contradiction.item);
    await holds.expect(action?.text ?? text, { meeting: id, agreement, text });
    held.push({ task: null, agreement, text });
  }
  return held;
}

async function tasksAgainst(
  { agreement, item, task, text }: Meeting['contradictions'][number],
  meeting: Meeting,
  spaces: TransactionContext['spaces'],
  board: string,
): Promise<Atom[]> {
  const action = meeting.actionItems.find((candidate) => candidate.id === item);
  const named = new Set([task, action?.existingTask].filter((known) => known !== undefined));
  if (named.size > 0) {
    const found: Atom[] = [];
    for (const known of named) found.push(await spaces.get(board, known));
    return found;
  }
  const meetings = await spaces.ofRole('meetings');
  const agreed = mainText((await spaces.get(meetings.id, agreement)).payload, 'text');
  const said = [text, action?.text ?? '', agreed].join(' ');
  const open = await collectHits(spaces, { spaces: [board], metadata: { status: { not: 'done' } } }, MOST_TASKS);
  return open.atoms.filter((atom) => isAboutWork(said, mainText(atom.payload, 'title')));
}
