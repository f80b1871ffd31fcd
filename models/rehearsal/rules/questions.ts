import type { Temporal } from 'temporal-polyfill';
import { fittingCall, optionalCall, type Outcome, type Plan, type Rule, say, type Step, together } from '../calls.js';
import { findDays } from '../days.js';
import { stringOf, type JsonRecord } from '../json.js';
import { describeOutcome, listText, taskText } from '../report.js';
import { failureOf, listOf, textOf } from '../results.js';
import type { Setting } from '../setting.js';
import { contentWords, hasWord, normaliseText, shorten } from '../text.js';
import { instantText } from '../when.js';

const TASKS = /(?<!\p{L})(?:tasks?|to-?dos?|to do|board|action items?|open items?|aufgaben?)(?!\p{L})/iu;
const CALENDAR =
  /(?<!\p{L})(?:calendar|meetings?|appointments?|events?|calls?|schedule|kalender|termine?|besprechung(?:en)?)(?!\p{L})/iu;
const ASKS =
  /^(?:(?:please |can you |could you )?(?:show|list|tell me|give me)|what|who|whose|whom|when|where|which|why|how|did|does|is there|are there|do (?:i|we)|was|wer|was|wann|wo|welche[rs]?|zeig)(?!\p{L})/iu;
const MAX_QUOTES = 5;

/** The span of time a question is about; two weeks from now where it names none. */
function spanOf(text: string, now: Temporal.ZonedDateTime): { from: string; to: string } {
  const today = now.toPlainDate();
  const [mention] = findDays(text, today);
  const monday = today.subtract({ days: today.dayOfWeek - 1 });
  const span = (first: Temporal.PlainDate, days: number) => ({
    from: instantText(first.toZonedDateTime(now.timeZoneId)),
    to: instantText(first.add({ days }).toZonedDateTime(now.timeZoneId)),
  });
  if (mention?.date) return span(mention.date, 1);
  if (/next week|nächste woche/i.test(text)) return span(monday.add({ days: 7 }), 7);
  if (/this week|diese woche/i.test(text)) return span(monday, 7);
  if (/yesterday|gestern/i.test(text)) return span(today.subtract({ days: 1 }), 1);
  if (/last week|letzte woche/i.test(text)) return span(monday.subtract({ days: 7 }), 7);
  return span(today, 14);
}

function calendarStep(text: string, setting: Setting): Step {
  return setting.now
    ? optionalCall(setting, 'calendar_list_events', spanOf(text, setting.now))
    : { calls: [], notes: [] };
}

function matching(records: readonly JsonRecord[], words: readonly string[]): JsonRecord[] {
  const scored = records.map((record) => {
    const text = [textOf(record), stringOf(record, 'owner'), stringOf(record, 'name'), stringOf(record, 'notes')].join(
      ' ',
    );
    return { record, score: words.filter((word) => hasWord(text, word)).length };
  });
  return scored
    .filter((entry) => entry.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((entry) => entry.record);
}

function tasksText(outcome: Outcome, words: readonly string[], setting: Setting): string {
  const tasks = listOf(outcome);
  const about = words.filter((word) => !TASKS.test(word) && word !== 'open');
  const found = matching(tasks, about);
  const heading =
    found.length > 0 || about.length === 0 ? 'Tasks:' : 'No task names what you asked about; the tasks are:';
  return listText(heading, 'There are no tasks.', found.length > 0 ? found : tasks, (task) => taskText(task, setting));
}

function memoryText(outcome: Outcome, words: readonly string[]): string {
  const hits = matching(listOf(outcome), words).slice(0, MAX_QUOTES);
  return listText(
    'Found in memory:',
    'I found nothing about that in memory.',
    hits,
    (hit) => `“${shorten(textOf(hit), 400)}”`,
  );
}

function answer(outcomes: readonly Outcome[], words: readonly string[], setting: Setting): string[] {
  return outcomes.map((outcome) => {
    if (failureOf(outcome) !== undefined) return describeOutcome(outcome, setting);
    if (outcome.name === 'search_memory') return memoryText(outcome, words);
    return outcome.name === 'tasks_list' ? tasksText(outcome, words, setting) : describeOutcome(outcome, setting);
  });
}

/** A search of memory and whatever goes with it, reported by quoting what was found. */
function lookUp(text: string, setting: Setting, ...more: readonly Step[]): Plan {
  const words = contentWords(text);
  const query =
    words.length === 0 ? text.replace(/\?+\s*$/, '').slice(0, 500) : words.slice(0, 20).join(' ').slice(0, 500);
  const step = together(...more, fittingCall(setting, 'search_memory', { query }, ['query']));
  return { ...step, report: (outcomes) => answer(outcomes, words, setting) };
}

/** Anything asked: looked up in memory, on the task board and in the calendar, never answered from thin air. */
export const questions: Rule = (text, setting) => {
  const asked = normaliseText(text).trim();
  if (!asked.endsWith('?') && !(ASKS.test(asked) && asked.length < 200 && !/[.!]\s/.test(asked))) return undefined;
  if (setting.tools.length === 0) return say('I can look nothing up here: no skill is available.');
  const tasks = TASKS.test(asked) ? optionalCall(setting, 'tasks_list', {}) : { calls: [], notes: [] };
  const calendar = CALENDAR.test(asked) ? calendarStep(asked, setting) : { calls: [], notes: [] };
  return lookUp(asked, setting, tasks, calendar);
};

const WHO_IS =
  /^(?:who(?:'s| is| was)|do (?:i|you) know|wer ist|find (?:the )?contact(?: of| for)?|look up)\s+(?<who>\p{Lu}[\p{L}' .-]{1,80}?)\s*\?*$/u;

/** "Who is X?": the contacts and the memory. */
export const whoIs: Rule = (text, setting) => {
  const asked = normaliseText(text).trim();
  const who = WHO_IS.exec(asked.charAt(0).toLowerCase() + asked.slice(1))?.groups?.['who'];
  return who === undefined ? undefined : lookUp(who, setting, optionalCall(setting, 'contacts_search', { query: who }));
};
