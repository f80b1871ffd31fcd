import type { Proposal } from '../../contracts/skill.js';
import type { MailContent } from '../../contracts/services.js';
import { cutText } from '../../contracts/text.js';
import { type MailHeading, recipientsInShort, recipientsOf } from './mail-schema.js';
import { visibleLine, visibleText } from './visible-text.js';

const TITLE_SUBJECT_BYTES = 200;

/** One line about a mail: `Mail to a@b (+2 more): Subject`. */
export function mailTitle(mail: MailHeading): string {
  return `Mail to ${recipientsInShort(mail)}: ${cutText(visibleLine(mail.subject), TITLE_SUBJECT_BYTES)}`;
}

/** Everything the mail says, in full, with what cannot be seen made visible; warnings come first. */
export function mailPreview(mail: MailContent, about: string | undefined): Proposal['preview'] {
  const { text, warnings } = visibleText(`${headerLines(mail, about).join('\n')}\n\n${mail.body}`);
  return {
    text: [...warnings.map((warning) => `Warning: ${warning}`), text].join('\n'),
    recipients: recipientsOf({ to: [...mail.to], cc: [...mail.cc], bcc: [...mail.bcc] }),
  };
}

function headerLines({ from, to, cc, bcc, subject }: MailContent, about: string | undefined): string[] {
  return [
    `From: ${from.name === '' ? from.address : `${from.name} <${from.address}>`}`,
    `To: ${to.join(', ')}`,
    ...(cc.length === 0 ? [] : [`Cc: ${cc.join(', ')}`]),
    ...(bcc.length === 0 ? [] : [`Bcc: ${bcc.join(', ')}`]),
    `Subject: ${subject}`,
    ...(about === undefined ? [] : [`In reply to: ${about}`]),
  ];
}
