import { findDuration, findTimes } from './clock-times.js';
import { startsWithSubject } from './clauses.js';
import { findDays, WEEKDAY } from './days.js';
import type { Setting } from './setting.js';
import { capitalise, tidy, wordPattern } from './text.js';
import { CORRECTION } from './when.js';

const NOUN =
  '(?:phone |video |team |status |project )?(?:call|meeting|appointment|sync|session|check-in|catch-up|follow-up|stand-?up|review|demo|workshop|interview|one-on-one|besprechung|termin|treffen|telefonat|anruf|gespräch)';
const NEXT = '(?:next|follow-up|another|second|new|nächste[rsn]?)';

const TALK: readonly RegExp[] = [
  wordPattern(`${NEXT} (?:\\p{Ll}+ )?${NOUN}`, 'iu'),
  wordPattern(
    `(?:the|our|my|a|der|die|das|unser|unsere) (?:\\p{L}+ ){0,2}?${NOUN} (?:with .{1,40} )?(?:is|will be|takes place|will take place|starts|will start|ist|findet)`,
    'iu',
  ),
  wordPattern(
    `(?:we|i|wir|ich) (?:(?:will|'ll|also|then|are|going|to|have|did|werden|uns) )*(?:have|set|set up|schedule|scheduled|booked|agreed|agreed on|agreed to|arranged|fixed|made|planned|haben|vereinbart) (?!to )(?:\\p{L}+ ){0,3}?${NOUN}`,
    'iu',
  ),
  wordPattern(
    "(?:we|i)(?:'ll| will| shall)?(?: all| then)? (?:meet|speak|talk|reconvene)(?: again| next| with| each other|$| on| at| tomorrow)",
    'iu',
  ),
  new RegExp(`(?<!\\p{L})(?:[Ww]e|I)(?:'ll| will)? meet (?:\\p{Lu}|tomorrow|today)`, 'u'),
  wordPattern(
    `let's (?:meet|talk|speak|reconvene|(?:have|do|schedule|set|set up) (?:an? |the |our )?(?:\\p{L}+ )?${NOUN})`,
    'iu',
  ),
  wordPattern('wir (?:treffen|sehen|sprechen|hören) uns|wir telefonieren', 'iu'),
  new RegExp(`^\\W*(?:${NEXT} )?${NOUN}\\s*(?:[:–]|\\s-\\s)`, 'iu'),
];

const PAST = wordPattern(
  'had|last (?:call|meeting)|previous (?:call|meeting)|took place|was (?!set|scheduled|moved|agreed|fixed|arranged|planned|booked)|were|should have|would have|supposed to|hatten|hatte|war',
  'iu',
);
const SOMEBODY_ELSES =
  /^\W*(?:\p{Lu}[\p{L}-]+ ){1,2}(?:has|have|meets?|will have|will meet|is meeting|hat|trifft)(?!\p{L})/u;

/** True when a passage speaks of a meeting of the user's that lies ahead. */
export function isMeetingTalk(passage: string): boolean {
  const ours = !SOMEBODY_ELSES.test(passage) || /^\W*(?:We|I|Wir|Ich) /.test(passage);
  return ours && TALK.some((pattern) => pattern.test(passage)) && !wordPattern(PAST.source, 'iu').test(passage);
}

const WHEN = `(?:on |at |am |um )?(?:the )?(?:${WEEKDAY}|today|tomorrow|noon|morgen|heute|\\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)`;

const DENIED_TIME = new RegExp(
  `,?\\s*(?:and |but )?(?<!\\p{L})(?:not|nicht|instead of|rather than|statt|anstatt) (?:on |at |am |um |next |the |this |wie geplant |the usual )*(?:${WEEKDAY}|tomorrow|today|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\d{1,2}(?::\\d{2})?)(?!\\p{L})`,
  'giu',
);

/** "on Tuesday, not Wednesday" without the day that is denied. */
export function withoutDeniedTimes(passage: string): string {
  return passage.replace(DENIED_TIME, '');
}

const MOVED_FROM = new RegExp(
  `(?<!\\p{L})(?:from|von|vom) (?:the |next )?(?:${WEEKDAY}|\\d{1,2}(?:st|nd|rd|th|\\.)|tomorrow|morgen)(?:,? (?:the )?\\d{1,2}(?:st|nd|rd|th))?(?: (?:at|um) [\\p{L}\\d:]+(?: (?:uhr|o'clock))?)? (?=(?:to|on to|onto|auf) )`,
  'giu',
);

/** "moved from Monday to Wednesday" without the day that is left. */
export function withoutMovedFrom(passage: string): string {
  return passage.replace(MOVED_FROM, '');
}

