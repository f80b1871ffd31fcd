import { describe, expect, test } from 'vitest';
import { EFFECT_CLASSES, type EffectClass, type Label, type Verdict } from '../../contracts/effect-class.js';
import { gate, raised, stricter } from '../../contracts/gate.js';

const LABELS: readonly (readonly Label[])[] = [[], ['untrusted'], ['private'], ['untrusted', 'private']];
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

  test('takes the stricter of two verdicts, in either order', () => {
    const order: readonly Verdict[] = ['run', 'approve', 'refuse'];
    for (const [i, a] of order.entries())
      for (const [j, b] of order.entries()) expect(stricter(a, b)).toBe(order[Math.max(i, j)]);
  });
});
