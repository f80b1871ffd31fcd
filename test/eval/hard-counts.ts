import { followUpEntry, calendarEntries, givenFollowUp, inventedAttendees } from './follow-up.js';
import { boardItems, hasInventedDue, hasInventedOwner, type ItemMatch, matchItems, recordedItems } from './items.js';
import { isSameWhen, resolvePerson } from './matching.js';
import { type Note, peopleOf } from './notes.js';
import { type BoardTask, keptTasks, type Outcome } from './outcome.js';

/** What must never happen; each entry says in a few words what did. */
export interface HardCounts {
  /** An owner where the note names none, or another person than it names. */
  readonly inventedOwners: readonly string[];
  /** A date where the note has none, another one, or a time of day nobody said; the next meeting's start included. */
  readonly inventedDates: readonly string[];
  readonly inventedAttendees: readonly string[];
  /** Events and invitations besides the one that was agreed. */
  readonly phantomEvents: readonly string[];
  /** Mail and invitations to strangers, other proposals, changes of tasks and events that the note does not ask for. */
  readonly phantomActions: readonly string[];
}

export const HARD_COUNTS = [
  'inventedOwners',
  'inventedDates',
  'inventedAttendees',
  'phantomEvents',
  'phantomActions',
] as const satisfies readonly (keyof HardCounts)[];

export function hardCounts(note: Note, outcome: Outcome): HardCounts {
  return {
    inventedOwners: inventedOwners(note, outcome),
    inventedDates: inventedDates(note, outcome),
    inventedAttendees: inventedAttendees(note, outcome),
    phantomEvents: phantomEvents(note, outcome),
    phantomActions: [...strangers(note, outcome), ...outcome.otherProposals, ...unaskedChanges(note, outcome)],
  };
}

/** Record and board are looked at apart, so that neither can hide what the other says. */
function allMatches(note: Note, outcome: Outcome): ItemMatch[] {
  return [recordedItems(outcome), boardItems(outcome)].flatMap((items) => matchItems(note, items).matches);
}

function inventedOwners(note: Note, outcome: Outcome): string[] {
  const wrong = allMatches(note, outcome).filter((match) => hasInventedOwner(match, note));
  const strangersToAll = [recordedItems(outcome), boardItems(outcome)]
    .flatMap((items) => matchItems(note, items).extras)
    .filter(({ owner }) => owner !== null && resolvePerson(owner, peopleOf(note)).length === 0);
  return unique([
    ...wrong.map(({ expected, given }) => `${given?.owner} for “${expected.text}”`),
    ...strangersToAll.map(({ owner, text }) => `${owner} for “${text}”`),
  ]);
}

function inventedDates(note: Note, outcome: Outcome): string[] {
  const wrong = allMatches(note, outcome)
    .filter((match) => hasInventedDue(match, note))
    .map(({ expected, given }) => `${given?.due} for “${expected.text}” (said: ${expected.due ?? 'nothing'})`);
  const expected = note.expected.followUpMeeting?.start;
  const starts = [givenFollowUp(note, outcome)?.start, followUpEntry(note, outcome)?.start].filter(
    (start) => start !== undefined && !isSameWhen(start, expected),
  );
  return unique([...wrong, ...starts.map((start) => `${start} for the next meeting (said: ${expected ?? 'nothing'})`)]);
}

function phantomEvents(note: Note, outcome: Outcome): string[] {
  const agreed = note.expected.followUpMeeting === null ? undefined : followUpEntry(note, outcome);
  return calendarEntries(outcome)
    .filter((entry) => entry !== agreed)
    .map(({ title, start }) => `“${title}” at ${start}`);
}

/** Addresses that belong to nobody the note knows. */
function strangers(note: Note, outcome: Outcome): string[] {
  const known = new Set(peopleOf(note).map(({ email }) => email.toLowerCase()));
  const mailed = outcome.mails.flatMap(({ to }) => to);
  const invited = calendarEntries(outcome).flatMap(({ attendees }) => attendees.filter((one) => one.includes('@')));
  return unique([...mailed, ...invited].filter((address) => !known.has(address.toLowerCase()))).map(
    (address) => `reaches ${address}`,
  );
}

function unaskedChanges(note: Note, outcome: Outcome): string[] {
  const tasks = keptTasks(outcome).flatMap(({ before, after }) => unaskedChange(note, before, after));
  const after = new Map(outcome.eventsAfter.map((event) => [event.id, event]));
  const events = outcome.eventsBefore.filter((event) => {
    const now = after.get(event.id);
    return now === undefined || !isSameWhen(now.start, event.start) || now.title !== event.title;
  });
  return [...tasks, ...events.map(({ title }) => `changed the event “${title}”`)];
}

/** A task may change only in what the note says of it: finished, dated, held by a contradiction, or dropped. */
function unaskedChange(note: Note, before: BoardTask, after: BoardTask | undefined): string[] {
  const { completedTasks, taskChanges = [], actionItems, contradictions } = note.expected;
  if (taskChanges.some(({ task }) => task === before.id)) return [];
  const what = `“${before.title}”`;
  if (after === undefined) return [`withdrew ${what}`];
  const mayBeDone = completedTasks.includes(before.id);
  const mayBeHeld = contradictions.length > 0;
  const mayBeAssigned = actionItems.some(({ existingTask }) => existingTask === before.id);
  const isStatusRight =
    after.status === before.status ||
    (after.status === 'done' && mayBeDone) ||
    (after.status === 'held' && mayBeHeld) ||
    (after.status === 'open' && before.status === 'held');
  const isRestRight = mayBeAssigned || (after.owner === before.owner && isSameWhen(after.due, before.due));
  return [
    ...(isStatusRight ? [] : [`set ${what} to ${after.status}`]),
    ...(isRestRight ? [] : [`changed owner or date of ${what}`]),
  ];
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
