import { type Person, takePeople } from './people.js';
import { capitalise, tidy } from './text.js';

/** What a command says about a message; what was not said is missing or empty. */
export interface MailParts {
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly bcc: readonly Person[];
  readonly subject?: string;
  readonly body?: string;
  /** What no reading was found for. */
  readonly leftover: string;
}

interface Step {
  readonly parts: MailParts;
  readonly rest: string;
}

/** `rest` is the end of the normalised text, which is as long as the text itself: that is how the exact words are found. */
type Reader = (rest: string, parts: MailParts, said: string) => Step | undefined;

const SUBJECT =
  /^(?:[\s,;]+(?:and\s+)?with\s+(?:the\s+|a\s+)?subject(?:\s+line)?|[\s,;:.]+(?:subject|betreff)(?:\s+line)?)(?![\p{L}'-])\s*[:=]?\s*/iu;
const ABOUT = /^[\s,]+(?:about|regarding|concerning|über|wegen)\s+/iu;
const COPY = /^[\s,;:]+(?:and\s+)?(?:with\s+)?(?<kind>b?cc)(?:\s+to(?!\p{L})|\s*:|(?=\s))\s*/iu;
const TO = /^\s+(?:to|an|for)\s+/iu;
const SAYING =
  '(?:saying|(?:that|which) says|to say|say|write|(?:telling|to tell|tell) (?:him|her|them)|(?:to )?let (?:him|her|them) know)(?:\\s+that)?|with (?:the |this )?(?:text|body|content|message)|(?:the )?(?:body|text)|that';
const BODY = new RegExp(
  `^(?:[\\s,;:.]+(?:and\\s+)?(?:${SAYING})(?![\\p{L}'-])\\s*[:,]?\\s*|\\s*[:;,]\\s*|[.!]?\\s*\\n\\s*|\\s+[–-]\\s+|\\.\\s+|\\s+(?="))`,
  'iu',
);
/** Where a subject without quotes ends: the first of these that occurs at all. */
const SUBJECT_ENDS: readonly RegExp[] = [
  /[,;.]?\s+(?:and\s+)?(?:(?:the )?(?:body|text)|saying|(?:that|which) says|with (?:the |this )?(?:text|body|content|message)|b?cc|say|tell (?:him|her|them))(?![\p{L}'-])|\s*:\s|\s*\n/iu,
  /\s+that\s/iu,
  /[.!?]\s/u,
];
const SUBJECT_AFTER =
  /[,;]?\s+(?:and\s+)?with (?:the |a )?subject(?: line)?(?!\p{L})\s*[:=]?\s*(?<subject>"[^"\n]+"|[^"\n]{1,200})$/iu;
const TO_AFTER = /\s+to\s+(?<who>[^\s<>"(),;]+@[^\s<>"(),;]+)$/iu;
/** So much of the end of a body is looked at for that. */
const LONGEST_END = 400;
const MOST_COPIES = 100;
const OVER = /^[\s.!?]*$/u;

function exactly(said: string, rest: string, start: number, end: number): string {
  const offset = said.length - rest.length;
  return said.slice(offset + start, offset + end).trim();
}

const QUOTED = /^(?:"[^"]+"|'[^"\n]+?'(?=$|[\s,.;:!?]))/u;

function subjectEnd(rest: string, start: number): number {
  const value = rest.slice(start, start + 400);
  const found = SUBJECT_ENDS.map((pattern) => pattern.exec(value)?.index).find((index) => index !== undefined);
  return start + (found ?? value.length);
}

function subjectAfter(opening: RegExp): Reader {
  return (rest, parts, said) => {
    const start = opening.exec(rest)?.[0].length;
    if (start === undefined || parts.subject !== undefined) return undefined;
    const quoted = QUOTED.exec(rest.slice(start))?.[0];
    const end = quoted === undefined ? subjectEnd(rest, start) : start + quoted.length;
    const words = quoted === undefined ? exactly(said, rest, start, end) : exactly(said, rest, start + 1, end - 1);
    const subject = quoted === undefined ? tidy(words) : words;
    return subject === '' ? undefined : { parts: { ...parts, subject }, rest: rest.slice(end) };
  };
}

const copies: Reader = (rest, parts) => {
  const match = COPY.exec(rest);
  const taken = match && takePeople(rest.slice(match[0].length), true);
  if (!match || !taken || parts.cc.length + parts.bcc.length > MOST_COPIES) return undefined;
  const kind = match.groups?.['kind']?.toLowerCase() === 'bcc' ? 'bcc' : 'cc';
  return { parts: { ...parts, [kind]: [...parts[kind], ...taken.people] }, rest: taken.rest };
};

const recipients: Reader = (rest, parts) => {
  const opening = parts.to.length > 0 ? undefined : TO.exec(rest)?.[0];
  const taken = opening === undefined ? undefined : takePeople(rest.slice(opening.length), true);
  return taken && { parts: { ...parts, to: taken.people }, rest: taken.rest };
};

/** Words at the end of a body that name a recipient or a subject after all. */
function withoutEnd(text: string, parts: MailParts): { length: number; parts: MailParts } {
  const start = Math.max(0, text.length - LONGEST_END);
  const end = text.slice(start);
  const named = parts.subject === undefined ? SUBJECT_AFTER.exec(end) : null;
  if (named) {
    const subject = tidy((named.groups?.['subject'] ?? '').replace(/^"|"\.?$/g, ''));
    return { length: start + named.index, parts: { ...parts, subject } };
  }
  const sent = parts.to.length === 0 ? TO_AFTER.exec(end.replace(/[.!]+$/, '')) : null;
  const to = sent && takePeople(sent.groups?.['who'] ?? '', true)?.people;
  return sent && to ? { length: start + sent.index, parts: { ...parts, to } } : { length: text.length, parts };
}

const body: Reader = (rest, parts, said) => {
  const opening = BODY.exec(rest)?.[0];
  if (opening === undefined || parts.body !== undefined) return undefined;
  const start = opening.length;
  const text = rest.slice(start);
  const quoted = QUOTED.exec(text)?.[0];
  const tail = text.slice(quoted?.length ?? 0);
  if (quoted !== undefined && (OVER.test(tail) || [SUBJECT, ABOUT, COPY, TO].some((pattern) => pattern.test(tail))))
    return {
      parts: { ...parts, body: exactly(said, rest, start + 1, start + quoted.length - 1) },
      rest: tail,
    };
  const cut = withoutEnd(text, parts);
  const words = exactly(said, rest, start, start + cut.length);
  const reported = /(?<!\p{L})that\s*$/iu.test(opening);
  return { parts: { ...cut.parts, ...(words === '' ? {} : { body: reported ? capitalise(words) : words }) }, rest: '' };
};

const READERS: readonly Reader[] = [subjectAfter(SUBJECT), copies, recipients, subjectAfter(ABOUT), body];

/** Reads what follows the verb and the people of a mail command: `rest` is the end of `said`, normalised. */
export function readParts(rest: string, parts: MailParts, said: string): MailParts {
  if (OVER.test(rest)) return parts;
  for (const read of READERS) {
    const step = read(rest, parts, said);
    if (step) return readParts(step.rest, step.parts, said);
  }
  return { ...parts, leftover: rest.trim() };
}
