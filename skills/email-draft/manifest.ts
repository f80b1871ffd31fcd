import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { type MailInput, MailInputSchema, recipientsInShort } from '../shared/mail-schema.js';
import { quote } from '../shared/summary-text.js';

const EmailDraftOutputSchema = z.strictObject({
  draft: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  route: z.string(),
});

/** Pure data of the skill `email_draft`. */
export const emailDraftManifest: SkillManifest<MailInput, z.infer<typeof EmailDraftOutputSchema>> = {
  name: 'email_draft',
  description:
    "Puts a mail into the user's drafts without sending it, for mails the user wants to finish themselves. " +
    'To have a mail sent use email_send at once: the user sees it before it goes out. To answer a mail give its id as inReplyTo.',
  effect: 'internal',
  input: MailInputSchema,
  output: EmailDraftOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: [],
  summary: (mail) => `Drafts a mail to ${recipientsInShort(mail)}: ${quote(mail.subject)}`,
};
