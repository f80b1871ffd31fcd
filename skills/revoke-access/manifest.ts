import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';
import { accessShape, ReasonSchema } from '../shared/access-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const RevokeAccessInputSchema = z.strictObject({
  agent: IdSchema,
  ...accessShape,
  spaces: z.array(IdSchema).max(100).optional().describe('Space ids.'),
  reason: ReasonSchema,
});

const RevokeAccessOutputSchema = z.strictObject({ agent: z.string(), taken: z.array(CleanTextSchema) });

/** Pure data of the skill `revoke_access`. */
export const revokeAccessManifest: SkillManifest<
  z.infer<typeof RevokeAccessInputSchema>,
  z.infer<typeof RevokeAccessOutputSchema>
> = {
  name: 'revoke_access',
  description:
    'Takes rights back from one of your agents, and from all that have them from it. It holds from its next step on.',
  effect: 'internal',
  input: RevokeAccessInputSchema,
  output: RevokeAccessOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ agent }) => `Takes rights back from ${agent}`,
};
