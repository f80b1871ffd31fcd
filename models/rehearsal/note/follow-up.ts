import { findDuration, findTimes } from '../clock-times.js';
import { findDays, WEEKDAY } from '../days.js';
import { isCalledOff, isContinuation, isNegated, isTentative, meetingTitle } from '../meeting-words.js';
import { readSlot } from '../meetings.js';
import type { Setting } from '../setting.js';
import { capitalise, shorten, tidy, wordPattern } from '../text.js';
import { isAnnounced } from './announcements.js';
import type { Cast } from './cast.js';
import { absentIn, EVERYBODY, invitedIn, LISTS_PEOPLE, withoutAbsence } from './invited.js';

/** A note and what is known around it. */
interface Table {
  readonly sentences: readonly string[];
  readonly cast: Cast;
  readonly setting: Setting;
  /** Who took part, the user aside. */
  readonly present: readonly string[];
}

/** The next meeting, as far as it was said. */
export interface FollowUp {
  readonly title: string | undefined;
  readonly start: string;
  readonly end: string;
  /** False where no length was said and `end` is only a habit. */
  readonly hasLength: boolean;
  readonly timeZone: string;
  /** Names; the user included. Undefined where the words do not say who. */
  readonly attendees: readonly string[];
  readonly agenda: readonly string[];
  readonly medium: string | null;
  readonly sentence: string;
}

export interface NextMeeting {
  readonly meeting: FollowUp | undefined;
  /** What was said of a next meeting that has no day and time yet, and why it is not entered. */
  readonly vague: readonly { readonly said: string; readonly why: string }[];
}

const NOUN =
  '(?:call|meeting|appointment|sync|session|check-in|catch-up|follow-up|stand-?up|review|demo|workshop|steering(?: committee)?|round|kick-?off|jour fixe|date|get-together|gathering|visit|rehearsal|besprechung|termin|treffen|sitzung|telefonat|gespräch|runde|abstimmung|videocall|videokonferenz)';
const STARTS_WITH_NOUN = new RegExp(
  `^\\W*(?:(?:the|our|and|so|then|der|die|das|unser\\p{L}*|und) )*(?:(?:next|nächste[rsn]?|follow-up|another|new) )?(?:[\\p{L}-]+ )?${NOUN}(?: (?:is|will be|ist|findet|dann|then|with \\p{Lu}\\p{L}+|mit \\p{Lu}\\p{L}+))*[,:]? (?=.*\\d|.*\\p{L})`,
  'iu',
);
const VERBLESS = new RegExp(
  `^\\W*(?:(?:and|then|so|und|dann|again) )*(?:next |this |on |am |kommenden |nächsten )*(?:${WEEKDAY}|tomorrow|morgen|the \\p{L}+th|the \\d+\\w*)(?! (?:morning )?(?:I|we|he|she|they) )`,
  'iu',
);
const RECURS_OTHER =
  /^\W*(?:(?:and|but|so|und|aber) )*(?:I|ich)(?:'ve| have|'m| am| habe| bin| treffe| meet| see)(?! to)(?!.*(?:again|follow-up|them|with (?:her|him|them)))/iu;
const NOT_AGREED =
  /(?<!\p{L})(?:no (?:new |next |other |further |follow-up )(?:date|meeting|call|appointment)|no (?:date|meeting|call|follow-up|appointment)(?= (?:yet|so far|for|set|fixed|planned|agreed|was|is|has|needed)|$|[,.;])|(?:did not|didn't|have not|haven't) (?:set|fix|agree\p{L}*|schedule|make|book|plan)\p{L}* (?:on )?(?:an?|another|the next|any)|kein\p{L}* (?:neue\p{L}*|weitere\p{L}*|nächste\p{L}*|folge)?\s?(?:termin|treffen|call|besprechung))(?!\p{L})/iu;
