import { WEEKDAY } from './days.js';
import { canBeDone, fromProgressive, fromThirdPerson, isAction } from './verbs.js';

/** Who a clause says does something. */
export interface Subject {
  readonly kind: 'names' | 'self' | 'we' | 'third' | 'thing';
  /** More than one means that the owner cannot be told. */
  readonly names: readonly string[];
  /** The subject as written. */
  readonly words: string;
}

export interface Clause {
  readonly subject: Subject;
  /** What is to be done, as an infinitive and its objects. */
  readonly deed: string;
  /** How explicit the wording is: a bare present or progressive needs a deadline where the verb alone says too little. */
  readonly strength: 'promise' | 'present' | 'weak';
}

/** Matches one name of up to three capitalised words; without flags of its own. */
export const NAME =
  "(?:(?:Dr|Mr|Mrs|Ms|Prof|Herrn?|Frau)\\.? ){0,3}(?:[OD]')?\\p{Lu}[\\p{L}-]*\\p{L}(?: (?:(?:van|von|de|der|la|di) )*(?:[OD]')?\\p{Lu}[\\p{L}-]*\\p{L}){0,2}";
const MANY = `(?:${NAME}|I)(?:, (?:${NAME}|I))*,? (?:and|or|&|und|oder) (?:${NAME}|I|ich)`;
const SUBJECT = new RegExp(
  `^(?<who>(?:[Tt]he|[Oo]ur|[Mm]y) (?:\\p{Ll}[\\p{L}-]+ ){0,2}?\\p{Ll}[\\p{L}-]+|${MANY}|${NAME}|I|[Ww]e|[Hh]e|[Ss]he|[Tt]hey|[Ii]ch|[Ww]ir) (?<rest>\\S.*)$`,
  'u',
);

const NO_NAMES = new Set(
  (
    'a actually afterwards all also although an and another any anybody anyone as at basically because before both but by can could did do does each either ' +
    'every everybody everyone everything finally first for from good he hello hence her here hey hi his how however i if in it its last later let maybe ' +
    'me mine my neither next no nobody none nothing now of ok okay on once one or our perhaps please plus probably secondly she should since so some ' +
    'somebody someone something sometimes soon still thanks that the their them then there these they this those though thus to today tomorrow tonight ' +
    'under unless until was we well were what when where which while who whoever why will with would yes yesterday yet you your ' +
    'monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december ' +
    'montag dienstag mittwoch donnerstag freitag samstag sonntag ich du er sie es wir ihr das der die ein eine und oder aber dann wenn falls weil heute ' +
    'morgen gestern bis am im vielleicht niemand jemand jeder alle man todo task action item meeting call note notes recap summary update memo reminder debrief hi hello hey ps'
  ).split(' '),
);

/** False for words that stand at the start of a sentence or line without naming anybody. */
export function couldBeName(words: string): boolean {
  return words.split(' ').every((word) => word === 'I' || !NO_NAMES.has(word.toLowerCase()));
}

function namesIn(words: string): string[] {
  return words.split(/,? (?:and|or|&|und|oder) |, /u).map((name) => name.trim());
}

function subjectOf(words: string): Subject | undefined {
  if (/^(?:I|ich)$/i.test(words)) return { kind: 'self', names: [], words };
  if (/^(?:we|wir)$/i.test(words)) return { kind: 'we', names: [], words };
  if (/^(?:he|she|they)$/i.test(words)) return { kind: 'third', names: [], words };
  if (/^(?:the|our|my) /i.test(words)) return { kind: 'thing', names: [], words };
  const names = namesIn(words);
  return names.every(couldBeName) ? { kind: 'names', names, words } : undefined;
}

const ADVERB =
  '(?:(?:also|then|now|quickly|please|first|still|just|definitely|certainly|personally|immediately|go and|try to) )*';
const PROMISE = new RegExp(
  `^(?:will|shall|must|should|(?:has|have|had better|needs?|is|am|are)(?: got)? to|(?:is|am|are) (?:going|supposed|expected|due) to|(?:has |have )?(?:agreed|agrees?|promised|promises?|offered|offers?|volunteered|volunteers) to|` +
    `(?:said|says|promised|promises|agreed|agrees|confirmed|confirms|offered) (?:that )?(?:he|she|they)(?: will|'d| would)) ${ADVERB}(?<verb>\\p{Ll}[\\p{Ll}-]+)(?<object>(?:[ ,].*)?)$`,
  'u',
);
const PRESENT = new RegExp(`^${ADVERB}(?<verb>\\p{Ll}[\\p{Ll}-]+)(?<object> .*)$`, 'u');
const PROGRESSIVE = /^(?:is|am|are) (?<verb>\p{Ll}+ing)(?<object> .*)$/u;
const TO_DO = /^to (?<verb>\p{Ll}[\p{Ll}-]+)(?<object> .*)$/u;
const HABIT =
  /(?<!\p{L})(?:every|always|usually|often|normally|generally|sometimes|regularly|each (?:day|week|month)|immer|jeden|oft)(?!\p{L})/iu;
