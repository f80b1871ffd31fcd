import { createHash } from 'node:crypto';
import type { Label } from '../../contracts/effect-class.js';
import { shortened } from '../../contracts/text.js';
import type { TriggerSpecs, WatchCondition } from '../../contracts/trigger.js';
import { firstNumber } from './numbers.js';

/** What a look at a page or server has brought. */
export type Sighting =
  | { readonly kind: 'answer'; readonly isUp: boolean; readonly said: string }
  /** `isOwn`: the page may be one of the own network, and what it says is not for everybody. */
  | { readonly kind: 'page'; readonly text: string; readonly isOwn: boolean };

/** Whether the condition held when it was seen last, and what was reported: whether it holds, or the value. */
export interface WatchState {
  readonly seen?: boolean;
  readonly reported?: boolean | string;
  /** Looks in a row that nobody answered. */
  readonly failures?: number;
}

interface Judgement {
  readonly state: WatchState;
  /** Undefined where there is nothing to report. */
  readonly report?: string;
  readonly labels: readonly Label[];
  /** Why the look tells nothing: the state is as before. */
  readonly trouble?: string;
}

/** What of a page a condition is about. */
type Reading =
  | { readonly kind: 'holds'; readonly holds: boolean; readonly said: string; readonly failures?: number }
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'trouble'; readonly trouble: string };

const LONGEST_QUOTE = 300;
const LONGEST_VALUE = 8_000;
/** How far behind the words before it a value may stand. */
const REACH = 200;

/**
 * What one look comes to: each edge is reported once, when it is seen or, within the cool-down, when that is over and the
 * difference still there. A condition that holds at the first look is reported; a value that may change is only noted.
 */
export function judge(
  { url, condition }: TriggerSpecs['watch'],
  state: WatchState,
  sighting: Sighting,
  isCooling: boolean,
): Judgement {
  const labels = labelsOf(sighting);
  const read = readingOf(condition, state, sighting);
  if (read.kind === 'trouble') return { state, labels, trouble: read.trouble };
  if (read.kind === 'value') return { labels, ...valueJudged(url, condition, state, read.value, isCooling) };
  const { holds, said, failures } = read;
  const seen: WatchState = { ...state, seen: holds, ...(failures === undefined ? {} : { failures }) };
  if (holds === (state.reported ?? false) || isCooling) return { state: seen, labels };
  return {
    state: { ...seen, reported: holds },
    labels,
    report: `${EDGES[condition.kind][Number(holds)]}: ${url} ${said}`,
  };
}

function labelsOf(sighting: Sighting): readonly Label[] {
  if (sighting.kind !== 'page') return [];
  return sighting.isOwn ? ['private', 'untrusted'] : ['untrusted'];
}

/** What begins a report when a condition has ceased to hold, and when it has begun to. */
const EDGES: Readonly<Record<WatchCondition['kind'], readonly [string, string]>> = {
  down: ['Recovered', 'Down'],
  contains: ['Gone from the page', 'Now on the page'],
  below: ['No longer below', 'Now below'],
  above: ['No longer above', 'Now above'],
  changed: ['Changed', 'Changed'],
};

function readingOf(condition: WatchCondition, state: WatchState, sighting: Sighting): Reading {
  if (condition.kind === 'down') return answerRead(condition, state, sighting);
  if (sighting.kind !== 'page') return { kind: 'trouble', trouble: 'The page was not read.' };
  const { text } = sighting;
  if (condition.kind === 'contains') {
    const found = occursAt(text, condition.text);
    const said = found === undefined ? `does not say “${condition.text}” any more.` : `says “${around(text, found)}”.`;
    return { kind: 'holds', holds: found !== undefined, said };
  }
  const place = condition.after === undefined ? 0 : occursAt(text, condition.after)?.end;
  if (place === undefined)
    return {
      kind: 'trouble',
      trouble: `“${condition.after}” does not stand on the page. Change what it is to look for.`,
    };
  if (condition.kind === 'changed')
    return { kind: 'value', value: condition.after === undefined ? wholeValue(text) : valueAt(text, place) };
  const piece = condition.after === undefined ? text : text.slice(place, place + REACH);
  const found = firstNumber(piece, condition.value);
  if (found === undefined)
    return { kind: 'trouble', trouble: 'No number was found on the page where one was expected.' };
  const holds = condition.kind === 'below' ? found.value < condition.value : found.value > condition.value;
  return { kind: 'holds', holds, said: `says ${found.written}; the mark is ${condition.value}.` };
}

/** So many failures in a row make it down; fewer leave it as it was. */
function answerRead(
  { failures: most = 1 }: WatchCondition & { kind: 'down' },
  state: WatchState,
  sighting: Sighting,
): Reading {
  if (sighting.kind !== 'answer') return { kind: 'trouble', trouble: 'The server was not asked.' };
  if (sighting.isUp) return { kind: 'holds', holds: false, said: sighting.said, failures: 0 };
  const failures = Math.min(most, (state.failures ?? 0) + 1);
  return { kind: 'holds', holds: failures >= most || state.seen === true, said: sighting.said, failures };
}

function valueJudged(
  url: string,
  condition: WatchCondition,
  state: WatchState,
  value: string,
  isCooling: boolean,
): Pick<Judgement, 'state' | 'report'> {
  const before = state.reported;
  if (typeof before !== 'string') return { state: { reported: value } };
  if (value === before || isCooling) return { state };
  const [was, is] =
    condition.kind === 'changed' && condition.after === undefined ? changedPart(before, value) : [before, value];
  return {
    state: { reported: value },
    report: `Changed: ${url}\nBefore: ${quoted(was)}\nNow: ${quoted(is)}`,
  };
}

/** Where words stand, in whatever case and however they are broken into lines. */
function occursAt(text: string, words: string): { readonly start: number; readonly end: number } | undefined {
  const pattern = words
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'))
    .join('\\s+');
  const found = new RegExp(pattern, 'i').exec(text);
  return found === null ? undefined : { start: found.index, end: found.index + found[0].length };
}

function around(text: string, { start, end }: { readonly start: number; readonly end: number }): string {
  return quotable(text.slice(Math.max(0, start - 80), Math.min(end + 80, start + LONGEST_QUOTE)));
}

/** The number right behind a place, else what is left of the line, or the next one. */
function valueAt(text: string, place: number): string {
  const line =
    text
      .slice(place, place + REACH)
      .trimStart()
      .split('\n')[0] ?? '';
  return (firstNumber(line)?.written ?? line).trim();
}

/** A long page is told from another by a mark of all that is not kept. */
function wholeValue(text: string): string {
  if (text.length <= LONGEST_VALUE) return text;
  const mark = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${text.slice(0, LONGEST_VALUE).toWellFormed()}\n… (${mark})`;
}

/** The piece in which two texts differ, in each of them, with the words around it. */
function changedPart(before: string, now: string): [string, string] {
  let start = 0;
  while (start < Math.min(before.length, now.length) && before[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, now.length) - start;
  while (end < most && before.at(-1 - end) === now.at(-1 - end)) end += 1;
  const from = Math.max(0, start - 40);
  const upTo = Math.max(0, end - 40);
  return [before.slice(from, before.length - upTo), now.slice(from, now.length - upTo)];
}

function quoted(text: string): string {
  const shown = quotable(text);
  return shown === '' ? '(nothing)' : `“${shown}”`;
}

function quotable(text: string): string {
  return shortened(text.replace(/\s+/g, ' ').trim(), LONGEST_QUOTE).toWellFormed();
}
