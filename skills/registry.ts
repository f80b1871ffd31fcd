import type { ModelTool } from '../contracts/model.js';
import { MoneySchema } from '../contracts/request.js';
import { type Skill, SKILL_NAME_PATTERN } from '../contracts/skill.js';
import { inputSchemaOf } from './input-schema.js';

export { type ParsedInput, parseInput } from './parse-input.js';

/** The skills of this installation by name. */
export interface SkillRegistry {
  get(name: string): Skill | undefined;
  list(): readonly Skill[];
  /** Wire form of the named skills (all without names), always in the registry's order; a name without skill is left out. */
  tools(names?: readonly string[]): ModelTool[];
}

/** Throws where a name is malformed or taken, a price is none, or an input cannot be offered to a model. */
export function createSkillRegistry(skills: readonly Skill[]): SkillRegistry {
  const byName = new Map<string, { readonly skill: Skill; readonly tool: ModelTool }>();
  for (const skill of skills) {
    const { name, description, priceUsd } = skill.manifest;
    if (!SKILL_NAME_PATTERN.test(name)) throw new Error(`“${name}” is not a name a skill can have.`);
    if (priceUsd !== undefined && !MoneySchema.safeParse(priceUsd).success)
      throw new Error(`The price of ${name} must be a decimal amount in USD, such as 0.02.`);
    if (byName.has(name)) throw new Error(`Two skills are named ${name}.`);
    byName.set(name, { skill, tool: { name, description, inputSchema: inputSchemaOf(skill.manifest) } });
  }
  const entries = [...byName.values()];
  const list = entries.map(({ skill }) => skill);
  return {
    get: (name) => byName.get(name)?.skill,
    list: () => list,
    tools: (names) => entries.map(({ tool }) => tool).filter(({ name }) => names === undefined || names.includes(name)),
  };
}
