import { type JsonRecord, stringOf } from '../json.js';
import { foreignZone } from '../said-zone.js';
import type { Setting } from '../setting.js';
import { type BoardTask, droppedTasks, finishedTasks, matchTasks, openTasks } from './board.js';
import { Cast, contactsIn } from './cast.js';
import { readableSentences } from './cleaning.js';
import { type Agreement, agreementsIn, type Contradiction, findContradictions } from './contradictions.js';
import { type FollowUp, findFollowUp, type NextMeeting } from './follow-up.js';
import { type Item, readItems, type SaidNeed } from './items.js';
import type { Found } from './look-up.js';
import { type Occasion, readOccasion, strangersIn } from './occasion.js';
import { readStatements, type Statements } from './statements.js';
import { decisive, type Language, languageOf, sharedWords } from './words.js';

/** A note whose words are cleaned, before anything is looked up. */
export interface Draft {
  readonly text: string;
  /** Somebody else recorded it: its “I” is not the user. */
  readonly isForwarded: boolean;
  readonly language: Language;
  readonly sentences: readonly string[];
}

export interface Dependency {
  readonly item: string;
  readonly dependsOn: string;
}

/** Everything the rules found in a note, with what was looked up. */
export interface NoteReading {
  readonly draft: Draft;
  readonly setting: Setting;
  readonly cast: Cast;
  readonly occasion: Occasion;
  readonly items: readonly Item[];
  readonly statements: Statements;
  readonly next: NextMeeting;
  readonly dependencies: readonly Dependency[];
  readonly tasks: ReadonlyMap<string, BoardTask>;
  readonly finished: readonly BoardTask[];
  readonly dropped: readonly BoardTask[];
  readonly contradictions: readonly Contradiction[];
  readonly agreements: readonly Agreement[];
  readonly found: Found;
}

export function draftOf(text: string, isForwarded: boolean, setting: Setting): Draft {
  return {
    text,
    isForwarded,
    language: languageOf(text),
    sentences: readableSentences(text, setting.now?.toPlainDate()),
  };
}

function matching(words: string, items: readonly Item[]): Item | undefined {
  const wanted = decisive(words);
  const scored = items
    .map((item) => ({ item, shared: sharedWords(wanted, decisive(item.text)) }))
    .filter(({ shared }) => shared > 0)
    .toSorted((a, b) => b.shared - a.shared);
  const [best, second] = scored;
  return best && best.shared > (second?.shared ?? 0) ? best.item : undefined;
}

const POINTS_BACK = /(?<!\p{L})(?:that|those|these|it|them|this|das|die|es|davon)[\s.]*$/iu;

function dependencyOf(need: SaidNeed, items: readonly Item[], hasNext: boolean): Dependency[] {
  const current = need.current ?? need.previous;
  const dependsOn =
    need.y === '' ? current : (matching(need.y, items)?.id ?? (POINTS_BACK.test(need.y) ? need.previous : undefined));
  const item =
    need.x === 'followUpMeeting'
      ? hasNext
        ? need.x
        : undefined
      : need.x === ''
        ? current
        : (matching(need.x.split(',')[0] ?? '', items)?.id ?? (need.y === '' ? undefined : current));
  return item === undefined || dependsOn === undefined || item === dependsOn ? [] : [{ item, dependsOn }];
}

function zoneFrom(draft: Draft, contacts: readonly JsonRecord[], setting: Setting): string | undefined {
  const roles = contacts.map((contact) => `in ${(stringOf(contact, 'role') ?? '').replace(/^.*,\s*/u, '')}`).join('. ');
  return foreignZone(draft.text, setting.timeZone) ?? foreignZone(roles, setting.timeZone);
}

/** Reads a note against what is known. A forwarded one has no “I” that is the user. */
export function readNote(draft: Draft, found: Found, base: Setting): NoteReading {
  const theirZone = zoneFrom(draft, found.contacts, base);
  const own: Setting = { ...base, ...(theirZone === undefined ? {} : { theirZone }) };
  const setting: Setting = draft.isForwarded ? { ...own, user: undefined } : own;
  const plain = new Cast(setting.user, contactsIn(found.contacts), draft.text);
  const cast = plain.with(strangersIn(draft.sentences, plain));
  const occasion = readOccasion(draft.sentences, cast, draft.language);
  const { items, needs } = readItems(draft.sentences, cast, setting, draft.language === 'de');
  const next = findFollowUp(draft.sentences, cast, setting, occasion.others);
  const tasks = openTasks(found.tasks, cast);
  const agreements = agreementsIn(found.agreements);
  const matched = matchTasks(items, tasks, cast);
  const free = tasks.filter((task) => ![...matched.values()].includes(task));
  const finished = finishedTasks(draft.sentences, free);
  const pairs = needs.flatMap((need) => dependencyOf(need, items, next.meeting !== undefined));
  return {
    draft,
    setting,
    cast,
    occasion,
    items,
    statements: readStatements(draft.sentences),
    next,
    dependencies: pairs.filter(
      (pair, index) =>
        pairs.findIndex((other) => other.item === pair.item && other.dependsOn === pair.dependsOn) === index,
    ),
    tasks: matched,
    finished,
    dropped: droppedTasks(draft.sentences, free).filter((task) => !finished.includes(task)),
    contradictions: findContradictions(draft.sentences, agreements, items, tasks, setting.now?.toPlainDate()),
    agreements,
    found,
  };
}

/** The names of all who were there. */
export function presentIn({ cast, occasion }: NoteReading): string[] {
  return [...(cast.user === undefined ? [] : [cast.user]), ...occasion.others];
}

/** A name for the next meeting. */
export function nextTitle(meeting: FollowUp, { occasion, draft }: NoteReading): string {
  const follow = draft.language === 'de' ? 'Folgetermin' : 'Follow-up';
  const title = /^(?:(?:next|nächste[rsn]?|follow-up)(?: \p{L}+)?|termin|meeting|call)$/iu.test(meeting.title ?? '')
    ? follow
    : (meeting.title ?? follow);
  return /^(?:\p{L}[\p{L}-]* ){0,2}\p{L}[\p{L}-]*$/u.test(title) ? `${title}: ${occasion.title}` : title;
}
