import { rm } from 'node:fs/promises';
import { SendError } from '../../contracts/effect.js';
import { ProblemError } from '../../contracts/problem.js';
import type { FinishedMail, Mail, MailConnector } from '../../contracts/services.js';
import { composeMail, MAIL_KEY } from './mail-compose.js';
import {
  isMailId,
  MAX_MAIL_BYTES,
  type MailBox,
  mailFolder,
  mailPath,
  makeMailFolder,
  readStart,
} from './mail-folder.js';
import { createMailIndex, findMails, findThread, type IndexedMail } from './mail-index.js';
import { compare, publishMail, refusedOnError } from './mail-outbox.js';
import { messageIdOf, parseMail } from './mail-parse.js';
import { writeFileAtomically } from './atomic-write.js';

/** Ids of mails in the outbox begin with it; no file of the inbox that does is listed. */
const SENT_PREFIX = 'sent:';

export interface LocalMailOptions {
  /** Folder with one folder a user. */
  readonly root: string;
  /** The user's real address, where one is known. */
  readonly addressOf?: (userId: string) => Promise<string | undefined>;
}

/**
 * The stand-in for a mail service: files in `<root>/<user>/mail/{inbox,drafts,outbox}/*.eml` that any mail program opens.
 * People put received mails into `inbox`, which is only read here; files in it that are no mails, links and files over 10 MiB
 * are left out, and only the newest 2,000 files are looked at. Sending writes to `outbox` and reaches nobody: a key is used
 * for one text only, and its file holds exactly the bytes given, `Bcc` included.
 */
export function createLocalMail({ root, addressOf }: LocalMailOptions): MailConnector {
  const index = createMailIndex();

  async function received(user: string): Promise<IndexedMail[]> {
    const mails = await index.mailsIn(await mailFolder(root, user, 'inbox'));
    return mails.filter(({ summary }) => !summary.id.startsWith(SENT_PREFIX));
  }

  async function sent(user: string): Promise<IndexedMail[]> {
    const mails = await index.mailsIn(await mailFolder(root, user, 'outbox'));
    return mails.map((mail) => ({ ...mail, summary: { ...mail.summary, id: `${SENT_PREFIX}${mail.summary.id}` } }));
  }

  return {
    route: 'the local mail folder; Gmail is not connected',
    sentRoute: 'written to the local outbox; Gmail is not connected',

    async sender({ id }) {
      return (await addressOf?.(id)) ?? `${id.toLowerCase()}@retinue.local`;
    },

    compose: composeMail,

    async search(user, query) {
      return findMails(await received(user), query);
    },

    async read(user, id) {
      const isSent = id.startsWith(SENT_PREFIX);
      const name = isSent ? id.slice(SENT_PREFIX.length) : id;
      if (!isMailId(name)) throw new ProblemError('invalid-body', 'the mail id must be one that a search returned');
      return { ...(await readMail(await mailFolder(root, user, isSent ? 'outbox' : 'inbox'), name)), id };
    },

    async thread(user, messageId) {
      return findThread([...(await received(user)), ...(await sent(user))], messageId);
    },

    async saveDraft(user, key, mail) {
      const path = await newPath(root, user, 'drafts', key);
      // A draft that is there may have been edited by hand since.
      if ((await compare(path, mail.mime)) === 'absent') await writeFileAtomically(path, mail.mime);
      return { id: key };
    },

    async removeDraft(user, id) {
      requireKey(id);
      await rm(mailPath(await mailFolder(root, user, 'drafts'), id), { force: true });
    },

    async send(user, key, mail, beforeSend) {
      const providerId = providerIdOf(key, mail);
      const path = await refusedOnError(() => newPath(root, user, 'outbox', key));
      await publishMail(path, mail.mime, beforeSend);
      return { providerId };
    },

    async findSent(user, key, mail) {
      const providerId = providerIdOf(key, mail);
      const found = await compare(mailPath(await mailFolder(root, user, 'outbox'), key), mail.mime);
      if (found === 'absent') return 'absent';
      return found === 'same' ? { providerId } : 'unsure';
    },
  };
}

async function readMail(folder: string, id: string): Promise<Mail> {
  const found = await readStart(mailPath(folder, id), MAX_MAIL_BYTES);
  if (typeof found === 'string') throw new ProblemError('not-found', 'there is no mail with this id');
  if (!found.isWhole) throw new ProblemError('too-large', 'this mail is larger than 10 MiB and is not read');
  const mail = await parseMail(id, found.bytes);
  if (mail === null) throw new ProblemError('unsupported-media', 'this file cannot be read as a mail');
  return mail;
}

async function newPath(root: string, user: string, box: MailBox, key: string): Promise<string> {
  requireKey(key);
  return mailPath(await makeMailFolder(root, user, box), key);
}

function requireKey(key: string): void {
  if (!MAIL_KEY.test(key)) throw new ProblemError('invalid-body', 'the key must consist of letters, digits, _ and -');
}

/** A mail that could not be told from others later is not sent at all. */
function providerIdOf(key: string, { mime }: FinishedMail): string {
  const messageId = messageIdOf(mime);
  if (MAIL_KEY.test(key) && messageId !== undefined) return messageId;
  throw new SendError('rejected', 'the mail has no Message-ID, or its key is no plain id; it was not sent');
}
