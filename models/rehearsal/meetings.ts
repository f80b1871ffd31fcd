import { Temporal } from 'temporal-polyfill';
import { findDuration, findTimes, isRange, type TimeMention } from './clock-times.js';
import { startsWithSubject } from './clauses.js';
import { type DayMention, findDays } from './days.js';
import {
  isCalledOff,
  isContinuation,
  isMeetingTalk,
  isNegated,
  isTentative,
  meetingTitle,
  withoutDeniedTimes,
  withoutMovedFrom,
} from './meeting-words.js';
import { zoneSaid } from './said-zone.js';
import type { Setting } from './setting.js';
import { normaliseText, shorten, splitSentences } from './text.js';
import { atClock, CORRECTION, instantText } from './when.js';

export interface PlannedEvent {
  readonly title: string;
  readonly start: string;
  readonly end: string;
  readonly timeZone: string;
  readonly attendees: readonly string[];
}

/** The events a text states with day and time, and a word on each meeting that stays without one. */
export interface Meetings {
  readonly events: readonly PlannedEvent[];
  readonly notes: readonly string[];
}

type Reading<T> = { readonly value: T } | { readonly unclear: string };

function chooseDay(text: string, today: Temporal.PlainDate): Reading<Temporal.PlainDate> {
  const days = withNextWeek(text, findDays(text, today), today).filter((mention) => mention.kind !== 'past');
  const usable = days.filter((mention) => mention.date !== undefined);
  const last = usable.at(-1);
  if (days.some((mention) => mention.kind === 'recurring')) return { unclear: 'it recurs' };
  if (days.some((mention) => mention.kind === 'conflict')) return { unclear: 'the weekday and the date do not match' };
  if (last?.date === undefined) return { unclear: 'no clear day was said' };
  if (days.length > 1 && !allTheSame(usable, days) && !correctedTo(text, usable))
    return { unclear: 'more than one day was said' };
  return { value: last.date };
}

/** "Same time next week, so Thursday": both together name one day. */
function withNextWeek(text: string, days: readonly DayMention[], today: Temporal.PlainDate): readonly DayMention[] {
  const [one, other] = days;
  const week = days.find(({ kind, index, end }) => kind === 'vague' && NEXT_WEEK.test(text.slice(index, end)));
  const weekday = days.find(({ kind }) => kind === 'weekday');
  if (days.length !== 2 || one === other || week === undefined || weekday?.date === undefined) return days;
  const monday = today.subtract({ days: today.dayOfWeek - 1 });
  return [{ ...weekday, date: monday.add({ days: 6 + weekday.date.dayOfWeek }) }];
}

const NEXT_WEEK = /^(?:next week|nächste woche)$/iu;

function allTheSame(usable: readonly DayMention[], days: readonly DayMention[]): boolean {
  return usable.length === days.length && new Set(usable.map((mention) => String(mention.date))).size === 1;
}

function correctedTo(text: string, mentions: readonly { index: number; end: number }[]): boolean {
  const [before, last] = [mentions.at(-2), mentions.at(-1)];
  return before !== undefined && last !== undefined && CORRECTION.test(text.slice(before.end, last.index));
}

interface Slot {
  readonly from: TimeMention;
  readonly to: TimeMention | undefined;
}

function chooseTime(text: string): Reading<Slot> {
  const times = findTimes(text);
  const [first, second] = times;
  if (first === undefined) return { unclear: 'no clear time was said' };
  if (second === undefined) return { value: { from: first, to: undefined } };
  if (times.length === 2 && isRange(text, first, second)) return { value: { from: first, to: second } };
  const last = times.at(-1);
  if (last && correctedTo(text, times)) return { value: { from: last, to: undefined } };
  return { unclear: 'more than one time was said' };
}

function zoneOf(text: string, setting: Setting): Reading<string> {
  const zone = zoneSaid(text, setting.timeZone, setting.theirZone);
  return zone === undefined ? { unclear: 'its time zone is not clear' } : { value: zone };
}

