import { Temporal } from 'temporal-polyfill';
import { type Clause, readClause, splitDeeds } from '../clauses.js';
import { findTimes } from '../clock-times.js';
import { findDays, WEEKDAY } from '../days.js';
import { isMeetingTalk } from '../meeting-words.js';
import type { Setting } from '../setting.js';
import { capitalise, shorten, tidy } from '../text.js';
import { isAction } from '../verbs.js';
import { type Due, findDue } from '../when.js';
import { isAnnounced } from './announcements.js';
import type { Cast } from './cast.js';
import { type Assignment, assignmentIn, type Need, needIn, noteClauses, onlyWhen } from './clause-kinds.js';
import { straightened } from './german-order.js';
import { type Before, type Owner, ownerNamed, ownerOf, UNASSIGNED } from './owners.js';

/** One action item of a note. */
export interface Item {
  readonly id: string;
  readonly text: string;
  readonly owner: Owner;
  readonly due: string | null;
  /** The sentence it was said in. */
  readonly said: string;
}

/** A need as it was said, beside the item that was spoken of and the one before. */
export interface SaidNeed extends Need {
  readonly current: string | undefined;
  readonly previous: string | undefined;
  readonly sentence: string;
}

export interface Items {
  readonly items: readonly Item[];
  readonly needs: readonly SaidNeed[];
}

/** What was read so far; a note is read from its beginning to its end. */
interface Reading {
  readonly setting: Setting;
  readonly cast: Cast;
  readonly isGerman: boolean;
  readonly everybody: readonly string[];
  readonly items: Item[];
  readonly needs: SaidNeed[];
  sentence: string;
  previous: string;
  /** Index of the first item of this sentence. */
  first: number;
  /** What this sentence said before the clause that is read. */
  before: string;
  lastClause: string;
  /** A date that opened the sentence and belongs to what follows. */
  pending: string | undefined;
  lastDue: string | undefined;
}

/** So many a record takes. */
const MOST_ITEMS = 100;
const FILLER =
  /^(?:(?:and|but|so|then|also|next|finally|first|firstly|second|secondly|third|now|plus|after that|afterwards|meanwhile|obviously|of course|actually|besides|oh|ah|und|aber|dann|also|außerdem|danach|noch|ja)[,:]?\s+)+/iu;
const PREFACE = /^(?:(?:the |my |our )?(?:[\p{L}-]+ ){0,7}[\p{L}-]+):\s+(?=\S)/u;
const CONDITION = /^(?:if|unless|in case|whether|when|wenn|falls|sofern|ob)(?!\p{L})/iu;
const SUBORDINATE =
  /[,\s]+(?:because|since|although|so that|in case|unless|once|whenever|as soon as|until (?:he|she|they|we|I|it)|after (?:he|she|they|we|I|the)|weil|damit|sobald|nachdem|wenn|falls)\s.*$/iu;
const REMARK =
  /,\s*(?:but |and |aber )?(?:honestly |actually |frankly |ehrlich gesagt )?(?:I|we|they|nobody|ich|wir|keiner|das hat|das haben) (?!will )\p{Ll}.*$/u;
const DEADLINE = /(?<!\p{L})(?:by|until|till|before|bis|due|spätestens|no later than|at the latest)(?!\p{L})/iu;
const DESCRIBES =
  /^(?:work|lead|include|mean|cover|feed|support|look|produce|generate|program|name|extend|apply|describe|deal|show|run|read|turn|open|move)(?!\p{L})/u;
const CONTACTS_US =
  /^(?:ring|call|phone|contact|get (?:in touch|back)|let (?:me|us)|be in touch|come back|reach out|talk|speak|meet|sync|discuss|continue|reconvene|decide|wait)(?!\p{L})/u;
const CONTACTS_OTHERS =
  /^(?:ring|call|phone|contact|talk to|speak to|speak with|talk with) (?:the|their|his|her|our) /u;
const UNSURE = /(?<!\p{L})(?:maybe|perhaps|possibly|probably|might|vielleicht|eventuell|wahrscheinlich)(?!\p{L})/iu;
const PAST = /(?<!\p{L})(?:already|bereits|schon)(?!\p{L})/iu;
const PRONOUN_ONLY =
  /^(?<verb>\p{Ll}[\p{Ll}-]+(?: (?:up|out|over|back))?) (?:him |her |them |us |me )?(?<it>it|that|this|them|those|these)(?<rest>(?:[ ,].*)?)$/u;
