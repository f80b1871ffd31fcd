import { type Call, callKey, fittingCall, type Outcome, type Step } from './calls.js';
import { type JsonRecord, stringOf } from './json.js';
import { addressesIn, isAddress, type Person } from './people.js';
import { failureOf, listOf, recordOf, textOf } from './results.js';
import type { Setting } from './setting.js';
import { contentWords, hasWord, shorten } from './text.js';

/** What is known after all looking and asking. */
export interface Found {
  readonly addressOf: (person: Person) => string | undefined;
  /** A sentence for everybody who stays without an address. */
  readonly notes: readonly string[];
}

interface Lookup {
  readonly person: Person;
  readonly address?: string;
  readonly fitting: readonly JsonRecord[];
  /** Why there is no address, in a sentence. */
  readonly why: string;
}

const MOST_SHOWN = 8;

function nameOf(person: Person, setting: Setting): string {
  return /^(?:me|myself)$/i.test(person.words) ? (setting.user ?? person.words) : person.words;
}

function shown(person: Person): string {
  return /^(?:me|myself)$/i.test(person.words) ? 'you' : person.words;
}

function searchFor(person: Person, setting: Setting): Step {
  return fittingCall(setting, 'contacts_search', { query: nameOf(person, setting) }, ['query']);
}

function outcomeOf(call: Call | undefined, outcomes: readonly Outcome[]): Outcome | undefined {
  return call && outcomes.find((outcome) => callKey(outcome) === callKey(call));
}

function emailOf(contact: JsonRecord): string | undefined {
  const email = stringOf(contact, 'email')?.trim();
  return email !== undefined && isAddress(email) ? email : undefined;
}

function wordsOf(contact: JsonRecord): string {
  return [stringOf(contact, 'name') ?? textOf(contact), stringOf(contact, 'role') ?? ''].join(' ');
}

/** The contacts that have every word of the name; the one that has exactly it where there is only one. */
function fittingContacts(name: string, contacts: readonly JsonRecord[]): JsonRecord[] {
  const words = name.split(/[\s.]+/u).filter((word) => word !== '');
  const all = contacts.filter((contact) => words.every((word) => hasWord(wordsOf(contact), word)));
  const same = all.filter((contact) => stringOf(contact, 'name')?.toLowerCase() === name.toLowerCase());
  return words.length > 1 && same.length > 0 ? same : all;
}

/** Two entries of one person are one where only one of them, or both, say the same address. */
function withoutDoubles(contacts: readonly JsonRecord[]): JsonRecord[] {
  const keyOf = (contact: JsonRecord) => emailOf(contact)?.toLowerCase() ?? '';
  const named = new Set(contacts.filter((contact) => emailOf(contact)).map((contact) => stringOf(contact, 'name')));
  const useful = contacts.filter((contact) => emailOf(contact) !== undefined || !named.has(stringOf(contact, 'name')));
  return useful.filter(
    (contact, index) => keyOf(contact) === '' || useful.findIndex((other) => keyOf(other) === keyOf(contact)) === index,
  );
}

function contactLine(contact: JsonRecord): string {
  return shorten(
    [stringOf(contact, 'name') ?? textOf(contact), emailOf(contact) ?? 'no e-mail address'].join(', '),
    200,
  );
}

function lookUp(person: Person, outcomes: readonly Outcome[], setting: Setting): Lookup {
  if (person.address !== undefined) return { person, address: person.address, fitting: [], why: '' };
  const name = nameOf(person, setting);
  const searched = outcomeOf(searchFor(person, setting).calls[0], outcomes);
  const failure = searched && failureOf(searched);
  if (failure !== undefined) return { person, fitting: [], why: `The contacts could not be searched: ${failure}.` };
  const fitting = withoutDoubles(fittingContacts(name, listOf(searched)));
  const [only, ...others] = fitting;
  const address = only && others.length === 0 ? emailOf(only) : undefined;
  if (address !== undefined) return { person, address, fitting, why: '' };
  const lines = fitting.slice(0, MOST_SHOWN).map(contactLine).join('; ');
  const many = `More than one contact fits “${name}”: ${lines}.`;
  const bare = `The contact that fits “${name}” has no e-mail address.`;
  const none = `No contact fits “${name}”.`;
  return { person, fitting, why: others.length > 0 ? many : only ? bare : none };
}

function questionFor(open: readonly Lookup[]): string {
  const names = open.map(({ person }) => shown(person)).join(', ');
  const ask =
    open.length === 1
      ? `Which e-mail address should I use for ${names}?`
      : `Which e-mail addresses should I use, in this order: ${names}?`;
  return [...open.map(({ why }) => why), ask].join(' ');
}

function chosenBy(answer: string, open: Lookup): string | undefined {
  const words = contentWords(answer);
  const textFor = (contact: JsonRecord) => `${wordsOf(contact)} ${emailOf(contact) ?? ''}`;
  const telling = words.filter((word) => open.fitting.some((contact) => hasWord(textFor(contact), word)));
  const chosen = open.fitting.filter((contact) => telling.every((word) => hasWord(textFor(contact), word)));
  return telling.length > 0 && chosen.length === 1 && chosen[0] ? emailOf(chosen[0]) : undefined;
}

/** The addresses an answer names, one for each open person, or the contacts it picks. */
function fromAnswer(answer: string, open: readonly Lookup[]): Map<Person, string> {
  const said = addressesIn(answer);
  const pairs = open.flatMap((one, index) => {
    const address = said.length === open.length ? said[index] : said.length === 0 ? chosenBy(answer, one) : undefined;
    return address === undefined ? [] : [[one.person, address] as const];
  });
  return new Map(pairs);
}

function missingSearches(people: readonly Person[], outcomes: readonly Outcome[], setting: Setting): Call[] {
  const searches = people.flatMap((person) => (person.address === undefined ? searchFor(person, setting).calls : []));
  const open = searches.filter((call) => outcomeOf(call, outcomes) === undefined);
  return open.filter((call, index) => open.findIndex((other) => callKey(other) === callKey(call)) === index);
}

function settled(lookups: readonly Lookup[], chosen: ReadonlyMap<Person, string>, wasAsked: boolean): Found {
  const addressOf = (person: Person) =>
    lookups.find((lookup) => lookup.person === person)?.address ?? chosen.get(person);
  const notes = lookups
    .filter(({ person }) => addressOf(person) === undefined)
    .map(({ why, person }) => (wasAsked ? `I still know no e-mail address for ${shown(person)}.` : why));
  return { addressOf, notes };
}

/**
 * Finds everybody's address: in the contacts first, then by asking the user once about those that `asks` lets through.
 * It never guesses one.
 */
export function findAddresses(
  people: readonly Person[],
  outcomes: readonly Outcome[],
  setting: Setting,
  asks: (fitting: number) => boolean = () => true,
): Found | Step {
  const missing = missingSearches(people, outcomes, setting);
  if (missing.length > 0) return { calls: missing, notes: [] };
  const lookups = people.map((person) => lookUp(person, outcomes, setting));
  const open = lookups.filter(({ address, fitting }) => address === undefined && asks(fitting.length));
  if (open.length === 0) return settled(lookups, new Map(), false);
  const question = fittingCall(setting, 'ask_user', { question: questionFor(open) }, ['question']);
  const answered = outcomeOf(question.calls[0], outcomes);
  if (answered === undefined) return question.calls.length > 0 ? question : settled(lookups, new Map(), false);
  const answer = failureOf(answered) === undefined ? stringOf(recordOf(answered), 'answer', 'text') : undefined;
  return settled(lookups, fromAnswer(answer ?? '', open), true);
}
