import { transactionSkill } from '../../contracts/skill.js';
import { revokeAccessManifest } from './manifest.js';

/** Takes rights back, down the whole tree. */
export const revokeAccess = transactionSkill({
  manifest: revokeAccessManifest,
  async run({ agent, reason, spaces = [], ...names }, { agents }) {
    const wish = { ...names, spaces: Object.fromEntries(spaces.map((space) => [space, 'read' as const])) };
    const { taken } = await agents.revokeAccess(agent, wish, reason);
    return { output: { agent, taken: [...taken] } };
  },
});
