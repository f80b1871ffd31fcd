import type { ModelTool } from '../contracts/model.js';
import { MoneySchema } from '../contracts/request.js';
import { type Skill, SKILL_NAME_PATTERN, type SkillFacts } from '../contracts/skill.js';
import { inputSchemaOf } from './input-schema.js';

export { type ParsedInput, parseInput } from './parse-input.js';

/** The skills of this installation by name. */
export interface SkillRegistry {
  get(name: string): Skill | undefined;
  list(): readonly Skill[];
  /** Wire form of the named skills (all without names), always in the registry's order; a name without skill is left out. */
  tools(names?: readonly string[]): ModelTool[];
}

/** What of a skill decides who may be given it, and to what effect; undefined for a name without skill. */
export function skillFacts(registry: SkillRegistry): (name: string) => SkillFacts | undefined {
  return (name) => {
    const manifest = registry.get(name)?.manifest;
    if (manifest === undefined) return undefined;
    const { effect, taints, facesUser, delegates } = manifest;
    return { effect, taints, facesUser: facesUser === true, delegates: delegates === true };
  };
}

/**
 * Throws where a name is malformed or taken, a price or a hint of one is none, a pace cannot be kept, or an input cannot be
 * offered to a model.
 */
export function createSkillRegistry(skills: readonly Skill[]): SkillRegistry {
  const byName = new Map<string, { readonly skill: Skill; readonly tool: ModelTool }>();
  for (const skill of skills) {
    const { name, priceUsd, hints } = skill.manifest;
    if (!SKILL_NAME_PATTERN.test(name)) throw new Error(`“${name}” is not a name a skill can have.`);
    if (priceUsd !== undefined && !MoneySchema.safeParse(priceUsd).success)
      throw new Error(`The price of ${name} must be a decimal amount in USD, such as 0.02.`);
    if (hints?.usd !== undefined && !MoneySchema.safeParse(hints.usd).success)
      throw new Error(`What ${name} usually costs must be a decimal amount in USD, such as 0.02.`);
    requirePace(skill);
    if (byName.has(name)) throw new Error(`Two skills are named ${name}.`);
    byName.set(name, {
      skill,
      tool: { name, description: describe(skill), inputSchema: inputSchemaOf(skill.manifest) },
    });
  }
  const entries = [...byName.values()];
  const list = entries.map(({ skill }) => skill);
  return {
    get: (name) => byName.get(name)?.skill,
    list: () => list,
    tools: (names) => entries.map(({ tool }) => tool).filter(({ name }) => names === undefined || names.includes(name)),
  };
}

/** What runs in a transaction is over at once, and there is nobody outside to be spared. */
function requirePace({ runs, manifest: { name, maxConcurrent, minIntervalSeconds } }: Skill): void {
  if (maxConcurrent === undefined && minIntervalSeconds === undefined) return;
  if (runs !== 'outside')
    throw new Error(`${name} runs inside the store, so it can have no pace. Leave its limits out.`);
  if (maxConcurrent !== undefined && !(Number.isSafeInteger(maxConcurrent) && maxConcurrent > 0))
    throw new Error(`maxConcurrent of ${name} must be a whole number from 1.`);
  if (minIntervalSeconds !== undefined && !(Number.isFinite(minIntervalSeconds) && minIntervalSeconds > 0))
    throw new Error(`minIntervalSeconds of ${name} must be a number of seconds above 0.`);
}

/** For the model: what the skill does, and what a call usually takes. */
function describe({ manifest: { description, hints } }: Skill): string {
  const usual = [
    ...(hints?.seconds === undefined ? [] : [`about ${duration(hints.seconds)}`]),
    ...(hints?.usd === undefined ? [] : [`about $${hints.usd}`]),
  ];
  return usual.length === 0 ? description : `${description} (usually ${usual.join(' and ')})`;
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