function endOf(start: Temporal.ZonedDateTime, slot: Slot, text: string): Reading<Temporal.ZonedDateTime> {
  if (slot.to === undefined) return { value: start.add({ minutes: findDuration(text)?.minutes ?? 30 }) };
  const end = start.with({ hour: slot.to.hour, minute: slot.to.minute });
  return end.since(start).sign > 0 ? { value: end } : { unclear: 'its end is not clear' };
}

/** Day, time and length of what a piece of text says, in the zone it says or the user's own. */
export function readSlot(said: string, setting: Setting): Reading<{ start: string; end: string; timeZone: string }> {
  const text = withoutMovedFrom(withoutDeniedTimes(said));
  if (setting.now === undefined) return { unclear: 'the present time is not known here' };
  const day = chooseDay(text, setting.now.toPlainDate());
  if ('unclear' in day) return day;
  const slot = chooseTime(text);
  if ('unclear' in slot) return slot;
  const zone = zoneOf(text, setting);
  if ('unclear' in zone) return zone;
  const start = atClock(day.value, slot.value.from, zone.value);
  if (Temporal.ZonedDateTime.compare(start, setting.now) <= 0) return { unclear: 'that time has passed' };
  const end = endOf(start, slot.value, text);
  if ('unclear' in end) return end;
  return { value: { start: instantText(start), end: instantText(end.value), timeZone: zone.value } };
}

const CHUNK = /,\s*(?:(?:and|but|so)\s+)?|;\s*|\s+(?:and|but|so)\s+/gu;

/** The part of a sentence that speaks of the meeting: other people's clauses fall away. */
function partsOf(sentence: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (const joint of sentence.matchAll(CHUNK)) {
    const right = sentence.slice(joint.index + joint[0].length, joint.index + joint[0].length + 300);
    if (!startsWithSubject(right) && !isMeetingTalk(right)) continue;
    const left = sentence.slice(start, joint.index);
    const onlyWhen =
      /^(?:on|at|then|und|am|next|this|tomorrow|today)(?!\p{L})/iu.test(left.trim()) && !startsWithSubject(left.trim());
    if (onlyWhen) continue;
    parts.push(left);
    start = joint.index + joint[0].length;
  }
  return [...parts, sentence.slice(start)];
}

/** Joins what belongs together over the ends of sentences: "The next call is on Tuesday. At ten." */
function passages(text: string): string[] {
  const result: string[] = [];
  for (const whole of splitSentences(normaliseText(text))) {
    const sentence = whole.replace(/,?\s(?:because|since|although|as soon as|weil)\s.*$/iu, '');
    const previous = result.at(-1);
    if (previous !== undefined && isMeetingTalk(previous) && isContinuation(sentence)) {
      result[result.length - 1] = `${previous.replace(/[.!]+$/, '')}, ${sentence}`;
    } else {
      result.push(...partsOf(sentence));
    }
  }
  return result;
}

/** Finds meetings that lie ahead and are fixed in so many words; anything negated, tentative or unclear makes no event. */
export function findMeetings(text: string, setting: Setting): Meetings {
  const events: PlannedEvent[] = [];
  const notes: string[] = [];
  const all = passages(text);
  const calledOff = all.some(isCalledOff);
  all.forEach((passage, index) => {
    if (!isMeetingTalk(passage) || passage.trimEnd().endsWith('?') || isNegated(passage) || isCalledOff(passage))
      return;
    const doubted =
      isTentative(passage) ||
      /^(?:it|that|this)(?:'s| is| has)? .*(?:not|n't|tentative|confirm)/i.test(all[index + 1] ?? '');
    const slot = doubted
      ? { unclear: 'it is not fixed' }
      : calledOff
        ? { unclear: 'a meeting is called off in the same text' }
        : readSlot(passage, setting);
    if ('unclear' in slot) notes.push(`No event entered for “${shorten(passage, 120)}”: ${slot.unclear}.`);
    else if (!events.some((event) => event.start === slot.value.start))
      events.push({ title: meetingTitle(passage, setting), ...slot.value, attendees: [] });
  });
  return { events, notes };
}
