import { z } from 'zod';
import { CatchUpSchema, OverlapSchema, whenShape } from '../../contracts/reminder.js';
import { MoneySchema } from '../../contracts/request.js';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { NewTriggerSchema } from '../../contracts/trigger.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { type ScheduleAnswer, ScheduleAnswerSchema } from '../shared/schedule-schema.js';
import { quote } from '../shared/summary-text.js';

/** What agents may have watched: a webhook has a secret, which only a person may see. */
const [, , ofSpace, ofMail, ofWatch] = NewTriggerSchema.options;
const SET_OFF_BY = { kind: true, spec: true } as const;
const WatchedSchema = z.discriminatedUnion('kind', [
  ofWatch.pick(SET_OFF_BY),
  ofMail.pick(SET_OFF_BY),
  ofSpace.pick(SET_OFF_BY),
]);

const ScheduleWorkInputSchema = z
  .strictObject({
    task: CleanTextSchema.min(1).max(10_000).describe('What to do each time; understood without this conversation.'),
    when: whenShape.when,
    recurrence: whenShape.recurrence,
    timeZone: whenShape.timeZone,
    trigger: WatchedSchema.optional().describe('In place of a time: what sets it off.'),
    budgetUsd: MoneySchema.optional().describe('For each time.'),
    catchUp: CatchUpSchema.optional(),
    overlap: OverlapSchema.optional(),
    cooldownSeconds: z.int().min(0).max(2_592_000).optional().describe('At most once in this time.'),
  })
  .refine(
    ({ trigger, when, recurrence }) => (trigger === undefined) !== (when === undefined && recurrence === undefined),
    {
      error: 'give either a time (when or recurrence), or a trigger',
      path: ['when'],
    },
  )
  .refine(
    ({ trigger, timeZone, catchUp, overlap }) =>
      trigger === undefined || [timeZone, catchUp, overlap].every((given) => given === undefined),
    { error: 'timeZone, catchUp and overlap go with a time', path: ['trigger'] },
  );

export type ScheduleWorkInput = z.infer<typeof ScheduleWorkInputSchema>;

/** Pure data of the skill `schedule_work`. */
export const scheduleWorkManifest: SkillManifest<ScheduleWorkInput, ScheduleAnswer> = {
  name: 'schedule_work',
  description:
    'Has work done later by itself: at a time, again and again, or when a page, a server, the mailbox or a space changes. ' +
    'Use set_reminder where the user is only to be told something. Status ask: nothing is set, ask the user the question.',
  effect: 'internal',
  input: ScheduleWorkInputSchema,
  output: ScheduleAnswerSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  facesUser: true,
  summary: ({ task }) => `Schedules ${quote(task)}`,
};
