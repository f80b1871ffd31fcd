import { couldBeName } from '../clauses.js';
import { type JsonRecord, stringOf } from '../json.js';
import { isAddress } from '../people.js';
import { textOf } from '../results.js';
import { wordPattern } from '../text.js';

/** Somebody the user knows. */
export interface Contact {
  readonly name: string;
  readonly email?: string;
  readonly role?: string;
}

/** Whom some words mean: one person, one of several, or nobody that can be told. */
export type Meant =
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'several'; readonly candidates: readonly string[] }
  | { readonly kind: 'nobody' };

export interface Mention {
  readonly index: number;
  readonly end: number;
  readonly meant: Meant;
}

const TITLES = /^(?:dr|mr|mrs|ms|miss|prof|professor|doctor|doktor|herr|herrn|frau|sir)$/iu;
const CAPITALISED = /(?<![\p{L}\d])\p{Lu}[\p{L}'-]*\p{L}(?!\p{L})/gu;
const COMPANY =
  '(?:GmbH|AG|KG|Ltd|Inc|LLC|plc|Group|Logistics|Insurance|Robotics|Energie|Energy|Bank|Museum|Media|Studio|Systems|Software|Consulting|Partners|Foods|Labs|Solutions|Hotels?|Verlag|Werke)';

/** Names that end as companies' names do. */
export const COMPANY_NAME = new RegExp(`(?<!\\p{L})${COMPANY}$`, 'u');

function wordsOf(name: string): string[] {
  return name
    .split(/[\s.]+/u)
    .map((word) => word.replace(/'s$/, ''))
    .filter((word) => word !== '' && !TITLES.test(word));
}

function lower(words: readonly string[]): string[] {
  return words.map((word) => word.toLocaleLowerCase('en'));
}

/** The entries of a contacts list that name somebody, each person once. */
export function contactsIn(records: readonly JsonRecord[]): Contact[] {
  const found = new Map<string, Contact>();
  for (const record of records) {
    const name = (stringOf(record, 'name') ?? textOf(record)).trim();
    const [email, role] = [stringOf(record, 'email')?.trim(), stringOf(record, 'role')];
    const known = email !== undefined && isAddress(email) ? { email } : {};
    const key = `${name.toLowerCase()} ${known.email?.toLowerCase() ?? ''}`;
    if (!found.has(key)) found.set(key, { name, ...known, ...(role === undefined ? {} : { role }) });
  }
  return [...found.values()];
}

/** Who is named in a note, and whom each name means. */
export class Cast {
  readonly user: string | undefined;
  readonly contacts: readonly Contact[];
  /** The note, where full names tell people of one first name apart. */
  readonly #text: string;
  readonly #others: readonly string[];

  constructor(user: string | undefined, contacts: readonly Contact[], text: string, others: readonly string[] = []) {
    this.user = user;
    this.contacts = contacts;
    this.#text = text;
    this.#others = others;
  }

  /** The same with people who are no contacts but certainly named. */
  with(names: readonly string[]): Cast {
    return new Cast(this.user, this.contacts, this.#text, [...this.#others, ...names]);
  }

  contact(name: string): Contact | undefined {
    const same = this.contacts.filter((contact) => contact.name === name);
    return same.length === 1 ? same[0] : undefined;
  }

  isUser(words: string): boolean {
    if (/^(?:I|me|myself|ich|mir|mich)$/iu.test(words)) return true;
    const said = lower(wordsOf(words));
    const own = lower(wordsOf(this.user ?? ''));
    const isOther = this.#fitting(wordsOf(words)).length > 0;
    return said.length > 0 && !isOther && said.every((word) => own.includes(word));
  }

  /** True for a word that begins the name of a company in the note, such as “Hartmann” of “Hartmann Logistics”. */
  isCompany(words: string): boolean {
    const last = wordsOf(words).at(-1) ?? '';
    const isFirstName = this.contacts.some((contact) => wordsOf(contact.name)[0] === last);
    return (
      !isFirstName &&
      last !== '' &&
      new RegExp(`(?<!\\p{L})${last.replace(/[^\p{L}]/gu, '.')} ${COMPANY}(?!\\p{L})`, 'u').test(this.#text)
    );
  }

  resolve(words: string): Meant {
    if (this.isUser(words)) return this.user === undefined ? { kind: 'nobody' } : { kind: 'one', name: this.user };
    const said = wordsOf(words);
    if (said.length === 0 || !said.every(couldBeName)) return { kind: 'nobody' };
    const isTitled = /^(?:mr|mrs|ms|dr|prof|herr|frau)/iu.test(words);
    if (!isTitled && said.length === 1 && this.isCompany(words)) return { kind: 'nobody' };
    const fitting = this.#fitting(said);
    const [only, ...more] = fitting;
    if (only !== undefined && more.length === 0) return { kind: 'one', name: only };
    if (only === undefined) return this.#others.includes(words) ? { kind: 'one', name: words } : { kind: 'nobody' };
    const named = fitting.filter((name) => this.#isNamedInFull(name));
    const [single] = named;
    if (named.length === 1 && single !== undefined) return { kind: 'one', name: single };
    return { kind: 'several', candidates: named.length > 0 ? named : fitting };
  }

  /** People named in a piece of text, in order; the user is none of them. */
  mentions(text: string): Mention[] {
    const known = new Set(
      lower([...this.contacts.map(({ name }) => name), ...this.#others].flatMap((name) => wordsOf(name))),
    );
    const words = [...text.matchAll(CAPITALISED)]
      .map((match) => ({ word: match[0].replace(/'s$/, ''), index: match.index, end: match.index + match[0].length }))
      .filter(({ word }) => known.has(word.toLocaleLowerCase('en')));
    const groups: { index: number; end: number }[] = [];
    for (const { index, end } of words) {
      const last = groups.at(-1);
      if (last && /^ (?:(?:van|von|de|der|la|di) )?$/u.test(text.slice(last.end, index))) last.end = end;
      else groups.push({ index, end });
    }
    return groups
      .map(({ index, end }) => ({ index, end, meant: this.resolve(text.slice(index, end)) }))
      .filter(({ meant }) => meant.kind !== 'nobody' && !(meant.kind === 'one' && meant.name === this.user));
  }

  /** Full names of the people a text names beyond doubt, each once. */
  namesIn(text: string): string[] {
    return [...new Set(this.mentions(text).flatMap(({ meant }) => (meant.kind === 'one' ? [meant.name] : [])))];
  }

  #fitting(said: readonly string[]): string[] {
    const wanted = lower(said);
    const all = this.contacts.filter(({ name }) => wanted.every((word) => lower(wordsOf(name)).includes(word)));
    return [...new Set(all.map(({ name }) => name))];
  }

  #isNamedInFull(name: string): boolean {
    const words = wordsOf(name);
    return words.length > 1 && wordPattern(words.join(' '), 'iu').test(this.#text);
  }
}
