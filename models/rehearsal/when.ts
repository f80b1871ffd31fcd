import type { Temporal } from 'temporal-polyfill';
import { findTimes, type TimeMention } from './clock-times.js';
import { type DayMention, findDays } from './days.js';
import { zoneSaid } from './said-zone.js';
import { tidy } from './text.js';

/** Words with which a speaker takes back what was just said. */
export const CORRECTION =
  /(?:^|[\s,–-])(?:no,|no wait|wait,|sorry|i mean|i meant|actually|rather|correction|scratch that|make that|nein,|quatsch)/i;

const DEADLINE =
  /(?:^|[\s,(])((?:no later than|not later than|at the latest by|due(?: on| by)?|(?:deadline|frist)(?: is| ist)?|by|until|till|before|bis(?: zum| zur| spätestens(?: zum)?)?|spätestens(?: am| zum| bis(?: zum)?)?|vor)(?: the)?) ?$/i;
const ON_DAY = /(?:^|[\s,(])((?:on|for|am)(?: the)?) ?$/i;
/** "… the party on Saturday": that is when the party is. */
const EVENT_BEFORE =
  /(?:call|meeting|appointment|sync|session|review|workshop|demo|presentation|conference|fair|party|wedding|match|game|concert|gig|training|opening|launch|event|trip|exam|class|lesson|course|visit|tour|race|festival|holiday|dinner|lunch|inspection|shoot|kick-?off|rehearsal|interview|release|delivery|audit|\p{L}*(?:termin|treffen|besprechung|messe|fest|feier|hochzeit|spiel|konzert|training|eröffnung|veranstaltung|ausflug|prüfung|sitzung|abend|tag|kurs|lauf|probe|lieferung|abnahme|urlaub))s?,? (?:(?:is|ist) )?(?:on|for|am|at|vom|from|of)?(?: the)? ?$/iu;
/** "… for the stand on Monday": the day may belong to the stand. */
const THING_BEFORE =
  /(?<!\p{L})(?:for|about|of|from|before|after|für|über|von|vom|zum|zur|vor|nach) (?:the|a|an|our|their|his|her|my|that|this|\p{L}+'s|die|das|der|den|dem|unsere?n?) [\p{L}-]+(?: [\p{L}-]+)? (?:on|am)(?: the)? ?$/iu;
const RELATIVE =
  /(?:,| the \p{L}+| \p{L}+) (?:that|which|who|where|when) (?:\p{L}+ ){0,4}?(?:is|are|was|were|ends?|starts?|begins?|opens?|closes?|expires?|runs?|comes?|arrives?|leaves?|takes?|took|happens?|came|went|had|has|have|we|they|he|she|I)(?!\p{L})|, (?:der|die|das|den) .*(?:ist|war|läuft|endet|beginnt|kommt)(?!\p{L})/iu;
/** Days that are adverbs: they never describe a thing. */
const ADVERB = /^(?:today|tomorrow|tonight|this (?:afternoon|evening)|heute|morgen|übermorgen)$/iu;
const GERMAN_VERB_BEFORE =
  /(?:^|\s)(?:\p{Ll}+(?:e|t)|ich|er|sie|mir|ihm|ihr|ihnen|uns|ihn|noch|dann|\p{Lu}\p{L}+ \p{Ll}+(?:t|e)) (?:am |den )?$/u;

export interface Due {
  /** A day, or an instant with offset where a time was said. */
  readonly due: string;
  /** The clause without the words that said when. */
  readonly rest: string;
}

/** A wall-clock time in the zone as RFC 3339 with offset. */
export function instantText(time: Temporal.ZonedDateTime): string {
  return time.toString({ timeZoneName: 'never', smallestUnit: 'second' });
}

/** Builds the instant in the zone itself, so that clock changes in between do no harm. */
export function atClock(
  date: Temporal.PlainDate,
  time: { hour: number; minute: number },
  zone: string,
): Temporal.ZonedDateTime {
  return date.toZonedDateTime({ timeZone: zone, plainTime: { hour: time.hour, minute: time.minute } });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function dated(mention: DayMention): mention is DayMention & { date: Temporal.PlainDate } {
  return mention.date !== undefined && (mention.kind === 'day' || mention.kind === 'weekday');
}

function nearbyTime(clause: string, mention: Span, times: readonly TimeMention[]): TimeMention | undefined {
  return times.find((time) => {
    if (time.index >= mention.to)
      return /^(?: ?(?:morning|afternoon|evening))?,? ?(?:(?:let's say|so,?|say|sagen wir),? )?(?:at |by |before |um |bis )?$/i.test(
        clause.slice(mention.to, time.index),
      );
    return time.end <= mention.from && /^,? ?(?:on |am )?$/i.test(clause.slice(time.end, mention.from));
  });
}

function isAtTheEdge(clause: string, mention: DayMention, time: TimeMention | undefined): boolean {
  const after = clause
    .slice(Math.max(mention.end, time?.end ?? 0))
    .replace(/^ ?(?:morning|afternoon|evening|latest|at the latest)/i, '');
  return !/[\p{L}\d]/u.test(after) || /^ (?:about|regarding|via|über) /i.test(after);
}

function leadOf(clause: string, at: number, pattern: RegExp): number | undefined {
  const match = pattern.exec(clause.slice(0, at));
  return match?.[1] === undefined ? undefined : at - match[0].length + match[0].indexOf(match[1]);
}

function spanOf(clause: string, mention: DayMention, time: TimeMention | undefined): Span {
  const start = Math.min(mention.index, time?.index ?? mention.index);
  const from =
    leadOf(clause, start, DEADLINE) ?? leadOf(clause, start, /(?:^|[\s,(])((?:on|for|at|am|um)(?: the)?) ?$/i) ?? start;
  const end = Math.max(mention.end, time?.end ?? 0);
  const tail = /^ ?(?:morning|afternoon|evening|at the latest|latest)(?!\p{L})/iu.exec(clause.slice(end));
  return { from, to: end + (tail?.[0].length ?? 0) };
}

function chooseDay(clause: string, days: readonly DayMention[], times: readonly TimeMention[]): DayMention | undefined {
  const startOf = (mention: DayMention) => {
    const time = nearbyTime(clause, { from: mention.index, to: mention.end }, times);
    return Math.min(mention.index, time?.index ?? mention.index);
  };
  const deadlines = days.filter(
    (mention) =>
      leadOf(clause, startOf(mention), DEADLINE) !== undefined && !RELATIVE.test(clause.slice(0, startOf(mention))),
  );
  const [first, last] = [deadlines[0], days.at(-1)];
  if (first && last && days.length > 1 && CORRECTION.test(clause.slice(first.end, last.index + 1))) return last;
  if (deadlines.length === 1) return first;
  if (deadlines.length > 1 || days.length !== 1 || last === undefined) return undefined;
  const before = clause.slice(0, startOf(last));
  if (RELATIVE.test(before) || EVENT_BEFORE.test(before) || THING_BEFORE.test(before)) return undefined;
  if (/^\W*(?:on |am )?$/i.test(before) || ADVERB.test(clause.slice(last.index, last.end))) return last;
  if (/(?:^|\s)am $/u.test(before) && GERMAN_VERB_BEFORE.test(before)) return last;
  const plain =
    last.kind === 'day' ||
    !/(?:^|\s)(?:from|since|of|the|a|about|vom|seit)\s$/i.test(before) ||
    leadOf(clause, last.index, ON_DAY) !== undefined;
  const atEnd = isAtTheEdge(clause, last, nearbyTime(clause, { from: last.index, to: last.end }, times));
  return plain && atEnd ? last : undefined;
}

/** "Before the 15th" is the day before it, but not “before the end of the week”; before a time of day is that time. */
function lastDay(clause: string, date: Temporal.PlainDate, start: number): Temporal.PlainDate {
  if (/^(?:the )?(?:end|ende)(?!\p{L})/iu.test(clause.slice(start))) return date;
  return /(?:^|\s)(?:before|vor|vor dem)(?: the)? ?$/i.test(clause.slice(0, start)) ? date.subtract({ days: 1 }) : date;
}

/** The stated deadline of a clause, or undefined when none was said or it cannot be told for sure. */
export function findDue(clause: string, now: Temporal.ZonedDateTime | undefined, theirZone?: string): Due | undefined {
  if (now === undefined) return undefined;
  const [days, times] = [findDays(clause, now.toPlainDate()), findTimes(clause)];
  const chosen = chooseDay(clause, days, times);
  if (chosen === undefined) return days.length === 0 ? todayByClock(clause, times, now) : undefined;
  if (!dated(chosen) || chosen.date.since(now.toPlainDate()).sign < 0) return undefined;
  const time = nearbyTime(clause, { from: chosen.index, to: chosen.end }, times);
  const zone = time && zoneSaid(clause, now.timeZoneId, theirZone);
  const due =
    time && zone
      ? instantText(atClock(chosen.date, time, zone))
      : lastDay(clause, chosen.date, chosen.index).toString();
  const rest = withoutSpan(clause, spanOf(clause, chosen, time));
  return { due, rest: zone === undefined || zone === now.timeZoneId ? rest : tidy(rest.replace(ZONE_WORDS, '')) };
}

const ZONE_WORDS =
  /,? (?:Pacific|Mountain|Central|Eastern|\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?|their|his|her|your)(?: time)?$/u;

function todayByClock(clause: string, times: readonly TimeMention[], now: Temporal.ZonedDateTime): Due | undefined {
  const [time] = times;
  if (times.length !== 1 || time === undefined) return undefined;
  const from = leadOf(clause, time.index, DEADLINE);
  const due = atClock(now.toPlainDate(), time, now.timeZoneId);
  if (from === undefined || due.since(now).sign <= 0) return undefined;
  return { due: instantText(due), rest: withoutSpan(clause, { from, to: time.end }) };
}

/** Cuts a span out of a clause. */
function withoutSpan(clause: string, span: Span): string {
  return tidy(`${clause.slice(0, span.from)} ${clause.slice(span.to)}`);
}
