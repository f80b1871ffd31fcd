import { type FieldScore, fieldScore } from './fields.js';
import { bestAssignment, clockIn, dayIn, hasKeywords, isPerson, isSameWhen, mayBePerson } from './matching.js';
import type { ExpectedFact, ExpectedItem, Note } from './notes.js';
import { type BoardTask, keptTasks, newTasks, type Outcome } from './outcome.js';

/** An action item as the product gave it, in the record or as a task on the board. */
export interface GivenItem {
  readonly id: string;
  readonly text: string;
  readonly owner: string | null;
  readonly due: string | null;
  /** Missing on the board, which has no such field. */
  readonly ownerStatus?: string | undefined;
  readonly existingTask?: string | undefined;
}

export interface ItemMatch {
  readonly expected: ExpectedItem;
  readonly given: GivenItem | undefined;
}

/** Every expected item with the given one that stands for it, and the given ones that stand for none. */
export interface ItemMatches {
  readonly matches: readonly ItemMatch[];
  readonly extras: readonly GivenItem[];
}

const REQUIRED = 1_000;
const OPTIONAL = 900;
const SAME_TASK = 50;
const SAME_OWNER = 20;
const SAME_DUE = 10;

/** Pairs given with expected items by keywords; among equals the one with the same task, owner and date is taken. */
export function matchItems(note: Note, given: readonly GivenItem[]): ItemMatches {
  const { actionItems } = note.expected;
  const pairs = bestAssignment(actionItems, given, (expected, item) => {
    const isSameTask = expected.existingTask !== undefined && item.existingTask === expected.existingTask;
    if (!isSameTask && !hasKeywords(item.text, expected.keywords)) return 0;
    return (
      (expected.optional === true ? OPTIONAL : REQUIRED) +
      (isSameTask ? SAME_TASK : 0) +
      (hasRightOwner(expected, item, note) ? SAME_OWNER : 0) +
      (hasRightDue(expected, item) ? SAME_DUE : 0)
    );
  });
  const taken = new Set(pairs.values());
  return {
    matches: actionItems.map((expected, index) => ({ expected, given: given[pairs.get(index) ?? -1] })),
    extras: given.filter((_, index) => !taken.has(index)),
  };
}

export function recordedItems({ meeting }: Outcome): GivenItem[] {
  return meeting?.actionItems ?? [];
}

/** New tasks, and those that stood there before and have got another owner or date. */
export function boardItems(outcome: Outcome): GivenItem[] {
  const changed = keptTasks(outcome).flatMap(({ before, after }) =>
    after !== undefined && (after.owner !== before.owner || !isSameWhen(after.due, before.due)) ? [after] : [],
  );
  return [
    ...newTasks(outcome).map((task) => asItem(task)),
    ...changed.map((task) => ({ ...asItem(task), existingTask: task.id })),
  ];
}

function asItem({ id, title, owner, due }: BoardTask): GivenItem {
  return { id, text: title, owner, due };
}

const isRequired = ({ expected }: ItemMatch): boolean => expected.optional !== true;

export function scoreActionItems({ matches, extras }: ItemMatches): FieldScore {
  const required = matches.filter(isRequired);
  return fieldScore(
    required.filter(({ given }) => given !== undefined).length,
    required.filter(({ given }) => given === undefined).map(({ expected }) => expected.text),
    extras.map(({ text }) => text),
  );
}

/** Of the items whose owner the note names: how many were found with that owner. */
export function scoreOwners(note: Note, { matches }: ItemMatches): FieldScore {
  const named = matches.filter(isRequired).filter(({ expected }) => expected.owner !== null);
  const isRight = ({ expected, given }: ItemMatch): boolean =>
    given !== undefined && hasRightOwner(expected, given, note);
  return fieldScore(
    named.filter(isRight).length,
    named.filter((match) => !isRight(match)).map(({ expected }) => `${expected.owner}: ${expected.text}`),
    matches.flatMap(({ expected, given }) =>
      given === undefined || given.owner === null || hasRightOwner(expected, given, note)
        ? []
        : [`${given.owner}: ${given.text}`],
    ),
  );
}

/** Of the items the note dates: how many were found with that date. */
export function scoreDueDates({ matches }: ItemMatches): FieldScore {
  const dated = matches.filter(isRequired).filter(({ expected }) => expected.due !== null);
  const isRight = ({ expected, given }: ItemMatch): boolean => given !== undefined && hasRightDue(expected, given);
  return fieldScore(
    dated.filter(isRight).length,
    dated.filter((match) => !isRight(match)).map(({ expected }) => `${expected.due}: ${expected.text}`),
    matches.flatMap(({ expected, given }) =>
      given === undefined || given.due === null || hasRightDue(expected, given) ? [] : [`${given.due}: ${given.text}`],
    ),
  );
}

