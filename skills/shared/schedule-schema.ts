import { z } from 'zod';

const AskedSchema = z.strictObject({
  status: z.literal('ask'),
  question: z.string().describe('Nothing was set or changed: ask the user this.'),
});

const ScheduledSchema = z.strictObject({
  status: z.enum(['set', 'changed', 'paused', 'cancelled']),
  id: z.string(),
  text: z.string().optional(),
  local: z.string().optional().describe('When it happens next, on the wall clock of timeZone.'),
  timeZone: z.string().optional(),
  dueAt: z.string().optional(),
  recurrence: z.string().optional(),
  say: z.string().describe('For the user.'),
});
export type Scheduled = z.infer<typeof ScheduledSchema>;

/** What skills that set or change something answer. */
export const ScheduleAnswerSchema = z.discriminatedUnion('status', [AskedSchema, ScheduledSchema]);
export type ScheduleAnswer = z.infer<typeof ScheduleAnswerSchema>;
