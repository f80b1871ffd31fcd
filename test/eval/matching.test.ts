import { describe, expect, test } from 'vitest';
import { noteCalled } from './made-up.js';
import { bestAssignment, hasKeywords, isPerson, isSameWhen } from './matching.js';

describe('matching', () => {
  test('gives one extracted item to one expected item, the most in sum', () => {
    const weight = (one: string, other: string): number => (other.includes(one) ? 10 : 0);
    expect([...bestAssignment(['plan', 'test plan'], ['test plan', 'plan'], weight)]).toEqual(
      expect.arrayContaining([
        [0, 1],
        [1, 0],
      ]),
    );
    expect(bestAssignment(['plan', 'plan'], ['plan'], weight).size).toBe(1);
  });

  test('wants one string of every list, in whatever case', () => {
    expect(hasKeywords('The Hamburg depot', [['hamburg'], ['depot', 'site']])).toBe(true);
    expect(hasKeywords('The Hamburg office', [['hamburg'], ['depot', 'site']])).toBe(false);
  });

  test('knows a date-time by its instant, and a day from a date-time', () => {
    expect(isSameWhen('2026-12-02T10:00:00+01:00', '2026-12-02T09:00:00Z')).toBe(true);
    expect(isSameWhen('2026-12-02', '2026-12-02T00:00:00Z')).toBe(false);
    expect(isSameWhen(null, null)).toBe(true);
  });

  test('knows people by first name, without title and by address, if it is one only', () => {
    const note = noteCalled('vn-07');
    for (const name of ['Frau Seidel', 'Dr. Helga Seidel', 'helga seidel'])
      expect(isPerson(name, 'Dr. Helga Seidel', note)).toBe(true);
    expect(isPerson('Anna', 'Anna Keller', noteCalled('vn-05'))).toBe(false);
  });
});
