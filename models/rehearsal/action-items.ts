import type { Temporal } from 'temporal-polyfill';
import {
  type Clause,
  couldBeName,
  expandContractions,
  readClause,
  splitClauses,
  splitDeeds,
  startsWithSubject,
} from './clauses.js';
import { findDays } from './days.js';
import type { Setting } from './setting.js';
import { capitalise, escapePattern, normaliseText, splitSentences, tidy } from './text.js';
import { isAction } from './verbs.js';
import { type Due, findDue } from './when.js';

/** An action item somebody said in so many words. */
export interface ActionItem {
  readonly title: string;
  readonly owner?: string;
  readonly due?: string;
}

const FILLER =
  /^(?:(?:and|but|so|then|also|next|finally|first|firstly|second|secondly|third|okay|ok|well|now|plus|after that|afterwards|in the meantime|meanwhile|until then|additionally|furthermore|by the way|(?:we|wir) (?:also )?agreed(?: that)?|it was agreed(?: that)?|agreed|dann|und|außerdem|also)[,:]?\s+)+/i;
const BULLET = /^\s*(?:[-*•–]\s+|\d{1,2}[.)]\s+|\[ ?\]\s*)+/;
const DONE_BOX = /^\s*(?:[-*•]\s+)?\[[xX]\]/;
const LABEL =
  /^(?:(?:my |the |an? |our )?(?:to-?do|to do|todo|task|action item|action|next step|aufgabe)s?(?: \d+)?(?: (?:for|für) (?<who>me|mich|\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?))?)\s*(?:[:,–—]|\s-\s)\s*(?<rest>\S.*)$/iu;
/** Longer texts are read so far and no further. */
export const MAX_READ = 20_000;
const SPEAKER = /^(?<who>\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?):\s+/u;
const PREFACE = /^(?<preface>[^:]{1,60}):\s+(?=\S)/u;
const NAMED_LINE = /^(?<who>\p{Lu}[\p{L}-]+)\s*[:–]\s*(?:please )?(?<verb>\p{Ll}[\p{L}-]+) \S/u;
const HEADING = /^(?:action items?|actions|to-?dos?|to do|todo list|tasks?|next steps?|aufgaben)\s*:?$/i;
const CONDITION = /^(?:if|unless|in case|whether|wenn|falls|sofern)(?!\p{L})/iu;
const SUBORDINATE =
  /[,\s]+(?:because|since|although|so that|in case|if|unless|once|when|whenever|while|until (?:he|she|they|we|I|it)|after (?:he|she|they|we|I|the)|weil|damit|sobald|wenn|falls)\s/iu;
const MEETING_VERBS = /^(?:talk|speak|call|sync|catch|discuss|continue|reconvene|phone|schedule)(?!\p{L})/u;

function withLeadAtEnd(clause: string, now: Temporal.ZonedDateTime | undefined): string {
  const first = now && findDays(clause, now.toPlainDate())[0];
  if (!first || !/^(?:on |by |until |before |am |bis (?:zum )?)?$/i.test(clause.slice(0, first.index))) return clause;
  const rest = clause.slice(first.end).replace(/^(?: (?:morning|afternoon|evening|at the latest))?[,:]?\s+/i, '');
  return readClause(rest) ? `${rest} ${clause.slice(0, first.end)}` : clause;
}

function isExplicit(read: Clause, due: Due | undefined, clause: string): boolean {
  const deadline = due !== undefined;
  if (read.subject.kind === 'thing')
    return deadline && /(?<!\p{L})(?:by|until|before|bis|due|spätestens)(?!\p{L})/iu.test(clause);
  if (read.subject.kind === 'we') return read.strength === 'promise' && !MEETING_VERBS.test(read.deed);
  if (read.subject.kind === 'third') return read.strength === 'promise' || deadline;
  return read.strength !== 'weak' || deadline;
}

function ownerOf(read: Clause, setting: Setting): string | undefined {
  if (read.subject.kind === 'self') return setting.user;
  return read.subject.kind === 'names' && read.subject.names.length === 1 ? read.subject.names[0] : undefined;
}

function titleOf(read: Clause): string {
  const many = read.subject.names.length > 1;
  const whole = many || read.subject.kind === 'thing';
  return capitalise(
    tidy(whole && !read.deed.startsWith(read.subject.words) ? `${read.subject.words}: ${read.deed}` : read.deed),
  );
}

function build(title: string, owner: string | undefined, due: Due | undefined): ActionItem {
  return { title, ...(owner === undefined ? {} : { owner }), ...(due === undefined ? {} : { due: due.due }) };
}

function fromClause(raw: string, setting: Setting): ActionItem | undefined {
  const stripped = raw.replace(FILLER, '');
  if (CONDITION.test(stripped)) return undefined;
  const cut = SUBORDINATE.exec(stripped)?.index ?? stripped.length;
  const clause = withLeadAtEnd(tidy(stripped.slice(0, cut)), setting.now);
  const due = findDue(clause, setting.now);
  const read = readClause(tidy(`${due?.rest ?? clause}${stripped.slice(cut)}`));
  if (!read || !isExplicit(read, due, clause)) return undefined;
  const title = titleOf(read);
  return title.length < 3 ? undefined : build(title, ownerOf(read, setting), due);
}

