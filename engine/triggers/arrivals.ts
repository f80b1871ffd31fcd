import type { MailSummary } from '../../contracts/services.js';
import { shortened } from '../../contracts/text.js';
import { listed } from './begin-request.js';

/** Up to when mail was looked at, RFC 3339, and the mails that were there; the latter once there was a look. */
export interface MailState {
  readonly upto: string;
  readonly seen?: readonly string[];
  /** Older mail did not fit into a look, RFC 3339: it may come into sight when other mail goes, and is not new then. */
  readonly from?: string;
}

/** Mails that one look asks for, the newest. */
export const MOST_MAILS = 200;
const MOST_REMEMBERED = 500;
/** Mail that says it was sent this long before it came is still noticed. */
const UNDER_WAY_MS = 7 * 86_400_000;

/** From when on mails are asked for, RFC 3339. */
export function sinceWhen({ upto, from }: MailState): string {
  const underWay = Date.parse(upto) - UNDER_WAY_MS;
  return new Date(from === undefined ? underWay : Math.max(underWay, Date.parse(from))).toISOString();
}

/** What one look at a mailbox comes to; within the cool-down everything stays new. */
export function newMails(
  state: MailState,
  found: readonly MailSummary[],
  at: string,
  isCooling: boolean,
): { readonly state: MailState; readonly report?: string } {
  const fresh = found.filter((mail) => isNew(state, mail));
  const from = fullFrom(found) ?? state.from;
  const bounded = from === undefined ? {} : { from };
  if (isCooling && fresh.length > 0) return { state: { ...state, ...bounded } };
  const seen = [...new Set([...found.map(({ id }) => id), ...(state.seen ?? [])])].slice(0, MOST_REMEMBERED);
  const after: MailState = { upto: at, seen, ...bounded };
  if (fresh.length === 0) return { state: after };
  const more = found.length === MOST_MAILS ? ', perhaps more' : '';
  const head = fresh.length === 1 ? 'A new mail' : `${fresh.length} new mails${more}`;
  return { state: after, report: `${head}, newest first:\n${listed(fresh.map(lineOf))}` };
}

/** Right after the oldest of a look that brought as many as it asked for; undefined where it brought all there are. */
function fullFrom(found: readonly MailSummary[]): string | undefined {
  if (found.length < MOST_MAILS) return undefined;
  const sent = found.flatMap(({ date }) => (date === undefined ? [] : [Date.parse(date)]));
  return sent.length === 0 ? undefined : new Date(Math.min(...sent) + 1).toISOString();
}

/** At the first look whatever was there before the trigger was made is old. */
function isNew({ upto, seen }: MailState, mail: MailSummary): boolean {
  if (seen !== undefined) return !seen.includes(mail.id);
  return mail.date !== undefined && Date.parse(mail.date) >= Math.floor(Date.parse(upto) / 1000) * 1000;
}

function lineOf({ id, from, subject, date, snippet }: MailSummary): string {
  const sent = date === undefined ? '' : `, ${date}`;
  return `- ${shortened(from, 200)}: “${shortened(subject, 200)}” (mail ${id}${sent})\n  ${shortened(snippet.replace(/\s+/g, ' '), 300)}`;
}
