import { type JsonRecord, stringOf } from './json.js';
import { textOf } from './results.js';
import type { Setting } from './setting.js';
import { shorten } from './text.js';
import { whenText } from './time-text.js';

const LONGEST_MAIL = 4000;

/** Sender, time and subject of a mail, quoted. */
function mailHead(mail: JsonRecord, setting: Setting): string {
  const date = stringOf(mail, 'date', 'receivedAt');
  const when = date === undefined ? '' : `, ${whenText(date, setting)}`;
  const subject = stringOf(mail, 'subject') ?? '(no subject)';
  return `from ${shorten(stringOf(mail, 'from') ?? 'an unknown sender', 200)}${when}: “${shorten(subject, 200)}”`;
}

/** A mail in one line, with its first words. */
export function mailLine(mail: JsonRecord, setting: Setting): string {
  if (stringOf(mail, 'from', 'subject') === undefined) return `“${shorten(textOf(mail), 200)}”`;
  const snippet = stringOf(mail, 'snippet', 'text');
  return `${mailHead(mail, setting)}${snippet === undefined ? '' : ` – “${shorten(snippet, 200)}”`}`;
}

/** A whole mail. Every line of it is marked as quoted: it is what somebody else wrote. */
export function mailText(mail: JsonRecord, setting: Setting): string {
  const text = stringOf(mail, 'text', 'body', 'snippet') ?? '(no text)';
  const shown = text.length <= LONGEST_MAIL ? text : `${text.slice(0, LONGEST_MAIL).toWellFormed()}…`;
  const lines = shown
    .trim()
    .split(/\r\n|[\r\n\u2028\u2029]/u)
    .map((line) => `> ${line}`);
  return [`Mail ${mailHead(mail, setting)}. It says:`, ...lines, 'That is the end of it.'].join('\n');
}
