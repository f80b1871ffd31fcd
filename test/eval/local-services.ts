import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import PostalMime from 'postal-mime';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import type { CalendarEntry, Mail } from './outcome.js';

const EVER = { from: '2020-01-01T00:00:00Z', to: '2040-01-01T00:00:00Z' };

/** The events in the calendar file of a user. */
export async function readCalendar(localFolder: string, user: string): Promise<CalendarEntry[]> {
  const events = await createLocalCalendar({ root: localFolder }).list(user, EVER);
  return events.map(({ id, title, start, end, attendees, description }) => ({
    id,
    title,
    start,
    end,
    attendees,
    description,
  }));
}

/** The drafts that were saved for a user, and what has left; without approval nothing has. */
export async function readMails(localFolder: string, user: string): Promise<Mail[]> {
  const files = ['drafts', 'outbox'].flatMap((name) => {
    const folder = path.join(localFolder, user, 'mail', name);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((file) => file.endsWith('.eml'))
      .map((file) => path.join(folder, file));
  });
  return Promise.all(files.map((file) => readMail(file)));
}

async function readMail(file: string): Promise<Mail> {
  const mail = await PostalMime.parse(readFileSync(file));
  const recipients = [...(mail.to ?? []), ...(mail.cc ?? []), ...(mail.bcc ?? [])];
  return {
    to: recipients.flatMap(({ address }) => (address === undefined ? [] : [address.toLowerCase()])),
    subject: mail.subject ?? '',
    body: mail.text ?? '',
  };
}
