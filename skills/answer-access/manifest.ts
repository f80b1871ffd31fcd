import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { IdSchema } from '../../contracts/text.js';
import { ReasonSchema } from '../shared/access-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const AnswerAccessInputSchema = z.strictObject({
  access: IdSchema.describe('Id of the request for access.'),
  grant: z.boolean(),
  reason: ReasonSchema.describe('Why its task justifies the access, or does not.'),
  minutes: z.int().min(1).max(20_160).optional().describe('How long it holds; 60 if omitted.'),
});

const AnswerAccessOutputSchema = z.strictObject({
  access: z.string(),
  status: z.enum(['granted', 'denied', 'waiting']),
  approval: z.string().optional(),
});

/** Pure data of the skill `answer_access`. */
export const answerAccessManifest: SkillManifest<
  z.infer<typeof AnswerAccessInputSchema>,
  z.infer<typeof AnswerAccessOutputSchema>
> = {
  name: 'answer_access',
  description:
    'Grants or denies what one of your agents asks for. Grant only what its task needs. What you do not have yourself, and what would be dangerous together with what it has read, is put before the user.',
  effect: 'internal',
  input: AnswerAccessInputSchema,
  output: AnswerAccessOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ access, grant }) => `${grant ? 'Grants' : 'Denies'} the access ${access}`,
};
