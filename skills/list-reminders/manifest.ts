import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const ListRemindersInputSchema = z.strictObject({});

const ReminderLineSchema = z.strictObject({
  id: z.string(),
  text: z.string(),
  local: z.string(),
  status: z.string(),
  recurrence: z.string().optional(),
  /** Of this conversation. */
  here: z.boolean(),
});
const ScheduleLineSchema = z.strictObject({
  id: z.string(),
  kind: z.string(),
  task: z.string(),
  enabled: z.boolean(),
  local: z.string().optional(),
  /** As JSON; cut where it is long. */
  spec: z.string(),
  trouble: z.string().optional(),
  here: z.boolean(),
});
const ListRemindersOutputSchema = z.strictObject({
  reminders: z.array(ReminderLineSchema),
  schedules: z.array(ScheduleLineSchema),
});

/** Pure data of the skill `list_reminders`. */
export const listRemindersManifest: SkillManifest<
  z.infer<typeof ListRemindersInputSchema>,
  z.infer<typeof ListRemindersOutputSchema>
> = {
  name: 'list_reminders',
  description:
    "The user's reminders (waiting, paused, missed, or delivered in the last day) and schedules and watches, newest first, with their ids; `here` marks those of this conversation.",
  effect: 'read',
  input: ListRemindersInputSchema,
  output: ListRemindersOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  facesUser: true,
  summary: () => 'Looks at reminders and schedules',
};
