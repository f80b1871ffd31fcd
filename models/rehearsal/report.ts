import { actionTitle } from './action-title.js';
import type { Outcome } from './calls.js';
import { isRecord, type JsonRecord, stringOf } from './json.js';
import { mailLine, mailText } from './mail-text.js';
import { failureOf, listOf, recordOf, textOf } from './results.js';
import type { Setting } from './setting.js';
import { shorten } from './text.js';
import { eventText, whenText } from './time-text.js';

const MAX_LINES = 20;

/** One task with owner, deadline and state. */
export function taskText(task: JsonRecord, setting: Setting): string {
  const [owner, due, status] = [stringOf(task, 'owner'), stringOf(task, 'due'), stringOf(task, 'status')];
  const parts = [owner ?? 'no owner', due === undefined ? 'no date' : `due ${whenText(due, setting)}`];
  return `${textOf(task)} (${[...parts, ...(status === undefined || status === 'open' ? [] : [status])].join(', ')})`;
}

function lines(records: readonly JsonRecord[], text: (record: JsonRecord) => string): string[] {
  const shown = records.slice(0, MAX_LINES).map((record) => `- ${text(record)}`);
  return records.length > MAX_LINES ? [...shown, `- … and ${records.length - MAX_LINES} more`] : shown;
}

/** A heading and its entries, or a sentence that there are none. */
export function listText(
  heading: string,
  none: string,
  records: readonly JsonRecord[],
  text: (record: JsonRecord) => string,
): string {
  return records.length === 0 ? none : [heading, ...lines(records, text)].join('\n');
}

function compact(outcome: Outcome): string {
  return shorten(outcome.text === '' ? JSON.stringify(outcome.value ?? null) : outcome.text, 500);
}

function merged(outcome: Outcome): JsonRecord {
  return { ...outcome.input, ...recordOf(outcome) };
}

type Describe = (outcome: Outcome, setting: Setting) => string;

const DESCRIBE: Readonly<Record<string, Describe>> = {
  tasks_create: (outcome, setting) => `Task made: ${taskText(merged(outcome), setting)}`,
  tasks_update: (outcome, setting) => `Task changed: ${taskText(merged(outcome), setting)}`,
  tasks_list: (outcome, setting) =>
    listText('Tasks:', 'There are no tasks.', listOf(outcome), (task) => taskText(task, setting)),
  calendar_create_event: (outcome, setting) => `Entered in the calendar: ${eventText(merged(outcome), setting)}`,
  calendar_list_events: (outcome, setting) =>
    listText('In the calendar:', 'The calendar shows no events in that time.', listOf(outcome), (event) =>
      eventText(event, setting),
    ),
  calendar_find_free: (outcome, setting) => freeText(outcome, setting),
  remember: () => 'Remembered.',
  forget: () => 'Forgotten.',
  search_memory: (outcome) =>
    listText(
      'Found in memory:',
      'Nothing was found in memory.',
      listOf(outcome),
      (hit) => `“${shorten(textOf(hit), 300)}”`,
    ),
  contacts_search: (outcome) => listText('Contacts:', 'No contact was found.', listOf(outcome), contactText),
  file_write: (outcome) => `File written: ${stringOf(merged(outcome), 'path') ?? 'done'}`,
  file_read: (outcome) => `${stringOf(outcome.input, 'path') ?? 'The file'} says:\n${fileText(outcome)}`,
  file_list: (outcome) =>
    listText(
      'Files:',
      'There are no files.',
      listOf(outcome),
      (file) => stringOf(file, 'path', 'name', 'text') ?? compact(outcome),
    ),
  ask_user: (outcome) => `You answered: ${stringOf(recordOf(outcome), 'answer', 'text') ?? compact(outcome)}`,
  send_message: (outcome) => `Message sent: “${shorten(stringOf(outcome.input, 'text') ?? '', 300)}”`,
  email_send: (outcome, setting) => `Sent: ${labelOf(outcome, setting)}`,
  email_draft: (outcome, setting) => `Draft saved, nothing sent: ${labelOf(outcome, setting)}`,
  email_search: (outcome, setting) =>
    listText('Found in the mail:', 'No mail was found.', listOf(outcome), (mail) => mailLine(mail, setting)),
  email_read: (outcome, setting) => mailText(recordOf(outcome), setting),
  set_reminder: (outcome, setting) => askedText(outcome) ?? reminderText(merged(outcome), setting),
  list_reminders: (outcome) => remindersText(outcome),
  change_reminder: (outcome) => askedText(outcome) ?? changedText(recordOf(outcome)),
  schedule_work: (outcome) => askedText(outcome) ?? `Scheduled: ${stringOf(recordOf(outcome), 'say') ?? 'done'}`,
};

function contactText(contact: JsonRecord): string {
  const details = ['email', 'role'].map((field) => stringOf(contact, field)).filter((value) => value !== undefined);
  return [stringOf(contact, 'name') ?? textOf(contact), ...details].join(', ');
}

function fileText(outcome: Outcome): string {
  const content = stringOf(recordOf(outcome), 'text', 'content') ?? outcome.text;
  return content.length <= 4000 ? content : `${content.slice(0, 4000).toWellFormed()}…`;
}

