import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, DueSchema, TimeZoneSchema } from '../../contracts/text.js';
import { ATTENDEES_HINT, AttendeesSchema } from '../shared/calendar-attendees.js';
import { CalendarEventSchema } from '../shared/calendar-schema.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const CalendarCreateEventInputSchema = z
  .strictObject({
    title: CleanTextSchema.min(1).max(300),
    start: DueSchema.describe('A date-time with offset, or a date for a whole-day event.'),
    end: DueSchema.describe(
      'Of the same kind as start and after it; the end date of a whole-day event is not included.',
    ),
    timeZone: TimeZoneSchema.describe('IANA name of the zone in which the event takes place.'),
    attendees: AttendeesSchema.default([]).describe(ATTENDEES_HINT),
    description: CleanTextSchema.max(10_000).optional(),
  })
  .refine(({ start, end }) => start.includes('T') === end.includes('T'), {
    path: ['end'],
    error: 'must be of the same kind as start: both dates, or both date-times',
  })
  .refine(({ start, end }) => Date.parse(end) > Date.parse(start), { path: ['end'], error: 'must be after start' });

export type CalendarCreateEventInput = z.infer<typeof CalendarCreateEventInputSchema>;

const CalendarCreateEventOutputSchema = CalendarEventSchema.extend({
  route: z.string(),
  /** Only where other people were invited. */
  status: z.literal('invited').optional(),
});

/** Pure data of the skill `calendar_create_event`. */
export const calendarCreateEventManifest: SkillManifest<
  CalendarCreateEventInput,
  z.infer<typeof CalendarCreateEventOutputSchema>
> = {
  name: 'calendar_create_event',
  description:
    "Puts an event into the user's calendar. Without attendees it happens at once; with attendees other people are invited, " +
    'so the user is asked for approval first. Look for free time with calendar_find_free before choosing one.',
  effect: 'internal',
  input: CalendarCreateEventInputSchema,
  output: CalendarCreateEventOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ title, start, attendees }) =>
    `Puts ${quote(title)} into the calendar at ${start}${attendees.length === 0 ? '' : ` and invites ${people(attendees.length)}`}`,
};

function people(count: number): string {
  return count === 1 ? 'one person' : `${count} people`;
}
