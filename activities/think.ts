import { ApplicationFailure } from '@temporalio/common';
import { ModelError, type ModelReply, type ModelUsage } from '../contracts/model.js';
import type { Step, ThinkInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import { reserveAgain, settleAttempt } from '../engine/reservations.js';
import { noteModelParked, noteModelTrouble, shrinkContext } from '../engine/model-trouble.js';
import { beginTurn, failRequest, type TurnContext } from '../engine/turn-context.js';
import { type NewTurn, storeTurn, textOf } from '../engine/turns.js';
import type { ActivityDeps } from './deps.js';
import { DeltaPublisher } from './delta-publisher.js';
import { retryIn } from './failure.js';
import { judgeCalls } from './judge.js';
import { placesFor } from './outward.js';
import { type AskPlan, planTurn, priceOf, sumOfUsage, tokensOf, withinReserve } from './turn-plan.js';

/** Attempts of one turn before the request is given up. */
const MOST_ATTEMPTS = 12;
const LONGEST_BACKOFF_MS = 60_000;

/**
 * One turn: asks the model unless the turn is stored already, judges the calls it chose, stores all of it in one
 * transaction and says what comes next.
 */
export async function thinkTurn(deps: ActivityDeps, input: ThinkInput, abortSignal: AbortSignal): Promise<Step> {
  const begun = await beginTurn(deps.engine, input, input.turn, (context) => planTurn(deps, context));
  if (begun.kind === 'step') return begun.step;
  const { context, plan } = begun;
  const { model } = plan.request;
  if (!deps.models.isPriced(model, plan.at)) return failRequest(deps.engine, input, unpriced(model));
  const asking: Asking = { context, plan, isReserved: begun.reservedUsd !== undefined, discarded: undefined };
  const request = withinReserve(deps, plan, begun.reservedUsd);
  const startedAt = new Date();
  const deltas = new DeltaPublisher(deps.bus, {
    request: input.request,
    agent: input.agent,
    turn: input.turn,
    attempt: context.attempt,
  });
  const ask = async (): Promise<ModelReply> =>
    wellFormed(
      await deps.models.complete(request, {
        abortSignal,
        onText: (text) => deltas.add(text.replaceAll('\u0000', '')),
      }),
    );
  try {
    const first = await ask();
    const reply = isEmpty(first) ? await secondAnswer(deps, input, asking, first, ask) : first;
    deltas.flush();
    return await keep(deps, input, asking, reply, startedAt);
  } catch (error) {
    deltas.drop();
    if (error instanceof ModelError) {
      await settleFailed(deps, input, asking, error);
      return await afterModelError(deps, input, context, error);
    }
    if (error instanceof ApplicationFailure || context.attempt < MOST_ATTEMPTS) throw error;
    deps.log.error({ err: error, request: input.request }, 'a turn failed again and again; the request is ended');
    return await failRequest(deps.engine, input, {
      type: 'internal',
      message: 'The turn failed again and again. Send the request again, or look at the log.',
    });
  } finally {
    deps.bus.forget(input.request, input.agent, input.turn);
  }
}

/** One attempt while it is under way. */
interface Asking {
  readonly context: TurnContext;
  readonly plan: AskPlan;
  /** Money was set aside for it. */
  readonly isReserved: boolean;
  /** What an answer cost that nobody could use, when the model was asked a second time after it. */
  discarded: ModelUsage | undefined;
}

/** An answer nobody can use is billed all the same. It is also the last one when there is no money for a second. */
async function secondAnswer(
  deps: ActivityDeps,
  input: ThinkInput,
  asking: Asking,
  first: ModelReply,
  ask: () => Promise<ModelReply>,
): Promise<ModelReply> {
  const { context, plan } = asking;
  if (plan.wish !== undefined && !(await reserveAgain(deps.engine, input, placeOf(input, context), plan.wish)))
    return first;
  asking.discarded = first.usage;
  const second = await ask();
  return { ...second, usage: sumOfUsage(first.usage, second.usage) };
}

function placeOf(input: ThinkInput, context: TurnContext): { turn: number; attempt: number } {
  return { turn: input.turn, attempt: context.attempt };
}

/**
 * Ends the reservation of an attempt whose cost is known although it failed. What is not known stays reserved: the next
 * attempt, or the end of the request, books it at its bound.
 */
async function settleFailed(deps: ActivityDeps, input: ThinkInput, asking: Asking, error: ModelError): Promise<void> {
  if (!asking.isReserved || (error.usage === undefined && error.billed === 'maybe')) return;
  const known = [asking.discarded, error.usage].filter((usage) => usage !== undefined);
  const usage = known.length === 0 ? undefined : known.reduce(sumOfUsage);
  await settleUseless(deps, input, asking, asking.plan.request.model, usage);
}

/** Books what an attempt cost that led to no turn; nothing when it cost nothing. */
async function settleUseless(
  deps: ActivityDeps,
  input: ThinkInput,
  { context, plan }: Asking,
  name: string,
  usage: ModelUsage | undefined,
): Promise<void> {
  const spent =
    usage === undefined ? undefined : { name, quantity: tokensOf(usage), usd: priceOf(deps, plan, name, usage) };
  await settleAttempt(deps.engine, input, placeOf(input, context), spent);
}

function unpriced(model: string) {
  return {
    type: 'unpriced-model',
    message: `No price is known for the model ${model}, so it does not run under a budget. Add its price under models.prices in retinue.yaml.`,
  };
}

async function keep(
  deps: ActivityDeps,
  input: ThinkInput,
  asking: Asking,
  reply: ModelReply,
  startedAt: Date,
): Promise<Step> {
  const { context } = asking;
  if (reply.stopReason === 'model_context_window_exceeded') {
    if (asking.isReserved) await settleUseless(deps, input, asking, reply.model, reply.usage);
    return tooLarge(deps, input);
  }
  const { labels } = context.agent;
  const chosen = reply.content.flatMap((block) => (block.type === 'tool_use' ? [deps.skills.get(block.name)] : []));
  const places = await placesFor(deps, input, chosen, labels);
  const calls = judgeCalls(reply, {
    registry: deps.skills,
    allowed: context.agent.skills,
    labels,
    mostCalls: deps.engine.limits.callsPerTurn,
    conversationId: context.request.conversation_id,
    policies: context.policies,
    places,
  });
  const error = endingError(reply);
  const turn: NewTurn = {
    turn: input.turn,
    attempt: context.attempt,
    startedAt,
    reply: reply.stopReason === 'max_tokens' && calls.length === 0 ? marked(reply) : reply,
    calls,
    outcomes: context.outcomes.flatMap((outcome) => (outcome.reported_in_turn === null ? [outcome.id] : [])),
    lastMessageSeq: context.messages.at(-1)?.seq ?? 0,
    lastNoteSeq: context.notes.at(-1)?.seq ?? 0,
    usd: priceOf(deps, asking.plan, reply.model, reply.usage),
    isReserved: asking.isReserved,
    ...(error === undefined ? {} : { error }),
  };
  return storeTurn(deps.engine, input, turn);
}

/** Says nothing and wants nothing, without a reason that explains it. */
function isEmpty(reply: ModelReply): boolean {
  if (
    reply.stopReason === 'pause_turn' ||
    reply.stopReason === 'refusal' ||
    reply.stopReason === 'model_context_window_exceeded'
  )
    return false;
  return textOf(reply.content).trim() === '' && !reply.content.some((block) => block.type === 'tool_use');
}

function endingError(reply: ModelReply): NewTurn['error'] {
  if (reply.stopReason === 'refusal')
    return {
      type: 'refusal',
      message: 'The model declined to answer this. Ask in another way, or with another model.',
    };
  if (isEmpty(reply))
    return { type: 'empty-answer', message: 'The model gave an empty answer twice. Try again, or with another model.' };
  return undefined;
}

function marked(reply: ModelReply): ModelReply {
  return {
    ...reply,
    content: [
      ...reply.content,
      { type: 'text', text: '\n\n(The answer ends here: the model reached its output limit.)' },
    ],
  };
}

async function tooLarge(deps: ActivityDeps, input: ThinkInput): Promise<Step> {
  if (await shrinkContext(deps.engine, input)) throw retryIn('ContextTooLarge', 50);
  return failRequest(deps.engine, input, {
    type: 'too-large',
    message: 'The request does not fit into the model even with older results left out. Send a shorter one.',
  });
}

/** Waiting out what passes, parking what a person must mend, ending what cannot work. */
async function afterModelError(
  deps: ActivityDeps,
  input: ThinkInput,
  context: TurnContext,
  error: ModelError,
): Promise<Step> {
  const message = wellFormed(error.message);
  switch (error.kind) {
    case 'aborted':
      throw retryIn('Aborted', 100);
    case 'too_large':
      return tooLarge(deps, input);
    case 'invalid':
      return failRequest(deps.engine, input, { type: 'model-refused-input', message });
    case 'unauthorised':
    case 'billing':
      deps.log.error({ kind: error.kind, request: input.request }, `the model cannot be used: ${error.message}`);
      await noteModelParked(deps.engine, input, message);
      throw retryIn('ModelNeedsAPerson', deps.parkedMs);
    case 'rate_limited':
      return waitForModel(deps, input, context, error);
    case 'overloaded':
    case 'server':
    case 'network':
    case 'timeout':
    case 'cut_off':
      if (context.attempt < MOST_ATTEMPTS) return waitForModel(deps, input, context, error);
      return failRequest(deps.engine, input, {
        type: 'model-unavailable',
        message: `The model did not answer after ${context.attempt} attempts (${message}). Try again later.`,
      });
  }
}

async function waitForModel(
  deps: ActivityDeps,
  input: ThinkInput,
  context: TurnContext,
  error: ModelError,
): Promise<never> {
  const backoff = Math.min(LONGEST_BACKOFF_MS, 200 * 2 ** Math.min(context.attempt, 10)) * (0.75 + Math.random() / 2);
  const delay = Math.max(backoff, error.retryAfterMs ?? 0);
  if (context.attempt > 1 || delay > 2_000)
    await noteModelTrouble(
      deps.engine,
      input,
      `The model is not available just now (${error.kind.replace('_', ' ')}); it is asked again by itself.`,
    );
  throw retryIn(`Model.${error.kind}`, Math.round(delay));
}
