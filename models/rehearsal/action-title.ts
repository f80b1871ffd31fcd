import { type JsonRecord, stringOf } from './json.js';
import type { Setting } from './setting.js';
import { shorten } from './text.js';
import { eventText } from './time-text.js';

function listIn(input: JsonRecord, field: string): string[] {
  const value = input[field];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function mailTitle(input: JsonRecord): string {
  const copies = ['cc', 'bcc'].flatMap((field) => {
    const people = listIn(input, field);
    return people.length === 0 ? [] : [`${field} ${people.join(', ')}`];
  });
  const people = [listIn(input, 'to').join(', ') || 'nobody', ...copies].join(', ');
  return `Mail to ${people}: ${shorten(stringOf(input, 'subject') ?? '(no subject)', 200)}`;
}

/** One line about a call that reaches other people: whom and what. Undefined for all other calls. */
export function actionTitle(skill: string, input: JsonRecord, setting: Setting): string | undefined {
  if (skill === 'email_send' || skill === 'email_draft') return mailTitle(input);
  if (skill === 'calendar_create_event') {
    const people = listIn(input, 'attendees');
    return people.length === 0 ? undefined : `Invitation to ${people.join(', ')}: ${eventText(input, setting)}`;
  }
  const target = skill === 'send_message' ? stringOf(input, 'target') : undefined;
  if (target === undefined || target === 'me' || target === 'conversation') return undefined;
  return `Message to ${target}: “${shorten(stringOf(input, 'text') ?? '', 200)}”`;
}
