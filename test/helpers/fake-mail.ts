import { composeMail } from '../../connectors/local/mail-compose.js';
import { SendError } from '../../contracts/effect.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Mail, MailConnector, MailQuery, MailSummary } from '../../contracts/services.js';

/** Mails in memory; what is written to it can be looked at. */
export interface FakeMail extends MailConnector {
  readonly inbox: Map<string, Mail>;
  readonly drafts: ReadonlyMap<string, string>;
  /** Finished bytes by key. */
  readonly sent: ReadonlyMap<string, string>;
}

/** A received mail of Jo's with everything a mail has. */
export function receivedMail(id: string, changes: Partial<Mail> = {}): Mail {
  return {
    id,
    from: 'Jo Doe <jo@example.org>',
    to: ['mara@example.com'],
    cc: [],
    subject: 'Lunch',
    date: '2026-11-20T09:00:00.000Z',
    messageId: `${id}@example.org`,
    snippet: 'Are you free?',
    text: 'Are you free?',
    attachments: [],
    references: [],
    ...changes,
  };
}

/** A mail service that knows one user and holds its callers to the contract. */
export function fakeMail(ownOnly: (user: string) => void): FakeMail {
  const inbox = new Map<string, Mail>();
  const drafts = new Map<string, string>();
  const sent = new Map<string, string>();
  return {
    route: 'the mail in memory; Gmail is not connected',
    sentRoute: 'written to the outbox in memory; Gmail is not connected',
    inbox,
    drafts,
    sent,
    async sender({ id }) {
      ownOnly(id);
      return 'mara@retinue.local';
    },
    compose: composeMail,
    async search(user, query) {
      ownOnly(user);
      return byTime([...inbox.values()].filter((mail) => fits(mail, query)))
        .toReversed()
        .slice(0, query.limit)
        .map(summaryOf);
    },
    async read(user, id) {
      ownOnly(user);
      const mail = inbox.get(id);
      if (mail === undefined) throw new ProblemError('not-found', 'there is no mail with this id');
      return mail;
    },
    async thread(user, messageId) {
      ownOnly(user);
      const mails = [...inbox.values()].filter(
        (mail) => mail.messageId === messageId || mail.references.includes(messageId),
      );
      return byTime(mails).map(summaryOf);
    },
    async saveDraft(user, key, { mime }) {
      ownOnly(user);
      drafts.set(key, drafts.get(key) ?? mime);
      return { id: key };
    },
    async removeDraft(user, id) {
      ownOnly(user);
      drafts.delete(id);
    },
    async send(user, key, { mime }, beforeSend) {
      ownOnly(user);
      if ((sent.get(key) ?? mime) !== mime) throw new SendError('ambiguous', 'another mail was sent under this key');
      if (!sent.has(key)) beforeSend();
      sent.set(key, mime);
      return { providerId: messageIdIn(mime) };
    },
    async findSent(user, key, { mime }) {
      ownOnly(user);
      const found = sent.get(key);
      if (found === undefined) return 'absent';
      return found === mime ? { providerId: messageIdIn(mime) } : 'unsure';
    },
  };
}

function messageIdIn(mime: string): string {
  const id = /^Message-ID: <(.+)>\r$/m.exec(mime)?.[1];
  if (id === undefined) throw new SendError('rejected', 'the mail has no Message-ID');
  return id;
}

function fits(mail: Mail, { words = '', from = '', subject = '', since = '' }: MailQuery): boolean {
  const text = [mail.from, ...mail.to, mail.subject, mail.text].join('\n').toLowerCase();
  const hasWords = words.split(' ').every((word) => text.includes(word.toLowerCase()));
  const isRecent = since === '' || Date.parse(mail.date ?? '') >= Date.parse(since);
  return hasWords && isRecent && mail.from.includes(from) && mail.subject.includes(subject);
}

function byTime(mails: readonly Mail[]): Mail[] {
  return mails.toSorted((a, b) => Date.parse(a.date ?? '') - Date.parse(b.date ?? ''));
}

function summaryOf({
  cc: _cc,
  text: _text,
  attachments: _attachments,
  references: _references,
  ...rest
}: Mail): MailSummary {
  return rest;
}
