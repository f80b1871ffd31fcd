import { describe, expect, it } from 'vitest';
import { createModelCatalogue } from '../../models/catalogue.js';
import { PRICE_TABLE, type PriceRow } from '../../models/price-table.js';
import {
  affordableOutputTokens,
  type PricedUsage,
  highestPriceOf,
  isPriced,
  priceOf,
  priceRowMistakes,
} from '../../models/prices.js';

const NOW = new Date('2026-11-21T09:00:00Z');
const MILLION = 1_000_000;

function usage(more: Partial<PricedUsage> = {}): PricedUsage {
  return { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, ...more };
}

const LIST_PRICES = [
  ['claude-fable-5-2', '8', '40', '0.2', '10', '16'],
  ['claude-fable-5-1', '10', '50', '0.25', '12.5', '20'],
  ['claude-opus-5-5', '4', '20', '0.2', '5', '8'],
  ['claude-opus-5', '5', '25', '0.5', '6.25', '10'],
  ['claude-sonnet-5-5', '2', '10', '0.1', '2.5', '4'],
  ['claude-haiku-4-5', '1', '5', '0.1', '1.25', '2'],
  ['rehearsal', '0', '0', '0', '0', '0'],
] as const;

describe('a price', () => {
  it.each(LIST_PRICES)(
    'of a million tokens of %s is the list price',
    (model, input, output, read, write5m, write1h) => {
      const of = (more: Partial<PricedUsage>) => priceOf(model, usage(more), NOW);
      expect(of({ inputTokens: MILLION })).toEqual({ usd: input, known: true });
      expect(of({ outputTokens: MILLION })).toEqual({ usd: output, known: true });
      expect(of({ cacheReadTokens: MILLION })).toEqual({ usd: read, known: true });
      expect(of({ cacheWriteTokens: MILLION })).toEqual({ usd: write5m, known: true });
      expect(of({ cacheWrite1hTokens: MILLION })).toEqual({ usd: write1h, known: true });
    },
  );

  it('is exact where floats are not', () => {
    expect(priceOf('claude-haiku-5-5', usage({ inputTokens: 3 }), NOW).usd).toBe('0.0000003');
    expect(priceOf('claude-haiku-5-5', usage({ inputTokens: 1, cacheWriteTokens: 1 }), NOW).usd).toBe('0.000000225');
    expect(
      priceOf(
        'claude-sonnet-5-5',
        usage({ inputTokens: 7, outputTokens: 13, cacheReadTokens: 11, cacheWriteTokens: 17 }),
        NOW,
      ).usd,
    ).toBe('0.0001876');
    expect(priceOf('claude-fable-5-1', usage({ outputTokens: Number.MAX_SAFE_INTEGER }), NOW).usd).toBe(
      '450359962737.04955',
    );
  });

  it('of claude-haiku-5-5 is five times as much for the whole call above 100,000 prompt tokens, cache included', () => {
    const of = (more: Partial<PricedUsage>) =>
      priceOf('claude-haiku-5-5', usage({ outputTokens: MILLION, ...more }), NOW).usd;
    expect(of({ inputTokens: 100_000 })).toBe('0.51');
    expect(of({ inputTokens: 100_001 })).toBe('2.5500005');
    expect(of({ cacheReadTokens: 60_000, cacheWriteTokens: 40_000 })).toBe('0.5056');
    expect(of({ inputTokens: 1, cacheReadTokens: 60_000, cacheWriteTokens: 40_000 })).toBe('2.5280005');
  });

  it('of a cache read of claude-sonnet-5-5 halves on 7 October 2026', () => {
    const at = (instant: string) =>
      priceOf('claude-sonnet-5-5', usage({ cacheReadTokens: MILLION }), new Date(instant)).usd;
    expect(at('2026-10-06T23:59:59.999Z')).toBe('0.2');
    expect(at('2026-10-07T00:00:00Z')).toBe('0.1');
  });

  it('of a dated model id is that of its base row', () => {
    expect(priceOf('claude-sonnet-5-5-20260901', usage({ inputTokens: MILLION }), NOW)).toEqual({
      usd: '2',
      known: true,
    });
    expect(isPriced('claude-haiku-4-5-20251001', NOW)).toBe(true);
  });

  it.each(['claude-mythos-5-2', 'gpt-unknown', '', 'claude-sonnet-5-5-2026', 'constructor'])(
    'of "%s" is not known',
    (model) => {
      expect(priceOf(model, usage({ inputTokens: MILLION }), NOW).known).toBe(false);
      expect(highestPriceOf(model, { promptTokens: 1, maxOutputTokens: 1 }, NOW).known).toBe(false);
      expect(isPriced(model, NOW)).toBe(false);
    },
  );

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('of %s tokens is refused', (inputTokens) => {
    expect(() => priceOf('claude-opus-5-5', usage({ inputTokens }), NOW)).toThrow(RangeError);
  });
});

