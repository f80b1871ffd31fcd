import { actionTitle } from './action-title.js';
import type { Decided } from './decisions.js';
import { isRecord, type JsonRecord, stringOf } from './json.js';
import type { Setting } from './setting.js';
import { shorten } from './text.js';

interface Words {
  readonly done: string;
  readonly notDone: string;
  /** Where to look when nobody saw the end. */
  readonly look: string;
}

const SENDING: Words = { done: 'Sent', notDone: 'Not sent', look: 'whether it arrived or stands among the sent ones' };
const ACTING: Words = { done: 'Done', notDone: 'Not done', look: 'whether it has happened' };

function wordsFor(skill: string): Words {
  if (skill === 'email_send' || skill === 'send_message') return SENDING;
  return skill === 'calendar_create_event' ? { ...ACTING, look: 'the calendar and its guests' } : ACTING;
}

function titleOf(report: JsonRecord, skill: string, setting: Setting): string {
  const payload = report['payload'];
  const edited = isRecord(payload) ? actionTitle(skill, payload, setting) : undefined;
  return shorten(edited ?? stringOf(report, 'title') ?? (skill === '' ? 'the action' : skill), 300);
}

function because(report: JsonRecord): string {
  const reason = stringOf(report, 'reason');
  return reason === undefined ? '' : ` The reason given: “${shorten(reason, 500)}”`;
}

function routeOf(report: JsonRecord): string {
  const route = isRecord(report['result']) ? stringOf(report['result'], 'route') : undefined;
  return route === undefined ? '' : ` [${shorten(route, 200)}]`;
}

function carriedOut(report: JsonRecord, title: string, words: Words): string {
  const error = stringOf(report, 'error');
  const why = error === undefined ? '' : ` (${shorten(error, 300)})`;
  const edited = report['decision'] === 'edited' ? ', with your changes' : '';
  if (report['status'] === 'done') return `${words.done}${edited}: ${title}${routeOf(report)}`;
  if (report['status'] === 'failed') return `${words.notDone}: ${title}. It was approved, but it failed${why}.`;
  if (report['status'] === 'unknown')
    return `Unknown: ${title}. It may or may not have gone out. Please check ${words.look} before it is tried again.${why}`;
  return `Approved${edited}: ${title}. What came of it is not known yet.${why}`;
}

/** What became of one proposal, in a sentence or two. */
export function describeDecision({ report, text }: Decided, setting: Setting): string {
  if (report === undefined) return `A report came that I cannot read: ${shorten(text, 200)}`;
  const skill = stringOf(report, 'skill') ?? '';
  const [title, words] = [titleOf(report, skill, setting), wordsFor(skill)];
  const decision = stringOf(report, 'decision');
  if (decision === 'approved' || decision === 'edited') return carriedOut(report, title, words);
  if (decision === 'rejected') return `${words.notDone}: ${title}. It was rejected.${because(report)}`;
  if (decision === 'expired')
    return `${words.notDone}: ${title}. Nobody answered in time, so the approval expired.${because(report)}`;
  if (decision === 'cancelled') return `${words.notDone}: ${title}. It was cancelled.${because(report)}`;
  return `${title}: ${shorten(text, 300)}`;
}
