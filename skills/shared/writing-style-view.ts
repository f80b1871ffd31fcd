import type { JsonValue } from '../../contracts/space.js';
import { EVERYONE, isHandWritten, readStyle, type Style } from './writing-style.js';

/** A style as it was found in the user's memory. */
interface KnownStyle {
  readonly atom: string;
  readonly group: string;
  readonly payload: JsonValue;
}

const MOST_CHARACTERS = 4_000;
const LONGEST_NOTE = 400;
const MOST_SOURCES = 3;
const LINE_BREAK = ' ⏎ ';
const HEADING = [
  'How the user writes',
  'Learned from mails that the user has approved or changed. Write mails for the user in this way; {name} stands for the recipient’s name, ⏎ for a line break.',
];

/**
 * What the model is told of how the user writes, at most 4,000 characters; undefined when nothing is known. What is
 * most specific comes first. Every value stands on one line, so that none can pass for a line of its own.
 */
export function styleText(styles: readonly KnownStyle[]): string | undefined {
  const known = styles.map(({ atom, group, payload }) => ({ atom, group, style: readStyle(payload) }));
  if (known.length === 0) return undefined;
  let left = MOST_CHARACTERS - lengthOf(HEADING);
  const take = (lines: readonly string[]): string[] => {
    const isFitting = lengthOf(lines) <= left;
    if (isFitting) left -= lengthOf(lines);
    return isFitting ? [...lines] : [];
  };
  const parts = known.map(({ atom, group, style }) => ({
    edits: group === EVERYONE ? [] : style.edits,
    lines: take(mainLines(atom, group, style)),
  }));
  // Examples come into what room is left, so that none of them displaces another group.
  for (const { edits, lines } of parts) {
    if (lines.length > 0) for (const edit of edits) lines.push(...take([exampleOf(edit)]));
  }
  return [...HEADING, ...parts.flatMap(({ lines }) => lines)].join('\n');
}

function mainLines(atom: string, group: string, style: Style): string[] {
  const { greeting, closing, language, formality, words } = style;
  const named = (name: string, value: string | undefined): string[] =>
    value === undefined || value.trim() === '' ? [] : [`${name}: ${oneLine(value)}`];
  return [
    `To ${oneLine(group).slice(0, 320)} (${style.mails} mails):`,
    ...named('Greeting', greeting),
    ...named('Closing', closing),
    ...named('Language', language === undefined || formality === undefined ? language : `${language}, ${formality}`),
    ...named('Length', words === undefined ? undefined : `about ${words} words`),
    ...named('Note', isHandWritten(style) ? style.text.slice(0, LONGEST_NOTE).toWellFormed() : undefined),
    `Source: ${[...style.sources.slice(0, MOST_SOURCES).map(oneLine), `atom:${atom}`].join(', ')}`,
  ];
}

function exampleOf({ from, to }: Style['edits'][number]): string {
  if (from === '') return `Example: wrote “${oneLine(to)}”`;
  if (to === '') return `Example: left out “${oneLine(from)}”`;
  return `Example: wrote “${oneLine(from)}” as “${oneLine(to)}”`;
}

function oneLine(text: string): string {
  return text
    .trim()
    .replaceAll(/\s*[\n\r\u2028\u2029\u0085\u000B\u000C]\s*/g, LINE_BREAK)
    .replaceAll(/\p{Cc}/gu, ' ');
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}
