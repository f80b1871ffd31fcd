import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const RememberInputSchema = z.strictObject({
  text: CleanTextSchema.min(1)
    .max(10_000)
    .describe('One fact that will still be understood without this conversation.'),
});

const RememberOutputSchema = z.strictObject({ id: z.string(), space: z.string() });

/** Pure data of the skill `remember`. */
export const rememberManifest: SkillManifest<
  z.infer<typeof RememberInputSchema>,
  z.infer<typeof RememberOutputSchema>
> = {
  name: 'remember',
  description:
    "Keeps one fact in the user's personal memory for later conversations and returns its id. " +
    'Use it when the user asks to remember something or states a lasting preference. Never put secrets or passwords there.',
  effect: 'internal',
  input: RememberInputSchema,
  output: RememberOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ text }) => `Remembers ${quote(text)}`,
};
