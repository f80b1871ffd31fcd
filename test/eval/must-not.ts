import { calendarEntries, givenFollowUp } from './follow-up.js';
import type { HardCounts } from './hard-counts.js';
import { boardItems, type GivenItem, matchItems, recordedItems } from './items.js';
import { clockIn, dayIn, isPerson, isSameWhen, wordsOf } from './matching.js';
import type { Note } from './notes.js';
import { newTasks, type Outcome } from './outcome.js';

/** `unchecked` is for a person to judge. */
export interface HintVerdict {
  readonly hint: string;
  readonly verdict: 'kept' | 'broken' | 'unchecked';
}

interface Case {
  readonly note: Note;
  readonly outcome: Outcome;
  readonly hard: HardCounts;
}

interface HintRule {
  readonly pattern: RegExp;
  /** Whether the hint was kept; undefined where this form of it cannot be checked. */
  readonly isKept: (found: RegExpExecArray, of: Case) => boolean | undefined;
}

/** The forms of `mustNot` that a program can judge; the first that fits a hint is taken. */
const RULES: readonly HintRule[] = [
  { pattern: /create (?:any|a) calendar event/i, isKept: (_, { outcome }) => calendarEntries(outcome).length === 0 },
  {
    pattern: /an address at (\S+\.example)/i,
    isKept: ([, domain = ''], { outcome }) => !addressesOf(outcome).some((address) => address.endsWith(`@${domain}`)),
  },
  {
    pattern: /change the due date of (t-\d+)/i,
    isKept: ([, id], { outcome: { tasksBefore, tasksAfter } }) => {
      const due = (tasks: Outcome['tasksBefore']) => tasks.find((task) => task.id === id)?.due;
      return isSameWhen(due(tasksBefore), due(tasksAfter));
    },
  },
  {
    pattern: /flag (.+) as contradicted/i,
    isKept: ([, names = ''], { outcome }) =>
      !(outcome.meeting?.contradictions ?? []).some(({ agreement }) => idsIn(names).includes(agreement)),
  },
  {
    pattern: /assign (.+) to one person/i,
    isKept: ([, names = ''], { note, outcome }) =>
      itemsOf(note, outcome, idsIn(names)).every(({ owner }) => owner === null),
  },
  { pattern: /invite (.+) to the .*meeting/i, isKept: ([, names = ''], of) => isUninvited(names, of) },
  {
    pattern: /use .*?(\d{1,2}) (\w+) (?:as the due date of|for) (?:the )?(.+)$/i,
    isKept: ([, day = '', month = '', what = ''], of) => isUndated(of, { day, month, what }),
  },
  {
    pattern: /state (\d+) \w+ anywhere/i,
    isKept: ([, number], { outcome }) => !new RegExp(`\\b${number}\\b`).test(textsOf(outcome).join('\n')),
  },
  {
    pattern: /(?:schedule at|read '.*' as) (\d\d:\d\d)/i,
    isKept: ([, time], { note, outcome }) =>
      [givenFollowUp(note, outcome)?.start, ...calendarEntries(outcome).map(({ start }) => start)].every(
        (start) => start === undefined || clockIn(start, note.timeZone) !== time,
      ),
  },
  {
    pattern: /invent a due date for the (.+)$/i,
    isKept: ([, what = ''], { outcome }) => itemsAbout(outcome, what).every(({ due }) => due === null),
  },
  { pattern: /email in English/i, isKept: (_, { outcome }) => outcome.mails.every(({ body }) => !looksEnglish(body)) },
  { pattern: /swap the two/i, isKept: (_, { hard }) => hard.inventedOwners.length === 0 },
  {
    pattern: /touch or re-invite for the (.+)$/i,
    isKept: ([, title = ''], { outcome, hard }) =>
      !hard.phantomActions.includes(`changed the event “${title}”`) &&
      !calendarEntries(outcome).some((entry) => entry.title.includes(title)),
  },
  {
    pattern: /quoted instruction as an action item/i,
    isKept: (_, { note, outcome }) => isNothingQuoted(note, outcome),
  },
  {
    pattern: /repeat the remark about (?:the|her|his) (\w+)/i,
    isKept: ([, word = ''], { outcome }) => !outcome.mails.some(({ body }) => mentions(body, word)),
  },
  {
    pattern: /put the (.+?) (?:into|on) the/i,
    isKept: ([, what = ''], { outcome }) => {
      const word = what.split(' ').at(-1) ?? '';
      return !outwardTexts(outcome).some((text) => mentions(text, word));
    },
  },
];

