import { ProblemError } from '../../contracts/problem.js';
import { transactionSkill } from '../../contracts/skill.js';
import { sendMessageManifest } from './manifest.js';

const ROUTE = 'this conversation';
const OWN_TARGETS: readonly string[] = ['me', 'conversation'];

/** Writes into the request's own conversation. It never reaches anybody else, whatever the gate decided. */
export const sendMessage = transactionSkill({
  manifest: sendMessageManifest,
  classify: ({ target }, caller) => (isOwn(target, caller?.conversationId) ? 'internal' : 'outward'),
  async run({ target, text, files = [] }, { conversation, conversationId }) {
    if (!isOwn(target, conversationId)) {
      throw new ProblemError(
        'forbidden',
        'Messages to other people or places cannot be sent: no channel for them is connected.',
      );
    }
    const { message } = await conversation.post(text, files);
    return { output: { message, route: ROUTE } };
  },
});

function isOwn(target: string, conversationId: string | undefined): boolean {
  return OWN_TARGETS.includes(target) || target === conversationId;
}
