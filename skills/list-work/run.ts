import { transactionSkill } from '../../contracts/skill.js';
import { listWorkManifest } from './manifest.js';

/** What is under way; the words of agents that have read strangers' words carry their label on. */
export const listWork = transactionSkill({
  manifest: listWorkManifest,
  async run(_input, { agents }) {
    const { work, labels } = await agents.list();
    return { output: { work: work.map((item) => ({ ...item })) }, taints: labels };
  },
});
