import PostalMime, { type Address, type Email } from 'postal-mime';
import type { Mail } from '../../contracts/services.js';
import { cutText } from '../../contracts/text.js';
import { htmlToText } from './mail-html.js';

const SNIPPET_CHARACTERS = 200;
const HEADER_BYTES = 1000;
const MAX_ADDRESSES = 100;
const MAX_REFERENCES = 100;
const MAX_ATTACHMENTS = 100;
const MESSAGE_ID = /<([^<>\s]{1,500})>/g;
/** What windows-1252 means by 0x80 to 0x9F, in order. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ';
const FIRST_YEAR = Date.parse('0001-01-01T00:00:00Z');
const AFTER_LAST_YEAR = Date.UTC(10_000, 0, 1);

/**
 * What these bytes say as a mail, every text cleaned of what the database cannot hold and every list bounded; null for bytes
 * that are no mail at all. A file that ends too early gives what came before its end.
 */
export async function parseMail(id: string, bytes: Uint8Array): Promise<Mail | null> {
  const email = await parseBytes(bytes);
  if (email === null || !isMail(email)) return null;
  const text = clean(email.text?.trim() ? email.text : htmlToText(email.html ?? ''));
  const messageId = idsIn(email.messageId)[0];
  const date = readDate(email.date);
  return {
    id,
    from: addressesIn(email.from === undefined ? [] : [email.from])[0] ?? '',
    to: addressesIn(email.to ?? []),
    cc: addressesIn(email.cc ?? []),
    subject: oneLine(email.subject ?? ''),
    ...(date === undefined ? {} : { date }),
    ...(messageId === undefined ? {} : { messageId }),
    snippet: [
      ...text
        .slice(0, 4 * SNIPPET_CHARACTERS)
        .replace(/\s+/g, ' ')
        .trim(),
    ]
      .slice(0, SNIPPET_CHARACTERS)
      .join(''),
    text,
    attachments: email.attachments.slice(0, MAX_ATTACHMENTS).map(describeAttachment),
    references: referencesOf(email),
  };
}

/** The `Message-ID` of finished bytes, without angle brackets. */
export function messageIdOf(mime: string): string | undefined {
  const header = mime.slice(0, mime.indexOf('\r\n\r\n') + 2);
  return /^message-id:\s*<([^<>\s]{1,500})>/im.exec(header)?.[1];
}

async function parseBytes(bytes: Uint8Array): Promise<Email | null> {
  try {
    return await PostalMime.parse(bytes);
  } catch {
    // The library gives up on parts nested too deeply and on headers of megabytes: no mail a person sent.
    return null;
  }
}

/** The library reads any bytes; a mail says at least whom it is from, to, what about or when. */
function isMail({ from, to, subject, date, messageId }: Email): boolean {
  return [from, to, subject, date, messageId].some((value) => value !== undefined);
}

function referencesOf(email: Email): string[] {
  const ids = [...idsIn(email.references), ...idsIn(email.inReplyTo)];
  return [...new Set(ids)].slice(-MAX_REFERENCES);
}

function idsIn(header: string | undefined): string[] {
  const bracketed = [...(header ?? '').matchAll(MESSAGE_ID)].flatMap(([, id]) => (id === undefined ? [] : [clean(id)]));
  if (bracketed.length > 0) return bracketed;
  const bare = header?.trim() ?? '';
  return /^[^<>\s]{1,500}@[^<>\s]{1,500}$/.test(bare) ? [clean(bare)] : [];
}

function addressesIn(addresses: readonly Address[]): string[] {
  const flat = addresses.flatMap((entry) => entry.group ?? [entry]);
  return flat
    .map(({ name, address }) => oneLine(name === '' ? (address ?? '') : `${name} <${address ?? ''}>`))
    .filter((text) => text !== '')
    .slice(0, MAX_ADDRESSES);
}

function describeAttachment({
  filename,
  mimeType,
  content,
}: Email['attachments'][number]): Mail['attachments'][number] {
  const size = typeof content === 'string' ? content.length : content.byteLength;
  return { name: oneLine(filename ?? 'unnamed'), mediaType: oneLine(mimeType), size };
}

function readDate(date: string | undefined): string | undefined {
  const ms = Date.parse(date ?? '');
  return ms >= FIRST_YEAR && ms < AFTER_LAST_YEAR ? new Date(ms).toISOString() : undefined;
}

function oneLine(text: string): string {
  return cutText(
    clean(text.slice(0, 4 * HEADER_BYTES))
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
    HEADER_BYTES,
  );
}

function clean(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\u0000', '\uFFFD')
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0080-\u009F]/g, fromWindows1252);
}

/** Nobody writes these control characters; some versions of Node decode windows-1252 into them. */
function fromWindows1252(character: string): string {
  return WINDOWS_1252.charAt(character.charCodeAt(0) - 0x80);
}
