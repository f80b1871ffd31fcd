import { addFields, EMPTY_FIELD, type Field, FIELDS, type FieldScore, fieldScore } from './fields.js';
import { scoreFollowUp } from './follow-up.js';
import { HARD_COUNTS, type HardCounts, hardCounts } from './hard-counts.js';
import {
  boardItems,
  type ItemMatches,
  matchItems,
  recordedItems,
  scoreActionItems,
  scoreBoard,
  scoreDependencies,
  scoreDueDates,
  scoreFacts,
  scoreOwners,
} from './items.js';
import { hasKeywords } from './matching.js';
import { checkHints, type HintVerdict } from './must-not.js';
import type { Note } from './notes.js';
import type { Outcome } from './outcome.js';

export interface NoteScore {
  readonly note: string;
  /** Whether there is a record of the meeting; without one, items are those on the board. */
  readonly isRecorded: boolean;
  readonly fields: Readonly<Record<Field, FieldScore>>;
  readonly hard: HardCounts;
  readonly hints: readonly HintVerdict[];
}

export interface TotalScore {
  readonly notes: number;
  readonly fields: Readonly<Record<Field, FieldScore>>;
  readonly hard: HardCounts;
  readonly hints: Readonly<Record<HintVerdict['verdict'], number>>;
}

/** Compares what the product did with what the note contains. */
export function scoreNote(note: Note, outcome: Outcome): NoteScore {
  const { meeting } = outcome;
  const { expected } = note;
  const items = matchItems(note, meeting === undefined ? boardItems(outcome) : recordedItems(outcome));
  const hard = hardCounts(note, outcome);
  return {
    note: note.id,
    isRecorded: meeting !== undefined,
    fields: {
      decisions: scoreFacts(expected.decisions, textsOf(meeting?.decisions)),
      actionItems: scoreActionItems(items),
      owners: scoreOwners(note, items),
      dueDates: scoreDueDates(items),
      board: scoreBoard(note, outcome),
      openQuestions: scoreFacts(expected.openQuestions, textsOf(meeting?.openQuestions)),
      dependencies: scoreDependencies(note, outcome, items),
      ...scoreFollowUp(note, outcome),
      contradictions: scoreContradictions(note, outcome),
      completedTasks: scoreCompleted(note, outcome),
      clarifications: scoreClarifications(note, outcome, items),
    },
    hard,
    hints: checkHints({ note, outcome, hard }),
  };
}

/** The sums over several notes. */
export function totalScore(scores: readonly NoteScore[]): TotalScore {
  const verdicts = scores.flatMap(({ hints }) => hints.map(({ verdict }) => verdict));
  const count = (verdict: HintVerdict['verdict']): number => verdicts.filter((one) => one === verdict).length;
  return {
    notes: scores.length,
    fields: recordOf(FIELDS, (field) => scores.map(({ fields }) => fields[field]).reduce(addFields, EMPTY_FIELD)),
    hard: recordOf(HARD_COUNTS, (name) =>
      scores.flatMap(({ note, hard }) => hard[name].map((one) => `${note}: ${one}`)),
    ),
    hints: { kept: count('kept'), broken: count('broken'), unchecked: count('unchecked') },
  };
}

function recordOf<K extends string, V>(keys: readonly K[], valueOf: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as Record<K, V>;
}

function textsOf(facts: readonly (string | { readonly text: string })[] = []): string[] {
  return facts.map((fact) => (typeof fact === 'string' ? fact : fact.text));
}

/** An expected contradiction is found where the record names its agreement, or says it in the words of the file. */
function scoreContradictions({ expected }: Note, { meeting }: Outcome): FieldScore {
  const given = meeting?.contradictions ?? [];
  const isFound = ({ agreement, keywords }: (typeof expected.contradictions)[number]): boolean =>
    given.some((one) => one.agreement === agreement || hasKeywords(one.text, keywords));
  const isExpected = (one: (typeof given)[number]): boolean =>
    expected.contradictions.some(
      ({ agreement, keywords }) => one.agreement === agreement || hasKeywords(one.text, keywords),
    );
  return fieldScore(
    expected.contradictions.filter(isFound).length,
    expected.contradictions.filter((one) => !isFound(one)).map(({ text }) => text),
    given.filter((one) => !isExpected(one)).map(({ text }) => text),
  );
}

/** Tasks that the record calls finished or that are done on the board by now. */
function scoreCompleted({ expected }: Note, { meeting, tasksBefore, tasksAfter }: Outcome): FieldScore {
  const wereOpen = new Set(tasksBefore.filter(({ status }) => status !== 'done').map(({ id }) => id));
  const done = tasksAfter.filter(({ id, status }) => status === 'done' && wereOpen.has(id)).map(({ id }) => id);
  const given = [...new Set([...(meeting?.completedTasks ?? []), ...done])];
  return fieldScore(
    expected.completedTasks.filter((id) => given.includes(id)).length,
    expected.completedTasks.filter((id) => !given.includes(id)),
    given.filter((id) => !expected.completedTasks.includes(id)),
  );
}

/**
 * What had to be cleared up: an item without a sure owner is marked or asked about, a contradiction is recorded or asked
 * about. Where nothing had to be, every question is one too many.
 */
function scoreClarifications(note: Note, outcome: Outcome, { matches }: ItemMatches): FieldScore {
  const { clarificationsNeeded, contradictions } = note.expected;
  const { meeting, questions } = outcome;
  if (clarificationsNeeded.length === 0) return fieldScore(0, [], questions);
  const isSettled = (what: string): boolean => {
    const id = /^owner of (a\d+)$/.exec(what)?.[1];
    if (id === undefined)
      return (
        (meeting?.contradictions.length ?? 0) > 0 ||
        contradictions.some(({ keywords }) => questions.some((question) => hasKeywords(question, keywords)))
      );
    const match = matches.find(({ expected }) => expected.id === id);
    if (match === undefined) return false;
    const isMarked = match.given?.owner === null && match.given.ownerStatus !== undefined;
    return isMarked || questions.some((question) => hasKeywords(question, match.expected.keywords));
  };
  return fieldScore(
    clarificationsNeeded.filter(isSettled).length,
    clarificationsNeeded.filter((what) => !isSettled(what)),
    [],
  );
}