function fromSentence(sentence: string, setting: Setting): ActionItem[] {
  if (sentence.trimEnd().endsWith('?') || CONDITION.test(sentence.replace(FILLER, ''))) return [];
  const body = expandContractions(sentence).replace(FILLER, '');
  const clauses = splitClauses(startsWithSubject(body) ? body : body.replace(PREFACE, '').replace(FILLER, ''));
  return clauses.flatMap(splitDeeds).flatMap((clause) => fromClause(clause, setting) ?? []);
}

/** In a transcript with speakers, "I" is the speaker of the line. */
function isSomebodyElse(line: string, setting: Setting): boolean {
  const who = SPEAKER.exec(line)?.groups?.['who'];
  return who !== undefined && couldBeName(who) && who !== setting.user && who !== setting.user?.split(' ')[0];
}

function personOf(word: string | undefined, setting: Setting): string | undefined {
  if (word === undefined) return undefined;
  if (/^(?:me|mich|I)$/i.test(word)) return setting.user;
  return /^\p{Lu}/u.test(word) ? word : undefined;
}

/** "Anna: send it" names an owner only if Anna is a person elsewhere in the text; "Website: fix it" names a topic. */
function isPerson(word: string, whole: string, setting: Setting): boolean {
  if (word === 'me' || setting.user?.split(' ').includes(word)) return true;
  const name = escapePattern(word);
  const mentioned = new RegExp(
    `(?:with|and|from|ask|tell|met|meet|told|mit|und) ${name}(?!\\p{L})|(?<!\\p{L})${name} (?:and|und) \\p{Lu}`,
    'u',
  );
  return (
    mentioned.test(whole) || splitSentences(whole).some((sentence) => readClause(sentence)?.subject.words === word)
  );
}

/** A line that is declared to be a task: it is one whatever its wording. */
export function itemFromLine(line: string, setting: Setting, forWhom?: string, whole = ''): ActionItem {
  const due = findDue(line, setting.now);
  let title = due?.rest ?? tidy(line);
  let owner = personOf(forWhom, setting);
  const marks = [
    /^(?<who>\p{Lu}[\p{L}-]+|me)\s*[:–]\s*/u,
    /\s*[([](?<who>\p{Lu}[\p{L}-]+|me|I)[)\]]$/u,
    /\s*@(?<who>\p{Lu}[\p{L}-]+)/u,
  ];
  for (const mark of marks) {
    const who = owner === undefined ? mark.exec(title)?.groups?.['who'] : undefined;
    if (who === undefined || (mark === marks[0] && !isPerson(who, whole, setting))) continue;
    owner = personOf(who, setting);
    title = tidy(title.replace(mark, ' '));
  }
  return build(capitalise(title === '' ? tidy(line) : title), owner, due);
}

function declared(line: string, setting: Setting, whole: string, forWhom?: string): ActionItem[] {
  const found = splitSentences(line).flatMap((sentence) => fromSentence(sentence, setting));
  const owner = personOf(forWhom, setting);
  if (found.length > 0)
    return found.map((item) => (owner === undefined || item.owner !== undefined ? item : { ...item, owner }));
  return line.trimEnd().endsWith('?') ? [] : [itemFromLine(line, setting, forWhom, whole)];
}

function fromLine(line: string, setting: Setting, whole: string): ActionItem[] {
  return splitSentences(line).flatMap((sentence) => {
    const label = LABEL.exec(sentence.replace(FILLER, ''))?.groups;
    const rest = label?.['rest'];
    if (rest !== undefined) return declared(rest, setting, whole, label?.['who']);
    const named = NAMED_LINE.exec(sentence)?.groups;
    const isOrder =
      named?.['who'] !== undefined && isAction(named['verb'] ?? '') && isPerson(named['who'], whole, setting);
    return isOrder ? [itemFromLine(sentence, setting, undefined, whole)] : fromSentence(sentence, setting);
  });
}

/** Every explicit action item of a text, in order. Owner and due are only what the words say. */
export function findActionItems(text: string, setting: Setting): ActionItem[] {
  const items: ActionItem[] = [];
  let underHeading = false;
  const whole = normaliseText(text).slice(0, MAX_READ).toWellFormed();
  for (const line of whole.split(/\r?\n/)) {
    const bare = line.replace(BULLET, '').trim();
    if (bare === '') continue;
    if (HEADING.test(bare)) {
      underHeading = true;
      continue;
    }
    underHeading &&= BULLET.test(line);
    const reader = isSomebodyElse(bare, setting) ? { ...setting, user: undefined } : setting;
    if (!DONE_BOX.test(line))
      items.push(...(underHeading ? declared(bare, reader, whole) : fromLine(bare, reader, whole)));
  }
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(JSON.stringify(item)) && seen.add(JSON.stringify(item)));
}
