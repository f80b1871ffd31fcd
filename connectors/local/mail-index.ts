import type { MailQuery, MailSummary } from '../../contracts/services.js';
import { type MailFile, listMailFiles, mapSome, readStart } from './mail-folder.js';
import { parseMail } from './mail-parse.js';
import { systemErrorCode } from './system-error.js';

/** Text stands before attachments; what comes later in a large file is not searched. */
const INDEXED_BYTES = 256 * 1024;
const INDEXED_CHARACTERS = 50_000;
/** What is remembered of all users' mails together. */
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_CHARACTERS = 32_000_000;

/** What searching needs to know of one mail. */
export interface IndexedMail {
  readonly summary: MailSummary;
  /** Its own message id and those it answers. */
  readonly messageIds: readonly string[];
  /** When it was sent or, where it does not say, when its file was changed. */
  readonly atMs: number;
  /** Everything that is searched, folded. */
  readonly words: string;
}

interface Remembered {
  readonly stamp: string;
  readonly mail: IndexedMail | null;
}

export interface MailIndex {
  /** The readable mails among the newest files of a folder, in no order; files that are no mails are left out. */
  mailsIn(folder: string): Promise<IndexedMail[]>;
}

/** Remembers what files said by their size and time of change, within bounds; the longest unused are forgotten first. */
export function createMailIndex(): MailIndex {
  const remembered = new Map<string, Remembered>();
  let characters = 0;

  function forget(path: string): void {
    characters -= weightOf(remembered.get(path));
    remembered.delete(path);
  }

  function remember(path: string, entry: Remembered): void {
    forget(path);
    remembered.set(path, entry);
    characters += weightOf(entry);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= MAX_REMEMBERED && characters <= MAX_REMEMBERED_CHARACTERS) break;
      forget(oldest);
    }
  }

  async function indexed(file: MailFile): Promise<IndexedMail | null> {
    const stamp = `${file.size}:${file.mtimeMs}`;
    const known = remembered.get(file.path);
    const entry = known?.stamp === stamp ? known : { stamp, mail: await indexFile(file) };
    remember(file.path, entry);
    return entry.mail;
  }

  return {
    async mailsIn(folder) {
      const mails = await mapSome(await listMailFiles(folder), indexed);
      return mails.filter((mail) => mail !== null);
    },
  };
}

/** The mails that fit, newest first. */
export function findMails(mails: readonly IndexedMail[], query: MailQuery): MailSummary[] {
  const words = fold(query.words ?? '').split(/\s+/);
  const since = query.since === undefined ? -Infinity : Date.parse(query.since);
  return mails
    .filter(({ atMs, words: text }) => atMs >= since && words.every((word) => text.includes(word)))
    .filter(({ summary }) => fold(summary.from).includes(fold(query.from ?? '')))
    .filter(({ summary }) => fold(summary.subject).includes(fold(query.subject ?? '')))
    .toSorted((a, b) => b.atMs - a.atMs || compareIds(a, b))
    .slice(0, query.limit)
    .map(({ summary }) => summary);
}

/** The conversation of a message id, oldest first: all that is connected with it by what answers what. */
export function findThread(mails: readonly IndexedMail[], messageId: string): MailSummary[] {
  const byMessageId = new Map<string, IndexedMail[]>();
  for (const mail of mails) {
    for (const id of mail.messageIds) {
      const others = byMessageId.get(id);
      if (others === undefined) byMessageId.set(id, [mail]);
      else others.push(mail);
    }
  }
  const seen = new Set([messageId]);
  const found = new Set<IndexedMail>();
  // Ids that are added on the way are visited too.
  for (const id of seen) {
    for (const mail of byMessageId.get(id) ?? []) {
      found.add(mail);
      for (const other of mail.messageIds) seen.add(other);
    }
  }
  return [...found].toSorted((a, b) => a.atMs - b.atMs || compareIds(a, b)).map(({ summary }) => summary);
}

async function indexFile(file: MailFile): Promise<IndexedMail | null> {
  const bytes = await readUnlessUnreadable(file.path);
  const mail = bytes === null ? null : await parseMail(file.id, bytes);
  if (mail === null) return null;
  const { text, cc, attachments: _unsearched, references, ...summary } = mail;
  return {
    summary,
    messageIds: [...references, ...(mail.messageId === undefined ? [] : [mail.messageId])],
    atMs: mail.date === undefined ? file.mtimeMs : Date.parse(mail.date),
    words: fold([mail.from, ...mail.to, ...cc, mail.subject, text.slice(0, INDEXED_CHARACTERS)].join('\n')),
  };
}

/** One file that may not be read, or goes away meanwhile, must not hide all others. */
async function readUnlessUnreadable(path: string): Promise<Buffer | null> {
  try {
    const found = await readStart(path, INDEXED_BYTES);
    return typeof found === 'string' ? null : found.bytes;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return null;
  }
}

function weightOf(entry: Remembered | undefined): number {
  return entry === undefined ? 0 : 500 + (entry.mail?.words.length ?? 0);
}

function compareIds(a: IndexedMail, b: IndexedMail): number {
  return a.summary.id < b.summary.id ? -1 : 1;
}

/** Upper and lower case, and the ways to write one letter, count as the same. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}
