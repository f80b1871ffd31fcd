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

/** Throws where a name is malformed or taken, a price or a hint of one is none, or an input cannot be offered to a model. */
export function createSkillRegistry(skills: readonly Skill[]): SkillRegistry {
  const byName = new Map<string, { readonly skill: Skill; readonly tool: ModelTool }>();
  for (const skill of skills) {
    const { name, priceUsd, hints } = skill.manifest;
    if (!SKILL_NAME_PATTERN.test(name)) throw new Error(`“${name}” is not a name a skill can have.`);
    if (priceUsd !== undefined && !MoneySchema.safeParse(priceUsd).success)
      throw new Error(`The price of ${name} must be a decimal amount in USD, such as 0.02.`);
    if (hints?.usd !== undefined && !MoneySchema.safeParse(hints.usd).success)
      throw new Error(`What ${name} usually costs must be a decimal amount in USD, such as 0.02.`);
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
