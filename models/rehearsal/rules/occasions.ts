import { type Plan, say } from '../calls.js';
import type { Setting } from '../setting.js';
import { shorten } from '../text.js';

/** What the product says before words that nobody has just written: a reminder that is due, or work that was set off. */
const OPENING = /^\[(?<kind>reminder|trigger) (?:rem|trg)_[\w-]+\] (?<rest>[\s\S]+)$/;
const CLOSING = /\n\nNobody has written just now\.[^\n]*$/;
const SINCE = '\n\nWhat has changed since:\n';
const MOST_QUOTED = 2_000;

/** What is told of a time that came round, and the texts that were written besides. */
export interface Occasion {
  readonly plan: Plan;
  readonly others: readonly string[];
}

/** The answer to an opening and the words below it; `work` says what the rules make of standing instructions. */
export function occasionIn(
  texts: readonly string[],
  setting: Setting,
  work: (words: string, setting: Setting) => Plan | undefined,
): Occasion | undefined {
  const at = texts.findIndex((text) => OPENING.test(text));
  const groups = OPENING.exec(texts[at] ?? '')?.groups;
  if (groups === undefined) return undefined;
  const { kind, rest = '' } = groups;
  const words = texts[at + 1] ?? '';
  const others = [...texts.slice(0, at), ...texts.slice(at + 2)];
  const told = rest.replace(CLOSING, '');
  return { plan: kind === 'reminder' ? reminded(told, words) : setOff(told, words, work(words, setting)), others };
}

function reminded(told: string, words: string): Plan {
  const head = told.split('\n\n')[0] ?? '';
  const late = /^Due since (?<due>.+?\)), and late/.exec(head)?.groups?.['due'];
  const missed = /^Missed: it was due on (?<due>.+?\)), and/.exec(head)?.groups?.['due'];
  const count = /\d+ times? (?:was|were) missed, from .+? to .+?\)\./.exec(head)?.[0];
  const at = told.lastIndexOf(SINCE);
  return say(
    missed === undefined
      ? `Reminder: ${words}${late === undefined ? '' : ` (late: it was due ${late})`}`
      : `Missed reminder: ${words} (it was due ${missed}, and I was not running then). Does it still matter?`,
    ...(count === undefined ? [] : [count]),
    ...(at < 0 ? [] : [`What has changed since:\n${quoted(told.slice(at + SINCE.length))}`]),
  );
}

/** Nothing of what set the work off is taken as an order. */
function setOff(told: string, words: string, plan: Plan | undefined): Plan {
  const [head = '', ...seen] = told.split('\n\n');
  const notes = [head, ...(seen.length === 0 ? [] : [quoted(seen.join('\n\n'))])];
  if (head.startsWith('Missed:')) return say(...notes, `It was: “${shorten(words, 500)}”`);
  if (plan !== undefined) return { ...plan, notes: [...notes, ...plan.notes] };
  return say(...notes, `To be done: “${shorten(words, 500)}”. By simple rules I can do no more about it.`);
}

function quoted(text: string): string {
  return text.length <= MOST_QUOTED ? text : `${text.slice(0, MOST_QUOTED).toWellFormed()}…`;
}
