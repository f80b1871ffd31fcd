import { z } from 'zod';
import { CleanTextSchema, IdSchema, InstantSchema, TimeZoneSchema } from './text.js';

const CATCH_UPS = ['all', 'latest', 'skip'] as const;
export const REMINDER_STATUSES = ['pending', 'paused', 'fired', 'cancelled', 'missed'] as const;

/** A length of time in weeks, days, hours, minutes or seconds: months have no fixed length. */
export const DurationSchema = z
  .string()
  .regex(
    /^P(?=[\dT])(\d{1,5}W)?(\d{1,5}D)?(T(?=\d)(\d{1,6}H)?(\d{1,7}M)?(\d{1,8}S)?)?$/,
    'must be an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as PT15M or P2D',
  );

export const CatchUpSchema = z
  .enum(CATCH_UPS)
  .describe(
    'What happens to times that passed while the system was away: all of them fire, the latest alone, or none. Those that do not are reported.',
  );
export type CatchUp = z.infer<typeof CatchUpSchema>;
export const OverlapSchema = z
  .enum(['skip', 'queue'])
  .describe('While the time before is still being worked on: leave this one out, or wait. Side by side when omitted.');
export type Overlap = z.infer<typeof OverlapSchema>;

const RuleSchema = CleanTextSchema.min(1)
  .max(500)
  .describe('RFC 5545 RRULE without DTSTART, such as FREQ=WEEKLY;BYDAY=MO.');
const WhenSchema = CleanTextSchema.min(1).max(2_000).describe('As people say it, English or German: “tomorrow at 9”.');

/** Fields that say when; shared by whoever makes or changes something that comes due. */
export const whenShape = {
  dueAt: InstantSchema.optional().describe('The exact moment. Give this or `when`.'),
  when: WhenSchema.optional(),
  timeZone: TimeZoneSchema.optional().describe('Whose wall clock is meant; the user’s own when omitted.'),
  recurrence: RuleSchema.optional(),
};

/** Fields that say what becomes of times that passed unnoticed. */
export const catchUpShape = {
  catchUp: CatchUpSchema.optional(),
  catchUpWindow: DurationSchema.optional().describe(
    'How late it may still happen; 7 days, and 5 minutes with `skip`, when omitted.',
  ),
  overlap: OverlapSchema.optional(),
};

const ReminderTextSchema = CleanTextSchema.max(4_000).refine((text) => text.trim().length > 0, {
  error: 'must not be empty',
});

export const NewReminderSchema = z
  .strictObject({
    text: ReminderTextSchema.describe('What to be reminded of.'),
    ...whenShape,
    ...catchUpShape,
    conversation: IdSchema.optional().describe(
      'Where it belongs and is delivered; a conversation of its own when omitted.',
    ),
    context: CleanTextSchema.max(4_000)
      .optional()
      .describe('What it is about, in a few sentences, for when it is due.'),
  })
  .meta({ id: 'NewReminder' });
export type NewReminder = z.infer<typeof NewReminderSchema>;

export const ReminderPatchSchema = z
  .strictObject({
    text: ReminderTextSchema.optional(),
    ...whenShape,
    ...catchUpShape,
    snooze: DurationSchema.optional().describe('Later by this much: from now once it has fired, else from its time.'),
    status: z.enum(['pending', 'paused']).optional().describe('Pause it, or let a paused one go on.'),
  })
  .meta({ id: 'ReminderPatch' });
export type ReminderPatch = z.infer<typeof ReminderPatchSchema>;

export const ReminderSchema = z
  .object({
    id: z.string(),
    text: z.string(),
    dueAt: z.string().describe('Of a recurring one the next time, or the last where none follows.'),
    timeZone: z.string(),
    /** The same on the wall clock of that zone, in words for people. */
    local: z.string(),
    recurrence: z.string().optional(),
    catchUp: CatchUpSchema,
    catchUpWindow: z.string().optional(),
    overlap: OverlapSchema.optional(),
    conversation: z.string(),
    context: z.object({ summary: z.string(), refs: z.array(z.string()) }),
    status: z.enum(REMINDER_STATUSES),
    nextAt: z.string().optional().describe('When it will be delivered; missing where it will not.'),
    firedAt: z.string().optional(),
    late: z.boolean().optional(),
    /** The request that the last delivery became. */
    request: z.string().optional(),
    createdAt: z.string(),
  })
  .meta({ id: 'Reminder' });
export type Reminder = z.infer<typeof ReminderSchema>;
