import { z } from 'zod';
import { outsideSkill } from '../../contracts/skill.js';
import { blocksOf, textOf } from '../stand-ins/anthropic-body.js';
import type { ScriptInput, ScriptTurn, TurnSource } from '../stand-ins/anthropic-script.js';

/** Reads what strangers have written. */
export const readStrangers = outsideSkill({
  manifest: {
    name: 'read_strangers',
    description: 'Reads what strangers have written.',
    effect: 'read',
    input: z.strictObject({}),
    output: z.strictObject({ text: z.string() }),
    timeoutSeconds: 10,
    taints: ['untrusted'],
    summary: () => 'Reads',
  },
  run: () => Promise.resolve({ output: { text: 'words of strangers' } }),
});

export const news = ({ body }: ScriptInput): string =>
  blocksOf(body.messages.at(-1)?.content ?? [])
    .map((block) => textOf([block]))
    .join('\n');
export const call = (name: string, input: unknown): ScriptTurn => ({ calls: [{ name, input }] });
export const spawn = (task: string, more: object = {}) => call('spawn_agent', { task, label: 'helper', ...more });
/** As often as it takes. */
export const always = (source: (input: ScriptInput) => ScriptTurn): TurnSource[] =>
  Array.from({ length: 12 }, () => source);
export const answered = (input: ScriptInput, skill: string): boolean =>
  input.toolResults.some(({ name }) => name === skill);

/** It has not spoken yet; a note begins a new exchange, not a new session. */
export const isFirst = ({ body }: ScriptInput): boolean => body.messages.every(({ role }) => role !== 'assistant');

/** Answers every request for access, and ends with what was reported. */
export function coordinator(answer: {
  grant: boolean;
  reason: string;
  minutes?: number;
}): (input: ScriptInput) => ScriptTurn {
  return (input) => {
    const [, access] = /\[access [^\]]*\][^\n]* asks for access (acc_\w+)/.exec(news(input)) ?? [];
    if (access !== undefined) return call('answer_access', { access, ...answer });
    const [, report] = /\[report [^\]]*\][^\n]*\n(.*)/.exec(news(input)) ?? [];
    return { text: report === undefined ? 'I wait for my helper.' : `Told: ${report}` };
  };
}

/** Asks first, and does something as soon as it was told that it may. */
export function asking(wish: object, then: (input: ScriptInput) => ScriptTurn): (input: ScriptInput) => ScriptTurn {
  return (input) => {
    if (isFirst(input)) return call('request_access', { ...wish, reason: 'The task names the document.' });
    if (
      /^\[(?:granted|denied|revoked)/m.test(news(input)) ||
      input.toolResults.some(({ name }) => name !== 'request_access')
    )
      return then(input);
    return { text: 'I wait for the answer.' };
  };
}
