import type { Temporal } from 'temporal-polyfill';
import { findTimes } from '../clock-times.js';
import { expandContractions } from '../clauses.js';
import { findDays } from '../days.js';
import { NUMBER } from '../numbers.js';
import { rephrased } from './rephrase.js';
import { languageOf } from './words.js';
import { normaliseText, splitSentences, tidy, wordPattern } from '../text.js';

/** What is quoted is somebody else's: it never becomes an item, a decision or a line of a mail. */
const QUOTED: readonly RegExp[] = [
  /,?\s*(?<!\p{L})(?:and I quote|I quote|quote|Zitat)[,:]?\s.{1,2000}?(?<!\p{L})(?:unquote|end (?:of )?(?:the )?quote|quote end|Zitat Ende|Ende (?:des )?Zitats?)(?!\p{L})/gisu,
  /,?\s*(?<!\p{L})(?:and I quote|I quote|(?<=(?:^|[,.:;] ))(?:quote|Zitat))\s*[,:][^.!?]*/giu,
  /"[^"]*\s[^"]*\s[^"]*\s[^"]*"/gu,
];
const FILLER =
  /(?:(?<=^|[.,;!?]\s)|(?<=^))(?:(?:uh+|um+|uhm|erm?|hmm?|äh+|ähm+|hm|well|you know|so yeah|yeah|right|okay|ok|na ja|also gut)[,.]\s+)+/giu;
const INSIDE = /,?\s(?:uh+|um+|uhm|erm|äh+|ähm+),?(?=\s)/giu;
/** In German “um” says when. */
const INSIDE_GERMAN = /,?\s(?:uh+|uhm|erm|äh+|ähm+),?(?=\s)/giu;

const PRIVATE =
  /(?<!\p{L})(?:private(?:ly)?|privat\p{L}*|personal matter|off the record|between (?:us|you and me)|unter uns|confidential(?:ly)?|vertraulich|not for (?:the|them|her|him)|nothing to do with (?:this|it|them)|my (?:wife|husband|sister|brother|mother|father|mum|mom|dad|son|daughter|kids?|girlfriend|boyfriend|doctor|dentist)|meine?[mnrs]? (?:frau|mann|schwester|bruder|mutter|vater|sohn|tochter|kinder|freundin|freund|arzt|zahnarzt)|birthday|geburtstag)(?!\p{L})/iu;
const ASIDE =
  /(?<!\p{L})(?:by the way|btw|nebenbei|übrigens|different story|different matter|unrelated|andere geschichte|anderes thema|ganz anderes)(?!\p{L})/iu;

/** Words with which a speaker takes back a day, a time or a number. */
const TAKEN_BACK =
  /(?:^|[\s,.–-])(?:no[,.]|no wait|nope|wait[,.]|sorry|i mean|i meant|actually|or rather|rather|correction|scratch that|make (?:that|it)|let's say|then (?:she|he|they|we) said|ach nein|ach ne|nein[,.]|nee[,.]|quatsch|stimmt nicht|moment|sagen wir|beziehungsweise|oder besser|vielmehr)(?!\p{L})/iu;
const OPENS_CORRECTION = new RegExp(`^\\W*${TAKEN_BACK.source.replace('(?:^|[\\s,.–-])', '')}`, 'iu');

interface Span {
  readonly index: number;
  readonly end: number;
}

function denied(text: string, span: Span): boolean {
  return /(?<!\p{L})(?:not|nicht|isn't|'m in \p{L}+) (?:on |at |am |um |this |until )?$/iu.test(
    text.slice(0, span.index),
  );
}

/** Cuts from the first reading to the one that replaced it. */
function replaced(text: string, spans: readonly Span[]): string {
  for (const [at, first] of spans.entries()) {
    const later = spans.slice(at + 1).filter((span) => !denied(text, span));
    const last = later.findLast((span) => TAKEN_BACK.test(text.slice(first.end, span.index)));
    if (last && last.index - first.end < 160) return `${text.slice(0, first.index)}${text.slice(last.index)}`;
  }
  return text;
}

function numbersIn(text: string): Span[] {
  return [...text.matchAll(wordPattern(`(?:${NUMBER}|\\d[\\d.,]*)(?:[- ](?:hundred|thousand|hundert|tausend))?`))]
    .filter((match) => !/^(?:an?|one|eine?[mrn]?)$/iu.test(match[0]))
    .map((match) => ({ index: match.index, end: match.index + match[0].length }));
}

function corrected(sentence: string, today: Temporal.PlainDate | undefined): string {
  if (!TAKEN_BACK.test(sentence)) return sentence;
  const dated = today ? replaced(sentence, findDays(sentence, today)) : sentence;
  const timed = replaced(dated, findTimes(dated));
  return timed === sentence ? replaced(sentence, numbersIn(sentence)) : timed;
}

/** "By Thursday. No, sorry, Friday.": the sentence that corrects belongs to the one before. */
function joinCorrections(sentences: readonly string[]): string[] {
  const result: string[] = [];
  for (const sentence of sentences) {
    const previous = result.at(-1);
    if (previous !== undefined && OPENS_CORRECTION.test(sentence) && sentence.split(/\s+/).length <= 16)
      result[result.length - 1] = `${previous.replace(/[.!?]+$/, '')}, ${sentence}`;
    else result.push(sentence);
  }
  return result;
}

const NAME = '\\p{Lu}[\\p{L}-]+(?: \\p{Lu}[\\p{L}-]+)?';
const APPOSITION = new RegExp(
  `(?<=^|[.,] )(?<name>${NAME}), (?:the|their|our|der|die|unsere?|deren) [^,.]{1,30}, (?=\\p{Ll})`,
  'gu',
);
const DISLOCATED = new RegExp(`(?<=^|, )(?<name>${NAME}), (?:he|she|er|sie|der|die) (?=\\p{Ll})`, 'gu');
const PROMISED =
  /(?<!\p{L})I(?:'d| had| have)? (?:said|promised|told (?:her|him|them|\p{Lu}\p{L}+)|agreed|offered)(?: (?:her|him|them))?(?: that)? I(?:'d| would| will|'ll) /gu;
const TO_PROMISED = /(?<!\p{L})I (?:promised|agreed|offered|volunteered)(?: (?:her|him|them))? to /gu;

/** Says the same in the plain order of words the rules know. */
function plain(sentence: string): string {
  return rephrased(
    expandContractions(sentence)
      .replace(PROMISED, 'I will ')
      .replace(TO_PROMISED, 'I will ')
      .replace(APPOSITION, '$<name> ')
      .replace(DISLOCATED, '$<name> '),
  );
}

/** A note as sentences that can be read: without quotations, private remarks, fillers and what was taken back. */
export function readableSentences(text: string, today: Temporal.PlainDate | undefined): string[] {
  const bare = QUOTED.reduce((rest, pattern) => rest.replace(pattern, ''), normaliseText(text));
  const fluent = bare.replace(languageOf(bare) === 'de' ? INSIDE_GERMAN : INSIDE, '').replace(FILLER, '');
  return joinCorrections(splitSentences(fluent))
    .map((sentence) => plain(corrected(sentence, today)))
    .filter((sentence) => !PRIVATE.test(sentence) && !ASIDE.test(sentence) && tidy(sentence) !== '');
}
