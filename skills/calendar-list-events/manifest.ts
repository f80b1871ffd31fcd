import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CalendarEventSchema, rangeFields } from '../shared/calendar-schema.js';
import { MAX_ITEMS, OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';

const CalendarListEventsInputSchema = z.strictObject(rangeFields);

const CalendarListEventsOutputSchema = z.strictObject({
  route: z.string(),
  timeZone: z.string(),
  events: z.array(CalendarEventSchema).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `calendar_list_events`. */
export const calendarListEventsManifest: SkillManifest<
  z.infer<typeof CalendarListEventsInputSchema>,
  z.infer<typeof CalendarListEventsOutputSchema>
> = {
  name: 'calendar_list_events',
  description:
    "Lists the events of the user's calendar that touch a span of at most 366 days, by start. " +
    "Times come back in the request's time zone; a date instead of a time means a whole day, its end not included.",
  effect: 'read',
  input: CalendarListEventsInputSchema,
  output: CalendarListEventsOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ from, to }) => `Lists calendar events from ${from} to ${to}`,
};
