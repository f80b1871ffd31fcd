import { exactCall, type Rule, say, together } from '../calls.js';
import { isRecord, parseJson } from '../json.js';
import { shorten } from '../text.js';

const USE = /^[ \t]*(?:please[ \t]+)?use[ \t]+([A-Za-z][\w-]{0,127})[ \t]*(?=\{|\r?$)/gim;
const MAX_CALLS = 20;

/** The end of the JSON object that starts at `start`, which may span lines. */
function objectEnd(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/** `use skill_name {json}`: calls exactly that, several lines in one turn. */
export const directUse: Rule = (text, setting) => {
  const offered = new Set(setting.tools.map((tool) => tool.name));
  let read = 0;
  const steps = [...text.matchAll(USE)].flatMap((match) => {
    const [name, after] = [match[1] ?? '', match.index + match[0].length];
    const hasInput = text[after] === '{';
    if (match.index < read || (!hasInput && !offered.has(name) && !name.includes('_'))) return [];
    read = hasInput ? objectEnd(text, after) : after;
    const input = hasInput ? parseJson(text.slice(after, read)) : {};
    return [
      isRecord(input)
        ? exactCall(setting, name, input)
        : say(`What follows “use ${name}” is not JSON: ${shorten(text.slice(after, read), 80)}`),
    ];
  });
  if (steps.length === 0) return undefined;
  const all = together(...steps.slice(0, MAX_CALLS));
  return steps.length > MAX_CALLS
    ? { ...all, notes: [...all.notes, `Only the first ${MAX_CALLS} calls were made.`] }
    : all;
};
