import { transactionSkill } from '../../contracts/skill.js';
import { answerAccessManifest } from './manifest.js';

/** The coordinator's answer to a request for access. */
export const answerAccess = transactionSkill({
  manifest: answerAccessManifest,
  async run({ access, ...answer }, { agents }) {
    const { status, approval } = await agents.answerAccess(access, answer);
    return { output: { access, status, ...(approval === undefined ? {} : { approval }) } };
  },
});