const ASKS = /^(?:ask|check|clarify|find out|look into|verify|confirm|see|figure out)(?!\p{L})/u;
const QUESTION = /(?<!\p{L})(?:whether|if|ob) (?<what>.+)$/iu;

/** The day that is counted from the last one: "the Thursday after". */
function withLaterDay(sentence: string, lastDue: string | undefined): string {
  const match = new RegExp(`(?:the |den )?(?<wd>${WEEKDAY}) (?:after(?! next)|darauf)(?= ?(?:$|[,.;]))`, 'iu').exec(
    sentence,
  );
  if (!match || lastDue === undefined) return sentence;
  const base = Temporal.PlainDate.from(lastDue.slice(0, 10));
  const weekday = findDays(match.groups?.['wd'] ?? '', base)[0]?.date;
  return weekday === undefined ? sentence : sentence.replace(match[0], weekday.toString());
}

function dueOf(clause: string, reading: Reading): Due | undefined {
  return findDue(clause, reading.setting.now, reading.setting.theirZone);
}

function add(reading: Reading, text: string, owner: Owner, due: string | undefined): void {
  const title = capitalise(tidy(shorten(text.replace(SUBORDINATE, '').replace(REMARK, ''), 300)));
  if (title.length < 3 || reading.items.length >= MOST_ITEMS) return;
  const when = due ?? reading.pending;
  reading.pending = undefined;
  reading.lastDue = when ?? reading.lastDue;
  const id = `a${reading.items.length + 1}`;
  reading.items.push({ id, text: title, owner, due: when ?? null, said: reading.sentence });
}

function change(reading: Reading, index: number, changes: Partial<Item>): void {
  const item = reading.items[index];
  if (item === undefined) return;
  reading.items[index] = { ...item, ...changes };
  reading.lastDue = changes.due ?? reading.lastDue;
}

function beforeOf(reading: Reading): Before {
  return { sentence: reading.before, previous: reading.previous, everybody: reading.everybody };
}

/** The item of this sentence that was read last. */
function current(reading: Reading): number | undefined {
  const last = reading.items.length - 1;
  return last >= reading.first ? last : undefined;
}

const THING =
  /(?:(?<!\p{L})(?:need|needs|has|have|got|takes?|took|owe \p{L}+|owes \p{L}+|want|wants|brauche?t?|hat|fehlt|missing|is|are|about)(?: noch| aber| also| still)?)\s+(?<thing>(?:the|a|an|our|their|my|his|her|some|new|die|der|das|den|eine?n?|updated)\s.+)$/iu;

/** What “that” stands for in a clause such as “I need the cost sheet from Tom”. */
function thingIn(clause: string): string | undefined {
  const thing = /^(?:the|our|die|der|das) .+$/iu.exec(clause)?.[0] ?? THING.exec(clause)?.groups?.['thing'];
  return thing === undefined ? undefined : tidy(thing.replace(/,? (?:from|von) (?:me|mir)$/iu, ''));
}

function sameOwner(a: Owner, b: Owner): boolean {
  return a.owner === b.owner && a.owner !== null;
}

/** "Obviously phishing, …, I report it": a few words before the clause may say what “it” is. */
function addAboutTopic(verb: string, rest: string, owner: Owner, due: string | undefined, reading: Reading): boolean {
  const topic = reading.before.split(',')[0]?.replace(FILLER, '') ?? '';
  if (topic === '' || topic.split(/\s+/).length > 4) return false;
  add(reading, `${verb} ${topic}${rest}`, owner, due);
  return true;
}

