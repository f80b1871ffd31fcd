import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const MessageAgentInputSchema = z.strictObject({
  agent: IdSchema.optional().describe('Id of an agent of the same request; your coordinator if omitted.'),
  text: CleanTextSchema.min(1).max(50_000).describe('Everything it needs to know: it has not read what you have read.'),
  wait: z.boolean().optional().describe('true: its next answer is the result of this call.'),
});

const MessageAgentOutputSchema = z.strictObject({ agent: z.string(), label: z.string(), delivered: z.literal(true) });

/** Pure data of the skill `message_agent`. */
export const messageAgentManifest: SkillManifest<
  z.infer<typeof MessageAgentInputSchema>,
  z.infer<typeof MessageAgentOutputSchema>
> = {
  name: 'message_agent',
  description:
    'Writes to another agent of the same request. One that has answered already goes on in its own session, with all it knows. ' +
    'Never reaches people: send_message and email_send do.',
  effect: 'internal',
  input: MessageAgentInputSchema,
  output: MessageAgentOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  delegates: true,
  summary: ({ agent, text }) => `Writes to ${agent ?? 'its coordinator'}: ${quote(text)}`,
};
