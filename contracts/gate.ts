import { EFFECT_CLASSES, type EffectClass, type Label, type Verdict } from './effect-class.js';

export interface GateQuestion {
  readonly effect: EffectClass;
  readonly labels: readonly Label[];
}

/**
 * Whether a call may run. The one rule for all skills, asked when the model has chosen a call and again when it runs.
 * Reading and the user's own workspace are free; text that leaves the house is free only from an agent that has seen
 * nothing private; what other people see and what cannot be undone waits for a person.
 */
export function gate(question: GateQuestion): Verdict {
  switch (question.effect) {
    case 'read':
    case 'internal':
      return 'run';
    case 'egress':
      return question.labels.includes('private') ? 'approve' : 'run';
    case 'destructive':
    case 'outward':
      return 'approve';
  }
}

const STRICTNESS: readonly Verdict[] = ['run', 'approve', 'refuse'];

/** Of two verdicts on one call, the one that counts. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  return STRICTNESS.indexOf(a) >= STRICTNESS.indexOf(b) ? a : b;
}

/** A skill may raise its class for one input, never lower it. */
export function raised(declared: EffectClass, classified: EffectClass): EffectClass {
  return EFFECT_CLASSES.indexOf(classified) > EFFECT_CLASSES.indexOf(declared) ? classified : declared;
}
