import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

export type SendMessageInput = z.infer<typeof SendMessageInputSchema>;

const SendMessageInputSchema = z.strictObject({
  target: CleanTextSchema.min(1)
    .max(320)
    .describe('"me" or "conversation" for the user in this conversation; for anybody else their e-mail address.'),
  text: CleanTextSchema.min(1).max(20_000),
  files: z.array(IdSchema).max(10).optional().describe('Ids of files to send along.'),
});

const SendMessageOutputSchema = z.strictObject({ message: z.string(), route: z.string() });

/** Pure data of the skill `send_message`. */
export const sendMessageManifest: SkillManifest<SendMessageInput, z.infer<typeof SendMessageOutputSchema>> = {
  name: 'send_message',
  description:
    'Sends a message while the work goes on. To the user ("me") it is written into this conversation at once; ' +
    'to an e-mail address it goes as a mail, and the user is asked for approval first. Your final answer needs no send_message.',
  effect: 'internal',
  input: SendMessageInputSchema,
  output: SendMessageOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  facesUser: true,
  summary: ({ target }) => `Sends a message to ${quote(target)}`,
};
