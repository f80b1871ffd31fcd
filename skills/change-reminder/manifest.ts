import { z } from 'zod';
import { DurationSchema, whenShape } from '../../contracts/reminder.js';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { type ScheduleAnswer, ScheduleAnswerSchema } from '../shared/schedule-schema.js';

const ChangeReminderInputSchema = z
  .strictObject({
    id: IdSchema.describe('As list_reminders returned it.'),
    action: z.enum(['change', 'cancel', 'pause', 'resume']).optional().describe('change when omitted.'),
    ...whenShape,
    snooze: DurationSchema.optional().describe('Later by this much, such as PT15M.'),
    text: CleanTextSchema.min(1).max(4_000).optional().describe('Of a reminder: what of.'),
    instructions: CleanTextSchema.min(1).max(10_000).optional().describe('Of a schedule or watch: what to do.'),
    spec: z.record(z.string(), z.unknown()).optional().describe('Of a watch, in place of the former one.'),
  })
  .refine(({ id: _id, action = 'change', ...changes }) => (action === 'change') === isAnything(changes), {
    error: 'name a change, or one of cancel, pause and resume by itself',
    path: ['action'],
  });

function isAnything(changes: object): boolean {
  return Object.values(changes).some((value) => value !== undefined);
}

export type ChangeReminderInput = z.infer<typeof ChangeReminderInputSchema>;

/** Pure data of the skill `change_reminder`. */
export const changeReminderManifest: SkillManifest<ChangeReminderInput, ScheduleAnswer> = {
  name: 'change_reminder',
  description:
    'Snoozes, changes, pauses, resumes or cancels one reminder, schedule or watch and returns it as it is now. ' +
    'Where it is not clear which one is meant, ask the user. Status ask: nothing was changed, ask the user the question.',
  effect: 'internal',
  input: ChangeReminderInputSchema,
  output: ScheduleAnswerSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  facesUser: true,
  summary: ({ id, action = 'change' }) => `${VERBS[action]} ${id}`,
};

const VERBS = { change: 'Changes', cancel: 'Cancels', pause: 'Pauses', resume: 'Resumes' } as const;
