import { itemFromLine } from '../action-items.js';
import { fittingCall, type Outcome, type Rule, say, together } from '../calls.js';
import { stringOf } from '../json.js';
import { afterOpening } from '../openings.js';
import { describeOutcome, taskText } from '../report.js';
import { failureOf, listOf, textOf } from '../results.js';
import type { Setting } from '../setting.js';
import { contentWords, hasWord, normaliseText, shorten, tidy } from '../text.js';

/** "Remember that …". */
export const remember: Rule = (text, setting) => {
  const what = afterOpening(
    text,
    'remember(?: that|:)\\s|remember\\s(?!when|the time|how)|note (?:that|down)[:,]?\\s|make a note(?: that|:)\\s|merk dir(?:,? dass|:)?\\s|merke dir(?:,? dass|:)?\\s',
  );
  if (what === undefined || what.endsWith('?')) return undefined;
  return fittingCall(setting, 'remember', { text: what }, ['text']);
};

function hitToForget(outcome: Outcome, words: readonly string[]) {
  return listOf(outcome).find(
    (hit) => stringOf(hit, 'id', 'memory', 'atom') !== undefined && words.every((word) => hasWord(textOf(hit), word)),
  );
}

/** "Forget …": finds the memory that contains the words, then forgets that one. */
export const forget: Rule = (text, setting) => {
  const what = afterOpening(text, '(?:forget|vergiss)(?: (?:that|about|what i (?:said|told you) about|dass))?[:,]?\\s');
  if (what === undefined || what.endsWith('?')) return undefined;
  const words = contentWords(what);
  if (words.length === 0) return say('Say which memory I should forget, in words that stand in it.');
  const search = fittingCall(setting, 'search_memory', { query: words.join(' ') }, ['query']);
  const found = (outcomes: readonly Outcome[]) => {
    const searched = outcomes.find((outcome) => outcome.name === 'search_memory');
    return searched && !failureOf(searched) ? hitToForget(searched, words) : undefined;
  };
  return {
    ...search,
    next: (outcomes) => {
      const hit = found(outcomes);
      if (!hit || outcomes.some((outcome) => outcome.name === 'forget')) return { calls: [], notes: [] };
      return fittingCall(setting, 'forget', { memory: stringOf(hit, 'id', 'memory', 'atom') }, ['memory']);
    },
    report: (outcomes) => {
      const hit = found(outcomes);
      const failed = outcomes
        .filter((outcome) => failureOf(outcome) !== undefined)
        .map((outcome) => describeOutcome(outcome, setting));
      const done = outcomes.some((outcome) => outcome.name === 'forget' && !failureOf(outcome));
      if (done && hit) return [`Forgotten: “${shorten(textOf(hit), 200)}”`, ...failed];
      return failed.length > 0
        ? failed
        : [hit ? 'It is still remembered.' : `No memory contains “${shorten(what, 80)}”. Nothing was forgotten.`];
    },
  };
};

const ADD_TASK =
  '(?:add|create|make|new|put in|erstelle|neue)\\s+(?:a |an |the |new |another |eine |neue )*(?:task|to-?do|aufgabe)s?(?: for me)?(?:\\s*[:,–-]\\s*|\\s+(?:to|that says|called|zu)\\s+|\\s+)|(?:task|to-?do|todo|aufgabe)\\s*[:–]\\s*';

/** "Add a task …" and "task: …", one a line. */
export const addTask: Rule = (text, setting) => {
  const tasks = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => afterOpening(line.replace(/^\s*[-*•]\s+/, ''), ADD_TASK));
  if (tasks.length === 0 || tasks.length > 20 || !tasks.every((task) => task !== undefined && !task.endsWith('?')))
    return undefined;
  return together(
    ...tasks.map((task) => fittingCall(setting, 'tasks_create', { ...taskFrom(task ?? '', setting) }, ['title'])),
  );
};

function taskFrom(line: string, setting: Setting) {
  const quoted = /^"([^"]+)"(.*)$/.exec(line);
  const assigned =
    /^(?<rest>.+?),? (?:assigned to|for|owner:?) (?<who>me|\p{Lu}[\p{L}-]+)(?<tail>(?:,? (?:by|until|due|before|on|bis) .*)?)[.!]*$/u.exec(
      line,
    )?.groups;
  if (quoted) return itemFromLine(`${quoted[1]} ${quoted[2]}`, setting);
  if (!assigned) return itemFromLine(line, setting);
  return itemFromLine(`${assigned['rest']}${assigned['tail']}`, setting, assigned['who']);
}

