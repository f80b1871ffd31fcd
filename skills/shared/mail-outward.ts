import { z } from 'zod';
import { SendError } from '../../contracts/effect.js';
import type {
  ApprovedAction,
  OutsideContext,
  Proposal,
  ProposalContext,
  SendContext,
  Sent,
} from '../../contracts/skill.js';
import type { MailContent } from '../../contracts/services.js';
import type { JsonValue } from '../../contracts/space.js';
import { mailPreview, mailTitle } from './mail-preview.js';
import { newInThread, type ReplyTo, resolveReply, threadIds } from './mail-reply.js';
import type { MailHeading, MailInput } from './mail-schema.js';
import { quote } from './summary-text.js';
import { visibleLine } from './visible-text.js';

const MEDIA_TYPE = 'message/rfc822';
const PreconditionSchema = z.strictObject({ messageId: z.string(), known: z.array(z.string()) });

/** What a mail of this user says, before it is made into bytes, and what it answers. */
export async function describeMail(
  input: MailInput,
  context: OutsideContext & { readonly key: string; readonly at: string },
): Promise<{ content: MailContent; reply: ReplyTo | undefined }> {
  const { mail, user, key, at } = context;
  const { to, cc = [], bcc = [], subject, body, inReplyTo } = input;
  const reply = inReplyTo === undefined ? undefined : await resolveReply(mail, user.id, inReplyTo);
  const from = { name: user.name.replace(/[\s\p{Cc}]+/gu, ' ').trim(), address: await mail.sender(user) };
  const answered = reply?.messageId === undefined ? {} : { inReplyTo: reply.messageId };
  return {
    content: { key, at, from, to, cc, bcc, subject, body, ...answered, references: reply?.references ?? [] },
    reply,
  };
}

/** Makes the mail once and for all, and shows it; what else is in its conversation is noted, so that news are noticed. */
export async function proposeMail(input: MailInput, context: ProposalContext): Promise<Proposal> {
  const { mail, user } = context;
  const { content, reply } = await describeMail(input, context);
  const { mime } = await mail.compose(content);
  const messageId = reply?.messageId;
  const precondition =
    messageId === undefined ? {} : { precondition: { messageId, known: await threadIds(mail, user.id, messageId) } };
  return {
    title: mailTitle(input),
    preview: mailPreview(content, reply?.about),
    frozen: { mediaType: MEDIA_TYPE, text: mime },
    ...precondition,
  };
}

/** Names the mails that came into the conversation since the proposal; undefined when none did. */
export async function differenceOfThread(
  { key, precondition }: Pick<ApprovedAction<unknown>, 'key' | 'precondition'>,
  { mail, user }: OutsideContext,
): Promise<string | undefined> {
  if (precondition === undefined) return undefined;
  const news = await newInThread(mail, user.id, { ...PreconditionSchema.parse(precondition), key });
  const newest = news.at(-1);
  if (newest === undefined) return undefined;
  const others = news.length === 1 ? '' : ` and ${news.length - 1} more before it`;
  return `Since this was proposed, a new mail has come into the conversation: ${quote(visibleLine(newest.subject))} from ${quote(visibleLine(newest.from))}${others}.`;
}

/** Sends exactly the bytes that were approved. */
export async function sendFrozen(
  { key, frozen }: Pick<ApprovedAction<unknown>, 'key' | 'frozen'>,
  mailing: MailHeading,
  { mail, user, beforeSend }: SendContext,
): Promise<Sent> {
  if (frozen === undefined) throw new SendError('rejected', 'the approved mail has no text; nothing was sent');
  const { providerId } = await mail.send(user.id, key, { mime: frozen }, beforeSend);
  return sentMail(key, mailing, providerId, mail.sentRoute);
}

/** Looks whether these very bytes were sent. */
export async function probeFrozen(
  { key, frozen }: Pick<ApprovedAction<unknown>, 'key' | 'frozen'>,
  mailing: MailHeading,
  { mail, user }: OutsideContext,
): Promise<Sent | 'absent' | 'unsure'> {
  if (frozen === undefined) return 'absent';
  const found = await mail.findSent(user.id, key, { mime: frozen });
  return typeof found === 'string' ? found : sentMail(key, mailing, found.providerId, mail.sentRoute);
}

function sentMail(key: string, mailing: MailHeading, messageId: string, route: string): Sent {
  const output: JsonValue = { status: 'sent', messageId, to: mailing.to, route };
  return {
    providerId: messageId,
    output,
    outputs: [{ kind: 'mail', title: mailTitle(mailing), ref: `effect:${key}` }],
  };
}
