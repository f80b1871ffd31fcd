import type { Hold, SkillResult } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { mainText, textField } from './payload-field.js';
import { type BoardTask, type Task, type TaskStatus, TaskStatusSchema } from './task-schema.js';

/** Names the route, so that nobody believes a task went to Notion. */
export const TASK_BOARD = 'the task board in Retinue; Notion is not connected';

const HELD =
  'Nothing about it changes until the user has said what holds. Ask with ask_user, and make the change after the answer.';

const TITLE_BYTES = 500;
const NOTES_BYTES = 4000;

/** A task without a status is open: somebody put it on the board without more. */
function statusOf(atom: Atom): TaskStatus {
  const status = TaskStatusSchema.safeParse(atom.metadata['status']);
  return status.success ? status.data : 'open';
}

/** Reads any atom of the board as a task; long notes are cut at `notesBytes`. */
export function toTask(atom: Atom, notesBytes: number = NOTES_BYTES): Task {
  const notes = textField(atom.payload, 'notes');
  return {
    id: atom.id,
    title: cutText(mainText(atom.payload, 'title'), TITLE_BYTES),
    owner: textField(atom.payload, 'owner') ?? null,
    due: textField(atom.payload, 'due') ?? null,
    notes: notes === undefined ? null : cutText(notes, notesBytes),
    status: statusOf(atom),
    version: atom.version,
  };
}

/** What a skill that wrote a task answers with, for the model and for the user; a task that is held says why. */
export function taskResult(atom: Atom, hold?: Hold): Required<Pick<SkillResult<BoardTask>, 'output' | 'outputs'>> {
  const task = toTask(atom);
  return {
    output: {
      ...task,
      board: TASK_BOARD,
      ...(hold === undefined ? {} : { held: { agreement: hold.agreement, text: hold.text, note: HELD } }),
    },
    outputs: [{ kind: 'task', title: task.title, ref: `atom:${atom.id}` }],
  };
}