/** "Mail it", "do that": joined to what it is about; false where nothing says what that is. */
function addAnaphoric(deed: string, owner: Owner, due: string | undefined, reading: Reading): boolean {
  const groups = PRONOUN_ONLY.exec(deed)?.groups;
  if (groups === undefined) return false;
  const [at, verb] = [current(reading), groups['verb'] ?? ''];
  const item = at === undefined ? undefined : reading.items[at];
  if (at !== undefined && item && sameOwner(item.owner, owner) && reading.lastClause !== '') {
    const more = verb === 'do' ? item.text : `${item.text} and ${verb} ${groups['it']}${groups['rest'] ?? ''}`;
    change(reading, at, { text: tidy(more), due: item.due ?? due ?? null });
    return true;
  }
  const thing = thingIn(reading.lastClause === '' ? reading.previous.replace(/[.!]+$/, '') : reading.lastClause);
  if (thing === undefined && reading.lastClause === '') return /^(?:do|own|take|handle)$/u.test(verb);
  if (thing === undefined) return addAboutTopic(verb, groups['rest'] ?? '', owner, due, reading);
  const stated = dueOf(thing, reading);
  const object = tidy((stated?.rest ?? thing).replace(/,? (?:from|von) (?:me|mir)$/iu, ''));
  const text = /^(?:do|take|own|handle)$/u.test(verb) ? object : `${verb} ${object}${groups['rest'] ?? ''}`;
  add(reading, text, owner, due ?? stated?.due);
  return true;
}

/** What a deed is about, where only the words before it say so. */
function withTopic(deed: string, subject: string, reading: Reading): string {
  const topic = /^(?:he|she)$/iu.test(subject)
    ? /(?:talked|spoke|discussed|talk|speak) (?:about )?(?<what>(?:the|our) \p{L}+(?: \p{L}+)?)$/iu.exec(reading.before)
        ?.groups?.['what']
    : undefined;
  return topic === undefined ? withQuestion(deed, reading) : `${tidy(deed.replace(REMARK, ''))} (${topic})`;
}

function withQuestion(deed: string, reading: Reading): string {
  if (!ASKS.test(deed) || QUESTION.test(deed) || /(?<!\p{L})(?:about|for)(?!\p{L})/u.test(deed)) return deed;
  const asked = QUESTION.exec(reading.before.replace(/,.*$/u, ''))?.groups?.['what'];
  return asked === undefined ? deed : `${deed} whether ${tidy(asked)}`;
}

function isAccepted(read: Clause, owner: Owner, due: Due | undefined, clause: string): boolean {
  const hasDeadline = due !== undefined && DEADLINE.test(clause);
  const { subject, strength, deed } = read;
  if (subject.kind === 'thing') return hasDeadline && !/^my /iu.test(subject.words);
  if (subject.kind === 'we')
    return (
      !CONTACTS_US.test(deed) &&
      (hasDeadline || (strength === 'promise' && /(?:need to|have to|has to|must|müssen|sollten)/iu.test(clause)))
    );
  if (subject.kind !== 'self' && CONTACTS_US.test(deed) && due === undefined && !CONTACTS_OTHERS.test(deed))
    return false;
  if (subject.kind === 'self') return strength !== 'weak' || due !== undefined;
  if (strength === 'promise') return subject.kind === 'names' || owner.status !== 'unassigned' || due !== undefined;
  const verb = /^\p{L}+/u.exec(deed)?.[0] ?? '';
  if (strength === 'present') return owner.status !== 'unassigned' || hasDeadline;
  return isAction(verb) && (due !== undefined || (owner.status !== 'unassigned' && !DESCRIBES.test(deed)));
}

/** "X takes the team calendar, she will have the holidays in there tomorrow": what is to be there belongs to it. */
function addResult(clause: string, due: Due | undefined, reading: Reading): boolean {
  const at = current(reading);
  const item = at === undefined ? undefined : reading.items[at];
  const has = /^(?:he|she|I) will (?:have|get) (?<what>.+)$/u.exec(due?.rest ?? clause)?.groups?.['what'];
  if (at === undefined || item === undefined || has === undefined || due === undefined || item.due !== null)
    return false;
  change(reading, at, { text: `${item.text}: ${tidy(has)}`, due: due.due });
  return true;
}

/** Verbs whose present is also their past: “I put it in the post on Monday”. */
const LIKE_PAST = /^(?:put|cut|set|read|let|split|shut|hit|cost|quit)(?!\p{L})/u;

function isOwnMeeting({ subject }: Clause, clause: string, cast: Cast): boolean {
  if (isMeetingTalk(clause)) return true;
  const isOurs = subject.kind === 'we' || (subject.kind === 'self' && findTimes(clause).length > 0);
  return isOurs && isAnnounced(clause, cast);
}

