import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { CalendarEventSchema, EventIdSchema } from '../shared/calendar-schema.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';

const CalendarCancelEventInputSchema = z.strictObject({
  event: EventIdSchema,
  note: CleanTextSchema.max(2000)
    .optional()
    .describe('Why it is cancelled, for the user who is asked. A calendar does not pass it on to the other people.'),
});

export type CalendarCancelEventInput = z.infer<typeof CalendarCancelEventInputSchema>;

/** Only the id where the event was gone already. */
const CalendarCancelEventOutputSchema = CalendarEventSchema.partial().extend({
  id: z.string(),
  status: z.literal('cancelled'),
  route: z.string(),
});

/** Pure data of the skill `calendar_cancel_event`. */
export const calendarCancelEventManifest: SkillManifest<
  CalendarCancelEventInput,
  z.infer<typeof CalendarCancelEventOutputSchema>
> = {
  name: 'calendar_cancel_event',
  description:
    "Takes an event out of the user's calendar, or one occurrence of a repeating event. An event of the user alone goes at " +
    'once and can be brought back; where other people are in it the user is asked for approval first.',
  effect: 'internal',
  input: CalendarCancelEventInputSchema,
  output: CalendarCancelEventOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: () => 'Cancels a calendar event',
};
