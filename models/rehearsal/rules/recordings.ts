import { callKey, fittingCall, type Outcome, type Plan, say, together } from '../calls.js';
import { stringOf } from '../json.js';
import { describeOutcome } from '../report.js';
import { failureOf, recordOf } from '../results.js';
import type { Setting } from '../setting.js';
import { shorten } from '../text.js';
import { planNote } from './meeting-note.js';

const FILE =
  /\[attached file (?<id>[A-Za-z0-9_-]{1,64}): "(?:[^"\\]|\\.)*", audio\/[^,\]\s]+(?:, \d+ s)?(?<forwarded>, forwarded[^\]]*)?\]/gu;
const SKILL = 'transcribe_audio';

interface Recording {
  readonly id: string;
  readonly isForwarded: boolean;
}

type PlanFor = (text: string, setting: Setting) => Plan;

function recordingsIn(text: string): Recording[] {
  const all = [...text.matchAll(FILE)].map((match) => ({
    id: match.groups?.['id'] ?? '',
    isForwarded: match.groups?.['forwarded'] !== undefined,
  }));
  return all.filter(({ id }, index) => all.findIndex((other) => other.id === id) === index);
}

/** What the words of a recording lead to; somebody else's are information and never an order. */
function planOf(spoken: string, recording: Recording, caption: string, setting: Setting, planFor: PlanFor): Plan {
  if (!recording.isForwarded) return planFor(caption === '' ? spoken : `${spoken}\n${caption}`, setting);
  if (setting.tools.some((tool) => tool.name === 'record_meeting')) return planNote(spoken, true, setting);
  return say(`The forwarded recording says, in somebody else’s words: “${shorten(spoken, 1000)}”`);
}

function spokenIn(recording: Recording, outcomes: readonly Outcome[]): string | undefined {
  const heard = outcomes.find(
    (outcome) => outcome.name === SKILL && Object.values(outcome.input).includes(recording.id),
  );
  return heard && failureOf(heard) === undefined ? stringOf(recordOf(heard), 'text') : undefined;
}

function plansOf(
  recordings: readonly Recording[],
  caption: string,
  outcomes: readonly Outcome[],
  setting: Setting,
  planFor: PlanFor,
): Plan[] {
  return recordings.flatMap((recording, index) => {
    const spoken = spokenIn(recording, outcomes);
    return spoken === undefined ? [] : [planOf(spoken, recording, index === 0 ? caption : '', setting, planFor)];
  });
}

function furtherOf(plan: Plan, outcomes: readonly Outcome[]) {
  const done = new Set(outcomes.map(callKey));
  const open = plan.calls.filter((call) => !done.has(callKey(call)));
  return open.length > 0 ? { calls: open, notes: [] } : (plan.next?.(outcomes) ?? { calls: [], notes: [] });
}

/** Recordings are written down first; their words are then read as if they had been typed. */
export function recordings(text: string, setting: Setting, planFor: PlanFor): Plan | undefined {
  const found = recordingsIn(text);
  if (found.length === 0) return undefined;
  const caption = text.replace(FILE, '').trim();
  const listening = together(...found.map(({ id }) => fittingCall(setting, SKILL, { file: id }, ['file'])));
  if (listening.calls.length === 0) return { ...listening, notes: [...new Set(listening.notes)] };
  const plans = (outcomes: readonly Outcome[]) => plansOf(found, caption, outcomes, setting, planFor);
  return {
    ...listening,
    next: (outcomes) => together(...plans(outcomes).map((plan) => furtherOf(plan, outcomes))),
    report: (outcomes) => {
      const later = outcomes.filter(({ name }) => name !== SKILL);
      const failed = outcomes.filter((outcome) => outcome.name === SKILL && failureOf(outcome) !== undefined);
      return [
        ...failed.map((outcome) => describeOutcome(outcome, setting)),
        ...plans(outcomes).flatMap((plan) => [
          ...(plan.report?.(later) ?? later.map((outcome) => describeOutcome(outcome, setting))),
          ...plan.notes,
        ]),
      ];
    },
  };
}
