import type { ModelCallOptions, ModelClient, ModelReply, ModelRequest, ModelUsage } from '../contracts/model.js';
import { createAnthropicClient } from './anthropic-client.js';
import { createModelCatalogue, type ModelCatalogue, REHEARSAL_MODEL } from './catalogue.js';
import type { PriceRow } from './price-table.js';
import { affordableOutputTokens, highestPriceOf, isPriced, priceOf } from './prices.js';
import { createRehearsalFetch } from './rehearsal/index.js';

export interface InstallationModelsOptions {
  readonly apiKey?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly tiers: { readonly fast?: string | undefined; readonly smart?: string | undefined };
  readonly fallback: readonly string[];
  readonly prices: Readonly<
    Record<string, { input: string; output: string; cacheRead?: string | undefined; cacheWrite?: string | undefined }>
  >;
  readonly maxOutputTokens: number;
  readonly contextTokens: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly fetch?: typeof globalThis.fetch;
}

const CHARACTERS_A_TOKEN = 4;

/** The models one installation has: those of its endpoint, or the rehearsal model where none is configured. */
export class InstallationModels {
  readonly maxOutputTokens: number;
  readonly contextCharacters: number;
  readonly catalogue: ModelCatalogue;
  /** True when no endpoint is configured and simple rules answer instead of a model. */
  readonly rehearsing: boolean;
  readonly #prices: readonly PriceRow[];
  readonly #rehearsal: ModelClient;
  readonly #endpoint: ModelClient | undefined;

  constructor(options: InstallationModelsOptions) {
    this.rehearsing = options.apiKey === undefined && options.baseUrl === undefined;
    this.maxOutputTokens = options.maxOutputTokens;
    this.contextCharacters = options.contextTokens * CHARACTERS_A_TOKEN;
    this.#prices = Object.entries(options.prices).map(([model, price]) => toRow(model, price));
    const limits = { timeoutMs: options.timeoutMs, idleTimeoutMs: options.idleTimeoutMs };
    this.#rehearsal = createAnthropicClient({
      ...limits,
      baseUrl: 'http://rehearsal.invalid',
      fetch: createRehearsalFetch(),
    });
    this.#endpoint = this.rehearsing
      ? undefined
      : createAnthropicClient({ ...limits, apiKey: options.apiKey, baseUrl: options.baseUrl, fetch: options.fetch });
    this.catalogue = createModelCatalogue({
      tiers: this.#tiers(options),
      fallback: this.rehearsing ? [] : options.fallback,
      maxOutputTokens: options.maxOutputTokens,
      prices: this.#prices,
    });
  }

  #tiers(options: InstallationModelsOptions) {
    if (this.rehearsing) return { fast: REHEARSAL_MODEL, smart: REHEARSAL_MODEL };
    return { fast: options.tiers.fast ?? 'claude-haiku-5-5', smart: options.tiers.smart ?? 'claude-sonnet-5-5' };
  }

  complete(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply> {
    return (request.model === REHEARSAL_MODEL ? this.#rehearsal : (this.#endpoint ?? this.#rehearsal)).complete(
      request,
      options,
    );
  }

  /** The model id for a tier or id; undefined when this installation cannot ask it. */
  resolve(name: string): string | undefined {
    const model = this.catalogue.resolve(name);
    return this.rehearsing && model !== REHEARSAL_MODEL ? undefined : model;
  }

  order(model: string): readonly string[] {
    return this.catalogue.candidates(model);
  }

  priceOf(model: string, usage: ModelUsage, at: Date): string | undefined {
    const price = priceOf(model, usage, at, this.#prices);
    return price.known ? price.usd : undefined;
  }

  /** The most a call of this size can cost; undefined for a model without a price. */
  highestPriceOf(model: string, call: { promptTokens: number; maxOutputTokens: number }, at: Date): string | undefined {
    const price = highestPriceOf(model, call, at, this.#prices);
    return price.known ? price.usd : undefined;
  }

  /** Output tokens that an amount pays for beside a prompt of this size. */
  affordableOutputTokens(model: string, call: { promptTokens: number; usd: string }, at: Date): number {
    return affordableOutputTokens(model, call, at, this.#prices);
  }

  isPriced(model: string, at: Date): boolean {
    return isPriced(model, at, this.#prices);
  }
}

/** Cache tokens without a price of their own cost as much as input: never too little. */
function toRow(
  model: string,
  price: { input: string; output: string; cacheRead?: string | undefined; cacheWrite?: string | undefined },
): PriceRow {
  const write = price.cacheWrite ?? price.input;
  return {
    model,
    prices: {
      input: price.input,
      output: price.output,
      cacheRead: price.cacheRead ?? price.input,
      cacheWrite5m: write,
      cacheWrite1h: write,
    },
  };
}
