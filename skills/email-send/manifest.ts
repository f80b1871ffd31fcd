import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { type MailInput, MailInputSchema, recipientsInShort } from '../shared/mail-schema.js';
import { quote } from '../shared/summary-text.js';

const EmailSendOutputSchema = z.strictObject({
  status: z.literal('sent'),
  messageId: z.string(),
  to: z.array(z.string()),
  route: z.string(),
});

/** Pure data of the skill `email_send`. */
export const emailSendManifest: SkillManifest<MailInput, z.infer<typeof EmailSendOutputSchema>> = {
  name: 'email_send',
  description:
    'Sends a mail as plain text. The user sees it in full and is asked for approval first; what they approve is sent exactly ' +
    'so. Never guess an address: look it up with contacts_search. To answer a mail give its id as inReplyTo.',
  effect: 'outward',
  input: MailInputSchema,
  output: EmailSendOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: [],
  summary: (mail) => `Sends a mail to ${recipientsInShort(mail)}: ${quote(mail.subject)}`,
};
