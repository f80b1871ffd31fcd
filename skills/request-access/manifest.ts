import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { accessShape, ReasonSchema } from '../shared/access-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const RequestAccessInputSchema = z.strictObject({
  ...accessShape,
  reason: ReasonSchema.describe('What of your task needs it.'),
});

const RequestAccessOutputSchema = z.strictObject({ access: z.string(), status: z.literal('asked'), note: z.string() });

/** Pure data of the skill `request_access`. */
export const requestAccessManifest: SkillManifest<
  z.infer<typeof RequestAccessInputSchema>,
  z.infer<typeof RequestAccessOutputSchema>
> = {
  name: 'request_access',
  description:
    'Asks your coordinator for what your task needs and you were not given: spaces, skills, the use of secrets, hosts. You are told the answer; what is granted can be used from your next step on.',
  effect: 'internal',
  input: RequestAccessInputSchema,
  output: RequestAccessOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ reason }) => `Asks for access: ${quote(reason)}`,
};
