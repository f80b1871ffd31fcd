import { type Call, type Outcome, type Plan, type Rule, say, together } from './calls.js';
import { describeOutcome } from './report.js';
import type { RehearsalRequest } from './request.js';
import { amIFree, askMe, files, messageMe, remindMe, schedule } from './rules/act-commands.js';
import { directUse } from './rules/direct-use.js';
import { notes } from './rules/notes.js';
import { questions, whoIs } from './rules/questions.js';
import { smallTalk, worldClock } from './rules/small-talk.js';
import { addTask, forget, markDone, remember } from './rules/store-commands.js';
import { readSetting, type Setting } from './setting.js';
import { readSituation, type Situation } from './situation.js';
import { shorten } from './text.js';

/** Ends every reply in text, so that nobody takes the rules for a model. */
const REHEARSAL_LABEL = '(rehearsal model: simple rules, no intelligence)';

/** What the model answers: calls to make, or a text that ends the turn. */
export type Rehearsal =
  | { readonly kind: 'calls'; readonly calls: readonly Call[] }
  | { readonly kind: 'text'; readonly text: string };

/** No text of a user takes more assistant turns than this, whatever the results say. */
export const MAX_TURNS = 6;

/** The first rule that takes the text decides. Commands come before notes: they say themselves what they are. */
const RULES: readonly Rule[] = [
  directUse,
  smallTalk,
  worldClock,
  remember,
  forget,
  addTask,
  messageMe,
  askMe,
  remindMe,
  files,
  amIFree,
  whoIs,
  schedule,
  notes,
  markDone,
  questions,
];

/** What remains for texts of a length no command or question has. */
const LONG_TEXT = 4000;
const RULES_FOR_LONG: readonly Rule[] = [directUse, remember, messageMe, files, notes];

const HELP =
  'Nothing was stored or changed. Offline I can take a note with explicit action items and a next meeting, remember and forget, ' +
  'add a task, mark one done, enter an event, read and write files, look things up, and call a skill as in “use tasks_list {}”.';

function planFor(text: string, setting: Setting): Plan {
  for (const rule of text.length > LONG_TEXT ? RULES_FOR_LONG : RULES) {
    const plan = rule(text, setting);
    if (plan) return plan;
  }
  // What the product itself reports into the conversation is no order to act on.
  return /^\s*[[<{]/.test(text) ? say(`Noted: ${shorten(text, 500)}`) : say(HELP);
}

function combined(plans: readonly Plan[]): Plan {
  const [only] = plans;
  if (plans.length === 1 && only) return only;
  const useful = plans.filter((plan) => plan.calls.length > 0 || plan.next !== undefined);
  const [single] = useful;
  if (useful.length === 1 && single) return single;
  const chosen = useful.length > 0 ? useful : plans.slice(-1);
  // Follow-ups and reports of their own belong to one plan each; side by side the general report has to do.
  const nexts = chosen.flatMap((plan) => plan.next ?? []);
  return {
    ...together(...chosen),
    ...(nexts.length > 0 ? { next: (outcomes) => together(...nexts.map((next) => next(outcomes))) } : {}),
  };
}

function callKey(call: Call): string {
  return `${call.name} ${JSON.stringify(call.input)}`;
}

function finalText(plan: Plan, situation: Situation, setting: Setting, later: readonly string[]): Rehearsal {
  const own = situation.outcomes;
  const general = (outcomes: readonly Outcome[]) => outcomes.map((outcome) => describeOutcome(outcome, setting));
  const reported = plan.report && own.length > 0 ? plan.report(own) : general(own);
  const parts = [...general(situation.earlier), ...reported, ...plan.notes, ...later].filter(
    (part) => part.trim() !== '',
  );
  return { kind: 'text', text: [...(parts.length > 0 ? parts : ['Nothing was done.']), REHEARSAL_LABEL].join('\n') };
}

function turn(situation: Situation, setting: Setting): Rehearsal {
  if (situation.texts.length === 0)
    return finalText(say('I can only read text, and there is none.'), situation, setting, []);
  const plan = combined(situation.texts.map((text) => planFor(text, setting)));
  if (situation.turns >= MAX_TURNS - 1) return finalText(plan, situation, setting, []);
  if (situation.turns === 0 && plan.calls.length > 0) return { kind: 'calls', calls: plan.calls };
  const done = new Set(situation.outcomes.map(callKey));
  const further =
    situation.turns === 0 ? { calls: [], notes: [] } : (plan.next?.(situation.outcomes) ?? { calls: [], notes: [] });
  const fresh = further.calls.filter((call) => !done.has(callKey(call)));
  return fresh.length > 0 ? { kind: 'calls', calls: fresh } : finalText(plan, situation, setting, further.notes);
}

/** Answers a request by the rules, from nothing but the request: the same request always gets the same answer. */
export function rehearse(request: RehearsalRequest): Rehearsal {
  return turn(readSituation(request), readSetting(request.system, request.tools));
}
