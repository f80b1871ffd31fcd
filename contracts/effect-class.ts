/** What a skill does to the world, in the order of how strictly the gate treats it. Free of zod: workflows may import it. */
export const EFFECT_CLASSES = ['read', 'internal', 'egress', 'destructive', 'outward'] as const;
export type EffectClass = (typeof EFFECT_CLASSES)[number];

/** What an agent's context contains: somebody else's words, or private content. Only ever added. */
const LABELS = ['untrusted', 'private'] as const;
export type Label = (typeof LABELS)[number];

export type Verdict = 'run' | 'approve' | 'refuse';
