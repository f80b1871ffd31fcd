import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { rangeFields } from '../shared/calendar-schema.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';

const CLOCK_TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
const DAY_START = '09:00';
const DAY_END = '17:00';
/** No answer lists more slots. */
export const MAX_SLOTS = 50;

const CalendarFindFreeInputSchema = z
  .strictObject({
    ...rangeFields,
    durationMinutes: z.int().min(1).max(1440).describe('How long the free time must be at least.'),
    earliest: z
      .string()
      .regex(CLOCK_TIME, 'must be a time of day such as 09:00')
      .default(DAY_START)
      .describe("Not before this time of day, HH:MM in the request's time zone."),
    latest: z
      .string()
      .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day such as 17:00')
      .default(DAY_END)
      .describe("Over by this time of day, HH:MM in the request's time zone."),
  })
  .refine(({ earliest, latest }) => earliest < latest, { path: ['latest'], error: 'must be later than earliest' });

const CalendarFindFreeOutputSchema = z.strictObject({
  route: z.string(),
  timeZone: z.string(),
  slots: z
    .array(z.strictObject({ start: z.string(), end: z.string(), weekday: z.string(), minutes: z.int() }))
    .max(MAX_SLOTS),
  note: z.string().optional(),
});

/** Pure data of the skill `calendar_find_free`. */
export const calendarFindFreeManifest: SkillManifest<
  z.infer<typeof CalendarFindFreeInputSchema>,
  z.infer<typeof CalendarFindFreeOutputSchema>
> = {
  name: 'calendar_find_free',
  description:
    "Finds free stretches in the user's calendar within a span of at most 62 days, between 09:00 and 17:00 unless told otherwise, weekends included. " +
    'Each slot is a whole free stretch, so a meeting may start anywhere in it that leaves enough time. ' +
    'Whole-day events count as busy. It knows only the calendar of the user, not those of other people.',
  effect: 'read',
  input: CalendarFindFreeInputSchema,
  output: CalendarFindFreeOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ from, to, durationMinutes }) => `Looks for ${durationMinutes} free minutes from ${from} to ${to}`,
};
