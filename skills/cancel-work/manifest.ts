import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { IdSchema } from '../../contracts/text.js';
import { ReasonSchema } from '../shared/access-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const CancelWorkInputSchema = z.strictObject({
  target: IdSchema.describe(
    'Id of an agent, which is stopped with all that it has spawned, or of a request of this conversation.',
  ),
  reason: ReasonSchema,
});

const CancelWorkOutputSchema = z.strictObject({ stopped: z.string() });

/** Pure data of the skill `cancel_work`. */
export const cancelWorkManifest: SkillManifest<
  z.infer<typeof CancelWorkInputSchema>,
  z.infer<typeof CancelWorkOutputSchema>
> = {
  name: 'cancel_work',
  description:
    'Stops an agent, or a whole request of this conversation, at once. What was done stays done; what waits for approval is dropped.',
  effect: 'internal',
  input: CancelWorkInputSchema,
  output: CancelWorkOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ target }) => `Stops ${target}`,
};