/** The expected items that stand on the board at the end with their owner and date, as a new task or as the one they are about. */
export function scoreBoard(note: Note, outcome: Outcome): FieldScore {
  const known = new Set(outcome.tasksBefore.map(({ id }) => id));
  const tasks = outcome.tasksAfter.map((task) => ({
    ...asItem(task),
    ...(known.has(task.id) ? { existingTask: task.id } : {}),
  }));
  const { matches, extras } = matchItems(note, tasks);
  const required = matches.filter(isRequired);
  const isRight = ({ expected, given }: ItemMatch): boolean =>
    given !== undefined && hasRightOwner(expected, given, note) && hasRightDue(expected, given);
  return fieldScore(
    required.filter(isRight).length,
    required.filter((match) => !isRight(match)).map(({ expected }) => expected.text),
    extras.filter(({ id }) => !known.has(id)).map(({ text }) => text),
  );
}

/** Decisions and open questions. */
export function scoreFacts(expected: readonly ExpectedFact[], texts: readonly string[]): FieldScore {
  const pairs = bestAssignment(expected, texts, (fact, text) => {
    if (!hasKeywords(text, fact.keywords)) return 0;
    return fact.optional === true ? OPTIONAL : REQUIRED;
  });
  const taken = new Set(pairs.values());
  const required = [...expected.entries()].filter(([, fact]) => fact.optional !== true);
  return fieldScore(
    required.filter(([index]) => pairs.has(index)).length,
    required.filter(([index]) => !pairs.has(index)).map(([, fact]) => fact.text),
    texts.filter((_, index) => !taken.has(index)),
  );
}

/** Dependencies between the items that were found; `followUpMeeting` stands for itself. */
export function scoreDependencies(note: Note, { meeting }: Outcome, { matches }: ItemMatches): FieldScore {
  const names = new Map([
    ['followUpMeeting', 'followUpMeeting'],
    ...matches.flatMap(({ expected, given }) => (given === undefined ? [] : [[given.id, expected.id] as const])),
  ]);
  const key = (item: string | undefined, dependsOn: string | undefined): string => `${item} after ${dependsOn}`;
  const given = (meeting?.dependencies ?? []).map(({ item, dependsOn }) => key(names.get(item), names.get(dependsOn)));
  const expected = note.expected.dependencies;
  const required = expected.filter(({ optional }) => optional !== true).map((one) => key(one.item, one.dependsOn));
  const known = new Set(expected.map((one) => key(one.item, one.dependsOn)));
  return fieldScore(
    required.filter((one) => given.includes(one)).length,
    required.filter((one) => !given.includes(one)),
    given.filter((one) => !known.has(one)),
  );
}

/** The same person, or nobody where nobody is expected. */
export function hasRightOwner(expected: ExpectedItem, given: GivenItem, note: Note): boolean {
  if (expected.owner === null || given.owner === null) return expected.owner === given.owner;
  return isPerson(given.owner, expected.owner, note);
}

export function hasRightDue(expected: ExpectedItem, given: GivenItem): boolean {
  return [expected.due, ...(expected.dueAlso ?? [])].some((due) => isSameWhen(due, given.due));
}

/** An owner where the note names none, or somebody else. */
export function hasInventedOwner({ expected, given }: ItemMatch, note: Note): boolean {
  if (given === undefined || given.owner === null) return false;
  return expected.owner === null || !mayBePerson(given.owner, expected.owner, note);
}

/** Parts of a day, which may be given as a time of that day. */
const PART_OF_DAY = /morning|noon|evening|night|first thing|close of business|end of (?:the )?day|mittag|abend|früh/i;

/**
 * A date where the note has none, another day, or a time of day where only the day was said. The right day without its time
 * is no invention, and neither is the beginning or end of that day.
 */
export function hasInventedDue({ expected, given }: ItemMatch, { timeZone }: Note): boolean {
  if (given === undefined || given.due === null || hasRightDue(expected, given)) return false;
  const day = dayIn(given.due, timeZone);
  const said = [expected.due, ...(expected.dueAlso ?? [])].flatMap((due) => due ?? []);
  const onThatDay = said.filter((due) => dayIn(due, timeZone) === day);
  if (onThatDay.length === 0) return true;
  const time = clockIn(given.due, timeZone);
  return time !== undefined && time !== '00:00' && time !== '23:59' && !PART_OF_DAY.test(expected.dueText ?? '');
}