function addDeed(clause: string, reading: Reading): void {
  const cut = SUBORDINATE.exec(clause)?.index ?? clause.length;
  const short = clause.slice(0, cut);
  const due = dueOf(short, reading);
  if (addResult(short, due, reading)) return;
  const read = readClause(tidy(due?.rest ?? short));
  if (!read || isOwnMeeting(read, clause, reading.cast) || UNSURE.test(clause)) return;
  const mayBePast = /^(?:I|we|they)$/iu.test(read.subject.words) && LIKE_PAST.test(read.deed);
  if (mayBePast && read.strength === 'weak' && !DEADLINE.test(short)) return;
  const owner = ownerOf(read.subject, beforeOf(reading), reading.cast, !reading.isGerman);
  if (!isAccepted(read, owner, due, clause)) return;
  if (addAnaphoric(read.deed, owner, due?.due, reading)) return;
  const isShared = owner.owner === null && (read.subject.names.length > 1 || read.subject.kind === 'thing');
  const deed = withTopic(read.deed, read.subject.words, reading);
  add(
    reading,
    isShared && !deed.startsWith(read.subject.words) ? `${read.subject.words}: ${deed}` : deed,
    owner,
    due?.due,
  );
}

function addAssigned(found: Assignment, clause: string, reading: Reading): boolean {
  if (found.kind === 'owned') return addOwned(found.who, dueOf(clause, reading), reading);
  const due = dueOf(clause, reading);
  const what = dueOf(found.what, reading)?.rest ?? found.what;
  if (found.kind === 'nobody' && PRONOUN_ONLY.test(what)) return true;
  if (found.kind === 'nobody') add(reading, what, UNASSIGNED, due?.due);
  else if (found.kind === 'assigned') {
    const owner = ownerNamed(found.who, reading.cast, false);
    if (owner.status === 'unassigned') return false;
    add(reading, what, owner, due?.due);
  } else {
    if (due === undefined) return false;
    const names = reading.cast.namesIn(reading.before);
    const word = /\p{L}{4,}/u.exec(what)?.[0] ?? what;
    const isTheirs = names.length === 1 && reading.before.toLowerCase().includes(word.toLowerCase());
    add(reading, what, isTheirs ? ownerNamed(names[0] ?? '', reading.cast, false) : UNASSIGNED, due.due);
  }
  return true;
}

/** "We launch in English, Spanish comes by June": what is owned is the part that has the date. */
function lastDated(reading: Reading): string {
  const [part, ...more] = reading.lastClause.split(/,\s+/u).toReversed();
  const isOwn =
    more.length > 0 && part !== undefined && dueOf(part, reading) !== undefined && /^\p{L}+ \p{L}+/u.test(part);
  return isOwn ? part : reading.lastClause;
}

function isTopic(word: string): boolean {
  return /^(?!(?:Right|Great|Exactly|Actually|Finally|Lastly|Anyway|Indeed|Perfect|Agreed|Decided|Decision|Recap)$)\p{Lu}\p{Ll}{4,}$/u.test(
    word,
  );
}

/** "…, that is me": whatever stood before it in the sentence is the work. */
function addOwned(who: string, due: Due | undefined, reading: Reading): boolean {
  const owner = ownerNamed(who, reading.cast, false);
  if (owner.status === 'unassigned') return false;
  const at = current(reading);
  const item = at === undefined ? undefined : reading.items[at];
  if (at !== undefined && item?.owner.status === 'unassigned') {
    change(reading, at, { owner, due: item.due ?? due?.due ?? null });
    return true;
  }
  if (at !== undefined && item && sameOwner(item.owner, owner)) {
    change(reading, at, { due: item.due ?? due?.due ?? null });
    return true;
  }
  const last = reading.items.at(-1);
  const isTaken = reading.lastClause === '' && last?.said === reading.previous && last.owner.owner !== null;
  if (isTaken) return false;
  const source = reading.lastClause === '' ? reading.previous.replace(/[.!]+$/, '') : lastDated(reading);
  if (isAnnounced(source, reading.cast)) return false;
  const stated = dueOf(source, reading);
  const text = thingIn(stated?.rest ?? source) ?? stated?.rest ?? source;
  if (text.endsWith('?') || (text.split(/\s+/).length < 2 && !isTopic(text))) return false;
  add(reading, text.replace(FILLER, ''), owner, due?.due ?? stated?.due);
  return true;
}

