import { transactionSkill } from '../../contracts/skill.js';
import { quote } from '../shared/summary-text.js';
import { taskResult } from '../shared/task-board.js';
import { atomAddress, undoByDeprecating } from '../shared/undo-atom.js';
import { tasksCreateManifest } from './manifest.js';

/** Puts a task on the board; its undo withdraws it. */
export const tasksCreate = transactionSkill({
  manifest: tasksCreateManifest,
  async run({ title, owner, due, notes }, { spaces, holds }) {
    const hold = await holds.expected(title);
    const board = await spaces.ofRole('tasks');
    const atom = await spaces.put(board.id, {
      payload: {
        title,
        ...(owner === undefined ? {} : { owner }),
        ...(due === undefined ? {} : { due }),
        ...(notes === undefined ? {} : { notes }),
      },
      metadata: { status: hold === undefined ? 'open' : 'held' },
      comment: `New task: ${quote(title)}`,
    });
    if (hold !== undefined) await holds.place(atom.id, hold);
    return { ...taskResult(atom, hold), undo: atomAddress(atom) };
  },
  undo: undoByDeprecating,
});
