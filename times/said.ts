import type { Temporal } from 'temporal-polyfill';
import type { Clock, PartOfDay } from './clock.js';
import type { DaySaid } from './day-said.js';
import type { Mention, Question } from './mention.js';
import { ask } from './questions.js';
import type { RepeatSaid } from './repeat-said.js';

/** Everything that was said about one time. */
export interface Said {
  readonly days: readonly DaySaid[];
  readonly clocks: readonly Clock[];
  /** From one time of day to another. */
  readonly hours: readonly [Clock, Clock] | undefined;
  readonly part: PartOfDay | undefined;
  /** The part of day is the night that follows the named day, “Friday night”. */
  readonly isNightOfDay: boolean;
  readonly elapsedSeconds: number | undefined;
  readonly calendar: { readonly duration: Temporal.Duration; readonly workdays: number } | undefined;
  readonly isSameTime: boolean;
  readonly offset: { readonly minutes: number; readonly days: number } | undefined;
  readonly zone: { readonly zone: string; readonly shown?: number } | undefined;
  readonly repeats: readonly RepeatSaid[];
  readonly until: DaySaid | undefined;
  readonly from: DaySaid | undefined;
  readonly lasting: Temporal.Duration | undefined;
  readonly count: number | undefined;
  readonly except: readonly number[];
  readonly question: Question | undefined;
}

/** Puts together what the chosen mentions say. Words such as “until” take the day that follows them. */
export function sayingsOf(text: string, mentions: readonly Mention[]): Said {
  const repeats = mentions.flatMap((mention, index) =>
    mention.kind === 'repeat' && (mention.repeat.unit !== 'each' || mentions[index + 1]?.kind === 'day')
      ? [mention.repeat]
      : [],
  );
  const limited = limitsOf(mentions);
  const free = mentions.filter((mention) => !limited.used.has(mention));
  const parts = free.filter((mention) => mention.kind === 'part');
  const days = free.flatMap((mention) => (mention.kind === 'day' ? [mention.day] : []));
  const { clocks, hours } = clocksOf(text, free);
  const elapsed = free.find((mention) => mention.kind === 'elapsed');
  const calendar = free.find((mention) => mention.kind === 'calendar');
  const offset = free.find((mention) => mention.kind === 'offset');
  const lasting = free.find((mention) => mention.kind === 'lasting');
  const counted = free.find((mention) => mention.kind === 'count');
  const doubt = free.find((mention) => mention.kind === 'doubt');
  return {
    days: days.length === 0 && parts.some((mention) => mention.isToday) ? [{ kind: 'ahead', days: 0 }] : days,
    clocks,
    hours,
    part: parts[0]?.part ?? repeats.find(({ part }) => part !== undefined)?.part,
    isNightOfDay: parts[0] !== undefined && isNightOfDay(text, parts[0], free),
    elapsedSeconds: elapsed?.seconds,
    calendar: calendar && { duration: calendar.duration, workdays: calendar.workdays },
    isSameTime: free.some(({ kind }) => kind === 'same-time'),
    offset: offset && { minutes: offset.minutes, days: offset.days },
    zone: free.find((mention) => mention.kind === 'zone'),
    repeats,
    until: limited.until,
    from: limited.from,
    lasting: lasting?.duration,
    count: counted?.count,
    except: free.flatMap((mention) => (mention.kind === 'except' ? mention.weekdays : [])),
    question: doubt?.question ?? tangle(mentions, hours !== undefined),
  };
}

function limitsOf(mentions: readonly Mention[]): {
  used: Set<Mention>;
  until: DaySaid | undefined;
  from: DaySaid | undefined;
} {
  const used = new Set<Mention>();
  const found: { until?: DaySaid; from?: DaySaid } = {};
  const repeats = mentions.some(({ kind }) => kind === 'repeat');
  mentions.forEach((mention, index) => {
    const next = mentions[index + 1];
    if (mention.kind !== 'limit' || next?.kind !== 'day' || !repeats) return;
    found[mention.limit] = next.day;
    used.add(next);
  });
  return { used, until: found.until, from: found.from };
}

const RANGE = /^\s*(?:to|until|till|bis|-|–)(?: um)?\s*$/iu;
const BETWEEN = /(?:between|zwischen) (?:um )?$/iu;

function clocksOf(text: string, mentions: readonly Mention[]): { clocks: Clock[]; hours: [Clock, Clock] | undefined } {
  const found = mentions.filter((mention) => mention.kind === 'clock');
  const [first, second] = found;
  if (first !== undefined && second !== undefined && found.length === 2) {
    const gap = text.slice(first.end, second.index);
    const isBetween = /^ ?(?:and|und) ?$/i.test(gap) && BETWEEN.test(text.slice(0, first.index));
    if (RANGE.test(gap) || isBetween) return { clocks: [], hours: [first.clock, second.clock] };
  }
  const different = found
    .map(({ clock }) => clock)
    .filter((clock, index, all) => all.findIndex((other) => other.minutes === clock.minutes) === index);
  return { clocks: different, hours: undefined };
}

/** “Monday at 9 and Thursday at 10” and “every hour until 6 pm” are more than one rule can hold. */
function tangle(mentions: readonly Mention[], hasHours: boolean): Question | undefined {
  if (!mentions.some(({ kind }) => kind === 'repeat') || hasHours) return undefined;
  const firstClock = mentions.findIndex(({ kind }) => kind === 'clock');
  const lastClock = mentions.findLastIndex(({ kind }) => kind === 'clock');
  const between = mentions.slice(firstClock + 1, Math.max(firstClock + 1, lastClock));
  if (between.some(({ kind }) => kind === 'day' || kind === 'repeat'))
    return ask(
      'unsupported',
      'Days with different times need a reminder each: which day and time should this one be for?',
    );
  const endsByClock = mentions.some(
    (mention, index) => mention.kind === 'limit' && mention.limit === 'until' && mentions[index + 1]?.kind === 'clock',
  );
  return endsByClock
    ? ask('unsupported', 'From when until when on each day, for example every hour between 9 and 17?')
    : undefined;
}

function isNightOfDay(text: string, part: Mention, mentions: readonly Mention[]): boolean {
  const before = mentions.findLast((other) => other.end <= part.index);
  const isAdverb = /^(?:at |in |during |nachts)/i.test(text.slice(part.index, part.end));
  return part.kind === 'part' && part.part === 'night' && before?.kind === 'day' && !isAdverb;
}
