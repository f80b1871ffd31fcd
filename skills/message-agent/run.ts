import { transactionSkill } from '../../contracts/skill.js';
import { messageAgentManifest } from './manifest.js';

/** Leaves a message with another agent, and waits for what that one says next where it is wanted. */
export const messageAgent = transactionSkill({
  manifest: messageAgentManifest,
  async run({ agent: to, text, wait = false }, { agents }) {
    const { agent, label } = await agents.message(to, { text, waits: wait });
    return { output: { agent, label, delivered: true as const }, ...(wait ? { awaits: agent } : {}) };
  },
});