const DENIED = /^\S+ (?:not|never|neither|nothing|no longer|nobody|none|kein\p{L}*|nicht|nie)(?!\p{L})/u;
/** Verbs whose present tense mostly describes something, or is also their past tense. */
const VAGUE = new Set(
  'find get go let keep run lead put read set cut split work show give take include provide program mean cover feed support look produce generate lead name switch water turn move open close try deal apply extend cut describe'.split(
    ' ',
  ),
);

const GERMAN_MODAL =
  /^(?:soll|sollte|sollten|sollen|muss|müsste|müssten|müssen|wird|werde|werden) (?!nicht|kein|nie)(?<rest>.+)$/u;
const GERMAN_VERB =
  /^(?:schick|red|prüf|mach|erledig|schreib|ruf|bring|kauf|bestell|bereit|klär|send|buch|reparier|kümmer|organisier|erstell|überarbeit|liefer|besorg|hol|check|frag|test|übernehm|übernimm|gib|geb|stell|leg|trag|träg|reich|plan|bau|richt|meld|sprech|sprich|entscheid|sammel|sammle|lad|läd|les|lies|zahl|unterschreib|kontrollier|aktualisier|dokumentier|präsentier|analysier|formulier|übersetz|vereinbar|koordinier|kalkulier|rechn|hol|nehm|nimm|such|ergänz|korrigier|verschick|übergeb|übergib|installier|migrier|druck|fotografier|entwerf|entwirf|mail|setz|räum|beantrag|kündig|schau|besprech|besprich|hinterleg|stimm)(?:e|t|et|en|st) (?!nicht|kein|nie)(?<rest>.+)$/u;

/** Any other verb in the present with an object or a date; verbs of being, saying and going are none. */
const GERMAN_PRESENT =
  /^(?!(?:ist|hat|habe|bin|war|meint|meine|sagt|sage|glaubt|glaube|findet|finde|denkt|denke|hofft|hoffe|kommt|komme|geht|gehe|bleibt|bleibe|braucht|brauche|möchte|kennt|kenne|freut|freue|wartet|warte|fährt|fahre|heißt|heiße|wohnt|wohne|arbeitet|arbeite|steht|stehe|liegt|liege|fehlt|fehle|läuft|wollte|konnte|könnte|würde|hätte|sollte|musste|trifft|treffe|beginnt|startet|endet|erwartet|erwarte|erzählt|erzähle|bekommt|bekomme|kriegt|kriege|hängt|dauert|passt|reicht|wusste|dachte|brachte|mag|mochte|heute|gerne|letzte|nächste|eine|keine|meine|seine|ihre|nicht|erste|zweite|sonst|fast|erst|selbst)(?!\p{L}))\p{Ll}{2,}(?:e|t) (?!nicht|kein|nie)(?:(?:mir|uns|ihr|ihm|ihnen|sich|mich|noch|dann|auch|heute|morgen) )*(?:den|die|das|dem|der|ein|eine|einen|einem|unsere?n?|seine?n?|ihre?n?|alle|bis|am|spätestens) \S/u;

function german(subject: Subject, rest: string): Clause | undefined {
  const isSure = GERMAN_MODAL.test(rest) || GERMAN_VERB.test(rest);
  if (!isSure && !GERMAN_PRESENT.test(rest)) return undefined;
  return { subject, deed: `${subject.words} ${rest}`, strength: isSure ? 'promise' : 'present' };
}

function english(subject: Subject, rest: string): Omit<Clause, 'subject'> | undefined {
  const promise = PROMISE.exec(rest)?.groups;
  if (promise?.['verb'] !== undefined) {
    return canBeDone(promise['verb'])
      ? { deed: `${promise['verb']}${promise['object'] ?? ''}`, strength: 'promise' }
      : undefined;
  }
  const toDo = TO_DO.exec(rest)?.groups;
  if (toDo?.['verb'] !== undefined)
    return isAction(toDo['verb']) ? { deed: `${toDo['verb']}${toDo['object']}`, strength: 'promise' } : undefined;
  const moving = PROGRESSIVE.exec(rest)?.groups;
  const infinitive = moving?.['verb'] === undefined ? undefined : fromProgressive(moving['verb']);
  if (infinitive !== undefined) return { deed: `${infinitive}${moving?.['object']}`, strength: 'weak' };
  return present(subject, rest);
}

function present(subject: Subject, rest: string): Omit<Clause, 'subject'> | undefined {
  const groups = PRESENT.exec(rest)?.groups;
  if (groups?.['verb'] === undefined || HABIT.test(rest) || DENIED.test(rest)) return undefined;
  const plural =
    (subject.names.length > 1 && !/ (?:or|oder) /u.test(subject.words)) ||
    subject.kind === 'self' ||
    subject.kind === 'we' ||
    subject.words.toLowerCase() === 'they';
  const verb = plural ? groups['verb'] : fromThirdPerson(groups['verb']);
  if (verb === undefined || !canBeDone(verb)) return undefined;
  if (!isAction(verb) && plural) return undefined;
  return {
    deed: `${verb}${groups['object']}`,
    strength: (isAction(verb) && !VAGUE.has(verb)) || groups['object']?.startsWith(' care of ') ? 'present' : 'weak',
  };
}

