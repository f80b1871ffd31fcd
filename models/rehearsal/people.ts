import { couldBeName, NAME, startsWithSubject } from './clauses.js';
import { WEEKDAY } from './days.js';

/** Somebody something is for: the words they were named with, and the e-mail address where one was said. */
export interface Person {
  readonly words: string;
  readonly address?: string;
}

/** People named at the start of a text, and what follows them. */
interface Taken {
  readonly people: readonly Person[];
  readonly rest: string;
}

interface One {
  readonly person: Person;
  readonly rest: string;
}

const LONGEST_ADDRESS = 320;

/** True for something that can be an e-mail address and nothing else. */
export function isAddress(text: string): boolean {
  return text.length <= LONGEST_ADDRESS && /^[^\s@<>"(),;:]+@[^\s@<>"(),;:]+\.[^\s@<>"(),;:.]+$/u.test(text);
}

/** Every e-mail address of a text, in order, without doubles. */
export function addressesIn(text: string): string[] {
  const tokens = text.slice(0, 4000).split(/[\s<>"(),;]+/u);
  const bare = tokens.map((token) => token.replace(/^(?:mailto:)?'*|['.:!?]+$/gu, ''));
  return [...new Set(bare.filter(isAddress))];
}

const OPENER =
  'about|regarding|concerning|with|saying|that|telling|to|say|tell|cc|bcc|subject|for|on|at|from|tomorrow|today|next|this|know|über|wegen|dass|mit|am|um';
/** Where a list of people can end. */
const END = `(?=\\s*(?:$|[,:;.!?"\\n])|\\s+[–-]\\s|\\s+(?:and|&|und|${OPENER}|${WEEKDAY})(?!\\p{L}))`;
const AT_END = new RegExp(`^${END}`, 'iu');
const WORDS = "(?<words>\\p{L}[\\p{L}'-]*(?: \\p{L}[\\p{L}'-]*){0,2}?)";
const NAMED = new RegExp(`^(?:${NAME})(?![\\p{L}\\d@])`, 'u');
const BY_ROLE = new RegExp(`^(?:my|our|meine?[mrn]?) ${WORDS}${END}`, 'iu');
const BY_ARTICLE = new RegExp(`^the ${WORDS}${END}`, 'iu');
const IN_SMALL_LETTERS = new RegExp(`^${WORDS}${END}`, 'iu');
const SMALL_AND_SURE = /^(?<words>\p{Ll}[\p{L}'-]*)(?=\s+(?:that|saying)(?!\p{L}))/u;
const JOINT =
  /^(?<sign>\s*,\s*(?:(?:and|und)\s+)?|\s+(?:and|&|und)\s+)(?!(?:say|tell|write|let|cc|bcc|with|body|subject)(?!\p{L}))/iu;

function byAddress(text: string): One | undefined {
  const full = /^"?[^"<>@,;:\n]{0,80}"?\s*<(?<address>[^<>\s]+)>/u.exec(text);
  const bare = /^[^\s<>"(),;]+@[^\s<>"(),;]+/u.exec(text)?.[0].replace(/['.:!?]+$/u, '');
  const address = full?.groups?.['address'] ?? bare;
  if (address === undefined || !isAddress(address)) return undefined;
  return { person: { words: address, address }, rest: text.slice((full?.[0] ?? address).length) };
}

function byName(text: string): One | undefined {
  const words = NAMED.exec(text)?.[0].split(' ') ?? [];
  while (words.length > 0 && !couldBeName(words.at(-1) ?? '')) words.pop();
  const name = words.join(' ');
  return name === '' || !couldBeName(name) ? undefined : { person: { words: name }, rest: text.slice(name.length) };
}

function byWords(text: string, loose: boolean): One | undefined {
  const match =
    BY_ROLE.exec(text) ?? (loose ? (BY_ARTICLE.exec(text) ?? IN_SMALL_LETTERS.exec(text)) : SMALL_AND_SURE.exec(text));
  const words = match?.groups?.['words'];
  if (match === null || words === undefined) return undefined;
  const isUser = loose && /^(?:me|myself)$/iu.test(words);
  return isUser || couldBeName(words) ? { person: { words }, rest: text.slice(match[0].length) } : undefined;
}

function fits(rest: string, sign: string): boolean {
  return AT_END.test(rest) || (!sign.includes(',') && startsWithSubject(rest.trim()));
}

/** Reads the people a text starts with. `loose` also takes names in small letters, where the words around leave no doubt. */
export function takePeople(text: string, loose: boolean, most = 100): Taken | undefined {
  const first = byAddress(text) ?? byName(text) ?? byWords(text, loose);
  if (first === undefined) return undefined;
  const joint = most > 1 ? JOINT.exec(first.rest) : null;
  const more = joint && takePeople(first.rest.slice(joint[0].length), loose, most - 1);
  if (joint && more && fits(more.rest, joint[0])) return { people: [first.person, ...more.people], rest: more.rest };
  return { people: [first.person], rest: first.rest };
}
