import { transactionSkill } from '../../contracts/skill.js';
import { atomAddress, undoByRestoring } from '../shared/undo-atom.js';
import { forgetManifest } from './manifest.js';

/** Withdraws a memory; its undo brings it back. Forgetting twice is no error, and only the first can be undone. */
export const forget = transactionSkill({
  manifest: forgetManifest,
  async run({ memory: id }, { spaces }) {
    const memory = await spaces.ofRole('memory');
    const atom = await spaces.get(memory.id, id);
    const output = { id: atom.id, forgotten: true } as const;
    if (atom.deprecated) return { output };
    await spaces.deprecate(memory.id, id, 'Forgotten');
    return { output, undo: atomAddress(atom) };
  },
  undo: undoByRestoring,
});
