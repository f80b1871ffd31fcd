import { z } from 'zod';
import { transactionSkill } from '../../contracts/skill.js';
import { workTimes } from '../shared/schedule-times.js';
import { asked, triggerAnswer } from '../shared/schedule-view.js';
import { type ScheduleWorkInput, scheduleWorkManifest } from './manifest.js';

const UndoSchema = z.strictObject({ trigger: z.string() });

/** Makes a schedule or a watch; its undo removes it. */
export const scheduleWork = transactionSkill({
  manifest: scheduleWorkManifest,
  async run(input, { schedule, now, timeZone }) {
    const shared = sharedOf(input);
    if (input.trigger !== undefined) {
      const made = await schedule.plan({ ...shared, ...input.trigger });
      return { output: triggerAnswer(made, 'set', timeZone), undo: { trigger: made.id } };
    }
    const times = workTimes(input, { now, timeZone });
    if (times.kind === 'ask') return { output: asked(times) };
    const spec = { ...times.spec, ...missedOf(input) };
    const made = await schedule.plan({ ...shared, kind: 'cron', spec });
    return { output: triggerAnswer(made, 'set', times.zone), undo: { trigger: made.id } };
  },
  async undo(undo, { schedule }) {
    await schedule.removeTrigger(UndoSchema.parse(undo).trigger);
  },
});

function sharedOf({ task, budgetUsd, cooldownSeconds }: ScheduleWorkInput) {
  return {
    instructions: task,
    ...(budgetUsd === undefined ? {} : { budgetUsd }),
    ...(cooldownSeconds === undefined ? {} : { cooldownSeconds }),
  };
}

function missedOf({ catchUp, overlap }: ScheduleWorkInput) {
  return { ...(catchUp === undefined ? {} : { catchUp }), ...(overlap === undefined ? {} : { overlap }) };
}
