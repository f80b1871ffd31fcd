import { transactionSkill } from '../../contracts/skill.js';
import { cancelWorkManifest } from './manifest.js';

/** Stops work that is under way. */
export const cancelWork = transactionSkill({
  manifest: cancelWorkManifest,
  async run({ target, reason }, { agents }) {
    return { output: { ...(await agents.cancel(target, reason)) } };
  },
});