const VAGUE =
  /(?<!\p{L})(?:meet|talk|speak|sit down|see each other|catch up|another (?:call|meeting)|next (?:call|meeting|steering)|follow-up|treffen|sprechen|telefonieren|nächste[rs]? termin|hören)(?!\p{L})/iu;
const ME = /(?<!\p{L})(?:me|I|myself|ich|mir|us|we|wir|uns)(?!\p{L})/u;
const MEDIUM =
  /(?<!\p{L})(?:video ?(?:call|conference)|phone call|by phone|on the phone|on site|onsite|in person|at (?:our|their|my) (?:office|place)|(?:on )?(?:zoom|teams|google meet)|vor ort(?: in \p{Lu}\p{L}+)?|per (?:video|telefon)|telefonisch|videokonferenz|bei (?:uns|ihnen) im büro)(?!\p{L})/iu;

const AGENDA =
  /(?<!\p{L})(?:about|topics?(?: are| is|:)?|agenda(?: is| are|:)?|on the agenda(?: is| are|:)?|we(?:'ll| will)? (?:look|go|talk) (?:at|over|through|about)|(?:I|we) want to (?:go (?:through|over)|look at|discuss|talk about)|to (?:go (?:through|over)|discuss|review|look at|talk about)|we(?:'ll| will)? (?:discuss|review)|themen?(?: sind| ist|:)?|thema(?: ist|:)?|über|wegen|es geht um|gehen wir|besprechen wir|schauen wir)\s+(?:then |again )?(?<what>[^.!?]+)/iu;
const AGENDA_SENTENCE =
  /^\W*(?:I want to|I'd like to|we want to|the agenda|agenda|topics?|on the agenda|there we|da |dann |themen?|thema|auf der agenda|es geht um|we(?:'ll| will)? (?:go|look|discuss|talk|review))/iu;

function agendaIn(text: string): string[] {
  const what = AGENDA.exec(text)?.groups?.['what'];
  if (what === undefined) return [];
  const end = what.search(/,? (?:so|because|and mind|weil|damit|before|but) /iu);
  const parts = (end === -1 ? what : what.slice(0, end)).split(/,\s*(?:and |und )?|\s+(?:and|und)\s+/iu);
  const topics = parts.map((part) =>
    tidy(part.replace(/^(?:the|our|die|das|der|den|dem) /iu, '').replace(/ (?:thing|durch|an)$/iu, '')),
  );
  return topics.filter((topic) => topic.length > 2 && !ME.test(topic) && topic.split(/\s+/).length <= 8).slice(0, 10);
}

