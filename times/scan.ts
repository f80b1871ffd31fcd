import { BARE_CLOCK, CLOCK_PATTERNS, readClock } from './clock.js';
import { COMPOUND, DAY_READERS, type DayOrder, PART_READERS } from './day-readers.js';
import type { Mention, Saying } from './mention.js';
import { REPEAT_READERS } from './repeat-said.js';
import { SPAN_READERS } from './spans.js';
import { weekdayOf } from './words.js';
import { ZONE_READERS } from './zones.js';

/** What decides readings that differ from user to user. */
export interface Setting {
  readonly timeZone: string;
  readonly order: DayOrder;
}

/** Everything a text says about time, in order and without overlaps: of several readings the longest from the left. */
export function scan(written: string, setting: Setting): Mention[] {
  const text = lowered(written);
  const as = (match: RegExpExecArray) => written.slice(match.index, match.index + match[0].length);
  const found = [
    ...SPAN_READERS.flatMap(([pattern, read]) => matches(text, pattern, (match) => read(match.groups ?? {}))),
    ...REPEAT_READERS.flatMap(([pattern, read]) => matches(text, pattern, (match) => read(match.groups ?? {}))),
    ...DAY_READERS.flatMap(([pattern, read]) =>
      matches(text, pattern, (match) => read(match.groups ?? {}, setting.order, as(match))),
    ),
    ...ZONE_READERS.flatMap(([pattern, read]) =>
      matches(text, pattern, (match) => read(match.groups ?? {}, setting.timeZone, as(match))),
    ),
    ...clocks(text),
    ...parts(text),
  ];
  return withBareClocks(text, withoutOverlaps([...found, ...moreDays(text, found)]));
}

/** In lower case, with every character at its place. */
function lowered(text: string): string {
  return [...text].map((char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join('');
}

function matches(text: string, pattern: RegExp, read: (match: RegExpExecArray) => Saying | undefined): Mention[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const saying = isTiedToNext(text, match) ? undefined : read(match);
    return saying === undefined ? [] : [{ ...saying, index: match.index, end: match.index + match[0].length }];
  });
}

/** “3-Uhr-Termin”, “Monday's” and “tomorrow’s” name a thing, not a time. */
function isTiedToNext(text: string, match: RegExpExecArray): boolean {
  return /^(?:-\p{L}|'s(?!\p{L}))/u.test(text.slice(match.index + match[0].length, match.index + match[0].length + 4));
}

const ONE_MORE =
  /^(?:,| and| und| or| oder| &) (?:the )?\d{1,2}(?=\s*(?:$|[,.;!?]| (?:to|at|um|remind|ping|please|bitte|erinner\p{L}*)(?!\p{L})))/u;

/** “December 1 and 2”: the second number is a day too. */
function moreDays(text: string, found: readonly Mention[]): Mention[] {
  const question = { doubt: 'ambiguous', question: 'Several days were named: which of them should it be?' } as const;
  return found.flatMap((mention) => {
    const more = mention.kind === 'day' && mention.day.kind === 'date' ? ONE_MORE.exec(text.slice(mention.end)) : null;
    return more === null ? [] : [{ kind: 'doubt', question, index: mention.end, end: mention.end + more[0].length }];
  });
}

function clocks(text: string): Mention[] {
  return CLOCK_PATTERNS.flatMap((pattern) => matches(text, pattern, readClockSaying));
}

function readClockSaying(match: RegExpExecArray): Saying {
  const clock = readClock(match.groups ?? {}, match[0]);
  if (clock !== undefined) return { kind: 'clock', clock };
  return {
    kind: 'doubt',
    question: {
      doubt: 'impossible',
      question: `No clock shows “${match[0]}”: at which time should that be, for example 9:00 or 21:00?`,
    },
  };
}

function parts(text: string): Mention[] {
  const plain = PART_READERS.flatMap(([pattern, part]) =>
    matches(text, pattern, (match) => ({
      kind: 'part',
      part,
      isToday: /^(?:this|heute|diesen)(?!\p{L})/iu.test(match[0]),
    })),
  );
  return [...plain, ...compounds(text)];
}

/** “Freitagabend” is a day and a part of it, side by side. */
function compounds(text: string): Mention[] {
  return [...text.matchAll(COMPOUND)].flatMap((match): Mention[] => {
    const [name, part] = [match.groups?.['wd'] ?? '', match.groups?.['part'] ?? ''];
    const [index, end] = [match.index, match.index + match[0].length];
    const middle = index + name.length;
    const weekday = weekdayOf(name);
    const day: Saying =
      match.groups?.['many'] === undefined
        ? { kind: 'day', day: { kind: 'weekday', weekday } }
        : { kind: 'repeat', repeat: { unit: 'week', interval: 1, weekdays: [weekday] } };
    const found = PART_READERS.find(([pattern]) =>
      new RegExp(pattern.source, 'u').test(
        /^(?:morgen|mittag|nachmittag|vormittag|abend)$/.test(part) ? `am ${part}` : part === 'nacht' ? 'nachts' : part,
      ),
    );
    if (found === undefined) return [];
    return [
      { ...day, index, end: middle },
      { kind: 'part', part: found[1], isToday: false, index: middle, end },
    ];
  });
}

function withoutOverlaps(found: readonly Mention[]): Mention[] {
  const kept: Mention[] = [];
  for (const mention of found.toSorted((a, b) => a.index - b.index || b.end - a.end)) {
    if (mention.index >= (kept.at(-1)?.end ?? 0)) kept.push(mention);
  }
  return kept;
}

/** A bare number is a time where it stands right beside a day, a zone or a length: “tomorrow 9”, “an hour before 9”. */
function withBareClocks(text: string, mentions: readonly Mention[]): Mention[] {
  const bare = matches(text, BARE_CLOCK, (match) => {
    const clock = readClock(match.groups ?? {}, match[0]);
    return clock && { kind: 'clock', clock };
  }).filter(({ index, end }) => {
    if (mentions.some((other) => index < other.end && end > other.index)) return false;
    const before = mentions.findLast((other) => other.end <= index);
    return before !== undefined && standsBefore(before) && /^,?\s*(?:at |um )?$/iu.test(text.slice(before.end, index));
  });
  return [...mentions, ...bare].toSorted((a, b) => a.index - b.index);
}

function standsBefore(mention: Mention): boolean {
  return mention.kind === 'day' || mention.kind === 'offset' || mention.kind === 'repeat' || mention.kind === 'part';
}
