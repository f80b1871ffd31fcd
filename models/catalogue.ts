import type { PriceRow, TokenPrices } from './price-table.js';
import { rowFor } from './prices.js';

const MODEL_TIERS = ['fast', 'smart'] as const;
export type ModelTier = (typeof MODEL_TIERS)[number];

/** The model id that the in-process rehearsal model answers to. */
export const REHEARSAL_MODEL = 'rehearsal';

export interface ModelCatalogueConfig {
  /** Model id of each tier. */
  readonly tiers: Readonly<Record<ModelTier, string>>;
  /** Model ids or tiers to try, in order, when a model is overloaded. */
  readonly fallback: readonly string[];
  /** Output limit of one call, tokens. */
  readonly maxOutputTokens: number;
  /** Rows that replace the price table for their models. */
  readonly prices?: readonly PriceRow[];
}

/** What is used where the configuration is silent. */
const DEFAULT_CATALOGUE: ModelCatalogueConfig = {
  tiers: { fast: 'claude-haiku-5-5', smart: 'claude-sonnet-5-5' },
  fallback: [],
  maxOutputTokens: 8_192,
};

/** One model as `GET /v1/models` shows it. */
export interface ModelEntry {
  readonly id: string;
  /** Tiers that stand for it. */
  readonly tiers: readonly ModelTier[];
  /** Without a price it cannot run under a budget. */
  readonly priced: boolean;
  readonly maxOutputTokens: number;
  /** USD per million tokens at the time asked for, before any surcharge for long prompts. */
  readonly pricesUsdPerMillion?: TokenPrices;
}

export interface ModelCatalogue {
  readonly maxOutputTokens: number;
  /** The model id for a tier; any other name is taken as a model id, because an endpoint may offer models of its own. */
  resolve(nameOrTier: string): string;
  /** The models to try for a name, in order, each once: itself, then the fallbacks. */
  candidates(nameOrTier: string): readonly string[];
  /** The models that the configuration names, with their prices at an instant. */
  list(at: Date): readonly ModelEntry[];
}

/** A catalogue from a configuration; what is left out comes from `DEFAULT_CATALOGUE`. Throws on an empty model id. */
export function createModelCatalogue(config: Partial<ModelCatalogueConfig> = {}): ModelCatalogue {
  const settings = { ...DEFAULT_CATALOGUE, ...config };
  const resolve = (nameOrTier: string): string => {
    const name = nameOrTier.trim();
    const model = isTier(name) ? settings.tiers[name] : name;
    if (model === '') throw new RangeError('a model id must not be empty; set a model, or "fast" or "smart"');
    return model;
  };
  const fallback = settings.fallback.map(resolve);
  const ids = [...new Set([...MODEL_TIERS.map(resolve), ...fallback])];
  return {
    maxOutputTokens: settings.maxOutputTokens,
    resolve,
    candidates: (nameOrTier) => [...new Set([resolve(nameOrTier), ...fallback])],
    list: (at) => ids.map((id) => entryOf(id, settings, at)),
  };
}

function entryOf(id: string, settings: ModelCatalogueConfig, at: Date): ModelEntry {
  const row = rowFor(id, at, settings.prices);
  return {
    id,
    tiers: MODEL_TIERS.filter((tier) => settings.tiers[tier] === id),
    priced: row !== undefined,
    maxOutputTokens: settings.maxOutputTokens,
    ...(row === undefined ? {} : { pricesUsdPerMillion: row.prices }),
  };
}

function isTier(name: string): name is ModelTier {
  return MODEL_TIERS.some((tier) => tier === name);
}
