import { transactionSkill } from '../../contracts/skill.js';
import { quote } from '../shared/summary-text.js';
import { taskResult } from '../shared/task-board.js';
import { atomAddress, undoByDeprecating } from '../shared/undo-atom.js';
import { tasksCreateManifest } from './manifest.js';

/** Puts a task on the board; its undo withdraws it. */
export const tasksCreate = transactionSkill({
  manifest: tasksCreateManifest,
  async run({ title, owner, due, notes }, { spaces, holds }) {
    const board = await spaces.ofRole('tasks');
    const atom = await spaces.put(board.id, {
      payload: {
        title,
        ...(owner === undefined ? {} : { owner }),
        ...(due === undefined ? {} : { due }),
        ...(notes === undefined ? {} : { notes }),
      },
      metadata: { status: 'open' },
      comment: `New task: ${quote(title)}`,
    });
    const hold = atom.metadata['status'] === 'held' ? await holds.of(atom.id) : undefined;
    return { ...taskResult(atom, hold), undo: atomAddress(atom) };
  },
  undo: undoByDeprecating,
});
