import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const SteerWorkInputSchema = z.strictObject({
  agent: IdSchema.describe('As list_work names it.'),
  text: CleanTextSchema.min(1).max(20_000).describe('What is to be different from now on.'),
});

const SteerWorkOutputSchema = z.strictObject({ agent: z.string(), label: z.string(), told: z.literal(true) });

/** Pure data of the skill `steer_work`. */
export const steerWorkManifest: SkillManifest<
  z.infer<typeof SteerWorkInputSchema>,
  z.infer<typeof SteerWorkOutputSchema>
> = {
  name: 'steer_work',
  description: 'Tells an agent that is at work what to do differently; it takes it up in its next turn.',
  effect: 'internal',
  input: SteerWorkInputSchema,
  output: SteerWorkOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ agent, text }) => `Tells ${agent}: ${quote(text)}`,
};
