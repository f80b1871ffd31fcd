import type { JsonRecord } from '../json.js';
import type { Style } from '../setting.js';
import { shorten } from '../text.js';
import type { Contact } from './cast.js';
import { dateWords, inWords, namesInWords } from './phrases.js';
import type { NoteReading } from './reading.js';
import { decisive, type Language, sharedWords } from './words.js';

const COLLEAGUE = /^(?:team|colleagues?|kolleg\p{L}*|intern\p{L}*|employee|staff|mitarbeiter\p{L}*)(?!\p{L})/iu;
const TITLED = /(?<!\p{L})(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau|Sir|Madam|geehrte\p{L}*|Liebe[rs]?)(?!\p{L})/iu;
const GERMAN_HAIL = /^(?:hallo|liebe\p{L}*|guten|sehr|moin|servus|grüß)/iu;
const ENGLISH_HAIL = /^(?:hello|dear|good|howdy)/iu;
const GERMAN_END = /(?<!\p{L})(?:grüße\p{L}*|gruß|lg|vg|mfg|herzlich\p{L}*|viele|liebe)(?!\p{L})/iu;
const ENGLISH_END = /(?<!\p{L})(?:best|regards|cheers|thanks|sincerely|kind|yours|warm\p{L}*)(?!\p{L})/iu;

/** Those who were there, work elsewhere and can be reached. */
export function recipientsOf({ cast, occasion, draft }: NoteReading): Contact[] {
  if (occasion.isInternal || draft.isForwarded) return [];
  return occasion.others
    .flatMap((name) => cast.contact(name) ?? [])
    .filter(({ email, role, name }) => email !== undefined && name !== cast.user && !COLLEAGUE.test(role ?? ''));
}

function firstName(name: string): string {
  return name.replace(/^(?:(?:Dr|Prof|Mr|Mrs|Ms)\.? )+/u, '').split(' ')[0] ?? name;
}

function greeting(people: readonly Contact[], style: Style | undefined, language: Language): string {
  const names = people.map(({ name }) => name);
  const learned = style?.greeting;
  const wrong = language === 'de' ? ENGLISH_HAIL : GERMAN_HAIL;
  if (learned === undefined || wrong.test(learned) || TITLED.test(learned))
    return `${inWords(language, 'Hello', 'Guten Tag')} ${namesInWords(names, language)},`;
  const hail = /^(?:\p{L}+(?:'s)?)(?: \p{Ll}+)*/u.exec(learned)?.[0] ?? learned;
  const end = /[,!]$/u.exec(learned.trim())?.[0] ?? ',';
  return `${hail} ${namesInWords(names.map(firstName), language)}${end}`;
}

function closing(user: string | undefined, style: Style | undefined, language: Language): string {
  const learned = style?.closing;
  const wrong = language === 'de' ? ENGLISH_END : GERMAN_END;
  if (learned === undefined || wrong.test(learned))
    return [inWords(language, 'Best regards', 'Viele Grüße'), user ?? ''].join('\n').trim();
  const name = user === undefined ? '' : firstName(user);
  return learned.includes(name) ? learned : `${learned}\n${name}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `- ${line}`)];
}

function itemLines({ items, contradictions, draft, setting }: NoteReading): string[] {
  const { language } = draft;
  const held = new Set(contradictions.map(({ sentence }) => sentence));
  return items
    .filter(({ said }) => !held.has(said))
    .map(({ text, owner, due }) => {
      const who = owner.owner ?? inWords(language, 'still open who', 'noch offen, wer');
      return `${who}: ${text}${due === null ? '' : ` (${inWords(language, 'by', 'bis')} ${dateWords(due, setting, language)})`}`;
    });
}

/** What was decided, without anything that goes against an agreement. */
export function undisputed({ statements, contradictions }: NoteReading): string[] {
  return statements.decisions.filter(
    (text) => !contradictions.some(({ sentence }) => sentence.includes(text.slice(1, 60))),
  );
}

function agreedBefore(reading: NoteReading): string[] {
  const { agreements, contradictions, draft, setting } = reading;
  const disputed = new Set(contradictions.map(({ agreement }) => agreement.id));
  const said = [...undisputed(reading), ...reading.items.map(({ text }) => text)].map((text) => decisive(text));
  return agreements
    .filter(({ id, text }) => !disputed.has(id) && said.some((words) => sharedWords(decisive(text), words) >= 2))
    .map(({ text, date }) =>
      date === undefined ? text : `${dateWords(date.slice(0, 10), setting, draft.language)}: ${text}`,
    );
}

function nextLines({ next, draft }: NoteReading): string[] {
  const meeting = next.meeting;
  if (meeting === undefined) return [];
  const when = `${dateWords(meeting.start, meeting, draft.language)} (${meeting.timeZone})`;
  const topics = meeting.agenda.length === 0 ? '' : `: ${meeting.agenda.join(', ')}`;
  return [`${when}${meeting.medium === null ? '' : `, ${meeting.medium}`}${topics}`];
}

/** The “as discussed” mail: only what is recorded and undisputed, in the note's language. Undefined where nobody gets one. */
export function followUpMail(reading: NoteReading): JsonRecord | undefined {
  const people = recipientsOf(reading);
  const { language } = reading.draft;
  const [decisions, items, next] = [undisputed(reading), itemLines(reading), nextLines(reading)];
  if (people.length === 0 || decisions.length + items.length + next.length === 0) return undefined;
  const word = (english: string, german: string) => inWords(language, english, german);
  const body = [
    greeting(people, reading.setting.style, language),
    '',
    word('as discussed, here is what we noted.', 'wie besprochen hier kurz, was wir festgehalten haben.'),
    ...section(word('Decided:', 'Beschlossen:'), decisions),
    ...section(word('Next steps:', 'Nächste Schritte:'), items),
    ...section(word('Still open:', 'Noch offen:'), reading.statements.questions),
    ...section(word('Agreed earlier:', 'Früher vereinbart:'), agreedBefore(reading)),
    ...section(word('Next meeting:', 'Nächster Termin:'), next),
    '',
    closing(reading.setting.user, reading.setting.style, language),
  ].join('\n');
  const subject = `${word('As discussed', 'Wie besprochen')}: ${shorten(reading.occasion.title, 150)}`;
  return { to: [...new Set(people.flatMap(({ email }) => email ?? []))], subject, body };
}