/** True when a passage denies the meeting; "on Tuesday, not Wednesday" denies only a day. */
export function isNegated(passage: string): boolean {
  const text = withoutDeniedTimes(passage).replace(/no later than/gi, '');
  const denied =
    /(?<!\p{L})(?:not|never|cannot|nobody|none|without|neither|nor|kein\p{L}*|nicht|nie)(?!\p{L})|n't(?!\p{L})/iu;
  const noMeeting = new RegExp(`(?<!\\p{L})no (?:\\p{L}+ ){0,2}?(?:${NOUN}|date|time|other|further|more)`, 'iu');
  return denied.test(text) || noMeeting.test(text);
}

/** True when a passage takes a meeting back. */
export function isCalledOff(passage: string): boolean {
  const dropped = new RegExp(
    `(?<!\\p{L})(?:cancel|cancels|cancell?ed|postponed?|call off|called off|skip|drop|forget) (?:\\p{L}+ ){0,3}?(?:${NOUN}|it|that)(?!\\p{L})`,
    'iu',
  );
  const gone = new RegExp(
    `${NOUN} (?:\\p{L}+ ){0,6}?(?:is|was|has been|got|ist|wurde) (?:cancell?ed|called off|postponed|off|abgesagt|verschoben)(?!\\p{L})`,
    'iu',
  );
  const denied = new RegExp(
    `(?:not|n't|no|kein\\p{L}*) (?:\\p{L}+ ){0,3}?(?:other|another|next|follow-up|further|weitere\\p{L}*) (?:\\p{L}+ )?${NOUN}`,
    'iu',
  );
  return dropped.test(passage) || gone.test(passage) || denied.test(passage);
}

export function isTentative(passage: string): boolean {
  return /(?<!\p{L})(?:maybe|perhaps|might|could|possibly|probably|tentative(?:ly)?|if|whether|unless|would|should we|hopefully|to be confirmed|tbc|tbd|propos(?:e|es|ed|al)|suggest\p{L}*|vielleicht|eventuell|wahrscheinlich|wenn|falls)(?!\p{L})/iu.test(
    passage,
  );
}

/** True for a sentence that only completes or corrects the one before: "At ten.", "It takes an hour.", "No, Wednesday." */
export function isContinuation(sentence: string): boolean {
  const words = sentence.split(/\s+/).length;
  if (words > 12 || startsWithSubject(sentence)) return false;
  if (CORRECTION.test(sentence) && new RegExp(WHEN, 'iu').test(sentence)) return true;
  if (
    /^(?:it|that|this)(?:'s| is| will be| takes| lasts| starts| will take| should take| goes)(?!\p{L})/iu.test(sentence)
  )
    return true;
  return (
    words <= 8 &&
    /^(?:at|on|from|for|around|half|an?|one|um|am|\d|the \p{L}+ of|until)(?!\p{L})|o'clock/iu.test(sentence) &&
    (findTimes(sentence).length > 0 || findDuration(sentence) !== undefined || new RegExp(WHEN, 'iu').test(sentence))
  );
}

/** The passage without its words of time, so that they do not end up in a title. */
export function withoutWhen(passage: string, setting: Setting): string {
  const days = setting.now ? findDays(passage, setting.now.toPlainDate()) : [];
  const duration = findDuration(passage);
  const spans = [...days, ...findTimes(passage), ...(duration ? [duration] : [])].sort((a, b) => b.index - a.index);
  let text = passage;
  for (const span of spans) {
    const before = text
      .slice(0, span.index)
      .replace(
        /(?:^|\s)(?:on|at|for|from|to|until|till|between|and|by|um|am|von|bis)(?: the| about| around)?\s*$/i,
        ' ',
      );
    text = `${before} | ${text.slice(span.end)}`;
  }
  return text;
}

/** A title in the passage's own words: the kind of meeting, with whom, about what. */
export function meetingTitle(passage: string, setting: Setting): string {
  const text = withoutWhen(passage, setting);
  const found = new RegExp(`(?<!\\p{L})(?:${NEXT} )?${NOUN}(?!\\p{L})`, 'iu').exec(text);
  const stop =
    '(?=$|[|,.;:!]|\\s(?:is|will|takes|starts|about|regarding|to|where|in|next|this|again|and then|on|at|for|ist|über|wegen)(?!\\p{L}))';
  const rest = text.slice(found === null ? 0 : found.index);
  const whom = new RegExp(
    `(?<!\\p{L})(?:with|mit|meet)\\s+(?<x>(?!each other|again|us)[\\p{L}][\\p{L}' .&-]*?)\\s*${stop}`,
    'iu',
  ).exec(rest)?.groups?.['x'];
  const topic = new RegExp(
    `(?<!\\p{L})(?:about|regarding|to discuss|to review|to go over|über|wegen)\\s+(?<x>[^|,.;:!]{2,80}?)\\s*${stop}`,
    'iu',
  ).exec(rest)?.groups?.['x'];
  const kind = found === null ? 'meeting' : found[0].replace(/^(?:another|new) /i, '');
  return capitalise(
    tidy([kind, whom ? `with ${whom}` : '', topic ? `about ${topic}` : ''].filter((part) => part !== '').join(' ')),
  );
}
