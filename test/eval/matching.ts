import type { Keywords, Note, Person } from './notes.js';
import { peopleOf } from './notes.js';

interface Plan {
  readonly weight: number;
  /** Extracted index by expected index. */
  readonly pairs: ReadonlyMap<number, number>;
}

/**
 * Pairs each expected item with at most one extracted item and the other way round, so that the sum of the weights is the
 * greatest; a weight of 0 means that the two do not match. Returns the extracted index by expected index. For at most
 * twenty expected items.
 */
export function bestAssignment<E, X>(
  expected: readonly E[],
  extracted: readonly X[],
  weight: (expected: E, extracted: X) => number,
): ReadonlyMap<number, number> {
  let plans = new Map<number, Plan>([[0, { weight: 0, pairs: new Map() }]]);
  for (const [column, candidate] of extracted.entries()) {
    const next = new Map(plans);
    for (const [taken, plan] of plans) {
      for (const [row, item] of expected.entries()) {
        const gain = (taken & (1 << row)) === 0 ? weight(item, candidate) : 0;
        const key = taken | (1 << row);
        if (gain <= 0 || (next.get(key)?.weight ?? 0) >= plan.weight + gain) continue;
        next.set(key, { weight: plan.weight + gain, pairs: new Map([...plan.pairs, [row, column]]) });
      }
    }
    plans = next;
  }
  return [...plans.values()].toSorted((a, b) => b.weight - a.weight)[0]?.pairs ?? new Map();
}

/** Whether every inner list has a string that occurs in the text. */
export function hasKeywords(text: string, keywords: Keywords): boolean {
  const lower = text.toLowerCase();
  return keywords.every((choices) => choices.some((choice) => lower.includes(choice.toLowerCase())));
}

const FORMS_OF_ADDRESS = new Set(['dr', 'doktor', 'doctor', 'prof', 'mr', 'mrs', 'ms', 'herr', 'frau']);

/** Words in lower case without accents. */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** The people a name or an address may stand for: all whose name has each of its words; a full name or an address stands for one. */
export function resolvePerson(given: string, people: readonly Person[]): Person[] {
  const address = given.trim().toLowerCase();
  if (address.includes('@')) return people.filter(({ email }) => email.toLowerCase() === address);
  const words = nameWords(given);
  if (words.length === 0) return [];
  const fitting = people.filter(({ name }) => words.every((word) => nameWords(name).includes(word)));
  const exact = fitting.filter(({ name }) => nameWords(name).length === words.length);
  return exact.length === 1 ? exact : fitting;
}

function nameWords(name: string): string[] {
  return wordsOf(name).filter((word) => !FORMS_OF_ADDRESS.has(word));
}

/** Whether a name stands for exactly this person. */
export function isPerson(given: string, name: string, note: Note): boolean {
  const found = resolvePerson(given, peopleOf(note));
  return found.length === 1 && found[0]?.name === name;
}

/** Whether a name may stand for this person, as a first name that two people share does. */
export function mayBePerson(given: string, name: string, note: Note): boolean {
  return resolvePerson(given, peopleOf(note)).some((person) => person.name === name);
}

const isDay = (when: string): boolean => !when.includes('T');

/** The same day where both are days, the same instant where both are instants; a day is no instant. */
export function isSameWhen(one: string | null | undefined, other: string | null | undefined): boolean {
  if (one == null || other == null) return one == null && other == null;
  if (isDay(one) !== isDay(other)) return false;
  return isDay(one) ? one === other : Date.parse(one) === Date.parse(other);
}

/** YYYY-MM-DD of a day or an instant, as the clocks of the zone show it. */
export function dayIn(when: string, timeZone: string): string {
  return isDay(when) ? when : new Intl.DateTimeFormat('sv-SE', { timeZone }).format(new Date(when));
}

/** HH:MM of an instant in the zone; undefined for a day. */
export function clockIn(when: string, timeZone: string): string | undefined {
  if (isDay(when)) return undefined;
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    new Date(when),
  );
}

const SHORTEST_TOPIC_WORD = 4;
const STEM = 5;

/** How many words of a topic occur in a text, plural and other endings aside. */
export function sharedStems(topic: string, text: string): number {
  const stems = (of: string): Set<string> =>
    new Set(
      wordsOf(of)
        .filter((word) => word.length >= SHORTEST_TOPIC_WORD)
        .map((word) => word.slice(0, STEM)),
    );
  const there = stems(text);
  return [...stems(topic)].filter((stem) => there.has(stem)).length;
}
