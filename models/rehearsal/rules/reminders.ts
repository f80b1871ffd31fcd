import { type ResolvedTime, resolveTime } from '../../../times/resolve-time.js';
import { fittingCall, type Outcome, type Plan, type Rule, say, type Step } from '../calls.js';
import { isRecord, type JsonRecord, stringOf } from '../json.js';
import { afterOpening, POLITE } from '../openings.js';
import { describeOutcome, reminderLine } from '../report.js';
import { failureOf, listOf, textOf } from '../results.js';
import type { Setting } from '../setting.js';
import { contentWords, hasWord, normaliseText, splitSentences, tidy } from '../text.js';

const NOTHING: Step = { calls: [], notes: [] };
const ASKING = '(?:remind me|ping me|erinnere? mich)';
const MOST_CHARACTERS = 500;
/** A time that may be unclear, and nobody who does anything. */
const TIME_FIRST = /^(?:on|at|in|next|this|every|am|um|nächste[nrs]?|jeden)\s+\S+(?:\s+\S+){0,4}$/iu;
const POLITE_QUESTION = /^\s*(?:(?:hey|hi|please|bitte)[\s,]+)*(?:can|could|would|will|kannst|könntest) (?:you|du)\s/iu;

/** "Remind me …": the sentence is passed on as it is, and whoever sets the reminder reads the time in it. */
export const remindMe: Rule = (text, setting) => {
  const sentence = normaliseText(text).replace(/\s+/g, ' ').trim();
  if (sentence.length > MOST_CHARACTERS || splitSentences(sentence).length !== 1) return undefined;
  if (sentence.endsWith('?') && !POLITE_QUESTION.test(sentence)) return undefined;
  if (!isRequest(sentence, setting)) return undefined;
  const about = whatOf(sentence, setting);
  if (about === undefined)
    return say('I set no reminder: say when and of what, as in “remind me on Tuesday at 9:00 to call the bank”.');
  return {
    ...setCall(setting, about, sentence),
    next: (outcomes) => afterQuestion(outcomes, about, setting),
    report: (outcomes) => reportOf(outcomes, setting),
  };
};

function setCall(setting: Setting, text: string, when: string): Step {
  return fittingCall(setting, 'set_reminder', { text, when }, ['text', 'when']);
}

/** The request stands first, last, or after nothing but a time: “In 3 hours remind me …”. */
function isRequest(sentence: string, setting: Setting): boolean {
  if (afterOpening(sentence, `${ASKING}(?=[\\s,])`) !== undefined) return true;
  if (new RegExp(`,\\s*${ASKING}[.!]*$`, 'iu').test(sentence)) return true;
  const before = new RegExp(`^${POLITE}(?<time>.+?),? ${ASKING}\\s`, 'iu').exec(sentence)?.groups?.['time'];
  const meant = before === undefined ? undefined : timeIn(before, setting);
  if (before === undefined || meant === undefined) return false;
  return meant.kind === 'ask' ? TIME_FIRST.test(before) : meant.what === undefined;
}

/** Undefined where the present time is not known. */
function timeIn(text: string, { now, timeZone }: Setting): ResolvedTime | undefined {
  return now === undefined ? undefined : resolveTime(text, { now: now.epochMilliseconds, timeZone });
}

/** What to be reminded of: the sentence without its time where that can be read, else all that follows the request. */
function whatOf(sentence: string, setting: Setting): string | undefined {
  const plain = sentence.replace(POLITE_QUESTION, '').replace(/\?+$/, '');
  const meant = timeIn(plain, setting);
  if (meant !== undefined && meant.kind !== 'ask') return meant.what;
  const rest = new RegExp(`${ASKING}[\\s,]+(?<rest>.+)$`, 'iu').exec(plain)?.groups?.['rest'] ?? '';
  const about = tidy(rest.replace(/^(?:to|that|about|an|daran,?(?: dass)?)\s+/iu, ''));
  return about === '' ? undefined : about;
}

function isAsking(outcome: Outcome): boolean {
  return isRecord(outcome.value) && outcome.value['status'] === 'ask';
}

/** Where the time was not clear, the user is asked once, and the answer is taken as the time. */
function afterQuestion(outcomes: readonly Outcome[], about: string, setting: Setting): Step {
  const tried = outcomes.filter(({ name }) => name === 'set_reminder');
  const [first] = tried;
  if (first === undefined || tried.length > 1 || !isAsking(first)) return NOTHING;
  const answered = outcomes.find(({ name }) => name === 'ask_user');
  if (answered === undefined) return askedBack(first, setting);
  const answer = isRecord(answered.value) ? stringOf(answered.value, 'answer', 'text') : undefined;
  return answer === undefined ? NOTHING : setCall(setting, about, answer);
}

function askedBack({ value }: Outcome, setting: Setting): Step {
  const question = isRecord(value) ? stringOf(value, 'question') : undefined;
  const asked = fittingCall(setting, 'ask_user', { question }, ['question']);
  return asked.calls.length > 0 ? asked : NOTHING;
}

function reportOf(outcomes: readonly Outcome[], setting: Setting): string[] {
  const last = outcomes.findLast(({ name }) => name === 'set_reminder');
  return last === undefined ? [] : [describeOutcome(last, setting)];
}

