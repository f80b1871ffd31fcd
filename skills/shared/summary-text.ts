import { cutText } from '../../contracts/text.js';

const SHORT_BYTES = 80;

/** Text from outside as a short quotation on one line, for the sentence that describes a call. */
export function quote(text: string): string {
  return `“${cutText(text.replace(/\s+/gu, ' ').trim(), SHORT_BYTES)}”`;
}
