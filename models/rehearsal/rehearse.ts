import { type Call, callKey, type Outcome, type Plan, type Rule, say, together } from './calls.js';
import { describeDecision } from './decision-text.js';
import { approvalsOf } from './decisions.js';
import { isRecord, stringOf } from './json.js';
import { describeOutcome } from './report.js';
import type { RehearsalRequest } from './request.js';
import { amIFree, askMe, files, messageMe, schedule } from './rules/act-commands.js';
import { directUse } from './rules/direct-use.js';
import { invite } from './rules/invite.js';
import { mail } from './rules/mail.js';
import { mailbox } from './rules/mailbox.js';
import { meetingNote } from './rules/meeting-note.js';
import { notes } from './rules/notes.js';
import { occasionIn } from './rules/occasions.js';
import { recordings } from './rules/recordings.js';
import { changedReminder, listedReminders, remindMe } from './rules/reminders.js';
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
export const MAX_TURNS = 8;

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
  listedReminders,
  changedReminder,
  mail,
  mailbox,
  files,
  amIFree,
  whoIs,
  invite,
  schedule,
  meetingNote,
  notes,
  markDone,
  questions,
];

/** What remains for texts of a length no command or question has. */
const LONG_TEXT = 4000;
const RULES_FOR_LONG: readonly Rule[] = [directUse, remember, messageMe, mail, files, meetingNote, notes];

/** What standing instructions may have done without anybody there. */
const RULES_FOR_WORK: readonly Rule[] = [
  directUse,
  addTask,
  messageMe,
  listedReminders,
  mailbox,
  files,
  amIFree,
  (text, setting) => (text.trim().endsWith('?') ? questions(text, setting) : undefined),
];

const NOTHING_DONE = 'Nothing was stored or changed.';
const NO_ORDER = 'For your other words nothing was stored or changed.';
const ABILITIES =
  'Offline I can take a note with explicit action items and a next meeting, remember and forget, add a task, mark one done, ' +
  'enter an event, invite to it, set, list, snooze and cancel reminders, write, search and read mail, read and write files, look things up, and call a skill as in ' +
  '“use tasks_list {}”.';

function firstPlan(rules: readonly Rule[], text: string, setting: Setting): Plan | undefined {
  for (const rule of rules) {
    const plan = rule(text, setting);
    if (plan) return plan;
  }
  return undefined;
}

function planFor(text: string, setting: Setting, otherwise: string): Plan {
  const spoken = recordings(text, setting, (words) => planFor(words, setting, otherwise));
  if (spoken) return spoken;
  const plan = firstPlan(text.length > LONG_TEXT ? RULES_FOR_LONG : RULES, text, setting);
  if (plan) return plan;
  // What the product itself reports into the conversation is no order to act on.
  return /^\s*[[<{]/.test(text) ? say(`Noted: ${shorten(text, 500)}`) : say(`${otherwise} ${ABILITIES}`);
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

function approvalIn(outcome: Outcome): string {
  return (isRecord(outcome.value) ? stringOf(outcome.value, 'approval') : undefined) ?? '';
}

/** Ends the turn: decisions first, then what was done, then what there is to say about the rest. */
function finalText(plan: Plan, situation: Situation, setting: Setting, later: readonly string[]): Rehearsal {
  const over = approvalsOf(situation.decided);
  // What is decided by now does not wait any more.
  const current = (outcomes: readonly Outcome[]) => outcomes.filter((outcome) => !over.has(approvalIn(outcome)));
  const general = (outcomes: readonly Outcome[]) => outcomes.map((outcome) => describeOutcome(outcome, setting));
  const own = current(situation.outcomes);
  const reported = plan.report && own.length > 0 ? plan.report(own) : general(own);
  const decided = situation.decided.map((decision) => describeDecision(decision, setting));
  const parts = [...decided, ...general(current(situation.earlier)), ...reported, ...plan.notes, ...later];
  const said = parts.filter((part) => part.trim() !== '');
  return { kind: 'text', text: [...(said.length > 0 ? said : ['Nothing was done.']), REHEARSAL_LABEL].join('\n') };
}

const NO_PLAN: Plan = { calls: [], notes: [] };

function planOf(situation: Situation, setting: Setting): Plan {
  const isReport = situation.decided.length > 0;
  // A decision is reported and nothing else follows from it.
  if (situation.texts.length === 0) return isReport ? NO_PLAN : say('I can only read text, and there is none.');
  const due = occasionIn(situation.texts, setting, (words) => firstPlan(RULES_FOR_WORK, words, setting));
  if (due?.others.length === 0) return due.plan;
  const texts = due?.others ?? situation.texts;
  const plan = combined(texts.map((text) => planFor(text, setting, isReport ? NO_ORDER : NOTHING_DONE)));
  return due === undefined ? plan : { ...plan, ...together(due.plan, plan) };
}

function turn(situation: Situation, setting: Setting): Rehearsal {
  const plan = planOf(situation, setting);
  if (situation.turns >= MAX_TURNS - 1) return finalText(plan, situation, setting, []);
  if (situation.turns === 0 && plan.calls.length > 0) return { kind: 'calls', calls: plan.calls };
  const done = new Set(situation.outcomes.map(callKey));
  const further = situation.turns === 0 ? NO_PLAN : (plan.next?.(situation.outcomes) ?? NO_PLAN);
  const fresh = further.calls.filter((call) => !done.has(callKey(call)));
  return fresh.length > 0 ? { kind: 'calls', calls: fresh } : finalText(plan, situation, setting, further.notes);
}

/** Answers a request by the rules, from nothing but the request: the same request always gets the same answer. */
export function rehearse(request: RehearsalRequest): Rehearsal {
  return turn(readSituation(request), readSetting(request.system, request.tools));
}
