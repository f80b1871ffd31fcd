import { transactionSkill } from '../../contracts/skill.js';
import type { Atom, MetadataConditions } from '../../contracts/space.js';
import { collectHits } from '../shared/collect-hits.js';
import { MAX_ITEMS } from '../shared/limits.js';
import { withNote } from '../shared/note.js';
import { textField } from '../shared/payload-field.js';
import { TASK_BOARD, toTask } from '../shared/task-board.js';
import type { TaskStatus } from '../shared/task-schema.js';
import { tasksListManifest } from './manifest.js';

const LIST_NOTES_BYTES = 200;

/** Reads the task board. */
export const tasksList = transactionSkill({
  manifest: tasksListManifest,
  searches: ({ query }) => (query === undefined ? [] : [query]),
  async run({ status, owner, query }, { spaces }) {
    const board = await spaces.ofRole('tasks');
    const { atoms, more } = await collectHits(
      spaces,
      {
        spaces: [board.id],
        ...(query === undefined ? {} : { query }),
        ...(status === undefined ? {} : { metadata: statusCondition(status) }),
      },
      MAX_ITEMS,
      owner === undefined ? undefined : (atom) => isOwnedBy(atom, owner),
    );
    return {
      output: {
        board: TASK_BOARD,
        tasks: atoms.map((atom) => toTask(atom, LIST_NOTES_BYTES)),
        ...withNote(more ? 'There are more tasks; narrow the list by status, owner or query.' : undefined),
      },
    };
  },
});

/** An absent status counts as null in a search and as open on the board. */
function statusCondition(status: TaskStatus): MetadataConditions {
  return { status: status === 'open' ? { in: ['open', null] } : status };
}

function isOwnedBy(atom: Atom, owner: string): boolean {
  const words = wordsOf(textField(atom.payload, 'owner') ?? '');
  const wanted = wordsOf(owner);
  return wanted.length > 0 && wanted.every((word) => words.includes(word));
}

function wordsOf(name: string): string[] {
  return (
    name
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}
