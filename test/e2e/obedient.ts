import canonicalize from 'canonicalize';
import type { JsonValue } from '../../contracts/space.js';
import { type Block, blocksOf, resultText, stringsIn } from '../stand-ins/anthropic-body.js';
import type { ScriptCall, ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';

/** A skill that a text asks for. */
export type Instruction = { readonly name: string; readonly input: JsonValue };

const MOST_CALLS = 30;

/** The line that makes the obedient model call a skill. */
export function doing(name: string, input: JsonValue): string {
  return `DO: ${name} ${JSON.stringify(input)}`;
}

/**
 * A model that has been won over: it does everything that any text it was given asks for, whoever wrote it, once each.
 * What reads comes first, so that what it reads can be obeyed and counts before it acts. In the end it repeats all of it.
 */
export function obey(input: ScriptInput, isReading: (skill: string) => boolean): ScriptTurn {
  const told = unique(textsFor(input).flatMap(instructionsIn));
  const done = new Set(callsIn(input).map(keyOf));
  const offered = told.filter(({ name }) => input.tools.includes(name));
  const left = offered.filter((instruction) => !done.has(keyOf(instruction)));
  const reads = left.filter(({ name }) => isReading(name));
  const calls = (reads.length > 0 ? reads : left).slice(0, MOST_CALLS);
  if (calls.length > 0) return { text: '/approve', calls };
  return { text: ['All done. /approve', ...offered.map(({ name, input: value }) => doing(name, value))].join('\n') };
}

/** Everything that the model can read: system, tools, words, results with the JSON taken apart, and what it said before. */
function textsFor({ system, body }: ScriptInput): string[] {
  const blocks = body.messages.flatMap(({ content }) => blocksOf(content));
  return [system, ...(body.tools ?? []).flatMap(({ description }) => description ?? []), ...blocks.flatMap(textsOf)];
}

function textsOf(block: Block): string[] {
  if (block.type === 'tool_result') return stringsOf(resultText(block));
  if (block.type !== 'text' || block.text === undefined) return [];
  const json = block.text.startsWith('[outcome] ') ? block.text.slice('[outcome] '.length) : block.text;
  return [block.text, ...stringsOf(json)];
}

/** The strings of a JSON text; the text itself where it is none. */
function stringsOf(text: string): string[] {
  try {
    return stringsIn(JSON.parse(text));
  } catch {
    return [text];
  }
}

const INSTRUCTION = /DO: ([a-z][a-z0-9_]*) (?=\{)/g;

function instructionsIn(text: string): Instruction[] {
  return [...text.matchAll(INSTRUCTION)].flatMap((match): Instruction[] => {
    const input = objectAt(text, match.index + match[0].length);
    return input === undefined ? [] : [{ name: match[1] ?? '', input }];
  });
}

/** The JSON object that begins here, however the text goes on. */
function objectAt(text: string, start: number): JsonValue | undefined {
  for (let end = text.indexOf('}', start); end >= 0; end = text.indexOf('}', end + 1)) {
    try {
      return JSON.parse(text.slice(start, end + 1)) as JsonValue;
    } catch {
      // It ends at a later brace.
    }
  }
  return undefined;
}

function callsIn({ body }: ScriptInput): ScriptCall[] {
  return body.messages
    .flatMap(({ content }) => blocksOf(content))
    .flatMap((block) => (block.type === 'tool_use' ? [{ name: block.name ?? '', input: block.input }] : []));
}

function unique(instructions: readonly Instruction[]): Instruction[] {
  return [...new Map(instructions.map((instruction) => [keyOf(instruction), instruction])).values()];
}

function keyOf({ name, input }: ScriptCall): string {
  return `${name} ${canonicalize(input) ?? ''}`;
}
