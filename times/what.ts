/** Words that only lead from the request to what it is about, at the beginning of what is left. */
const OPENING =
  /^(?:(?:[\s,.;:!?–—-]|(?:to|that|about|of|and|und|then|dann|please|bitte|hey|hi|so|also|dass|daran|ans|an(?! \p{Ll}+zu)|mich|me|us|uns|mal|doch|zu|bescheid|wegen|i (?:need|have|want) to|i should|i must|we (?:need|have) to|(?:ich|wir) (?:muss|müssen|soll|sollen)(?= ))(?=[\s,.;:!?]|$)))+/iu;
const CLOSING = /(?:[\s,.;:!–—-]|(?:(?<=\s)|^)(?:please|bitte|and|und|thanks|danke|then|dann)(?=[\s,.;:!?]*$))+$/iu;

/** A text without some of its parts, cleaned at both ends; undefined where nothing is left that says anything. */
export function whatRemains(
  text: string,
  spans: readonly { readonly index: number; readonly end: number }[],
): string | undefined {
  let rest = '';
  let from = 0;
  for (const { index, end } of spans.toSorted((a, b) => a.index - b.index)) {
    if (index > from) rest += `${text.slice(from, index)} `;
    from = Math.max(from, end);
  }
  rest += text.slice(from);
  const what = rest
    .replace(/\s+/g, ' ')
    .replace(/ ([,.;:!?])/g, '$1')
    .replace(/,(?:\s*,)+/g, ',')
    .replace(OPENING, '')
    .replace(CLOSING, '')
    .trim();
  return /[\p{L}\p{N}]/u.test(what) ? what : undefined;
}
