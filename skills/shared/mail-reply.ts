import { ProblemError } from '../../contracts/problem.js';
import type { Mail, MailConnector, MailSummary } from '../../contracts/services.js';
import { visibleLine } from './visible-text.js';

/** The characters that mail programs agree on; foreign ids with others are not repeated in headers. */
const MESSAGE_ID = /^[\u0021-\u003B\u003D\u003F-\u007E]{1,300}$/;
const MAX_REFERENCES = 20;

/** What a mail answers, ready for its headers and for people. */
export interface ReplyTo {
  readonly messageId?: string;
  readonly references: readonly string[];
  /** One line about the mail that is answered. */
  readonly about: string;
}

/**
 * Finds what `inReplyTo` means: the id of a mail here, or a Message-ID, known or not.
 * Throws `ProblemError` `not-found` for anything else.
 */
export async function resolveReply(mail: MailConnector, user: string, inReplyTo: string): Promise<ReplyTo> {
  const byId = await readIfThere(mail, user, inReplyTo);
  if (byId !== undefined) return replyTo(byId);
  const messageId = inReplyTo.replace(/^<(.*)>$/, '$1');
  if (!MESSAGE_ID.test(messageId) || !messageId.includes('@')) {
    throw new ProblemError('not-found', `inReplyTo: no mail has the id ${inReplyTo}; use an id from email_search`);
  }
  const known = (await mail.thread(user, messageId)).find((other) => other.messageId === messageId);
  if (known !== undefined) return replyTo(await mail.read(user, known.id));
  return { messageId, references: [messageId], about: `<${messageId}>, which is not among the mails here` };
}

/** Ids of all mails of the conversation there are now. */
export async function threadIds(mail: MailConnector, user: string, messageId: string): Promise<string[]> {
  return (await mail.thread(user, messageId)).map(({ id }) => id);
}

/** Mails that came into the conversation since its ids were noted, without the one sent under this key itself. */
export async function newInThread(
  mail: MailConnector,
  user: string,
  noted: { readonly messageId: string; readonly known: readonly string[]; readonly key: string },
): Promise<MailSummary[]> {
  const known = new Set(noted.known);
  const thread = await mail.thread(user, noted.messageId);
  return thread.filter(({ id, messageId }) => !known.has(id) && messageId?.startsWith(`${noted.key}@`) !== true);
}

async function readIfThere(mail: MailConnector, user: string, id: string): Promise<Mail | undefined> {
  try {
    return await mail.read(user, id);
  } catch (error) {
    if (error instanceof ProblemError && ['not-found', 'invalid-body'].includes(error.type)) return undefined;
    throw error;
  }
}

function replyTo({ messageId, references, from, subject }: Mail): ReplyTo {
  const own = messageId !== undefined && MESSAGE_ID.test(messageId) ? messageId : undefined;
  const all = [...new Set([...references.filter((id) => MESSAGE_ID.test(id)), ...(own === undefined ? [] : [own])])];
  return {
    ...(own === undefined ? {} : { messageId: own }),
    // The beginning of a conversation and its last mails are enough to find the rest.
    references: all.length <= MAX_REFERENCES ? all : [...all.slice(0, 1), ...all.slice(1 - MAX_REFERENCES)],
    about: `“${visibleLine(subject)}” from ${visibleLine(from)}`,
  };
}
