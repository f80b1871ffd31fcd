import MailComposer from 'nodemailer/lib/mail-composer';
import { ProblemError } from '../../contracts/problem.js';
import type { FinishedMail, MailContent } from '../../contracts/services.js';

export const MAIL_KEY = /^[A-Za-z0-9_-]{1,100}$/;
/** Printable ASCII without what separates or encloses addresses. */
const ADDRESS = /^[^\s@<>()[\]\\,;:"\u0000-\u0020\u007F-\u{10FFFF}]+@[A-Za-z0-9.-]+$/u;
const MESSAGE_ID = /^[\u0021-\u003B\u003D\u003F-\u007E]{1,500}$/;

/**
 * Makes the bytes of a plain-text mail: UTF-8 in a 7-bit encoding, CRLF line ends, nothing random, nothing of this machine.
 * A `Bcc` line is kept: it is for the archive, and whoever hands the mail to other servers takes it out.
 * Throws `ProblemError` `invalid-body` for what could become more than one header line.
 */
export async function composeMail(content: MailContent): Promise<FinishedMail> {
  checkContent(content);
  const { key, from, inReplyTo } = content;
  const message = new MailComposer({
    from: { name: displayName(from.name), address: from.address },
    to: content.to.map(plainAddress),
    cc: content.cc.map(plainAddress),
    bcc: content.bcc.map(plainAddress),
    subject: content.subject,
    messageId: `<${messageIdFor(content)}>`,
    date: new Date(content.at),
    ...(inReplyTo === undefined ? {} : { inReplyTo: `<${inReplyTo}>` }),
    ...(content.references.length === 0 ? {} : { references: content.references.map((id) => `<${id}>`) }),
    headers: { 'X-Action-Id': key },
    text: content.body.replace(/\r\n?/g, '\n'),
    newline: 'win',
    normalizeHeaderKey: (name) => (name.toLowerCase() === 'x-action-id' ? 'X-Action-Id' : name),
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  message.keepBcc = true;
  return { mime: (await message.build()).toString('latin1') };
}

/** Without angle brackets. */
function messageIdFor({ key, from }: MailContent): string {
  return `${key}@${from.address.slice(from.address.lastIndexOf('@') + 1)}`;
}

function checkContent({ key, at, from, to, cc, bcc, subject, inReplyTo, references }: MailContent): void {
  if (!MAIL_KEY.test(key)) throw refusal('key', 'must consist of letters, digits, _ and -');
  if (Number.isNaN(Date.parse(at))) throw refusal('at', 'must be a time');
  if (/\p{Cc}|[\u2028\u2029]/u.test(subject)) throw refusal('subject', 'must not contain control characters');
  if (!ADDRESS.test(from.address)) throw refusal('from', 'must be a plain ASCII address');
  for (const address of [...to, ...cc, ...bcc])
    if (!ADDRESS.test(address)) throw refusal('to', 'must be plain ASCII addresses');
  for (const id of [...references, ...(inReplyTo === undefined ? [] : [inReplyTo])])
    if (!MESSAGE_ID.test(id)) throw refusal('inReplyTo', 'must be a message id');
}

/** Names come from people's settings: what no header can carry becomes a space. */
function displayName(name: string): string {
  return name.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

function plainAddress(address: string): { name: string; address: string } {
  return { name: '', address };
}

function refusal(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', `${path}: ${message}`, { errors: [{ path, message }] });
}
