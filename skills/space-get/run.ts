import { transactionSkill } from '../../contracts/skill.js';
import { viewAtom } from '../shared/atom-view.js';
import { spaceGetManifest } from './manifest.js';

const MAX_BYTES = 30_000;

/** Reads one atom. */
export const spaceGet = transactionSkill({
  manifest: spaceGetManifest,
  async run({ space, atom }, { spaces }) {
    return { output: viewAtom(await spaces.get(space, atom), MAX_BYTES) };
  },
});
