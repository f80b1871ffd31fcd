import { transactionSkill } from '../../contracts/skill.js';
import { requestAccessManifest } from './manifest.js';

/** Puts the request before the coordinator; the agent rests until it is answered. */
export const requestAccess = transactionSkill({
  manifest: requestAccessManifest,
  async run({ reason, ...wish }, { agents }) {
    const { id } = await agents.requestAccess(wish, reason);
    const note =
      'Your coordinator, or a person, decides. End your turn if you cannot go on without it; you are told the answer.';
    return { output: { access: id, status: 'asked' as const, note } };
  },
});
