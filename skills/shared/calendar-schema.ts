import { z } from 'zod';
import { CleanTextSchema, DueSchema } from '../../contracts/text.js';

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

/** How skills name an event that is there. */
export const EventIdSchema = CleanTextSchema.min(1)
  .max(1200)
  .refine((id) => !/\p{C}/u.test(id), { error: 'must be the id of an event as calendar_list_events shows it' })
  .describe('The id of the event, from calendar_list_events.');
