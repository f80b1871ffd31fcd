import { fittingCall, type Rule, say } from '../calls.js';
import { findDuration, findTimes } from '../clock-times.js';
import { findDays } from '../days.js';
import { readSlot } from '../meetings.js';
import { withoutWhen } from '../meeting-words.js';
import { afterOpening } from '../openings.js';
import type { Setting } from '../setting.js';
import { capitalise, tidy } from '../text.js';
import { instantText } from '../when.js';

/** "Put/schedule … on … at …": an event of the user's own, never without a stated day and time. */
export const schedule: Rule = (text, setting) => {
  const what = afterOpening(
    text,
    '(?:put|schedule|book|enter|add|trage?)\\s(?=(?:.*\\s)?(?:on|at|for|tomorrow|today|next|this|am|um|morgen|\\p{L}+day)\\s?)',
  );
  if (what === undefined || what.endsWith('?') || /[.!]\s+\p{L}/u.test(what)) return undefined;
  const timed =
    findTimes(what).length > 0 || (setting.now !== undefined && findDays(what, setting.now.toPlainDate()).length > 0);
  if (!timed) return undefined;
  const slot = readSlot(what, setting);
  if ('unclear' in slot)
    return say(
      `I entered nothing: ${slot.unclear}. Say the day and the time, as in “put dentist on Tuesday at 10:00”.`,
    );
  const title = capitalise(tidy(titleWords(what, setting)));
  if (title === '') return say('I entered nothing: there is no title.');
  return fittingCall(setting, 'calendar_create_event', { title, ...slot.value, attendees: [] }, [
    'title',
    'start',
    'end',
  ]);
};

/** The words of a text that remain as the title of an event. */
export function titleWords(what: string, setting: Setting): string {
  const words = withoutWhen(what, setting).replaceAll('|', ' ').replace(/\s+/g, ' ').trim();
  return words
    .replace(/\s*(?:in|into|on|to) (?:my|the) calendar\s*/i, ' ')
    .replace(/^(?:in (?:my|the) calendar:?|an? (?:event|entry)(?: called| for)?:?|the|an?)\s+/i, '')
    .replace(/(?:\s+(?:on|at|for|in the (?:morning|afternoon|evening)|the|from|am|um|long))+$/i, '')
    .replace(/"/g, '');
}

/** "Am I free …?": asked of the calendar for that day, or for that time. */
export const amIFree: Rule = (text, setting) => {
  const what = afterOpening(
    text,
    '(?:am i|are we|bin ich|when am i|do i have time|have i got time)(?: (?:still|also))?(?= (?:free|available|frei|verfügbar|on|tomorrow|today|next|this))',
  );
  if (what === undefined) return undefined;
  if (!setting.now) return say('I do not know the present time.');
  const slot = readSlot(what.replace(/\?+\s*$/, ''), setting);
  const [day] = findDays(what, setting.now.toPlainDate());
  const duration = findDuration(what)?.minutes ?? 30;
  if ('value' in slot)
    return fittingCall(
      setting,
      'calendar_find_free',
      { from: slot.value.start, to: slot.value.end, durationMinutes: duration, timeZone: slot.value.timeZone },
      ['from', 'to'],
    );
  if (!day?.date) return say('Say for which day, as in “am I free on Tuesday at 10:00?”.');
  const from = day.date.toZonedDateTime(setting.timeZone);
  const span = { from: instantText(from), to: instantText(from.add({ days: 1 })) };
  return fittingCall(
    setting,
    'calendar_find_free',
    { ...span, durationMinutes: duration, timeZone: setting.timeZone },
    ['from', 'to'],
  );
};

const WRITE =
  /^(?:write|save|create|make)\s+(?:a |the |this )?(?:new )?(?:text )?file\s+(?:called |named )?"?(?<path>[^\s":]+)"?\s*(?::|with(?: the)?(?: text| content)?:?|containing:?|saying:?)\s*(?<text>[\s\S]+)$/iu;
const READ = /^(?:read|open|show(?: me)?)\s+(?:me )?(?:the )?file\s+"?(?<path>[^\s"]+?)"?[\s.?!]*$/iu;
const LIST =
  /^(?:list|show(?: me)?|what are)\s+(?:all )?(?:my |the )?files(?:\s+in\s+"?(?<folder>[^\s"]+?)"?)?[\s.?!]*$/iu;

/** Files of the user's own folder: write, read, list. */
export const files: Rule = (text, setting) => {
  const asked = text.trim().replace(/^please\s+/i, '');
  const write = WRITE.exec(asked)?.groups;
  if (write) return fittingCall(setting, 'file_write', { path: write['path'], text: write['text'] }, ['path', 'text']);
  const read = READ.exec(asked)?.groups;
  if (read) return fittingCall(setting, 'file_read', { path: read['path'] }, ['path']);
  const list = LIST.exec(asked);
  if (!list) return undefined;
  const folder = list.groups?.['folder'];
  return fittingCall(setting, 'file_list', folder === undefined ? {} : { folder, path: folder });
};

/** "Ask me …": the words themselves become the question. */
export const askMe: Rule = (text, setting) => {
  const what = afterOpening(text, '(?:ask me|frag mich)(?: (?:about|whether|if|ob))?[:,]?\\s');
  if (what === undefined) return undefined;
  const question = `${capitalise(tidy(what)).replace(/\?+$/, '')}?`;
  return fittingCall(setting, 'ask_user', { question }, ['question']);
};

/** "Send me a message: …": into the user's own conversation. */
export const messageMe: Rule = (text, setting) => {
  const what = afterOpening(
    text,
    '(?:send me (?:a |this )?message|message me|schick mir eine nachricht)(?: (?:saying|that says|with the text))?\\s*[:,]?\\s',
  );
  return what === undefined
    ? undefined
    : fittingCall(setting, 'send_message', { target: 'me', text: what.replace(/^"(.*)"$/s, '$1') }, ['target', 'text']);
};
