import { ApplicationFailure } from '@temporalio/common';
import { ModelError, type ModelReply, type ModelUsage } from '../contracts/model.js';
import type { Step, ThinkInput } from '../contracts/step.js';
import { wellFormed } from '../contracts/well-formed.js';
import {
  beginTurn,
  failRequest,
  noteModelParked,
  noteModelTrouble,
  shrinkContext,
  type TurnContext,
} from '../engine/turn-context.js';
import { type NewTurn, storeTurn, textOf } from '../engine/turns.js';
import type { ActivityDeps } from './deps.js';
import { DeltaPublisher } from './delta-publisher.js';
import { retryIn } from './failure.js';
import { judgeCalls } from './judge.js';
import { modelInput } from './model-input.js';

/** Attempts of one turn before another model is tried, and before the request is given up. */
const ATTEMPTS_A_MODEL = 3;
const MOST_ATTEMPTS = 12;
/** How often a turn may be asked again with more room after its answer was cut. */
const MOST_DOUBLINGS = 2;
/** Every model takes this much, so asking for more room never makes a request wrong. */
const MOST_ROOM = 32_000;
const LONGEST_BACKOFF_MS = 60_000;

/**
 * One turn: asks the model unless the turn is stored already, judges the calls it chose, stores all of it in one
 * transaction and says what comes next.
 */
export async function thinkTurn(deps: ActivityDeps, input: ThinkInput, abortSignal: AbortSignal): Promise<Step> {
  const begun = await beginTurn(deps.engine, input, input.turn);
  if (begun.kind === 'step') return begun.step;
  const { context } = begun;
  const model = modelFor(deps, context);
  if (!deps.models.isPriced(model, new Date())) return failRequest(deps.engine, input, unpriced(model));
  const startedAt = new Date();
  const deltas = new DeltaPublisher(deps.bus, {
    request: input.request,
    agent: input.agent,
    turn: input.turn,
    attempt: context.attempt,
  });
  const ask = async (): Promise<ModelReply> =>
    wellFormed(
      await deps.models.complete(requestFor(deps, context, model), {
        abortSignal,
        onText: (text) => deltas.add(text.replaceAll('\u0000', '')),
      }),
    );
  try {
    const first = await ask();
    const reply = isEmpty(first) ? withUsageOf(first, await ask()) : first;
    deltas.flush();
    return await keep(deps, input, context, reply, startedAt);
  } catch (error) {
    deltas.drop();
    if (error instanceof ModelError) return await afterModelError(deps, input, context, error);
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

function modelFor(deps: ActivityDeps, context: TurnContext): string {
  const order = deps.models.order(context.agent.model);
  return order[Math.min(order.length - 1, Math.floor((context.attempt - 1) / ATTEMPTS_A_MODEL))] ?? context.agent.model;
}

function requestFor(deps: ActivityDeps, context: TurnContext, model: string) {
  return modelInput(context, {
    model,
    tools: deps.skills.tools(context.agent.skills ?? undefined),
    maxTokens: Math.max(
      deps.models.maxOutputTokens,
      Math.min(MOST_ROOM, deps.models.maxOutputTokens * 2 ** Math.min(MOST_DOUBLINGS, context.attempt - 1)),
    ),
    characters: Math.floor((deps.models.contextCharacters * context.agent.context_share) / 100),
  });
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
  context: TurnContext,
  reply: ModelReply,
  startedAt: Date,
): Promise<Step> {
  if (reply.stopReason === 'model_context_window_exceeded') return tooLarge(deps, input);
  const calls = judgeCalls(reply, {
    registry: deps.skills,
    allowed: context.agent.skills,
    labels: context.agent.labels,
    mostCalls: deps.engine.limits.callsPerTurn,
    conversationId: context.request.conversation_id,
  });
  const error = endingError(reply);
  const turn: NewTurn = {
    turn: input.turn,
    attempt: context.attempt,
    startedAt,
    reply: reply.stopReason === 'max_tokens' && calls.length === 0 ? marked(reply) : reply,
    calls,
    lastMessageSeq: context.messages.at(-1)?.seq ?? 0,
    usd:
      deps.models.priceOf(reply.model, reply.usage, startedAt) ??
      deps.models.priceOf(modelFor(deps, context), reply.usage, startedAt) ??
      '0',
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

/** An answer nobody can use is billed all the same. */
function withUsageOf(first: ModelReply, second: ModelReply): ModelReply {
  const [a, b] = [first.usage, second.usage];
  const usage: ModelUsage = {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  };
  return { ...second, usage };
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
