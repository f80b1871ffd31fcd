import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const AskUserInputSchema = z.strictObject({
  question: CleanTextSchema.min(1)
    .max(4000)
    .describe('One question that can be understood by itself, with the choices if there are any.'),
});

const AskUserOutputSchema = z.strictObject({ answer: z.string() });

/** Pure data of the skill `ask_user`. Waiting for the answer is no part of the time limit. */
export const askUserManifest: SkillManifest<z.infer<typeof AskUserInputSchema>, z.infer<typeof AskUserOutputSchema>> = {
  name: 'ask_user',
  description:
    'Asks the user one question and waits for the answer, for days if need be. ' +
    'Use it when you cannot go on without knowing; do everything that does not depend on the answer first.',
  effect: 'internal',
  input: AskUserInputSchema,
  output: AskUserOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  facesUser: true,
  summary: ({ question }) => `Asks ${quote(question)}`,
};
