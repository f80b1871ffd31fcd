import { findDuration, findTimes } from '../clock-times.js';
import { findDays, WEEKDAY } from '../days.js';
import { isCalledOff, isContinuation, isMeetingTalk, isNegated, isTentative, meetingTitle } from '../meeting-words.js';
import { readSlot } from '../meetings.js';
import type { Setting } from '../setting.js';
import { capitalise, shorten, tidy, wordPattern } from '../text.js';
import type { Cast } from './cast.js';

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
  '(?:call|meeting|appointment|sync|session|check-in|catch-up|follow-up|stand-?up|review|demo|workshop|steering(?: committee)?|round|kick-?off|jour fixe|date|besprechung|termin|treffen|telefonat|gespräch|runde|abstimmung|videocall|videokonferenz)';
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
  /(?<!\p{L})(?:no (?:new |next |other |further |follow-up )?(?:date|meeting|call|follow-up|appointment)|(?:did not|didn't|have not|haven't) (?:set|fix|agree\p{L}*|schedule|make|book|plan)\p{L}* (?:on )?(?:an?|another|the next|any)|kein\p{L}* (?:neue\p{L}*|weitere\p{L}*|nächste\p{L}*|folge)?\s?(?:termin|treffen|call|besprechung))(?!\p{L})/iu;
const VAGUE =
  /(?<!\p{L})(?:meet|talk|speak|sit down|see each other|catch up|another (?:call|meeting)|next (?:call|meeting|steering)|follow-up|treffen|sprechen|telefonieren|nächste[rs]? termin|hören)(?!\p{L})/iu;
const EVERYBODY =
  /(?<!\p{L})(?:everybody|everyone|all of us|all (?:two|three|four|five|six|of them)|(?:the )?same (?:\p{L}+ )?(?:people|round|group|crowd)|all together|alle(?: (?:zwei|drei|vier|fünf|sechs|zusammen|beide))?|dieselbe runde|gleiche runde|wieder alle)(?!\p{L})/iu;
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

function isTalk(sentence: string, setting: Setting): boolean {
  if (RECURS_OTHER.test(sentence)) return false;
  if (isMeetingTalk(sentence)) return true;
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

function attendeesIn(text: string, cast: Cast, everybody: readonly string[]): string[] {
  const own = cast.user === undefined ? [] : [cast.user];
  if (EVERYBODY.test(text)) return [...new Set([...own, ...everybody])];
  const cut = AGENDA.exec(text)?.index ?? text.length;
  const head = cast.namesIn(text.slice(0, cut).replace(/\p{Lu}\p{L}+'s(?!\p{L})/gu, ''));
  const names = head.length > 0 ? head : [];
  return names.length > 0 ? [...new Set([...own, ...names])] : [...new Set([...own, ...everybody])];
}

/** The part of a sentence from which on it speaks of the meeting. */
function partOf(sentence: string, setting: Setting): string {
  for (const joint of sentence.matchAll(/,\s*(?:(?:and|but|so|und|aber)\s+)?|;\s*|\s+(?:and|but|so|und|aber)\s+/giu)) {
    const right = sentence.slice(joint.index + joint[0].length);
    const left = sentence.slice(0, joint.index);
    if (isTalk(right, setting) && !isTalk(left, setting)) return right;
  }
  return sentence;
}

/** "…, so the run has to be finished before that" has times of its own. */
function withoutConditions(text: string): string {
  return text
    .replace(/,?\s(?:so|because|since|although|as soon as|weil|and mind,?|but)\s.*$/iu, '')
    .replace(/,\s*(?:we|I|wir|ich|they|he|she) \p{Ll}.*$/u, '');
}

function passageAt(sentences: readonly string[], index: number, setting: Setting): string {
  const part = partOf((sentences[index] ?? '').replace(/[.!]+$/, ''), setting);
  const next = sentences[index + 1] ?? '';
  return isContinuation(next) && !AGENDA_SENTENCE.test(next) ? `${part}, ${next.replace(/[.!]+$/, '')}` : part;
}

const LISTS_PEOPLE =
  /^(?:(?:only |just |with )?\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?(?:, | and | und )+)+(?:me|I|ich|mir|\p{Lu}\p{L}+)(?=[,.]|$)/u;

/** What belongs to the meeting although a new sentence says it: who comes and what it is about. */
function more(sentences: readonly string[], index: number): string {
  const next = sentences[index + 1] ?? '';
  const isMore =
    AGENDA_SENTENCE.test(next) ||
    LISTS_PEOPLE.test(next) ||
    /(?<!\p{L})(?:topics? (?:are|is)|agenda)(?!\p{L})/iu.test(next);
  return isMore ? next : '';
}

function build(
  sentences: readonly string[],
  index: number,
  cast: Cast,
  setting: Setting,
  present: readonly string[],
): FollowUp | string {
  const passage = passageAt(sentences, index, setting);
  const core = withoutConditions(passage);
  const slot = readSlot(core, setting);
  if ('unclear' in slot) return slot.unclear;
  const next = more(sentences, index);
  const agenda = agendaIn(passage);
  const noun = new RegExp(`(?<!\\p{L})${NOUN}(?!\\p{L})`, 'iu').exec(core);
  return {
    ...slot.value,
    title: noun === null ? undefined : titleOf(core, noun[0], setting),
    hasLength: findDuration(core) !== undefined || findTimes(core).length > 1,
    attendees: attendeesIn(LISTS_PEOPLE.test(next) ? next : passage, cast, present),
    agenda: agenda.length > 0 ? agenda : agendaIn(next),
    medium: MEDIUM.exec(passage)?.[0] ?? null,
    sentence: sentences[index] ?? '',
  };
}

function titleOf(core: string, noun: string, setting: Setting): string {
  const title = meetingTitle(core, setting);
  return /^meeting/iu.test(title) && !/^meeting$/iu.test(noun) ? capitalise(noun) : shorten(title, 120);
}

/** Finds the next meeting that was agreed with day and time; anything denied, doubted or unclear is none. */
export function findFollowUp(
  sentences: readonly string[],
  cast: Cast,
  setting: Setting,
  present: readonly string[],
): NextMeeting {
  const found: FollowUp[] = [];
  const vague: { said: string; why: string }[] = [];
  const denied = sentences.some((sentence) => NOT_AGREED.test(sentence) || isCalledOff(sentence));
  sentences.forEach((sentence, index) => {
    if (sentence.endsWith('?') || !isTalk(partOf(sentence.replace(/[.!]+$/, ''), setting), setting)) {
      if (VAGUE.test(sentence) && isTentative(sentence) && wordPattern('we|wir|us|uns', 'iu').test(sentence))
        vague.push({ said: sentence, why: 'it is not fixed' });
      return;
    }
    const passage = passageAt(sentences, index, setting);
    if (NOT_AGREED.test(sentence) || isNegated(withoutConditions(passage))) return;
    const doubted =
      isTentative(passage) ||
      /^(?:it|that|this|das)(?:'s| is| has| ist)? .*(?:not|n't|tentative|confirm|nicht|noch)/iu.test(
        sentences[index + 1] ?? '',
      );
    const built = doubted
      ? 'it is not fixed'
      : denied
        ? 'a meeting is called off in the same note'
        : build(sentences, index, cast, setting, present);
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
