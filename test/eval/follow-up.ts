import { EMPTY_FIELD, type FieldScore, fieldScore } from './fields.js';
import { bestAssignment, isPerson, isSameWhen, mayBePerson, resolvePerson, sharedStems, wordsOf } from './matching.js';
import { type ExpectedFollowUp, type Note, peopleOf } from './notes.js';
import { type CalendarEntry, newEvents, type Outcome } from './outcome.js';

/** The next meeting as the product gave it, in the record or in the calendar. */
export interface GivenFollowUp {
  readonly start: string;
  readonly end: string | undefined;
  /** Names or addresses, the user included. */
  readonly attendees: readonly string[];
  readonly agenda: readonly string[];
}

export interface FollowUpScores {
  readonly followUpStart: FieldScore;
  readonly followUpEnd: FieldScore;
  readonly attendees: FieldScore;
  readonly agenda: FieldScore;
  /** An invitation or event at the agreed time; others count as phantoms, not here. */
  readonly event: FieldScore;
}

/** What will stand in the calendar: what waits for approval first, then what is there already. */
export function calendarEntries(outcome: Outcome): CalendarEntry[] {
  return [...outcome.invitations, ...newEvents(outcome)];
}

/** The recorded one; without a record the event that stands for it. */
export function givenFollowUp(note: Note, outcome: Outcome): GivenFollowUp | undefined {
  const recorded = outcome.meeting?.followUpMeeting ?? undefined;
  if (recorded !== undefined) {
    const { start, end, attendees, agenda } = recorded;
    return { start, end: end ?? undefined, attendees, agenda };
  }
  const entry = followUpEntry(note, outcome);
  if (entry === undefined) return undefined;
  const { start, end, attendees, description } = entry;
  return { start, end, attendees: [note.speaker.name, ...attendees], agenda: linesOf(description) };
}

/** The entry at the agreed time, else the first one: all others have no reason to be there. */
export function followUpEntry(note: Note, outcome: Outcome): CalendarEntry | undefined {
  const entries = calendarEntries(outcome);
  return entries.find(({ start }) => isSameWhen(start, note.expected.followUpMeeting?.start)) ?? entries[0];
}

export function scoreFollowUp(note: Note, outcome: Outcome): FollowUpScores {
  const expected = note.expected.followUpMeeting;
  const given = givenFollowUp(note, outcome);
  if (expected === null) {
    const none = EMPTY_FIELD;
    const start = given === undefined ? none : fieldScore(0, [], [given.start]);
    return { followUpStart: start, followUpEnd: none, attendees: none, agenda: none, event: none };
  }
  return {
    followUpStart: scoreWhen(expected.start, given?.start),
    followUpEnd: expected.end === null ? EMPTY_FIELD : scoreWhen(expected.end, given?.end),
    attendees: scoreAttendees(note, expected, given?.attendees ?? []),
    agenda: scoreAgenda(expected.agenda, given?.agenda ?? []),
    event: calendarEntries(outcome).some(({ start }) => isSameWhen(start, expected.start))
      ? fieldScore(1, [], [])
      : fieldScore(0, [expected.start], []),
  };
}

function scoreWhen(expected: string, given: string | undefined): FieldScore {
  if (given === undefined) return fieldScore(0, [expected], []);
  return isSameWhen(expected, given) ? fieldScore(1, [], []) : fieldScore(0, [expected], [given]);
}

function scoreAttendees(note: Note, { attendees }: ExpectedFollowUp, given: readonly string[]): FieldScore {
  const isThere = (name: string): boolean => given.some((one) => isPerson(one, name, note));
  return fieldScore(
    attendees.filter(isThere).length,
    attendees.filter((name) => !isThere(name)),
    given.filter((one) => !attendees.some((name) => isPerson(one, name, note))),
  );
}

/** Topics in whatever words: each pairs with one that shares a word's stem. */
function scoreAgenda(expected: readonly string[], given: readonly string[]): FieldScore {
  const pairs = bestAssignment(expected, given, sharedStems);
  const taken = new Set(pairs.values());
  return fieldScore(
    pairs.size,
    expected.filter((_, index) => !pairs.has(index)),
    given.filter((_, index) => !taken.has(index)),
  );
}

/** People who were put into a next meeting or into the meeting itself though the note does not. */
export function inventedAttendees(note: Note, outcome: Outcome): string[] {
  const { meeting } = outcome;
  const next = note.expected.followUpMeeting;
  const invited = [
    ...(meeting?.followUpMeeting?.attendees ?? []),
    ...calendarEntries(outcome).flatMap(({ attendees }) => attendees),
  ];
  const strangersToNext =
    next === null ? [] : invited.filter((one) => !next.attendees.some((name) => mayBePerson(one, name, note)));
  const said = new Set(wordsOf(note.transcript));
  const strangersToAll = (meeting?.attendees ?? []).filter(
    (one) => resolvePerson(one, peopleOf(note)).length === 0 && !wordsOf(one).every((word) => said.has(word)),
  );
  return [...new Set([...strangersToNext, ...strangersToAll])];
}

function linesOf(description = ''): string[] {
  return description
    .split(/\n|;/)
    .map((line) => line.replace(/^[\s\-*•\d.)]+/, '').trim())
    .filter((line) => line !== '' && !/^[\p{L} ]+:$/u.test(line));
}
