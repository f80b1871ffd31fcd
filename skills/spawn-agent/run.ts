import { ProblemError } from '../../contracts/problem.js';
import { transactionSkill } from '../../contracts/skill.js';
import { spawnAgentManifest } from './manifest.js';

/** Brings an agent into the world; its answer becomes the result of the call unless nobody waits for it. */
export const spawnAgent = transactionSkill({
  manifest: spawnAgentManifest,
  async run(input, { agents }) {
    const waits = input.wait ?? true;
    if (!waits && input.onFailure === 'ask')
      throw new ProblemError('invalid-body', 'The user can be asked only about an agent that you wait for.', {
        errors: [{ path: 'onFailure', message: 'ask needs wait: true' }],
      });
    const { agent, label } = await agents.spawn(input);
    const note =
      'It goes on beside you. Its result is told to you as soon as it is there; go on with what else there is to do, or end your turn.';
    return { output: { agent, label, status: 'queued', note }, ...(waits ? { awaits: agent } : {}) };
  },
});
