import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, DueSchema, TimeZoneSchema } from '../../contracts/text.js';
import { ATTENDEES_HINT, AttendeesSchema } from '../shared/calendar-attendees.js';
import { type EventFields, namedFields } from '../shared/calendar-change.js';
import { CalendarEventSchema, EventIdSchema } from '../shared/calendar-schema.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';

const CalendarUpdateEventInputSchema = z
  .strictObject({
    event: EventIdSchema,
    title: CleanTextSchema.min(1).max(300).optional(),
    start: DueSchema.optional().describe('Of the same kind as now: a date-time with offset, or a date for whole days.'),
    end: DueSchema.optional().describe(
      'To move an event give both start and end; the end date of whole days is not included.',
    ),
    timeZone: TimeZoneSchema.optional().describe('IANA name of the zone in which the event takes place.'),
    attendees: AttendeesSchema.optional().describe(`All that are to be in it, not only new ones. ${ATTENDEES_HINT}`),
    description: CleanTextSchema.max(10_000).optional().describe('An empty text takes it away.'),
  })
  .refine(({ event: _event, ...fields }) => Object.values(fields).some((value) => value !== undefined), {
    error: 'must name at least one change',
  })
  .refine(({ start, end }) => start === undefined || end === undefined || start.includes('T') === end.includes('T'), {
    path: ['end'],
    error: 'must be of the same kind as start: both dates, or both date-times',
  })
  .refine(({ start, end }) => start === undefined || end === undefined || Date.parse(end) > Date.parse(start), {
    path: ['end'],
    error: 'must be after start',
  });

export type CalendarUpdateEventInput = z.infer<typeof CalendarUpdateEventInputSchema>;

/** The values that an input names. */
export function fieldsOf({ event: _event, ...fields }: CalendarUpdateEventInput): EventFields {
  return namedFields(fields);
}

const CalendarUpdateEventOutputSchema = CalendarEventSchema.extend({
  status: z.enum(['updated', 'unchanged']),
  route: z.string(),
});

/** Pure data of the skill `calendar_update_event`. */
export const calendarUpdateEventManifest: SkillManifest<
  CalendarUpdateEventInput,
  z.infer<typeof CalendarUpdateEventOutputSchema>
> = {
  name: 'calendar_update_event',
  description:
    "Changes an event in the user's calendar; what is not named stays. An event of the user alone changes at once; where " +
    'other people are in it before or after, the user is asked for approval first. Repeating events cannot be changed.',
  effect: 'internal',
  input: CalendarUpdateEventInputSchema,
  output: CalendarUpdateEventOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: (input) => `Changes ${fieldWords(fieldsOf(input))} of a calendar event`,
};

const FIELD_WORDS: Readonly<Record<string, string>> = { timeZone: 'time zone' };

function fieldWords(fields: EventFields): string {
  return Object.keys(fields)
    .map((name) => FIELD_WORDS[name] ?? name)
    .join(', ');
}
