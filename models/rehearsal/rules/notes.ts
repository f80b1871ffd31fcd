import { findActionItems, MAX_READ } from '../action-items.js';
import { fittingCall, type Rule, together } from '../calls.js';
import { findMeetings } from '../meetings.js';
import { normaliseText } from '../text.js';

const MAX_ITEMS = 20;
const RECAP =
  /(?<!\p{L})(?:(?:just )?(?:finished|got off|came out of|had|off) (?:a |the |my |our )?(?:\p{L}+ ){0,2}?(?:call|meeting|phone|session|sync|interview|workshop|demo)|(?:call|meeting|conversation|talk|chat|session|interview) with|(?:spoke|talked|met|chatted|caught up|sat down) (?:to|with|about)|(?:site visit|committee (?:meeting|night)|board meeting|team meeting|practice meeting|council|rehearsal) (?:with|tonight|today|this)|voice (?:note|memo)|recap|meeting notes|summary of|debrief|notiz|(?:besprechung|telefonat|termin|abstimmung|sitzung|treffen|ortstermin) (?:mit|bei|beim|in)|gesprochen)(?!\p{L})/iu;

/** True for a text that says itself that it tells of a meeting. */
export function isRecap(text: string): boolean {
  return RECAP.test(text) && text.split(/\s+/).length >= 6 && !text.trimEnd().endsWith('?');
}

/** A recap: one task for each explicit action item, an event for a fixed next meeting, and the note itself, all in one turn. */
export const notes: Rule = (text, setting) => {
  const items = findActionItems(text, setting);
  const meetings = findMeetings(text.slice(0, MAX_READ).toWellFormed(), setting);
  const nothing = items.length === 0 && meetings.events.length === 0;
  if (nothing && meetings.notes.length === 0 && !isRecap(normaliseText(text).slice(0, MAX_READ))) return undefined;
  const step = together(
    ...items.slice(0, MAX_ITEMS).map((item) => fittingCall(setting, 'tasks_create', { ...item }, ['title'])),
    ...meetings.events.map((event) => fittingCall(setting, 'calendar_create_event', { ...event }, ['title', 'start'])),
    fittingCall(setting, 'remember', { text: text.trim() }, ['text']),
    { calls: [], notes: meetings.notes },
  );
  const said = [...new Set(step.notes)];
  if (items.length > MAX_ITEMS) said.push(`Only the first ${MAX_ITEMS} of ${items.length} action items were entered.`);
  if (text.length > MAX_READ) said.push(`Only its first ${MAX_READ} characters were read for items and meetings.`);
  if (items.length === 0) said.push('I found no explicit action item in it.');
  if (meetings.events.length === 0 && meetings.notes.length === 0)
    said.push('No next meeting is fixed in it, so I made no event.');
  return { calls: step.calls, notes: said };
};
