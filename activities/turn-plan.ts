import type { ModelRequest, ModelUsage } from '../contracts/model.js';
import type { Wish } from '../engine/reservations.js';
import type { TurnContext, TurnPlan } from '../engine/turn-context.js';
import type { ActivityDeps } from './deps.js';
import { modelInput } from './model-input.js';

/** Attempts of one turn before another model is tried. */
const ATTEMPTS_A_MODEL = 3;
/** How often a turn may be asked again with more room after its answer was cut. */
const MOST_DOUBLINGS = 2;
/** Every model takes this much, so asking for more room never makes a request wrong. */
const MOST_ROOM = 32_000;
/** No text has more tokens than one for every two of its UTF-8 bytes. */
const BYTES_A_TOKEN = 2;
/** With less room than this an answer is not worth asking for. */
const LEAST_ROOM = 1_024;

/** What one attempt of a turn asks the model, and what that may cost. */
export interface AskPlan extends TurnPlan {
  readonly request: ModelRequest;
  /** Upper bound of the prompt's tokens; 0 for a model that costs nothing. */
  readonly promptTokens: number;
  /** The instant whose prices hold. */
  readonly at: Date;
}

export function planTurn(deps: ActivityDeps, context: TurnContext): AskPlan {
  const at = new Date();
  const model = modelFor(deps, context);
  const free = isFree(deps, model, at);
  const request = requestFor(deps, context, model, free ? context.attempt - 1 : context.useless);
  if (free) return { request, promptTokens: 0, at, wish: undefined };
  const promptTokens = tokenBound(request);
  return { request, promptTokens, at, wish: wishFor(deps, request, promptTokens, at) };
}

function modelFor(deps: ActivityDeps, context: TurnContext): string {
  const order = deps.models.order(context.agent.model);
  return order[Math.min(order.length - 1, Math.floor((context.attempt - 1) / ATTEMPTS_A_MODEL))] ?? context.agent.model;
}

/**
 * More room each time an answer was of no use, since it may have been cut. Where nothing is paid nothing tells those from
 * other failures, and more room costs nothing.
 */
function requestFor(deps: ActivityDeps, context: TurnContext, model: string, useless: number): ModelRequest {
  return modelInput(context, {
    model,
    tools: deps.skills.tools(context.agent.skills ?? undefined),
    maxTokens: Math.max(
      deps.models.maxOutputTokens,
      Math.min(MOST_ROOM, deps.models.maxOutputTokens * 2 ** Math.min(MOST_DOUBLINGS, useless)),
    ),
    characters: Math.floor((deps.models.contextCharacters * context.agent.context_share) / 100),
  });
}

/** True also for a model without a price, which is not asked at all. */
function isFree(deps: ActivityDeps, model: string, at: Date): boolean {
  const price = deps.models.highestPriceOf(model, { promptTokens: 1_000_000, maxOutputTokens: 1_000_000 }, at);
  return price === undefined || Number(price) === 0;
}

function tokenBound({ system, messages, tools }: ModelRequest): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify([system, messages, tools])) / BYTES_A_TOKEN);
}

function wishFor(deps: ActivityDeps, request: ModelRequest, promptTokens: number, at: Date): Wish {
  const { model, maxTokens } = request;
  const price = (maxOutputTokens: number): string =>
    deps.models.highestPriceOf(model, { promptTokens, maxOutputTokens }, at) ?? '0';
  return { kind: 'model', name: model, minUsd: price(Math.min(LEAST_ROOM, maxTokens)), wantUsd: price(maxTokens) };
}

/** The request with as much room for the answer as the reserved money pays for. */
export function withinReserve(deps: ActivityDeps, plan: AskPlan, reservedUsd: string | undefined): ModelRequest {
  const { request, promptTokens, at } = plan;
  if (reservedUsd === undefined) return request;
  const affordable = deps.models.affordableOutputTokens(request.model, { promptTokens, usd: reservedUsd }, at);
  return affordable >= request.maxTokens ? request : { ...request, maxTokens: affordable };
}

/** USD as a decimal string. An endpoint may name a model of its own in its answer; then the one that was asked counts. */
export function priceOf(deps: ActivityDeps, plan: AskPlan, model: string, usage: ModelUsage): string {
  return deps.models.priceOf(model, usage, plan.at) ?? deps.models.priceOf(plan.request.model, usage, plan.at) ?? '0';
}

export function tokensOf(usage: ModelUsage): number {
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

export function sumOfUsage(a: ModelUsage, b: ModelUsage): ModelUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  };
}
