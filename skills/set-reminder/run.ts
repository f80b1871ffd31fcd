import { z } from 'zod';
import { transactionSkill } from '../../contracts/skill.js';
import { asked, reminderAnswer } from '../shared/schedule-view.js';
import { setReminderManifest } from './manifest.js';

const UndoSchema = z.strictObject({ reminder: z.string() });

/** Sets a reminder; its undo cancels it. */
export const setReminder = transactionSkill({
  manifest: setReminderManifest,
  async run(wish, { schedule }) {
    const made = await schedule.remind(wish);
    if ('question' in made) return { output: asked(made) };
    return { output: reminderAnswer(made, 'set'), undo: { reminder: made.id } };
  },
  async undo(undo, { schedule }) {
    await schedule.cancelReminder(UndoSchema.parse(undo).reminder);
  },
});
