import { beforeAll, describe, expect, it } from 'vitest';
import { isSameWhen } from '../eval/matching.js';
import { BLIND_NOTES } from './blind-notes.js';
import { type DevelopmentNote, ENGLISH_NOTES } from './development-notes.js';
import { GERMAN_NOTES } from './development-notes-german.js';
import { type Note, playNote, type PlayedNote } from './note-tool-box.js';

const NOTES = [...ENGLISH_NOTES, ...GERMAN_NOTES, ...BLIND_NOTES];

interface Judged {
  readonly found: number;
  readonly explicit: number;
  readonly owned: number;
  readonly dated: number;
  readonly datesFound: number;
  readonly isNextFound: boolean;
  readonly missed: readonly string[];
  readonly invented: readonly string[];
  readonly extras: readonly string[];
}

function addressOf(name: string): string {
  return `${name
    .replace(/^Dr\. /, '')
    .split(' ')[0]
    ?.toLowerCase()}.${name.split(' ').at(-1)?.toLowerCase()}@firm.example`;
}

function asNote({ id, now, timeZone, user, contacts, text }: DevelopmentNote): Note {
  return {
    id,
    now,
    timeZone,
    transcript: text,
    speaker: { name: user },
    contacts: contacts.map((name) => ({ name, email: addressOf(name), role: '' })),
    priorContext: { agreements: [], openTasks: [] },
    expected: {
      decisions: [],
      actionItems: [],
      openQuestions: [],
      dependencies: [],
      followUpMeeting: null,
      contradictions: [],
      completedTasks: [],
    },
  };
}

function isInventedDue(given: string | null, expected: string | null): boolean {
  return given !== null && !isSameWhen(given, expected) && given !== expected?.slice(0, 10);
}

function judge(note: DevelopmentNote, { meeting, of }: PlayedNote): Judged {
  const free = [...meeting.actionItems];
  const pairs = note.items.map(([words, owner, due]) => {
    const any = words.replace('?', '').split('|');
    const fitting = free.filter(({ text }) => any.some((word) => text.toLowerCase().includes(word)));
    const mine = fitting.find((item) => item.owner === owner && isSameWhen(item.due, due)) ?? fitting[0];
    if (mine !== undefined) free.splice(free.indexOf(mine), 1);
    return { words, owner, due, mine, isOptional: words.startsWith('?') };
  });
  const required = pairs.filter(({ isOptional }) => !isOptional);
  const next = meeting.followUpMeeting ?? null;
  const wanted = [note.user, ...(note.attendees ?? note.contacts)];
  const owned = required.filter(({ owner, mine }) => owner !== null && mine?.owner === owner);
  const datesFound = required.filter(
    ({ due, mine }) => due !== null && mine !== undefined && isSameWhen(mine.due, due),
  );
  return {
    found: required.filter(({ mine }) => mine !== undefined).length,
    explicit: required.filter(({ owner }) => owner !== null).length,
    owned: owned.length,
    dated: required.filter(({ due }) => due !== null).length,
    datesFound: datesFound.length,
    isNextFound: note.next !== null && isSameWhen(next?.start ?? null, note.next),
    missed: [
      ...required
        .filter(({ owner, mine }) => mine === undefined || mine.owner !== owner)
        .map(({ words, owner, mine }) => `item ${words} of ${owner} (${mine === undefined ? 'none' : mine.owner})`),
      ...required
        .filter(({ due, mine }) => due !== null && mine !== undefined && !isSameWhen(mine.due, due))
        .map(({ words, due, mine }) => `due ${words} ${due} (${mine?.due})`),
      ...(isSameWhen(next?.start ?? null, note.next) ? [] : [`next ${note.next}`]),
      ...wanted.filter((name) => next !== null && !next.attendees.includes(name)).map((name) => `attendee ${name}`),
    ],
    invented: [
      ...pairs
        .filter(({ owner, mine }) => mine?.owner != null && mine.owner !== owner)
        .map(({ mine }) => `owner ${mine?.owner} of ${mine?.text}`),
      ...pairs
        .filter(({ due, mine }) => isInventedDue(mine?.due ?? null, due))
        .map(({ mine }) => `due ${mine?.due} of ${mine?.text}`),
      ...(next !== null && !isSameWhen(next.start, note.next) ? [`next ${next.start}`] : []),
      ...(next?.attendees ?? []).filter((name) => !wanted.includes(name)).map((name) => `attendee ${name}`),
      ...free
        .filter(({ owner }) => owner !== null && ![note.user, ...note.contacts].includes(owner))
        .map(({ owner, text }) => `owner ${owner} of ${text}`),
      ...(of('calendar_create_event').length > (note.next === null ? 0 : 1) ? ['event'] : []),
    ],
    extras: free.map(({ text, owner, due }) => `${text} [${owner}, ${due}]`),
  };
}

function reportOf(judged: ReadonlyMap<string, Judged>): string {
  return [...judged]
    .flatMap(([id, { missed, invented, extras }]) => [
      ...missed.map((what) => `${id} missed: ${what}`),
      ...invented.map((what) => `${id} INVENTED: ${what}`),
      ...extras.map((what) => `${id} extra: ${what}`),
    ])
    .join('\n');
}

describe('the development notes on the rehearsal model', () => {
  const judged = new Map<string, Judged>();
  const sum = (field: 'found' | 'explicit' | 'owned' | 'dated' | 'datesFound') =>
    [...judged.values()].reduce((total, one) => total + one[field], 0);
  beforeAll(async () => {
    for (const note of NOTES) judged.set(note.id, judge(note, await playNote(asNote(note))));
    const next = [...judged.values()].filter(({ isNextFound }) => isNextFound).length;
    process.stdout.write(
      `${reportOf(judged)}\nnext ${next}/${NOTES.filter((one) => one.next !== null).length}, owners ${sum('owned')}/${sum('explicit')}, dues ${sum('datesFound')}/${sum('dated')}\n`,
    );
  });

  it('nothing is invented: no owner, date, attendee or event that was not said', () => {
    expect([...judged].flatMap(([id, { invented }]) => invented.map((what) => `${id}: ${what}`))).toEqual([]);
  });

  it('most stated next meetings, owners and dates are found', () => {
    const stated = NOTES.filter(({ next }) => next !== null).length;
    expect([...judged.values()].filter(({ isNextFound }) => isNextFound).length / stated).toBeGreaterThan(0.8);
    expect(sum('owned') / sum('explicit')).toBeGreaterThan(0.8);
    expect(sum('datesFound') / sum('dated')).toBeGreaterThan(0.8);
  });
});