/** Undoes contractions that hide the verb: "I'll" is "I will". */
export function expandContractions(text: string): string {
  return text
    .replace(/(?<=\p{L})'ll(?!\p{L})/gu, ' will')
    .replace(/(?<=\bI)'m(?!\p{L})/gu, ' am')
    .replace(/(?<=\p{L})'re(?!\p{L})/gu, ' are')
    .replace(/(?<=\p{L})'s (?=going to |supposed to )/gu, ' is ')
    .replace(/(?<=\p{L})'ve (?=to |got to |agreed |promised )/gu, ' have ');
}

/** Reads "subject does something"; undefined when the text is anything else, a negation included. */
export function readClause(text: string): Clause | undefined {
  const groups = SUBJECT.exec(text)?.groups;
  if (groups?.['who'] === undefined || groups['rest'] === undefined) return undefined;
  const subject = subjectOf(groups['who']);
  if (!subject) return undefined;
  const read = english(subject, groups['rest']);
  return read ? { subject, ...read } : german(subject, groups['rest']);
}

/** What follows these words is what somebody else said or asked. */
const REPORTED =
  /(?<!\p{L})(?:said|says|told \p{L}+|asked|asks|replied|answered|wrote|thinks?|hopes?|believes?|that|whether|if|sagte|sagt|meinte|meint|dass|ob)[\s:,"]*$/iu;
/** How much of a text is looked at to find its subject and verb. */
const LOOK_AHEAD = 300;
const JOINT =
  /\s*;\s*|,\s*(?:(?:and|but|then|while|so|that|und|aber|dann|dass)\s+)*|\s+(?:and|but|while|so|und|aber)\s+(?:then\s+|also\s+|that\s+|dass\s+)*|\s+then\s+/gu;
const OTHER_VERB =
  /^(?:is|was|are|were|has|had|have|am|does|did|do|said|says|wants|can|could|would|might|won't|doesn't|isn't|will|cannot|can't|ist|war|hat|hatte|kann)(?!\p{L})/u;

const LEAD = new RegExp(
  `^(?:(?:on|by|until|before|am|bis|bis zum|at) )?(?:the )?(?:next |this )?(?:${WEEKDAY}|tomorrow|today|tonight|morgen|heute|end of (?:the |this |next )?(?:week|month|day))(?: (?:morning|afternoon|evening))?,? `,
  'iu',
);

/** True when the text starts with a subject and its verb, whether or not that makes it an action item. */
export function startsWithSubject(text: string): boolean {
  const groups = SUBJECT.exec(text.replace(LEAD, ''))?.groups;
  if (groups?.['who'] === undefined || groups['rest'] === undefined) return false;
  return (
    subjectOf(groups['who']) !== undefined &&
    (OTHER_VERB.test(groups['rest']) || readClause(text.replace(LEAD, '')) !== undefined)
  );
}

/** Splits a sentence where a new subject with its own verb begins. */
export function splitClauses(sentence: string): string[] {
  const clauses: string[] = [];
  let start = 0;
  for (const joint of sentence.matchAll(JOINT)) {
    const left = sentence.slice(start, joint.index);
    const from = joint.index + joint[0].length;
    const right = sentence.slice(from, from + LOOK_AHEAD);
    const onlyNames = new RegExp(`^(?:${NAME}|I)(?:, (?:${NAME}|I))*$`, 'u').test(left.trim());
    if (onlyNames || REPORTED.test(left) || !startsWithSubject(right)) continue;
    clauses.push(left);
    start = joint.index + joint[0].length;
  }
  return [...clauses, sentence.slice(start)].map((clause) => clause.trim()).filter((clause) => clause !== '');
}

const SECOND_DEED =
  /^(?<first>.*?\S \S.*?)(?:, and|,| and| und)(?: then| also)? (?=(?<verb>\p{Ll}[\p{Ll}-]+) (?:the|a|an|all|his|her|their|our|my|it|them|him|us|me|this|that|whether|with|to|up|out|for|\p{Lu}|\d))/u;

/** "Anna sends the slides and books the room": two clauses with one subject. */
export function splitDeeds(clause: string): string[] {
  const groups = SECOND_DEED.exec(clause)?.groups;
  const [first, verb] = [groups?.['first'], groups?.['verb']];
  const head = first === undefined ? undefined : readClause(first);
  if (first === undefined || verb === undefined || head === undefined || !head.deed.includes(' ')) return [clause];
  const rest = clause.slice(clause.indexOf(verb, first.length));
  const plain = isAction(verb);
  const third = isAction(fromThirdPerson(verb) ?? '');
  const subject = head.subject.words;
  const second =
    head.strength === 'promise' && plain
      ? `${subject} will ${rest}`
      : plain || third
        ? `${subject} ${rest}`
        : undefined;
  return second !== undefined && readClause(second) ? [first, ...splitDeeds(second)] : [clause];
}
