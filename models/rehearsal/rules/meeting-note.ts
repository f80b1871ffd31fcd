import { type Call, callKey, fittingCall, type Outcome, type Plan, type Rule, type Step } from '../calls.js';
import { actionsFor, afterAnswer, answerIn, questionFor } from '../note/actions.js';
import { type Draft, draftOf, type NoteReading, readNote } from '../note/reading.js';
import { foundBy, lookUps, nameCandidates } from '../note/look-up.js';
import { recap } from '../note/recap.js';
import { meetingRecord } from '../note/record.js';
import { MAX_READ } from '../action-items.js';
import type { Setting } from '../setting.js';
import { normaliseText } from '../text.js';
import { isRecap } from './notes.js';

const FILE = 'record_meeting';
const LEAST_WORDS = 6;
/** So many words in several sentences are more than an order or a list. */
const LONG_WORDS = 45;

function isDone(calls: readonly Call[], outcomes: readonly Outcome[]): boolean {
  const done = new Set(outcomes.map(callKey));
  return calls.every((call) => done.has(callKey(call)));
}

/** Look up, file, act, ask: each step waits for the results of the one before. */
function stepAfter(draft: Draft, outcomes: readonly Outcome[], setting: Setting): Step {
  const looking = lookUps(draft.sentences, draft.language, setting);
  if (!isDone(looking.calls, outcomes)) return looking;
  const reading = readNote(draft, foundBy(looking.calls, outcomes), setting);
  const filing = fittingCall(setting, FILE, meetingRecord(reading), ['title']);
  if (!isDone(filing.calls, outcomes)) return filing;
  const acting = actionsFor(reading, setting);
  const notes = [...filing.notes, ...acting.notes];
  if (!isDone(acting.calls, outcomes)) return { calls: acting.calls, notes };
  const asking = questionFor(reading, setting);
  if (!isDone(asking.calls, outcomes)) return { calls: asking.calls, notes };
  const settled = afterAnswer(answerIn(asking.calls, outcomes), reading, setting);
  return { calls: settled.calls, notes: [...notes, ...settled.notes] };
}

function readingOf(draft: Draft, outcomes: readonly Outcome[], setting: Setting): NoteReading {
  const looking = lookUps(draft.sentences, draft.language, setting);
  return readNote(draft, foundBy(looking.calls, outcomes), setting);
}

/** The plan for what was said after a meeting, by the user or, forwarded, by somebody else. */
export function planNote(text: string, isForwarded: boolean, setting: Setting): Plan {
  const draft = draftOf(text.slice(0, MAX_READ).toWellFormed(), isForwarded, setting);
  const first = stepAfter(draft, [], setting);
  return {
    calls: first.calls,
    notes: text.length > MAX_READ ? [`Only its first ${MAX_READ} characters were read.`] : [],
    next: (outcomes) => stepAfter(draft, outcomes, setting),
    report: (outcomes) => recap(readingOf(draft, outcomes, setting), outcomes, setting),
  };
}

const NOTHING_FOUND = { contacts: [], tasks: [], agreements: [], meetings: [], events: [], mails: [], failures: [] };

/** How sure it is that a text tells of a meeting: a list of to-dos alone does not. */
function isMeeting(text: string, setting: Setting): boolean {
  if (isRecap(text)) return true;
  const { statements, next, items, draft } = readNote(draftOf(text, false, setting), NOTHING_FOUND, setting);
  const owners = new Set(items.flatMap(({ owner }) => owner.owner ?? []));
  const signs = [
    statements.decisions.length > 0,
    statements.questions.length > 0,
    next.meeting !== undefined,
    next.meeting !== undefined || next.vague.length > 0,
    owners.size > 1,
    items.length > 0 && draft.sentences.length > 4,
    text.split(/\s+/).length >= LONG_WORDS && draft.sentences.length > 4,
    nameCandidates(draft.sentences.slice(0, 3), setting.user, draft.language).length > 1,
  ];
  return signs.filter(Boolean).length >= 2;
}

/** A post-meeting note, where meetings can be filed. */
export const meetingNote: Rule = (text, setting) => {
  const read = normaliseText(text).slice(0, MAX_READ);
  const isOffered = setting.tools.some((tool) => tool.name === FILE);
  if (!isOffered || read.split(/\s+/).length < LEAST_WORDS || read.trimEnd().endsWith('?') || !isMeeting(read, setting))
    return undefined;
  return planNote(text.trim(), false, setting);
};
