import { z } from 'zod';
import { DueSchema } from '../../contracts/text.js';

/** The span that calendar skills look at; the same two fields in each of them. */
export const rangeFields = {
  from: DueSchema.describe('Start: a date, or a date-time with offset.'),
  to: DueSchema.describe('End: a date (that day is included), or a date-time with offset.'),
} as const;

/** A calendar event as skills answer with it. */
export const CalendarEventSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  start: z.string(),
  end: z.string(),
  timeZone: z.string(),
  attendees: z.array(z.string()),
  description: z.string().optional(),
});
export type CalendarEventView = z.infer<typeof CalendarEventSchema>;
