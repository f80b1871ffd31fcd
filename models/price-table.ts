/** USD per million tokens as decimal strings with at most six decimals. */
export interface TokenPrices {
  readonly input: string;
  readonly output: string;
  readonly cacheRead: string;
  /** Writing a cache entry that lives for five minutes, or for one hour. */
  readonly cacheWrite5m: string;
  readonly cacheWrite1h: string;
}

/** The prices of one model from one instant on, until the next row of the same model. */
export interface PriceRow {
  readonly model: string;
  /** RFC 3339; left out on a model's first row, which then holds for all time before the next. */
  readonly from?: string;
  readonly prices: TokenPrices;
  /** Other prices for the whole call when its prompt, cache reads and writes included, is longer than `promptTokens`. */
  readonly above?: { readonly promptTokens: number; readonly prices: TokenPrices };
}

type Columns = readonly [input: string, output: string, cacheRead: string, cacheWrite5m: string, cacheWrite1h: string];

/**
 * List prices for calls at standard speed, on any region. Models without a published price are not here.
 * The cache prices of claude-fable-5-2 come from a reseller, its one-hour write from the usual double input price.
 */
export const PRICE_TABLE: readonly PriceRow[] = [
  row('claude-fable-5-2', ['8', '40', '0.20', '10', '16']),
  row('claude-fable-5-1', ['10', '50', '0.25', '12.50', '20']),
  row('claude-fable-5', ['10', '50', '1', '12.50', '20']),
  row('claude-mythos-5-1', ['10', '50', '0.25', '12.50', '20']),
  row('claude-mythos-5', ['10', '50', '1', '12.50', '20']),
  row('claude-opus-5-5', ['4', '20', '0.20', '5', '8']),
  row('claude-opus-5', ['5', '25', '0.50', '6.25', '10']),
  row('claude-opus-4-8', ['5', '25', '0.50', '6.25', '10']),
  row('claude-opus-4-7', ['5', '25', '0.50', '6.25', '10']),
  row('claude-opus-4-6', ['5', '25', '0.50', '6.25', '10']),
  row('claude-opus-4-5', ['5', '25', '0.50', '6.25', '10']),
  row('claude-sonnet-5-5', ['2', '10', '0.20', '2.50', '4']),
  { ...row('claude-sonnet-5-5', ['2', '10', '0.10', '2.50', '4']), from: '2026-10-07T00:00:00Z' },
  row('claude-sonnet-5', ['2', '10', '0.20', '2.50', '4']),
  row('claude-sonnet-4-6', ['3', '15', '0.30', '3.75', '6']),
  row('claude-sonnet-4-5', ['3', '15', '0.30', '3.75', '6']),
  {
    ...row('claude-haiku-5-5', ['0.10', '0.50', '0.01', '0.125', '0.20']),
    above: { promptTokens: 100_000, prices: prices(['0.50', '2.50', '0.05', '0.625', '1']) },
  },
  row('claude-haiku-4-5', ['1', '5', '0.10', '1.25', '2']),
  row('rehearsal', ['0', '0', '0', '0', '0']),
];

function row(model: string, columns: Columns): PriceRow {
  return { model, prices: prices(columns) };
}

function prices([input, output, cacheRead, cacheWrite5m, cacheWrite1h]: Columns): TokenPrices {
  return { input, output, cacheRead, cacheWrite5m, cacheWrite1h };
}
