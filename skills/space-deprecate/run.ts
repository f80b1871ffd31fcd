import { transactionSkill } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { atomAddress, undoByRestoring } from '../shared/undo-atom.js';
import { proposeWrite } from '../shared/write-proposal.js';
import { spaceDeprecateManifest } from './manifest.js';

/** Withdraws an atom; its undo brings it back. Doing so twice is no error, and only the first can be undone. */
export const spaceDeprecate = transactionSkill({
  manifest: spaceDeprecateManifest,
  async run({ space, atom, comment }, { spaces }) {
    const before = await spaces.get(space, atom);
    if (before.deprecated) return { output: outputOf(before) };
    const after = await spaces.deprecate(space, atom, comment);
    return { output: outputOf(after), undo: atomAddress(after) };
  },
  writesTo: ({ space }) => [space],
  async propose({ space, atom, comment }, { spaces }) {
    const { payload } = await spaces.get(space, atom);
    const change = `Withdraws the atom ${atom}, shown below, from`;
    return proposeWrite(spaces, { space, comment, payload, needs: 'write', verb: 'Withdraw from', change });
  },
  undo: undoByRestoring,
});

function outputOf({ id, space, version }: Atom) {
  return { id, space, version, deprecated: true } as const;
}