const OTHERS_OWN =
  /^\W*(?:(?:and|but|so|und|aber) )*(?:their|his|her|deren|dessen|ihr\p{Ll}*|sein\p{Ll}*|(?!(?:let|that|it|what|there|here)'s)\p{L}[\p{L}-]+'s)(?!\p{L})/iu;

function isTalk(sentence: string, { cast, setting }: Table): boolean {
  if (isAnnounced(sentence, cast)) return !RECURS_OTHER.test(sentence) || /(?<!\p{L})again(?!\p{L})/iu.test(sentence);
  if (RECURS_OTHER.test(sentence) || OTHERS_OWN.test(sentence)) return false;
  const timed =
    findTimes(sentence).length > 0 &&
    setting.now !== undefined &&
    findDays(sentence, setting.now.toPlainDate()).length > 0;
  if (!timed || /(?<!\p{L})(?:was|were|had|war|hatten)(?!\p{L})/iu.test(sentence)) return false;
  if (STARTS_WITH_NOUN.test(sentence)) return true;
  return (
    VERBLESS.test(sentence) &&
    (findDuration(sentence) !== undefined || MEDIUM.test(sentence) || EVERYBODY.test(sentence))
  );
}

/** "Not Friday but Saturday we meet again": the day stands before the words that announce. */
function hasSlot(text: string, setting: Setting): boolean {
  return (
    setting.now !== undefined &&
    text.split(/\s+/).length <= 8 &&
    findDays(text, setting.now.toPlainDate()).some(({ date }) => date !== undefined)
  );
}

/** The part of a sentence from which on it speaks of the meeting. */
function partOf(sentence: string, table: Table): string {
  for (const joint of sentence.matchAll(/,\s*(?:(?:and|but|so|und|aber)\s+)?|;\s*|\s+(?:and|but|so|und|aber)\s+/giu)) {
    const right = sentence.slice(joint.index + joint[0].length);
    const left = sentence.slice(0, joint.index);
    if (isTalk(right, table) && !isTalk(left, table) && !hasSlot(left, table.setting)) return right;
  }
  return sentence;
}

const CONDITIONS = new RegExp(
  `,?\\s(?:so|because|since|although|as soon as|weil|and mind,?|but)\\s(?!(?:it is |that is |that means |it's |that's |on |make it |say )*(?:the )?(?:${WEEKDAY}|\\d)).*$`,
  'iu',
);
/** "…, which is six in the evening for Yuki": the same hour on another clock. */
const ELSEWHERE =
  /,? (?:which is|that is|which's|that's|das ist|also) (?:then )?[^,.;]{2,30}? (?:for (?:them|her|him|us|me|\p{Lu}\p{L}+)|(?:their|our|his|her|my) time|over there|here|there|in \p{Lu}\p{L}+|bei (?:uns|ihnen|ihm|ihr))(?=$|[,.;])/gu;

/** "…, so the run has to be finished before that" has times of its own. */
function withoutConditions(text: string): string {
  return text
    .replace(ELSEWHERE, '')
    .replace(CONDITIONS, '')
    .replace(/,\s*(?:we|I|wir|ich|they|he|she) \p{Ll}.*$/u, '');
}

function passageAt(index: number, table: Table): string {
  const { sentences } = table;
  const part = partOf((sentences[index] ?? '').replace(/[.!]+$/, ''), table);
  const next = sentences[index + 1] ?? '';
  return isContinuation(next) && !AGENDA_SENTENCE.test(next) ? `${part}, ${next.replace(/[.!]+$/, '')}` : part;
}

/** What belongs to the meeting although a new sentence says it: who comes and what it is about. */
function more(sentences: readonly string[], index: number): string {
  const next = sentences[index + 1] ?? '';
  const isMore =
    AGENDA_SENTENCE.test(next) ||
    LISTS_PEOPLE.test(next) ||
    /(?<!\p{L})(?:topics? (?:are|is)|agenda)(?!\p{L})/iu.test(next);
  return isMore ? next : '';
}

function build(index: number, table: Table): FollowUp | string {
  const { sentences, cast, setting, present } = table;
  const passage = passageAt(index, table);
  const core = withoutConditions(passage);
  const slot = readSlot(core, setting);
  if ('unclear' in slot) return slot.unclear;
  const next = more(sentences, index);
  const agenda = agendaIn(passage);
  const noun = new RegExp(`(?<!\\p{L})${NOUN}(?!\\p{L})`, 'iu').exec(core);
  const named = LISTS_PEOPLE.test(next) ? next : passage;
  return {
    ...slot.value,
    title: noun === null ? undefined : titleOf(core, noun[0], setting),
    hasLength: findDuration(core) !== undefined || findTimes(core).length > 1,
    attendees: invitedIn(
      withoutAgenda(named).replace(ELSEWHERE, '').replace(REASON, ''),
      absentIn(sentences.slice(index, index + 3), cast),
      cast,
      present,
    ),
    agenda: agenda.length > 0 ? agenda : agendaIn(next),
    medium: MEDIUM.exec(passage)?.[0] ?? null,
    sentence: sentences[index] ?? '',
  };
}

const REASON = /,? (?:since|because|as|weil|denn|da) .*$/iu;

function withoutAgenda(text: string): string {
  return text.slice(0, AGENDA.exec(text)?.index ?? text.length);
}

function titleOf(core: string, noun: string, setting: Setting): string {
  const title = meetingTitle(core, setting);
  return /^meeting/iu.test(title) && !/^meeting$/iu.test(noun) ? capitalise(noun) : shorten(title, 120);
}

const DOUBTED_AFTER =
  /^(?:it|that|this|das)(?:'s| is| has| ist)? .*(?:not|n't|tentative|confirm|nicht|noch)|^(?:but |aber )?\p{L}+ (?:has to|have to|needs to|must|will|muss) (?:still |first |noch |erst )*(?:check|confirm|ask|bestätigen|prüfen|schauen|klären)/iu;

function isDoubted(index: number, table: Table): boolean {
  const passage = passageAt(index, table);
  const rest = (table.sentences[index] ?? '').slice((table.sentences[index] ?? '').indexOf(passage) + passage.length);
  return (
    isTentative(withoutAgenda(passage)) ||
    UNCONFIRMED.test(`${passage} ${rest}`) ||
    DOUBTED_AFTER.test(table.sentences[index + 1] ?? '')
  );
}

const UNCONFIRMED =
  /(?<!\p{L})(?:to be confirmed|not (?:yet )?(?:confirmed|fixed|certain|sure)|unconfirmed|provisional(?:ly)?|has to (?:check|confirm)|needs to (?:check|confirm)|waiting for (?:his|her|their) (?:ok|okay|confirmation)|noch nicht (?:fest|sicher|bestätigt)|unter vorbehalt|hängt (?:\p{L}+ )?(?:von|am)|depends on)(?!\p{L})/iu;

/** A meeting that is called off takes every other with it, unless a new one with another day is announced afterwards. */
function isOff(index: number, table: Table): boolean {
  const { sentences, setting } = table;
  if (sentences.some((sentence) => NOT_AGREED.test(sentence))) return true;
  const at = sentences.findIndex((sentence) => isCalledOff(sentence));
  return at !== -1 && !(at < index && hasDay(sentences[at] ?? '', setting));
}

function hasDay(text: string, { now }: Setting): boolean {
  return now !== undefined && findDays(text, now.toPlainDate()).length > 0;
}

function slotOf(index: number, table: Table): FollowUp | string {
  if (isDoubted(index, table)) return 'it is not fixed';
  return isOff(index, table) ? 'a meeting is called off in the same note' : build(index, table);
}

/** Finds the next meeting that was agreed with day and time; anything denied, doubted or unclear is none. */
export function findFollowUp(
  sentences: readonly string[],
  cast: Cast,
  setting: Setting,
  present: readonly string[],
): NextMeeting {
  const table: Table = { sentences, cast, setting, present };
  const found: FollowUp[] = [];
  const vague: { said: string; why: string }[] = [];
  sentences.forEach((sentence, index) => {
    if (sentence.endsWith('?') || !isTalk(partOf(sentence.replace(/[.!]+$/, ''), table), table)) {
      if (VAGUE.test(sentence) && isTentative(sentence) && wordPattern('we|wir|us|uns', 'iu').test(sentence))
        vague.push({ said: sentence, why: 'it is not fixed' });
      return;
    }
    if (NOT_AGREED.test(sentence) || isNegated(withoutAbsence(withoutConditions(passageAt(index, table))))) return;
    const built = slotOf(index, table);
    if (typeof built === 'string') vague.push({ said: sentence, why: built });
    else found.push(built);
  });
  const starts = new Set(found.map(({ start }) => Date.parse(start)));
  if (starts.size > 1)
    return {
      meeting: undefined,
      vague: [
        ...vague,
        ...found.map(({ sentence }) => ({ said: sentence, why: 'more than one next meeting was said' })),
      ],
    };
  return { meeting: found[0], vague: found.length > 0 ? [] : vague };
}
