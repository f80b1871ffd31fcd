import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Skill, transactionSkill } from '../../contracts/skill.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry, parseInput } from '../../skills/registry.js';

function skillWith(name: string, input: z.ZodType): Skill {
  return transactionSkill({
    manifest: {
      name,
      description: 'Stands in for a skill.',
      effect: 'read',
      input,
      output: z.strictObject({}),
      timeoutSeconds: 1,
      taints: [],
      summary: () => 'Does nothing',
    },
    run: async () => ({ output: {} }),
  });
}

const NOTHING = z.strictObject({});

describe('the registry', () => {
  it('finds skills by name and knows no others', () => {
    const registry = createSkillRegistry(builtinSkills);
    expect(registry.get('remember')?.manifest.name).toBe('remember');
    expect(registry.get('constructor')).toBeUndefined();
    expect(registry.list()).toHaveLength(builtinSkills.length);
  });

  it.each(['Remember', 'two words', '', '1st', 'tasks-list', 'a'.repeat(65)])('refuses the name “%s”', (name) => {
    expect(() => createSkillRegistry([skillWith(name, NOTHING)])).toThrow(/not a name/);
  });

  it('refuses a name twice', () => {
    expect(() => createSkillRegistry([skillWith('same', NOTHING), skillWith('same', NOTHING)])).toThrow(/named same/);
  });

  it.each([z.string(), z.object({ open: z.string() }), z.record(z.string(), z.string())])(
    'refuses an input that is not a closed object',
    (input) => {
      expect(() => createSkillRegistry([skillWith('loose', input)])).toThrow(/loose must be an object/);
    },
  );

  it('offers tools in its own order, whatever order they are asked in, and leaves unknown names out', () => {
    const registry = createSkillRegistry(builtinSkills);
    const names = registry.tools(['remember', 'no_such_skill', 'tasks_list']).map((tool) => tool.name);
    expect(names).toEqual(['tasks_list', 'remember']);
    expect(registry.tools([])).toEqual([]);
    expect(registry.tools()).toHaveLength(builtinSkills.length);
  });

  it('makes each schema once', () => {
    const [first, second] = [createSkillRegistry(builtinSkills), createSkillRegistry(builtinSkills)];
    expect(first.tools(['space_put'])[0]?.inputSchema).toBe(second.tools(['space_put'])[0]?.inputSchema);
  });

  it('offers dates by format, without their long patterns', () => {
    const schemas = JSON.stringify(createSkillRegistry(builtinSkills).tools());
    expect(schemas).toContain('"format":"date-time"');
    expect(schemas).not.toContain('02468');
  });
});

describe('parseInput', () => {
  const inner = z.strictObject({ name: z.string(), size: z.enum(['s', 'm']).optional() });
  const skill = skillWith(
    'order',
    z.strictObject({
      items: z.array(inner),
      when: z.union([z.iso.date(), z.iso.datetime({ offset: true })]).optional(),
      count: z.number().default(1),
    }),
  );

  function refusal(raw: unknown): string {
    const parsed = parseInput(skill, raw);
    if (parsed.ok) throw new Error('was not refused');
    return parsed.message;
  }

  it('fills in defaults', () => {
    expect(parseInput(skill, { items: [] })).toEqual({ ok: true, input: { items: [], count: 1 } });
  });

  it.each([
    [{}, 'items: is missing'],
    [{ items: [{}] }, 'items.0.name: is missing'],
    [{ items: [{ name: 'a', size: 'xl' }] }, 'items.0.size: Invalid option: expected one of "s"|"m"'],
    [{ items: [], when: 'soon' }, 'when: must be a date such as 2026-11-24, or must be a date-time with seconds'],
    [{ items: [], count: '2' }, 'count: expected number, received string'],
    ['order two', 'input: expected object, received string'],
    [null, 'input: expected object, received null'],
    [undefined, 'input: expected object, received undefined'],
  ])('says of %j what is wrong', (raw, message) => {
    expect(refusal(raw)).toContain(message);
  });

  it('names the fields allowed at the place of an unknown one', () => {
    expect(refusal({ items: [{ name: 'a', colour: 1 }], sort: 1 }).split('\n')).toEqual([
      'items.0.colour: is not a known field; allowed are name, size',
      'sort: is not a known field; allowed are items, when, count',
    ]);
  });

  it('stays short however much is wrong', () => {
    const message = refusal({ items: Array.from({ length: 500 }, () => ({ ['x'.repeat(5000)]: 1 })) });
    expect(message.split('\n')).toHaveLength(11);
    expect(message).toMatch(/and 990 more problems$/);
    expect(message.length).toBeLessThan(3500);
  });
});
