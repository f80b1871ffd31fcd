import { ProblemError } from '../../contracts/problem.js';
import { transactionSkill } from '../../contracts/skill.js';
import { probeFrozen, proposeMail, sendFrozen } from '../shared/mail-outward.js';
import { AddressSchema, type MailInput } from '../shared/mail-schema.js';
import { type SendMessageInput, sendMessageManifest } from './manifest.js';

const ROUTE = 'this conversation';
const OWN_TARGETS: readonly string[] = ['me', 'conversation'];
const SUBJECT_CHARACTERS = 200;

/** Writes into the request's own conversation; to anybody else it goes as a mail, once that was approved. */
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
  outward: {
    recipients: ({ target }) => [target.toLowerCase()],
    prepare: (input, context) => proposeMail(toMail(input, context.user), context),
    send: (action, context) => sendFrozen(action, toMail(action.input, context.user), context),
    probe: (action, context) => probeFrozen(action, toMail(action.input, context.user), context),
  },
});

function isOwn(target: string, conversationId: string | undefined): boolean {
  return OWN_TARGETS.includes(target) || target === conversationId;
}

/** Throws `ProblemError` `invalid-body` for what cannot be sent as a mail, with what the model may do instead. */
function toMail({ target, text, files = [] }: SendMessageInput, user: { readonly name: string }): MailInput {
  const address = AddressSchema.safeParse(target);
  if (!address.success) {
    throw new ProblemError(
      'invalid-body',
      'target: no channel for this target is connected. Give an e-mail address; look it up with contacts_search.',
    );
  }
  if (files.length > 0) {
    throw new ProblemError(
      'invalid-body',
      'files: files cannot be sent to other people yet; send the text without them.',
    );
  }
  return { to: [address.data], subject: subjectFrom(user.name), body: text };
}

function subjectFrom(name: string): string {
  const plain = name.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return `Message from ${[...plain].slice(0, SUBJECT_CHARACTERS).join('')}`.trim();
}