function freeText(outcome: Outcome, setting: Setting): string {
  const value = isRecord(outcome.value) ? outcome.value : {};
  if (typeof value['free'] === 'boolean') return value['free'] ? 'You are free then.' : 'You are not free then.';
  const span = (slot: JsonRecord) => eventText({ ...slot, title: 'free' }, setting);
  return listText('Free times:', 'No free time was found in that span.', listOf(outcome), span);
}

/** The question that comes first where a time was not clear. */
function askedText(outcome: Outcome): string | undefined {
  const { status, question } = recordOf(outcome);
  return status === 'ask' && typeof question === 'string' ? `Nothing is set yet. ${question}` : undefined;
}

function reminderText(reminder: JsonRecord, setting: Setting): string {
  const when = stringOf(reminder, 'dueAt', 'nextAt', 'when');
  const local = stringOf(reminder, 'local') ?? (when === undefined ? undefined : whenText(when, setting));
  const again = stringOf(reminder, 'recurrence');
  return `Reminder set: ${textOf(reminder)}${local === undefined ? '' : `, ${local}`}${again === undefined ? '' : `, and again by the rule ${again}`}`;
}

/** One reminder of a list with its time and state. */
export function reminderLine(reminder: JsonRecord): string {
  const [local, status, again] = ['local', 'status', 'recurrence'].map((field) => stringOf(reminder, field));
  const state = status === undefined || status === 'pending' ? '' : ` (${status === 'fired' ? 'delivered' : status})`;
  return `${shorten(textOf(reminder), 200)}${local === undefined ? '' : `, ${local}`}${again === undefined ? '' : `, again by ${again}`}${state}`;
}

function remindersText(outcome: Outcome): string {
  const schedules = isRecord(outcome.value) ? outcome.value['schedules'] : undefined;
  const reminders = listText('Reminders:', 'There are no reminders.', listOf(outcome), reminderLine);
  if (!Array.isArray(schedules) || schedules.length === 0) return reminders;
  return `${reminders}\n${listText('Schedules and watches:', '', schedules.filter(isRecord), scheduleLine)}`;
}

function scheduleLine(schedule: JsonRecord): string {
  const [task, local] = [stringOf(schedule, 'task') ?? 'no task', stringOf(schedule, 'local')];
  const when = schedule['enabled'] === false ? ' (paused)' : local === undefined ? '' : `, ${local}`;
  return `${shorten(task, 200)}${when}`;
}

function changedText(change: JsonRecord): string {
  const text = stringOf(change, 'text');
  return `${text === undefined ? '' : `“${shorten(text, 200)}”: `}${stringOf(change, 'say') ?? 'changed'}`;
}

function routeOf(outcome: Outcome): string {
  const route = isRecord(outcome.value) ? stringOf(outcome.value, 'route') : undefined;
  return route === undefined ? '' : ` [${shorten(route, 200)}]`;
}

function labelOf(outcome: Outcome, setting: Setting): string {
  const action = actionTitle(outcome.name, outcome.input, setting);
  const about = stringOf(outcome.input, 'title', 'path', 'query', 'text', 'question');
  return action ?? (about === undefined ? outcome.name : `${outcome.name} “${shorten(about, 80)}”`);
}

/** About a call whose end is still open, because a person decides first or a standing policy just has. */
function openText(outcome: Outcome, setting: Setting): string | undefined {
  const status = isRecord(outcome.value) ? outcome.value['status'] : undefined;
  if (typeof status !== 'string') return undefined;
  const approval = stringOf(recordOf(outcome), 'approval');
  const label = labelOf(outcome, setting);
  if (status === 'approved' && approval !== undefined)
    return `${label} is approved already by a policy of yours: ${approval}. What comes of it follows.`;
  if (!status.startsWith('waiting')) return undefined;
  const forWhat = status === 'waiting_approval' ? 'waits for your approval' : `waits (${status})`;
  const yet = actionTitle(outcome.name, outcome.input, setting) === undefined ? 'done' : 'sent';
  return `${label} ${forWhat}${approval === undefined ? '' : `: ${approval}`}. Nothing has been ${yet} yet.`;
}

const LOOK_UPS: readonly string[] = ['contacts_search', 'ask_user'];

/** What came of calls that were made for the sake of another one: looking people up is no news unless it failed. */
export function describeActions(outcomes: readonly Outcome[], setting: Setting): string[] {
  return outcomes
    .filter((outcome) => !LOOK_UPS.includes(outcome.name) || failureOf(outcome) !== undefined)
    .map((outcome) => describeOutcome(outcome, setting));
}

/** What came of one call, in a sentence or a list; failures with the reason given. */
export function describeOutcome(outcome: Outcome, setting: Setting): string {
  const failure = failureOf(outcome);
  if (failure !== undefined) return `Failed: ${labelOf(outcome, setting)}: ${failure}`;
  const open = openText(outcome, setting);
  if (open !== undefined) return open;
  const describe = DESCRIBE[outcome.name];
  if (!describe || outcome.value === undefined) return `${outcome.name}: ${compact(outcome)}`;
  return `${describe(outcome, setting)}${routeOf(outcome)}`;
}
