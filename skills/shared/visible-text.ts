import { mixedScriptWords } from './mixed-scripts.js';

/** No glyph, or one that looks like a space; some of them turn the direction of the text around them. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{1D159}]/u;
const UNSEEN_ALL = new RegExp(UNSEEN.source, 'gu');
const TURNING = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;
const TURNING_NAMES: Readonly<Record<string, string>> = {
  '\u202D': 'left-to-right override',
  '\u202E': 'right-to-left override',
};
const MAX_NAMED = 10;

/**
 * Text as a person must see it before they say yes to it: every character that shows nothing or turns the direction of its
 * neighbours stands there as `⟦U+202E⟧`, and line ends are `\n`. Selectors that pick the look of the character before them
 * (emoji, Chinese characters) stay. The warnings, one line each, say what was found, and which words mix alphabets.
 */
export function visibleText(text: string): { text: string; warnings: string[] } {
  const found = new Map<string, number>();
  const lines = text.replaceAll('\r\n', '\n');
  const shown = lines.replace(UNSEEN_ALL, (character, offset: number) => {
    if (isSelectorOf(lines, offset, character)) return character;
    found.set(character, (found.get(character) ?? 0) + 1);
    return mark(character);
  });
  return { text: shown, warnings: [...hiddenWarning(found), ...mixedWarning(lines)] };
}

/** As `visibleText`, on one line. */
export function visibleLine(text: string): string {
  return visibleText(text.replace(/\r\n|[\n\t]/g, ' ')).text;
}

function mark(character: string): string {
  return `⟦${codeOf(character)}⟧`;
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** One selector behind a character that has looks to choose from; rows of them carry hidden messages. */
function isSelectorOf(text: string, offset: number, character: string): boolean {
  const before = lastCharacter(text.slice(Math.max(0, offset - 2), offset));
  if (/[\uFE00-\uFE0F]/.test(character)) return before !== '' && !/[\s\p{Cc}]/u.test(before) && !UNSEEN.test(before);
  return /[\u{E0100}-\u{E01EF}]/u.test(character) && /\p{Script=Han}/u.test(before);
}

function lastCharacter(text: string): string {
  return [...text].at(-1) ?? '';
}

function hiddenWarning(found: ReadonlyMap<string, number>): string[] {
  if (found.size === 0) return [];
  const named = [...found].slice(0, MAX_NAMED).map(([character, count]) => describe(character, count));
  const rest = found.size > MAX_NAMED ? ` and ${found.size - MAX_NAMED} other kinds` : '';
  const turning = [...found.keys()].some((character) => TURNING.test(character))
    ? ' Some of them change the direction of the text.'
    : '';
  return [`Contains hidden characters, shown as ${mark('\u200B')} and the like: ${named.join(', ')}${rest}.${turning}`];
}

function describe(character: string, count: number): string {
  const name = TURNING_NAMES[character];
  return `${codeOf(character)}${name === undefined ? '' : ` (${name})`}${count === 1 ? '' : ` ${count} times`}`;
}

function mixedWarning(text: string): string[] {
  const words = mixedScriptWords(text.replace(UNSEEN_ALL, ''));
  if (words.length === 0) return [];
  const named = words.slice(0, MAX_NAMED).map((word) => `“${word}”`);
  const rest = words.length > MAX_NAMED ? ` and ${words.length - MAX_NAMED} more` : '';
  return [`Letters of different alphabets that look alike stand in one word: ${named.join(', ')}${rest}.`];
}