describe('the highest price', () => {
  it('takes the dearest way to bill the prompt, and the band of its length', () => {
    const of = (promptTokens: number) =>
      highestPriceOf('claude-haiku-5-5', { promptTokens, maxOutputTokens: 1_000 }, NOW).usd;
    expect(of(100_000)).toBe('0.013');
    expect(of(200_000)).toBe('0.1275');
  });

  it('is never below what a call of that size is billed', () => {
    const bound = Number(highestPriceOf('claude-opus-5-5', { promptTokens: 900, maxOutputTokens: 100 }, NOW).usd);
    for (const split of [
      usage({ inputTokens: 900 }),
      usage({ cacheReadTokens: 900 }),
      usage({ cacheWriteTokens: 900 }),
    ]) {
      expect(Number(priceOf('claude-opus-5-5', { ...split, outputTokens: 100 }, NOW).usd)).toBeLessThanOrEqual(bound);
    }
  });
});

describe('what an amount pays for', () => {
  it('is never more than the highest price of that many tokens, and at most one token less', () => {
    for (const [usd, promptTokens] of [
      ['0.5', 1_000],
      ['0.013', 100_000],
      ['0.1275', 200_000],
      ['0.1', 3],
    ] as const) {
      const tokens = affordableOutputTokens('claude-haiku-5-5', { promptTokens, usd }, NOW);
      const price = (maxOutputTokens: number) =>
        Number(highestPriceOf('claude-haiku-5-5', { promptTokens, maxOutputTokens }, NOW).usd);
      expect(price(tokens)).toBeLessThanOrEqual(Number(usd));
      expect(price(tokens + 1)).toBeGreaterThan(Number(usd));
    }
  });

  it('is nothing where the prompt costs more or no price is known, and no limit where output is free', () => {
    expect(affordableOutputTokens('claude-opus-5-5', { promptTokens: 1_000_000, usd: '0.01' }, NOW)).toBe(0);
    expect(affordableOutputTokens('gpt-unknown', { promptTokens: 1, usd: '1' }, NOW)).toBe(0);
    expect(affordableOutputTokens('rehearsal', { promptTokens: 9, usd: '0' }, NOW)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('rows of the user', () => {
  const prices = { input: '0.7', output: '1', cacheRead: '0', cacheWrite5m: '0', cacheWrite1h: '0' };

  it('replace a model of the table, add one, and may begin at an instant', () => {
    const rows: PriceRow[] = [
      { model: 'local-llama', prices },
      { model: 'claude-opus-5-5', from: '2027-01-01T00:00:00+01:00', prices },
    ];
    expect(priceOf('local-llama', usage({ inputTokens: MILLION }), NOW, rows).usd).toBe('0.7');
    expect(isPriced('claude-opus-5-5', NOW, rows)).toBe(false);
    expect(isPriced('claude-opus-5-5', new Date('2026-12-31T23:00:00Z'), rows)).toBe(true);
  });

  it('are told what is wrong with them', () => {
    const wrong: PriceRow = {
      model: 'x',
      from: 'soon',
      prices: { ...prices, input: '0,7' },
      above: { promptTokens: -1, prices },
    };
    expect(priceRowMistakes([wrong])).toHaveLength(3);
    expect(() =>
      priceOf('x', usage({ inputTokens: 1 }), NOW, [{ model: 'x', prices: { ...prices, input: '1e3' } }]),
    ).toThrow(RangeError);
    expect(priceRowMistakes(PRICE_TABLE)).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('has a fast and a smart model, and takes any other name as a model id', () => {
    const catalogue = createModelCatalogue();
    expect(catalogue.resolve('fast')).toBe('claude-haiku-5-5');
    expect(catalogue.resolve('smart')).toBe('claude-sonnet-5-5');
    expect(catalogue.resolve('my-local-model')).toBe('my-local-model');
    expect(() => catalogue.resolve(' ')).toThrow(RangeError);
  });

  it('tries the model itself first, then the fallbacks, each once', () => {
    const catalogue = createModelCatalogue({ fallback: ['smart', 'claude-opus-5-5', 'fast'] });
    expect(catalogue.candidates('smart')).toEqual(['claude-sonnet-5-5', 'claude-opus-5-5', 'claude-haiku-5-5']);
    expect(catalogue.candidates('other')).toEqual([
      'other',
      'claude-sonnet-5-5',
      'claude-opus-5-5',
      'claude-haiku-5-5',
    ]);
  });

  it('lists each model once with its price of the day', () => {
    const catalogue = createModelCatalogue({
      tiers: { fast: 'rehearsal', smart: 'rehearsal' },
      fallback: ['claude-mythos-5-2'],
    });
    expect(catalogue.list(NOW)).toMatchObject([
      { id: 'rehearsal', tiers: ['fast', 'smart'], priced: true, pricesUsdPerMillion: { input: '0' } },
      { id: 'claude-mythos-5-2', tiers: [], priced: false },
    ]);
  });
});
