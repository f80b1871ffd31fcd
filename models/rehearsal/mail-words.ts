import { startsWithSubject } from './clauses.js';
import { type MailParts, readParts } from './mail-parts.js';
import { POLITE } from './openings.js';
import { type Person, takePeople } from './people.js';
import { capitalise, normaliseText, splitSentences, tidy } from './text.js';

/** A message to other people, as far as the words of a command say it. */
export interface MailCommand {
  readonly kind: 'send' | 'draft' | 'message';
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly bcc: readonly Person[];
  /** Missing where none was named. */
  readonly subject?: string;
  readonly body: string;
  readonly hasFiles: boolean;
}

type MailReading = MailCommand | { readonly unclear: string };

const VERB = '(?<verb>send|write|draft|compose|prepare|create|schicke?|schreibe?|sende)';
const ARTICLE = '(?:an?|this|the|another|eine?n?)\\s+';
const THING =
  '(?:(?:short|quick|new|brief|kurze)\\s+)*(?<thing>draft(?:\\s+(?:of\\s+an?\\s+)?(?:e-?mail|mail))?|e-?mail|mail|message|nachricht)(?:\\s+draft)?(?![\\p{L}-])';
const TO_FORM = new RegExp(`^${POLITE}${VERB}\\s+(?:${ARTICLE})?${THING}(?<rest>[\\s\\S]*)$`, 'iu');
const FOR_FORM = new RegExp(
  `^${POLITE}${VERB}\\s+(?<who>[^\\n]{1,300}?)\\s+${ARTICLE}${THING}(?<rest>[\\s\\S]*)$`,
  'iu',
);
const VERB_FORM = new RegExp(`^${POLITE}(?<verb>e-?mail|mail|tell|message|let|write to)\\s+(?<rest>[\\s\\S]+)$`, 'iu');
const FILE_LINE = /\n\[attached file [^\]\n]*\](?=\n|$)/gu;
const ASKED = /^(?:(?:hey|hi|ok|okay|please)[\s,]+)*(?:can|could|would) you/iu;

const QUESTION =
  /(?:^|[.!?:]\s+)(?:what|when|where|who|why|how|which|are|is|am|was|were|do|does|did|can|could|will|would|shall|should|have|has|may)\s[^.!]*$/iu;

const NOBODY_NAMED = /^(?:him|her|them|us|it|all|everyone|everybody|someone|somebody)$/iu;

const HOW =
  'Say to whom and what, as in “send dana@example.com a mail with the subject Lunch saying I am late” or “mail Dana that I am late”.';
const NOTHING: MailParts = { to: [], cc: [], bcc: [], leftover: '' };

type Groups = Readonly<Record<string, string | undefined>>;

interface Read {
  readonly kind: MailCommand['kind'];
  readonly parts: MailParts;
  /** Whether the words cannot mean anything but a message. */
  readonly sure: boolean;
}

function kindOf(groups: Groups): MailCommand['kind'] {
  const thing = groups['thing'] ?? '';
  if (/^(?:draft|compose|prepare)$/iu.test(groups['verb'] ?? '') || /^draft/iu.test(thing)) return 'draft';
  return /^(?:message|nachricht)/iu.test(thing) ? 'message' : 'send';
}

function toForm(text: string, said: string): Read | undefined {
  const groups = TO_FORM.exec(text)?.groups;
  if (!groups) return undefined;
  const parts = readParts(groups['rest'] ?? '', NOTHING, said);
  return { kind: kindOf(groups), parts, sure: parts.leftover === '' };
}

function forForm(text: string, said: string): Read | undefined {
  const groups = FOR_FORM.exec(text)?.groups;
  const taken = groups && takePeople(groups['who'] ?? '', true);
  if (NOBODY_NAMED.test(groups?.['who'] ?? '')) return { kind: 'send', parts: NOTHING, sure: true };
  if (!groups || taken?.rest !== '') return undefined;
  const parts = readParts(groups['rest'] ?? '', { ...NOTHING, to: taken.people }, said);
  return { kind: kindOf(groups), parts, sure: true };
}

/** "Tell Dana I am late": words that need nothing before them. */
function withBareBody(parts: MailParts, said: string, all: boolean): MailParts {
  const { leftover } = parts;
  if (parts.body !== undefined || leftover === '' || !(all || startsWithSubject(leftover))) return parts;
  return { ...parts, body: said.slice(said.length - leftover.length), leftover: '' };
}

function verbForm(text: string, said: string): Read | undefined {
  const groups = VERB_FORM.exec(text)?.groups;
  const verb = groups?.['verb']?.toLowerCase();
  const taken = groups && takePeople(groups['rest'] ?? '', false);
  if (verb === undefined || !taken) return undefined;
  const known = verb === 'let' ? /^ know(?!\p{L})/iu.exec(taken.rest)?.[0].length : 0;
  if (known === undefined) return undefined;
  const rest = taken.rest.slice(known);
  const parts = readParts(rest, { ...NOTHING, to: taken.people }, said);
  const byAddress = taken.people.every((person) => person.address !== undefined);
  const whole = withBareBody(parts, said, verb === 'message' && byAddress);
  return { kind: /mail|write/.test(verb) ? 'send' : 'message', parts: withOrder(whole, said, verb), sure: false };
}

/** "Tell Dana to call me": what somebody is told to do is the message. */
function withOrder(parts: MailParts, said: string, verb: string): MailParts {
  const order = verb === 'tell' ? /^to\s+(?<order>\p{Ll}[\s\S]*)$/u.exec(parts.leftover)?.groups?.['order'] : undefined;
  return order === undefined
    ? parts
    : { ...parts, body: capitalise(said.slice(said.length - order.length)), leftover: '' };
}

function complete({ kind, parts, sure }: Read, asked: boolean, hasFiles: boolean): MailReading | undefined {
  const { to, cc, bcc, subject } = parts;
  const body = asked && !QUESTION.test(parts.body ?? '') ? parts.body?.replace(/\?+$/, '') : parts.body;
  if (parts.leftover !== '' || body === undefined || body.trim() === '' || to.length === 0)
    return sure || (to.length > 0 && subject !== undefined) ? { unclear: `I wrote no mail. ${HOW}` } : undefined;
  return { kind, to, cc, bcc, ...(subject === undefined ? {} : { subject }), body, hasFiles };
}

/** Reads a command to write to somebody; undefined when the text is no such command. Nothing is added to what was said. */
export function readMailCommand(text: string): MailReading | undefined {
  const said = text.replace(FILE_LINE, '').trim();
  const normal = normaliseText(said);
  const read = toForm(normal, said) ?? forForm(normal, said) ?? verbForm(normal, said);
  return read && complete(read, ASKED.test(normal), said !== text.trim());
}

const LONGEST_SUBJECT = 60;

/** The first words of a text, as a subject: at most one sentence and 60 characters. */
export function subjectFrom(body: string): string {
  const sentence = tidy(splitSentences(body)[0] ?? body) || body.trim();
  if (sentence.length <= LONGEST_SUBJECT) return sentence;
  const cut = sentence.slice(0, LONGEST_SUBJECT + 1);
  const space = cut.lastIndexOf(' ');
  return tidy((space > 0 ? cut.slice(0, space) : cut.slice(0, LONGEST_SUBJECT)).toWellFormed());
}