const DONE =
  /^(?:(?:please|ok|okay)[\s,]+)*(?:(?:mark|set|tick off|check off|close|complete|finish)\s+(?:the )?(?:task )?(?<a>.+?)(?:\s+(?:as|to))?\s+(?:done|complete|completed|finished|closed)|(?:the )?(?:task )?(?<b>.+?) (?:is|are|ist) (?:now |already |jetzt )?(?:done|finished|completed|erledigt|fertig)|(?:tick off|check off|complete)\s+(?:the )?(?:task )?(?<c>.+?))[\s.!]*$/iu;

function titleIn(text: string): string | undefined {
  const groups = DONE.exec(normaliseText(text).trim())?.groups;
  const title = groups?.['a'] ?? groups?.['b'] ?? groups?.['c'];
  if (title === undefined || title.split(/\s+/).length > 10 || /[.!?,;]\s/.test(title)) return undefined;
  const plain = tidy(title.replace(/"/g, '').replace(/\btask$/i, ''));
  return contentWords(plain).length === 0 ? undefined : plain;
}

function openTasks(outcomes: readonly Outcome[]) {
  const listed = outcomes.find((outcome) => outcome.name === 'tasks_list');
  return listOf(listed).filter((task) => !/^(?:done|closed|completed)$/i.test(stringOf(task, 'status') ?? ''));
}

function taskNamed(outcomes: readonly Outcome[], title: string) {
  const words = contentWords(title);
  const all = openTasks(outcomes).filter((task) => stringOf(task, 'id', 'task') !== undefined);
  const exact = all.filter((task) => textOf(task).toLowerCase() === title.toLowerCase());
  return exact.length === 1
    ? exact
    : all.filter((task) => words.length > 0 && words.every((word) => hasWord(textOf(task), word)));
}

/** "Mark … done": only when exactly one open task fits; otherwise the user is asked which. */
export const markDone: Rule = (text, setting) => {
  const title = titleIn(text);
  if (title === undefined) return undefined;
  const chosen = (outcomes: readonly Outcome[]) => {
    const answer = stringOf(
      outcomes.find((outcome) => outcome.name === 'ask_user')?.value as Record<string, unknown> | undefined,
      'answer',
      'text',
    );
    return taskNamed(outcomes, answer ?? title);
  };
  const question = (outcomes: readonly Outcome[]) => {
    const shown = (chosen(outcomes).length > 1 ? chosen(outcomes) : openTasks(outcomes))
      .slice(0, 10)
      .map((task) => taskText(task, setting));
    const why = chosen(outcomes).length > 1 ? `More than one task fits “${title}”` : `No open task fits “${title}”`;
    return `${why}. Which one is done? ${shown.join('; ')}`;
  };
  return {
    ...fittingCall(setting, 'tasks_list', {}),
    next: (outcomes) => {
      if (outcomes.some((outcome) => outcome.name === 'tasks_update' || failureOf(outcome) !== undefined))
        return { calls: [], notes: [] };
      const [task, ...others] = chosen(outcomes);
      if (task && others.length === 0)
        return fittingCall(setting, 'tasks_update', { task: stringOf(task, 'id', 'task'), status: 'done' }, [
          'task',
          'status',
        ]);
      if (outcomes.some((outcome) => outcome.name === 'ask_user'))
        return say('I could not tell which task you mean, so nothing was changed.');
      if (openTasks(outcomes).length === 0) return say('There is no open task.');
      const asked = fittingCall(setting, 'ask_user', { question: question(outcomes) }, ['question']);
      return asked.calls.length > 0 ? asked : say(question(outcomes));
    },
    report: (outcomes) => {
      const task = chosen(outcomes)[0];
      return outcomes
        .filter((outcome) => outcome.name === 'tasks_update' || failureOf(outcome) !== undefined)
        .map((outcome) =>
          failureOf(outcome) === undefined && task
            ? `Done: ${taskText({ ...task, status: 'done' }, setting)}`
            : describeOutcome(outcome, setting),
        );
    },
  };
};
