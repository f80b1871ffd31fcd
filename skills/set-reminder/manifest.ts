import type { z } from 'zod';
import { NewReminderSchema } from '../../contracts/reminder.js';
import type { SkillManifest } from '../../contracts/skill.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { type ScheduleAnswer, ScheduleAnswerSchema } from '../shared/schedule-schema.js';
import { quote } from '../shared/summary-text.js';

/** A reminder belongs to the conversation it is set in. */
const SetReminderInputSchema = NewReminderSchema.omit({ conversation: true });

/** Pure data of the skill `set_reminder`. */
export const setReminderManifest: SkillManifest<z.infer<typeof SetReminderInputSchema>, ScheduleAnswer> = {
  name: 'set_reminder',
  description:
    'Sets a reminder for the user, once or recurring. Pass what says when in `when`, in the words that were used. ' +
    'Status ask: nothing is set, ask the user the question. Otherwise tell the user the time that `say` names.',
  effect: 'internal',
  input: SetReminderInputSchema,
  output: ScheduleAnswerSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  facesUser: true,
  summary: ({ text }) => `Sets the reminder ${quote(text)}`,
};
