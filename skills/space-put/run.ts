import { transactionSkill } from '../../contracts/skill.js';
import { quote } from '../shared/summary-text.js';
import { atomAddress, undoByDeprecating } from '../shared/undo-atom.js';
import { proposeWrite } from '../shared/write-proposal.js';
import { spacePutManifest } from './manifest.js';

/** Adds an atom; its undo withdraws it. */
export const spacePut = transactionSkill({
  manifest: spacePutManifest,
  async run({ space, ...atom }, { spaces }) {
    const made = await spaces.put(space, atom);
    return {
      output: { id: made.id, space: made.space, version: made.version },
      undo: atomAddress(made),
      outputs: [{ kind: 'atom', title: quote(atom.comment).slice(1, -1), ref: `atom:${made.id}` }],
    };
  },
  writesTo: ({ space }) => [space],
  propose: (input, { spaces }) =>
    proposeWrite(spaces, { ...input, needs: 'append', verb: 'Add to', change: 'Adds an atom to' }),
  undo: undoByDeprecating,
});
