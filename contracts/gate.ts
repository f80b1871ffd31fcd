import { EFFECT_CLASSES, type EffectClass, type Label, type Verdict } from './effect-class.js';

/** How the place that text goes to was chosen; only `chosen` by the model is a way for content to leave. */
export type Destination = 'allowed' | 'typed' | 'found' | 'chosen';

export interface GateQuestion {
  readonly effect: EffectClass;
  readonly labels: readonly Label[];
  /** A standing policy of the user covers this skill and every recipient. */
  readonly relaxed?: boolean;
  /**
   * For `egress`: the host is allow-listed, the user typed the address, it stood verbatim in an answer of the search
   * endpoint, or the model chose it (the default).
   */
  readonly destination?: Destination;
}

/**
 * Whether a call may run. The one rule for all skills, asked when the model has chosen a call and again when it runs.
 * Reading and the user's own workspace are free; text that leaves the house is free to a place the model did not choose,
 * or from an agent that has seen nothing private; what other people see and what cannot be undone waits for a person,
 * who may have settled it beforehand for outward calls of agents that have read nobody else's words.
 */
export function gate({ effect, labels, relaxed = false, destination = 'chosen' }: GateQuestion): Verdict {
  switch (effect) {
    case 'read':
    case 'internal':
      return 'run';
    case 'egress':
      return destination !== 'chosen' || !labels.includes('private') ? 'run' : 'approve';
    case 'outward':
      return relaxed && !labels.includes('untrusted') ? 'run' : 'approve';
    case 'destructive':
      return 'approve';
    default:
      return unknownClass(effect);
  }
}

/** A class that this version does not know, as a row of a newer one may hold, never runs. */
function unknownClass(_effect: never): Verdict {
  return 'refuse';
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
