import { transactionSkill } from '../../contracts/skill.js';
import { atomAddress, undoByDeprecating } from '../shared/undo-atom.js';
import { rememberManifest } from './manifest.js';

/** Keeps a fact; its undo withdraws it. */
export const remember = transactionSkill({
  manifest: rememberManifest,
  async run({ text }, { spaces }) {
    const memory = await spaces.ofRole('memory');
    const atom = await spaces.put(memory.id, { payload: { text }, metadata: { kind: 'fact' }, comment: 'Remembered' });
    return { output: { id: atom.id, space: atom.space }, undo: atomAddress(atom) };
  },
  undo: undoByDeprecating,
});
