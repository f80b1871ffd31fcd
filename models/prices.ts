import type { ModelUsage } from '../contracts/model.js';
import { PRICE_TABLE, type PriceRow, type TokenPrices } from './price-table.js';

/** Tokens of one call. `cacheWriteTokens` are five-minute writes; one-hour writes are counted apart. */
export interface PricedUsage extends ModelUsage {
  readonly cacheWrite1hTokens?: number;
}

/** What a call costs. Where `known` is false there is no price, and `usd` says nothing: it must not be charged as free. */
export interface Price {
  /** USD, exact, as a decimal string such as `0.0042`. */
  readonly usd: string;
  readonly known: boolean;
}

/** Money is counted in whole millionths of a millionth of a dollar, so that a price of six decimals per million stays exact. */
const DECIMALS = 12;
const PRICE_DECIMALS = 6;
const UNKNOWN: Price = { usd: '0', known: false };

/**
 * The exact price of a call at an instant. Rows in `overrides` replace all rows of the same model. An id with a date at
 * its end, such as `claude-sonnet-5-5-20260901`, has the price of the id without it unless it has a row of its own.
 * Throws `RangeError` for counts that are not whole numbers from 0, or prices that are not decimals.
 */
export function priceOf(model: string, usage: PricedUsage, at: Date, overrides: readonly PriceRow[] = []): Price {
  const row = rowFor(model, at, overrides);
  if (row === undefined) return UNKNOWN;
  const prices = pricesFor(row, promptTokens(usage));
  const units =
    cost(usage.inputTokens, prices.input) +
    cost(usage.outputTokens, prices.output) +
    cost(usage.cacheReadTokens, prices.cacheRead) +
    cost(usage.cacheWriteTokens, prices.cacheWrite5m) +
    cost(usage.cacheWrite1hTokens ?? 0, prices.cacheWrite1h);
  return { usd: decimal(units), known: true };
}

/**
 * The most that a call can cost: every prompt token at its dearest way of being billed, every output token used.
 * For reserving money before the call.
 */
export function highestPriceOf(
  model: string,
  call: { readonly promptTokens: number; readonly maxOutputTokens: number },
  at: Date,
  overrides: readonly PriceRow[] = [],
): Price {
  const row = rowFor(model, at, overrides);
  if (row === undefined) return UNKNOWN;
  const prices = pricesFor(row, call.promptTokens);
  const ways = [prices.input, prices.cacheRead, prices.cacheWrite5m].map((price) => cost(call.promptTokens, price));
  const dearest = ways.reduce((most, way) => (way > most ? way : most), 0n);
  return { usd: decimal(dearest + cost(call.maxOutputTokens, prices.output)), known: true };
}

/** How many output tokens an amount pays for when every prompt token is billed at its dearest; 0 when it does not even pay for those. */
export function affordableOutputTokens(
  model: string,
  call: { readonly promptTokens: number; readonly usd: string },
  at: Date,
  overrides: readonly PriceRow[] = [],
): number {
  const row = rowFor(model, at, overrides);
  if (row === undefined) return 0;
  const prompt = highestPriceOf(model, { promptTokens: call.promptTokens, maxOutputTokens: 0 }, at, overrides);
  const left = unitsOf(call.usd) - unitsOf(prompt.usd);
  const each = unitsPerToken(pricesFor(row, call.promptTokens).output);
  if (left < 0n) return 0;
  const tokens = each === 0n ? BigInt(Number.MAX_SAFE_INTEGER) : left / each;
  return tokens > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(tokens);
}

/** Whether a model has a price at an instant; one without must not run under a budget. */
export function isPriced(model: string, at: Date, overrides: readonly PriceRow[] = []): boolean {
  return rowFor(model, at, overrides) !== undefined;
}

/** The row that holds for a model at an instant. */
export function rowFor(model: string, at: Date, overrides: readonly PriceRow[] = []): PriceRow | undefined {
  const names = [model, model.replace(/-\d{8}$/, '')];
  for (const table of [overrides, PRICE_TABLE]) {
    for (const name of names) {
      const rows = table.filter((row) => row.model === name);
      if (rows.length > 0) return latest(rows, at);
    }
  }
  return undefined;
}

/** What is wrong with price rows from a file, one sentence each; empty means they can be used. */
export function priceRowMistakes(rows: readonly PriceRow[]): string[] {
  return rows.flatMap((row, index) => {
    const at = `row ${index} (${row.model})`;
    const mistakes = [row.prices, ...(row.above ? [row.above.prices] : [])].flatMap((prices) =>
      PRICE_COLUMNS.filter((column) => !isPrice(prices[column])).map(
        (column) => `${at}: ${column} must be a decimal such as "2.50"`,
      ),
    );
    if (row.from !== undefined && Number.isNaN(Date.parse(row.from)))
      mistakes.push(`${at}: from must be an RFC 3339 time`);
    if (row.above !== undefined && !isCount(row.above.promptTokens))
      mistakes.push(`${at}: promptTokens must be a whole number`);
    return mistakes;
  });
}

const PRICE_COLUMNS = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const;

function latest(rows: readonly PriceRow[], at: Date): PriceRow | undefined {
  const begun = rows.filter((row) => startOf(row) <= at.getTime());
  return begun.reduce<PriceRow | undefined>(
    (last, row) => (last === undefined || startOf(row) >= startOf(last) ? row : last),
    undefined,
  );
}

function startOf(row: PriceRow): number {
  return row.from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(row.from);
}

function promptTokens(usage: PricedUsage): number {
  return usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + (usage.cacheWrite1hTokens ?? 0);
}

function pricesFor(row: PriceRow, prompt: number): TokenPrices {
  return row.above !== undefined && prompt > row.above.promptTokens ? row.above.prices : row.prices;
}

function cost(tokens: number, pricePerMillion: string): bigint {
  if (!isCount(tokens)) throw new RangeError(`a token count must be a whole number from 0, not ${tokens}`);
  return BigInt(tokens) * unitsPerToken(pricePerMillion);
}

function isCount(tokens: number): boolean {
  return Number.isSafeInteger(tokens) && tokens >= 0;
}

/** A dollar per million tokens is 10^12 / 10^6 units a token, so the six decimals of a price are just its units. */
function unitsPerToken(price: string): bigint {
  if (!isPrice(price))
    throw new RangeError(`a price must be a decimal with at most ${PRICE_DECIMALS} decimals, not "${price}"`);
  const [whole = '0', fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(PRICE_DECIMALS, '0'));
}

function isPrice(price: string): boolean {
  return typeof price === 'string' && /^\d{1,9}(\.\d{1,6})?$/.test(price);
}

/** Decimals beyond what is counted are cut off: an amount is never taken for more than it is. */
function unitsOf(usd: string): bigint {
  const [whole = '0', fraction = ''] = usd.split('.');
  return BigInt(whole + fraction.slice(0, DECIMALS).padEnd(DECIMALS, '0'));
}

function decimal(units: bigint): string {
  const digits = units.toString().padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  const whole = digits.slice(0, -DECIMALS);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
