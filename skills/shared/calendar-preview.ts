import type { CalendarEvent } from '../../contracts/services.js';
import { isAddress } from './calendar-attendees.js';
import { type EventTimes, whenWords } from './calendar-words.js';
import { quote } from './summary-text.js';
import { visibleLine, visibleText } from './visible-text.js';

/** Collects what a person has to judge about events; no text from outside can look like a line of ours. */
export interface PreviewSheet {
  /** A line of our own words. */
  say(line: string): void;
  /** Text from outside behind a label, on one line. */
  line(label: string, text: string): void;
  /** Text from outside below a label, in full and indented. */
  block(label: string, text: string): void;
  when(label: string, times: EventTimes): void;
  people(label: string, attendees: readonly string[]): void;
  /** Everything, below a warning for each thing that the text hid. */
  text(): string;
}

/** An empty sheet for a reader in this time zone. */
export function previewSheet(readerZone: string): PreviewSheet {
  const lines: string[] = [];
  const warnings = new Set<string>();
  const noted = (text: string): string => {
    for (const warning of visibleText(text).warnings) warnings.add(`Warning: ${warning}`);
    return text;
  };
  return {
    say: (line) => void lines.push(line),
    line: (label, text) => void lines.push(`${label}: ${visibleLine(noted(text))}`),
    block: (label, text) => void lines.push(`${label}:`, ...visibleText(noted(text)).text.split('\n').map(indented)),
    when(label, times) {
      const { there, here } = whenWords(times, readerZone);
      lines.push(`${label}: ${there}`, ...(here === undefined ? [] : [indented(`in your time zone: ${here}`)]));
    },
    people(label, attendees) {
      if (attendees.length === 0) lines.push(`${label}: nobody`);
      else lines.push(`${label}:`, ...attendees.map((attendee) => indented(personWords(noted(attendee)))));
    },
    text: () => [...warnings, ...lines].join('\n'),
  };
}

/** A whole event. */
export function sayEvent(sheet: PreviewSheet, event: Omit<CalendarEvent, 'id'>): void {
  sheet.line('Title', event.title);
  sheet.when('When', event);
  sheet.people('Attendees', event.attendees);
  if (event.description !== undefined && event.description !== '') sheet.block('Description', event.description);
}

/** What else takes place then. */
export function sayBusy(sheet: PreviewSheet, others: readonly string[]): void {
  if (others.length === 0) return;
  sheet.say('At the same time in your calendar:');
  for (const other of others) sheet.say(indented(other));
}

/** A title from outside as a short quotation in which nothing is hidden. */
export function shownTitle(title: string): string {
  return quote(visibleLine(title));
}

function personWords(attendee: string): string {
  return `${visibleLine(attendee)}${isAddress(attendee) ? '' : ' (no mail address)'}`;
}

function indented(line: string): string {
  return `  ${line}`;
}
