import { stringsIn } from './anthropic-body.js';

const EMAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
const WORD = /\p{L}+/gu;
const NUMBER = /\d{2,}/g;
/** Ends a sentence or opens a line, quote or bracket: a capital after it is only spelling. */
const SENTENCE_BREAK = /(?:^|[.!?:;\n•–—]|[("“‘'*#>-])\s*$/u;
const ALWAYS_CAPITAL: ReadonlySet<string> = new Set(['i']);
const SHORT_VALUE_WORDS = 3;

/** What a scripted turn states. */
export interface Statement {
  readonly text?: string | undefined;
  readonly calls?: readonly { readonly name: string; readonly input: unknown }[] | undefined;
  /** Strings the script worked out by itself (a date, a sum); they need no source. */
  readonly derived?: readonly string[] | undefined;
}

/**
 * The facts in a statement that have no source: names, numbers and addresses that do not occur in what the model was
 * given. A real model that did this would be inventing.
 *
 * A fact is an e-mail address, a run of two or more digits (leading zeros do not count), or a word with a capital inside
 * a sentence; in call values of up to three words the first word counts too. Words are compared without case. Values of
 * up to three characters are not looked at, and whatever stands in `derived` is taken out before looking.
 */
export function unsourcedFacts(statement: Statement, source: unknown): string[] {
  const known = knownFacts(stringsIn(source).join('\n'));
  const values = (statement.calls ?? []).flatMap((call) => stringsIn(call.input)).filter((value) => value.length > 3);
  const facts = [
    ...factsIn(without(statement.text ?? '', statement.derived), false),
    ...values.map((value) => without(value, statement.derived)).flatMap((value) => factsIn(value, isShort(value))),
  ];
  return [...new Set(facts)].filter((fact) => !known.has(key(fact)));
}

function knownFacts(text: string): ReadonlySet<string> {
  return new Set([...all(text, EMAIL), ...all(text, WORD), ...all(text, /\d+/g)].map(key));
}

function factsIn(text: string, firstWordCounts: boolean): string[] {
  const addresses = all(text, EMAIL);
  const rest = text.replace(EMAIL, ' ');
  return [...addresses, ...all(rest, NUMBER), ...names(rest, firstWordCounts)];
}

function names(text: string, firstWordCounts: boolean): string[] {
  return [...text.matchAll(WORD)].flatMap((match) => {
    const word = match[0];
    if (!/^\p{Lu}/u.test(word) || ALWAYS_CAPITAL.has(key(word))) return [];
    const opensSentence = SENTENCE_BREAK.test(text.slice(0, match.index));
    return opensSentence && !firstWordCounts ? [] : [word];
  });
}

function isShort(value: string): boolean {
  return value.trim().split(/\s+/).length <= SHORT_VALUE_WORDS;
}

function without(text: string, derived: readonly string[] = []): string {
  return derived.reduce((rest, known) => rest.replaceAll(known, ' '), text);
}

function key(fact: string): string {
  return /^\d+$/.test(fact) ? fact.replace(/^0+(?=\d)/, '') : fact.toLowerCase();
}

function all(text: string, pattern: RegExp): string[] {
  return text.match(pattern) ?? [];
}