/** "Paul has the banners, they need to be there by Friday": only the date makes a task of what somebody has. */
function addHeld(due: string, reading: Reading): boolean {
  const held =
    /^(?<who>\p{Lu}\S*(?: \p{Lu}\S*)*|ich) (?:has|have|took|take|hat|habe) (?<what>(?:the|our|die|den|das) .+)$/u.exec(
      reading.lastClause,
    )?.groups;
  const owner = ownerNamed(held?.['who'] ?? '', reading.cast, false);
  if (held?.['what'] === undefined || owner.owner === null || reading.before.includes(',')) return false;
  add(reading, held['what'], owner, due);
  return true;
}

/** "By Thursday" after an item dates it; before one it waits for it. */
function addDate(due: string, reading: Reading): void {
  const at =
    current(reading) ?? (reading.lastClause === '' && reading.before === '' ? undefined : reading.items.length - 1);
  const item = at === undefined ? undefined : reading.items[at];
  if (at !== undefined && item !== undefined && current(reading) !== undefined) {
    if (item.due === null || item.due.length === 10) change(reading, at, item.due === null ? { due } : {});
    return;
  }
  if (addHeld(due, reading)) return;
  const last = reading.items.at(-1);
  const isWhole = noteClauses(reading.sentence, reading.setting.now).length === 1;
  if (isWhole && last?.said === reading.previous && last.due === null)
    change(reading, reading.items.length - 1, { due });
  else reading.pending = due;
}

function readOne(raw: string, reading: Reading): void {
  const clause = straightened(tidy(raw.replace(FILLER, '')), reading.setting.now);
  if (clause === '' || CONDITION.test(clause) || PAST.test(clause)) return;
  const when = onlyWhen(clause, reading.setting.now, reading.setting.theirZone);
  if (when !== undefined) return addDate(when, reading);
  const assigned = assignmentIn(clause);
  if (assigned !== undefined && addAssigned(assigned, clause, reading)) return;
  const need = needIn(clause);
  if (need !== undefined) {
    const at = current(reading);
    const previous = reading.items[(at ?? reading.items.length) - 1] ?? reading.items.at(-1);
    const item = at === undefined ? undefined : reading.items[at];
    reading.needs.push({ ...need, current: item?.id, previous: previous?.id, sentence: reading.sentence });
    return;
  }
  addDeed(clause, reading);
}

/** Without “Recap:” and the like; after the name of somebody else “I” is that person. */
function withoutPreface(sentence: string, cast: Cast): string {
  const preface = PREFACE.exec(sentence)?.[0];
  if (preface === undefined) return sentence;
  const [name, rest] = [tidy(preface), sentence.slice(preface.length)];
  const isSpeaker = name.split(' ').length <= 2 && !cast.isUser(name) && cast.resolve(name).kind !== 'nobody';
  return isSpeaker ? rest.replace(/(?<!\p{L})(?:I|ich)(?!\p{L})/gu, name) : rest;
}

function readSentence(said: string, reading: Reading): void {
  const bare = said.replace(FILLER, '');
  reading.sentence = said;
  reading.first = reading.items.length;
  reading.before = '';
  reading.lastClause = '';
  reading.pending = undefined;
  if (!said.trimEnd().endsWith('?') && !CONDITION.test(bare)) {
    if (/^\p{Lu}\p{L}+: /u.test(bare)) reading.lastClause = tidy(PREFACE.exec(bare)?.[0] ?? '');
    const body = withLaterDay(withoutPreface(bare, reading.cast).replace(/[.!]+$/, ''), reading.lastDue);
    for (const clause of noteClauses(body, reading.setting.now).flatMap(splitDeeds)) {
      readOne(clause, reading);
      reading.before = `${reading.before}${reading.before === '' ? '' : ', '}${clause}`;
      reading.lastClause = tidy(clause.replace(FILLER, ''));
    }
  }
  reading.previous = said;
}

/** Every action item that the sentences of a note say in so many words, and what waits for what. */
export function readItems(sentences: readonly string[], cast: Cast, setting: Setting, isGerman: boolean): Items {
  const reading: Reading = {
    setting,
    cast,
    isGerman,
    everybody: cast.namesIn(sentences.join(' ')),
    items: [],
    needs: [],
    sentence: '',
    previous: '',
    first: 0,
    before: '',
    lastClause: '',
    pending: undefined,
    lastDue: undefined,
  };
  for (const sentence of sentences) readSentence(sentence, reading);
  return { items: reading.items, needs: reading.needs };
}
