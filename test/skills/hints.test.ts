import { expect, test } from 'vitest';
import { z } from 'zod';
import { type Skill, type SkillManifest, transactionSkill } from '../../contracts/skill.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry } from '../../skills/registry.js';

function skillWith(hints: SkillManifest['hints']): Skill {
  return transactionSkill<object, unknown>({
    manifest: {
      name: 'probe',
      description: 'Probes.',
      effect: 'read',
      input: z.strictObject({}),
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      summary: () => 'Probes',
      ...(hints === undefined ? {} : { hints }),
    },
    run: async () => ({ output: null }),
  });
}

const described = (hints: SkillManifest['hints']): string | undefined =>
  createSkillRegistry([skillWith(hints)]).tools()[0]?.description;

test('the model is told what a call usually takes, in one short form', () => {
  expect(described({ seconds: 20 })).toBe('Probes. (usually about 20 s)');
  expect(described({ seconds: 240, usd: '0.01' })).toBe('Probes. (usually about 4 min and about $0.01)');
  expect(described({ usd: '0.01' })).toBe('Probes. (usually about $0.01)');
  expect(described({})).toBe('Probes.');
  expect(described(undefined)).toBe('Probes.');
});

test('a cost that is no amount is refused at the start', () => {
  expect(() => createSkillRegistry([skillWith({ usd: 'cheap' })])).toThrow(/probe usually costs/);
});

test('transcribing is known to take a while', () => {
  const [tool] = createSkillRegistry(builtinSkills).tools(['transcribe_audio']);
  expect(tool?.description).toMatch(/ \(usually about 20 s\)$/);
});
