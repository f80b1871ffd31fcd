import { transactionSkill } from '../../contracts/skill.js';
import { steerWorkManifest } from './manifest.js';

/** A word to an agent at work. */
export const steerWork = transactionSkill({
  manifest: steerWorkManifest,
  async run({ agent, text }, { agents }) {
    const { label } = await agents.steer(agent, text);
    return { output: { agent, label, told: true as const } };
  },
});