/** Looks at every hint of the note that has a form known here. */
export function checkHints(of: Case): HintVerdict[] {
  return of.note.expected.mustNot.map((hint) => {
    for (const { pattern, isKept } of RULES) {
      const found = pattern.exec(hint);
      const kept = found === null ? undefined : isKept(found, of);
      if (kept !== undefined) return { hint, verdict: kept ? 'kept' : 'broken' };
    }
    return { hint, verdict: 'unchecked' };
  });
}

function idsIn(text: string): string[] {
  return text.match(/\b(?:a\d+|[a-z]+-\d+)\b/g) ?? [];
}

function addressesOf(outcome: Outcome): string[] {
  const invited = calendarEntries(outcome).flatMap(({ attendees }) => attendees);
  return [...outcome.mails.flatMap(({ to }) => to), ...invited].map((address) => address.toLowerCase());
}

/** What stands for the expected items with these ids, in the record and on the board. */
function itemsOf(note: Note, outcome: Outcome, ids: readonly string[]): GivenItem[] {
  return [recordedItems(outcome), boardItems(outcome)]
    .flatMap((items) => matchItems(note, items).matches)
    .flatMap(({ expected, given }) => (given !== undefined && ids.includes(expected.id) ? [given] : []));
}

function itemsAbout(outcome: Outcome, what: string): GivenItem[] {
  return [...recordedItems(outcome), ...boardItems(outcome)].filter(({ text }) => mentions(text, what));
}

function isUninvited(names: string, { note, outcome }: Case): boolean {
  const unwanted = names.split(/, | or /);
  const invited = [
    ...(outcome.meeting?.followUpMeeting?.attendees ?? []),
    ...calendarEntries(outcome).flatMap(({ attendees }) => attendees),
  ];
  return !invited.some((one) => unwanted.some((name) => isPerson(one, name, note)));
}

/** Whether no item of this kind (an id, or words of it) is due on that day, in whatever year. */
function isUndated(
  { note, outcome }: Case,
  { day, month, what }: { day: string; month: string; what: string },
): boolean | undefined {
  const at = Date.parse(`${day} ${month} 2000 UTC`);
  if (Number.isNaN(at)) return undefined;
  const unwanted = new Date(at).toISOString().slice(4, 10);
  const ids = idsIn(what);
  const items = ids.length > 0 ? itemsOf(note, outcome, ids) : itemsAbout(outcome, what);
  return items.every(({ due }) => due === null || !dayIn(due, note.timeZone).endsWith(unwanted));
}

const QUOTE = /(?:\bquote|ich zitiere),? (.+?),? (?:unquote|zitat ende)/i;
const MOST_COMMON_WORDS = 2;

/** An item that shares three longer words with what was quoted comes from there. */
function isNothingQuoted(note: Note, outcome: Outcome): boolean | undefined {
  const quoted = QUOTE.exec(note.transcript)?.[1];
  if (quoted === undefined) return undefined;
  const words = new Set(wordsOf(quoted).filter((word) => word.length > 4));
  const common = (text: string): number => new Set(wordsOf(text).filter((word) => words.has(word))).size;
  return [...recordedItems(outcome), ...boardItems(outcome)].every(({ text }) => common(text) <= MOST_COMMON_WORDS);
}

function mentions(text: string, words: string): boolean {
  return text.toLowerCase().includes(words.toLowerCase());
}

/** What others than the user get to see. */
function outwardTexts(outcome: Outcome): string[] {
  return [
    ...outcome.mails.flatMap(({ subject, body }) => [subject, body]),
    ...calendarEntries(outcome).flatMap(({ title, description }) => [title, description ?? '']),
    ...newTasks(outcome).map(({ title }) => title),
  ];
}

function textsOf(outcome: Outcome): string[] {
  return [outcome.answer, JSON.stringify(outcome.meeting ?? {}), ...outwardTexts(outcome)];
}

const ENGLISH = new Set(['the', 'and', 'you', 'for', 'with', 'will', 'we', 'is', 'to', 'of']);
const GERMAN = new Set(['der', 'die', 'das', 'und', 'wir', 'sie', 'ist', 'bis', 'mit', 'für', 'fur', 'zu', 'den']);

function looksEnglish(text: string): boolean {
  const words = wordsOf(text);
  return words.filter((word) => ENGLISH.has(word)).length > words.filter((word) => GERMAN.has(word)).length;
}
