import type { Outcome } from './calls.js';
import { type Decided, decidedIn, isDecision } from './decisions.js';
import { isRecord, parseJson } from './json.js';
import type { RehearsalRequest, Said, ToolAnswer, ToolCall } from './request.js';

/** Where the conversation stands, read from its messages alone. */
export interface Situation {
  /** The last thing the user typed that has no answer in text yet, one entry a block; reports of decisions are none of it. */
  readonly texts: readonly string[];
  /** Assistant turns since that text. */
  readonly turns: number;
  /** Results of the calls made for that text. */
  readonly outcomes: readonly Outcome[];
  /** Results of calls made for texts before it that were never reported. */
  readonly earlier: readonly Outcome[];
  /** What has become of earlier proposals and was not told yet. */
  readonly decided: readonly Decided[];
}

const QUESTION_SKILL = 'ask_user';

function isFinal(said: Said): boolean {
  return said.role === 'assistant' && said.calls.length === 0;
}

function typedIn(said: Said): readonly string[] {
  return said.role === 'user' ? said.texts.filter((text) => !isDecision(text)) : [];
}

/** Text that comes while a question waits is its answer, not new work. */
function answersQuestion(said: readonly Said[], at: number): boolean {
  const before = said.slice(0, at).findLast((message) => message.role === 'assistant');
  return before?.role === 'assistant' && before.calls.some((call) => call.name === QUESTION_SKILL);
}

function toOutcome(call: ToolCall, answers: readonly ToolAnswer[], typed: string): Outcome {
  const answer = answers.find((candidate) => candidate.id === call.id);
  const parsed = answer === undefined ? undefined : parseJson(answer.text);
  const outcome = {
    name: call.name,
    input: call.input,
    answered: answer !== undefined,
    isError: answer?.isError ?? false,
    text: answer?.text ?? '',
  };
  const needsTyped =
    call.name === QUESTION_SKILL && typed !== '' && !(isRecord(parsed) && typeof parsed['answer'] === 'string');
  return needsTyped ? { ...outcome, answered: true, value: { answer: typed } } : { ...outcome, value: parsed };
}

function outcomesIn(said: readonly Said[]): Outcome[] {
  return said.flatMap((message, index) => {
    if (message.role !== 'assistant') return [];
    const rest = said.slice(index + 1);
    const next = rest.findIndex((later) => later.role === 'assistant');
    const replies = (next === -1 ? rest : rest.slice(0, next)).filter((later) => later.role === 'user');
    const typed = replies.flatMap(typedIn).join('\n');
    return message.calls.map((call) =>
      toOutcome(
        call,
        replies.flatMap((reply) => reply.answers),
        typed,
      ),
    );
  });
}

/** Finds the open text and what has been done for it; the server itself remembers nothing. */
export function readSituation(request: RehearsalRequest): Situation {
  const lastFinal = request.said.findLastIndex(isFinal);
  const open = request.said.slice(lastFinal + 1);
  const at = open.findLastIndex((message, index) => typedIn(message).length > 0 && !answersQuestion(open, index));
  const message = open[at];
  const since = open.slice(at + 1);
  const turns = since.filter((later) => later.role === 'assistant').length;
  const decided = open.flatMap((said) => (said.role === 'user' ? said.texts.flatMap(decidedIn) : []));
  const texts = message ? typedIn(message) : [];
  return { texts, turns, outcomes: outcomesIn(since), earlier: outcomesIn(open.slice(0, at + 1)), decided };
}
