import { Temporal } from 'temporal-polyfill';
import type { MailSummary } from '../../contracts/services.js';
import { cutText } from '../../contracts/text.js';
import { localTime } from './calendar-time.js';
import type { MailSummaryView } from './mail-view-schema.js';

const ADDRESS_BYTES = 320;
const SUBJECT_BYTES = 500;
const SNIPPET_BYTES = 400;
const MAX_ADDRESSES = 10;

/** A mail as a list shows it: short, its time in the user's zone. */
export function viewSummary(mail: MailSummary, timeZone: string): MailSummaryView {
  const { id, from, to, subject, date, messageId, snippet } = mail;
  return {
    id,
    from: cutText(from, ADDRESS_BYTES),
    to: viewAddresses(to, MAX_ADDRESSES),
    subject: cutText(subject, SUBJECT_BYTES),
    ...(date === undefined ? {} : { date: localTime(Temporal.Instant.from(date), timeZone) }),
    ...(messageId === undefined ? {} : { messageId }),
    snippet: cutText(snippet, SNIPPET_BYTES),
  };
}

/** The first addresses, and how many there are besides. */
export function viewAddresses(addresses: readonly string[], limit: number): string[] {
  const shown = addresses.slice(0, limit).map((address) => cutText(address, ADDRESS_BYTES));
  return addresses.length > limit ? [...shown, `and ${addresses.length - limit} more`] : shown;
}
