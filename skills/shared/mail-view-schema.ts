import { z } from 'zod';

/** A received mail in a list, as skills answer with it; `id` is what email_read and inReplyTo take. */
export const MailSummarySchema = z.strictObject({
  id: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  date: z.string().optional(),
  messageId: z.string().optional(),
  snippet: z.string(),
});
export type MailSummaryView = z.infer<typeof MailSummarySchema>;
