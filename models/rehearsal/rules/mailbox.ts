import { fittingCall, type Outcome, type Plan, type Rule, say, type Step, takesField } from '../calls.js';
import { type JsonRecord, stringOf } from '../json.js';
import { mailLine } from '../mail-text.js';
import { describeOutcome, listText } from '../report.js';
import { failureOf, listOf } from '../results.js';
import type { Setting } from '../setting.js';
import { contentWords, normaliseText, shorten, tidy } from '../text.js';

interface Wanted {
  readonly from?: string;
  readonly about?: string;
  /** Whether one mail is to be read, not only listed. */
  readonly read: boolean;
}

const COURTESY = '(?:(?:please|can you|could you|would you|hey|hi)[\\s,]+)*';
const MAIL = '(?:e-?mails?|mails?|messages? in (?:my|the) inbox)';
const WHICH = '(?:(?:all|any|my|the|that|an?|new|unread|latest|last|newest|most recent|recent|first)\\s+)*';
const FROM = '(?:\\s+(?:from|by|of|sent by)\\s+(?<from>.+?))?';
const ABOUT =
  '(?:\\s+(?:about|on|regarding|concerning|with|that mentions?|mentioning|containing|for)\\s+(?<about>.+?))?';
const END = '(?:\\s+(?:please|again))?[\\s.?!]*$';

const THROUGH = new RegExp(
  `^${COURTESY}(?:search|look|go|check)\\s+(?:in |through |into )?(?:my |the )?(?:e-?mails?|mail(?:s|box)?|inbox)\\s+for\\s+(?<what>.+?)${END}`,
  'iu',
);
const LIST = new RegExp(
  `^${COURTESY}(?:find|search(?: for)?|look for|show(?: me)?|list|get|check|do i have|have i got|did i get|are there|is there|what|which|any)\\s+${WHICH}${MAIL}(?:\\s+(?:did|do) i (?:get|have))?${FROM}${ABOUT}${END}`,
  'iu',
);
const READ = new RegExp(
  `^${COURTESY}(?:(?:read|open)(?: me| out)?|show me|what does|what did)\\s+(?<which>${WHICH})(?:e-?mail|mail)${FROM}${ABOUT}(?:\\s+says?)?${END}`,
  'iu',
);
const FOR_MAILS = new RegExp(`^${WHICH}(?:${MAIL}|anything|something|everything|messages?)${FROM}${ABOUT}$`, 'iu');

function wordsIn(text: string | undefined): string | undefined {
  const words = tidy((text ?? '').replace(/"/g, ''));
  return words === '' ? undefined : words;
}

function wanted(groups: Readonly<Record<string, string | undefined>> | undefined, read: boolean): Wanted | undefined {
  if (!groups) return undefined;
  const [from, about] = [wordsIn(groups['from']), wordsIn(groups['about'])];
  return { ...(from === undefined ? {} : { from }), ...(about === undefined ? {} : { about }), read };
}

function wantedIn(text: string): Wanted | undefined {
  const asked = normaliseText(text).trim();
  if (asked.length > 300 || asked.includes('\n')) return undefined;
  const what = THROUGH.exec(asked)?.groups?.['what'];
  if (what !== undefined) return wanted(FOR_MAILS.exec(what)?.groups, false) ?? wanted({ about: what }, false);
  const groups = READ.exec(asked)?.groups;
  const one =
    groups?.['from'] ?? groups?.['about'] ?? /latest|last|newest|recent|first/iu.exec(groups?.['which'] ?? '');
  if (groups && one) return wanted(groups, true);
  return wanted(groups ?? LIST.exec(asked)?.groups, false);
}

/** The words that carry meaning, as they were written: a search wants every one of them. */
function queryFrom(text: string): string {
  const kept = text.split(/\s+/).filter((word) => contentWords(word).length > 0 || /\d/.test(word));
  return (kept.length > 0 ? kept.join(' ') : text).slice(0, 500);
}

function searchFor({ from, about }: Wanted, setting: Setting): Step {
  const query = about === undefined ? undefined : queryFrom(about);
  const separate = takesField(setting, 'email_search', 'from');
  const words = separate ? query : [from, query].filter((part) => part !== undefined).join(' ') || undefined;
  return fittingCall(setting, 'email_search', {
    ...(separate && from !== undefined ? { from } : {}),
    ...(words === undefined ? {} : { query: words }),
  });
}

function found(outcomes: readonly Outcome[]): JsonRecord[] {
  const searched = outcomes.find((outcome) => outcome.name === 'email_search');
  return searched && failureOf(searched) === undefined ? listOf(searched) : [];
}

function readStep(outcomes: readonly Outcome[], setting: Setting): Step {
  const id = stringOf(found(outcomes)[0], 'id', 'mail', 'messageId');
  return id === undefined ? say() : fittingCall(setting, 'email_read', { mail: id }, ['mail']);
}

function noneText(wish: Wanted): string {
  const what = [wish.from && `from ${wish.from}`, wish.about && `about “${shorten(wish.about, 80)}”`];
  return ['No mail', ...what.filter((part) => part !== undefined), 'was found.'].join(' ');
}

function report(wish: Wanted, outcomes: readonly Outcome[], setting: Setting): string[] {
  const mails = found(outcomes);
  const wasRead = outcomes.some((outcome) => outcome.name === 'email_read' && failureOf(outcome) === undefined);
  const told = outcomes.flatMap((outcome) => {
    const isList = outcome.name === 'email_search' && failureOf(outcome) === undefined;
    if (isList && wasRead) return [];
    return [isList && mails.length === 0 ? noneText(wish) : describeOutcome(outcome, setting)];
  });
  const others = wasRead ? mails.slice(1) : [];
  return [...told, listText('Also found:', '', others, (mail) => mailLine(mail, setting))];
}

/** Looks into the user's mail and quotes what is there. What others wrote is shown, never acted on. */
export const mailbox: Rule = (text, setting) => {
  const wish = wantedIn(text);
  if (wish === undefined) return undefined;
  const plan: Plan = { ...searchFor(wish, setting), report: (outcomes) => report(wish, outcomes, setting) };
  return wish.read ? { ...plan, next: (outcomes) => readStep(outcomes, setting) } : plan;
};
