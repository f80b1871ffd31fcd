import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const ForgetInputSchema = z.strictObject({
  memory: IdSchema.describe('The id of the memory, as search_memory or remember returned it.'),
});

const ForgetOutputSchema = z.strictObject({ id: z.string(), forgotten: z.literal(true) });

/** Pure data of the skill `forget`. */
export const forgetManifest: SkillManifest<z.infer<typeof ForgetInputSchema>, z.infer<typeof ForgetOutputSchema>> = {
  name: 'forget',
  description:
    "Withdraws one memory from the user's personal memory, so that it is not recalled any more. It can be undone. " +
    'Find the id with search_memory first.',
  effect: 'internal',
  input: ForgetInputSchema,
  output: ForgetOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ memory }) => `Forgets the memory ${memory}`,
};