const LIST =
  /^(?:(?:please |bitte )?(?:list|show(?: me)?|what(?: are)?|which(?: are)?|do i have|welche|zeige?(?: mir)?|was sind)\s+(?:all |any |alle )?(?:my |the |meine )?(?:open |pending |upcoming |offenen )?(?:reminders|erinnerungen)(?: (?:do i have|have i set|are (?:set|there|open|pending)|habe ich))?)[\s?.!]*$/iu;

/** "What are my reminders?". */
export const listedReminders: Rule = (text, setting) =>
  LIST.test(normaliseText(text).trim()) ? fittingCall(setting, 'list_reminders', {}) : undefined;

const WHICH =
  '(?:it|that|this|sie|das|(?:(?:that|the|this|my|die|diese|meine)\\s+)?(?:(?<named>\\S.*?)\\s+)?(?:reminder|erinnerung)(?:\\s+(?:about|to|for|of|an|zu)\\s+(?<about>.+?))?)';
const CANCEL = new RegExp(`^${POLITE}(?:cancel|delete|remove|drop|lösche|streiche)\\s+${WHICH}[\\s.!]*$`, 'iu');
const SNOOZE = new RegExp(
  `^${POLITE}(?:snooze|postpone|verschiebe)\\s+${WHICH}\\s+(?:(?:for|by|um)\\s+(?<length>.+?)|(?:until|till|to|bis|auf)\\s+(?<when>.+?))[\\s.!]*$`,
  'iu',
);
const ABOUT_REMINDER = /remind|erinner/iu;

/** "Cancel that reminder", "snooze it for 15 minutes": only where one is meant without a doubt. */
export const changedReminder: Rule = (text, setting) => {
  const asked = normaliseText(text).trim();
  const cancel = ABOUT_REMINDER.test(asked) ? CANCEL.exec(asked)?.groups : undefined;
  const snooze = SNOOZE.exec(asked)?.groups;
  if (cancel) return oneChanged(cancel, { action: 'cancel' }, setting);
  if (!snooze) return undefined;
  const change = snoozeOf(snooze);
  if (change === undefined) return say('I moved nothing: say by how much, as in “snooze it for 15 minutes”.');
  return oneChanged(snooze, change, setting);
};

type Groups = Readonly<Record<string, string | undefined>>;

function snoozeOf({ length, when }: Groups): JsonRecord | undefined {
  if (when !== undefined) return { when };
  const found = /^(?<count>\d{1,4}|an?|one|eine?|half an|eine halbe)\s*(?<unit>min|h|hour|stunde|day|tag)/iu.exec(
    length ?? '',
  )?.groups;
  const [count, unit] = [found?.['count']?.toLowerCase(), found?.['unit']?.toLowerCase()];
  if (count === undefined || unit === undefined) return undefined;
  const isHalf = count.startsWith('half') || count.endsWith('halbe');
  const minutes = (unit === 'min' ? 1 : unit === 'day' || unit === 'tag' ? 1_440 : 60) * (isHalf ? 0.5 : 1);
  return { snooze: `PT${minutes * (/^\d+$/.test(count) ? Number(count) : 1)}M` };
}

function oneChanged({ named, about }: Groups, change: JsonRecord, setting: Setting): Plan {
  const words = contentWords(`${named ?? ''} ${about ?? ''}`);
  const isSnooze = change['action'] === undefined;
  const meant = (outcomes: readonly Outcome[]) =>
    candidates(listOf(outcomes.find(({ name }) => name === 'list_reminders')), words, isSnooze);
  return {
    ...fittingCall(setting, 'list_reminders', {}),
    next(outcomes) {
      if (outcomes.some((outcome) => outcome.name === 'change_reminder' || failureOf(outcome) !== undefined))
        return NOTHING;
      const [one, ...others] = meant(outcomes);
      if (one === undefined) return say('I found no reminder that is meant by that. Nothing was changed.');
      if (others.length > 0) return say(severalText([one, ...others]));
      return fittingCall(setting, 'change_reminder', { id: stringOf(one, 'id'), ...change }, ['id']);
    },
    report: (outcomes) =>
      outcomes
        .filter((outcome) => outcome.name === 'change_reminder' || failureOf(outcome) !== undefined)
        .map((outcome) => describeOutcome(outcome, setting)),
  };
}

function severalText(found: readonly JsonRecord[]): string {
  const lines = found.slice(0, 10).map((reminder) => `- ${reminderLine(reminder)}`);
  return ['More than one reminder may be meant, so nothing was changed. Name it by its words:', ...lines].join('\n');
}

/** What was just delivered is snoozed rather than what waits; what is of this conversation comes before the rest. */
function candidates(reminders: readonly JsonRecord[], words: readonly string[], isSnooze: boolean): JsonRecord[] {
  const named = reminders.filter((reminder) => words.every((word) => hasWord(textOf(reminder), word)));
  const has = (...statuses: readonly string[]) =>
    named.filter((reminder) => statuses.includes(stringOf(reminder, 'status') ?? ''));
  const groups = isSnooze ? [has('fired', 'missed'), has('pending')] : [has('pending', 'paused')];
  const nearest = groups.map((group) => (group.some(isHere) ? group.filter(isHere) : group));
  return nearest.find((group) => group.some(isHere)) ?? nearest.find((group) => group.length > 0) ?? [];
}

function isHere(reminder: JsonRecord): boolean {
  return reminder['here'] === true;
}
