import { describe, expect, test } from 'vitest';
import { EFFECT_CLASSES, type EffectClass, type Label, type Verdict } from '../../contracts/effect-class.js';
import { type Destination, gate, raised, stricter } from '../../contracts/gate.js';

const LABELS: readonly (readonly Label[])[] = [[], ['untrusted'], ['private'], ['untrusted', 'private']];
const DESTINATIONS: readonly Destination[] = ['allowed', 'typed', 'found', 'chosen'];
const PAIRS = EFFECT_CLASSES.flatMap((declared) => EFFECT_CLASSES.map((classified) => [declared, classified] as const));

describe('the gate', () => {
  test.each<[EffectClass, Record<'open' | 'private', Verdict>]>([
    ['read', { open: 'run', private: 'run' }],
    ['internal', { open: 'run', private: 'run' }],
    ['egress', { open: 'run', private: 'approve' }],
    ['destructive', { open: 'approve', private: 'approve' }],
    ['outward', { open: 'approve', private: 'approve' }],
  ])('judges %s by what the agent has seen', (effect, { open, private: afterPrivate }) => {
    const verdicts = LABELS.map((labels) => gate({ effect, labels }));
    expect(verdicts).toEqual([open, open, afterPrivate, afterPrivate]);
  });

  test.each(PAIRS)('is never lowered by a skill declared %s that classifies a call as %s', (declared, classified) => {
    const effect = raised(declared, classified);
    expect([declared, classified]).toContain(effect);
    for (const labels of LABELS) {
      const verdicts = [declared, classified].map((one) => gate({ effect: one, labels }));
      expect(verdicts.reduce(stricter, 'run')).toBe(gate({ effect, labels }));
    }
  });

  /** Verdicts in the order of `DESTINATIONS`, for each of `LABELS`: first without, then with a policy that covers all. */
  test.each<[EffectClass, string, string]>([
    ['read', 'rrrr rrrr rrrr rrrr', 'rrrr rrrr rrrr rrrr'],
    ['internal', 'rrrr rrrr rrrr rrrr', 'rrrr rrrr rrrr rrrr'],
    ['egress', 'rrrr rrrr rrra rrra', 'rrrr rrrr rrra rrra'],
    ['destructive', 'aaaa aaaa aaaa aaaa', 'aaaa aaaa aaaa aaaa'],
    ['outward', 'aaaa aaaa aaaa aaaa', 'rrrr aaaa rrrr aaaa'],
  ])('judges %s in all its cases', (effect, unrelaxed, relaxing) => {
    const table = (relaxed: boolean): string =>
      LABELS.map((labels) =>
        DESTINATIONS.map((destination) => gate({ effect, labels, relaxed, destination })[0]).join(''),
      ).join(' ');
    expect([table(false), table(true)]).toEqual([unrelaxed, relaxing]);
  });

  test('has a row in that table for every class there is', () => {
    expect([...EFFECT_CLASSES].toSorted()).toEqual(['destructive', 'egress', 'internal', 'outward', 'read']);
  });

  test('refuses a class that it does not know', () => {
    const effect = 'teleport' as EffectClass;
    for (const labels of LABELS) expect(gate({ effect, labels, relaxed: true, destination: 'typed' })).toBe('refuse');
  });

  test('lets more labels never make anything freer, and takes what is not said for the strict case', () => {
    for (const effect of EFFECT_CLASSES)
      for (const relaxed of [false, true])
        for (const labels of LABELS) {
          const verdict = gate({ effect, labels, relaxed });
          expect(stricter(gate({ effect, labels: [], relaxed }), verdict)).toBe(verdict);
          expect(gate({ effect, labels })).toBe(gate({ effect, labels, relaxed: false, destination: 'chosen' }));
        }
  });

  test('takes the stricter of two verdicts, in either order', () => {
    const order: readonly Verdict[] = ['run', 'approve', 'refuse'];
    for (const [i, a] of order.entries())
      for (const [j, b] of order.entries()) expect(stricter(a, b)).toBe(order[Math.max(i, j)]);
  });
});
