import type { JsonValue } from '../contracts/space.js';
import { cutText } from '../contracts/text.js';
import { type InjectedAtom, LONGEST_ATOM_BYTES } from '../engine/injection.js';
import { mainText } from '../skills/shared/payload-field.js';

const LINE_BREAK = ' ⏎ ';

/**
 * What is always in an agent's context, undefined when that is nothing. Every atom stands on one line, so that none can
 * pass for a heading.
 */
export function injectedText(atoms: readonly InjectedAtom[]): string | undefined {
  const parts = [
    part(
      'Standing instructions of the user',
      atoms.filter(({ role }) => role === 'instructions'),
    ),
    part(
      'What you know already, from the user’s memory and injected spaces; search_memory and space_search find more',
      atoms.filter(({ role }) => role !== 'instructions'),
    ),
  ].filter((text) => text !== undefined);
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

function part(heading: string, atoms: readonly InjectedAtom[]): string | undefined {
  if (atoms.length === 0) return undefined;
  return [
    `${heading}:`,
    ...atoms.map(({ atom, payload, at }) => `- (${atom}, ${at.slice(0, 10)}) ${lineOf(payload)}`),
  ].join('\n');
}

function lineOf(payload: JsonValue): string {
  return cutText(mainText(payload, 'text').replace(/\s*[\n\r\u2028\u2029]+\s*/g, LINE_BREAK), LONGEST_ATOM_BYTES);
}
