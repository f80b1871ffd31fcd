import { normaliseText } from './text.js';

/** Words of courtesy that may stand before a command. */
export const POLITE = '(?:(?:hey|hi|ok|okay|please|bitte|can you|could you|would you)[\\s,]+)*';

/** The rest of a text that starts with one of the given openings. */
export function afterOpening(text: string, opening: string): string | undefined {
  const match = new RegExp(`^\\s*${POLITE}(?:${opening})(?<rest>[\\s\\S]*)$`, 'iu').exec(normaliseText(text));
  const rest = match?.groups?.['rest']?.trim();
  return rest === undefined || rest === '' ? undefined : rest;
}
