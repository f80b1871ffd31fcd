import type { Label } from '../../contracts/effect-class.js';
import type { Reminder } from '../../contracts/reminder.js';
import { transactionSkill } from '../../contracts/skill.js';
import { shortened } from '../../contracts/text.js';
import type { Trigger } from '../../contracts/trigger.js';
import { localText } from '../../times/local-text.js';
import { SHOWN_CHARACTERS } from '../shared/schedule-view.js';
import { listRemindersManifest } from './manifest.js';

/**
 * Reminders and schedules. Words that an agent has put there after strangers' words carry its label on, and so does the
 * trouble of a look, which may repeat what a server has said.
 */
export const listReminders = transactionSkill({
  manifest: listRemindersManifest,
  async run(_input, { schedule, conversationId, timeZone }) {
    const [reminders, triggers] = [await schedule.reminders(), await schedule.triggers()];
    return {
      output: {
        reminders: reminders.value.map((reminder) => reminderLine(reminder, conversationId)),
        schedules: triggers.value.map((trigger) => scheduleLine(trigger, conversationId, timeZone)),
      },
      taints: [...new Set([...reminders.labels, ...triggers.labels, ...troubleLabels(triggers.value)])],
    };
  },
});

function troubleLabels(triggers: readonly Trigger[]): readonly Label[] {
  return triggers.some(({ trouble }) => trouble !== undefined) ? ['untrusted'] : [];
}

function reminderLine({ id, text, local, status, recurrence, conversation }: Reminder, here: string) {
  return {
    id,
    text: shortened(text, SHOWN_CHARACTERS),
    local,
    status,
    ...(recurrence === undefined ? {} : { recurrence }),
    here: conversation === here,
  };
}

function scheduleLine({ id, kind, instructions, enabled, nextAt, spec, ...rest }: Trigger, here: string, zone: string) {
  return {
    id,
    kind,
    task: shortened(instructions, SHOWN_CHARACTERS),
    enabled,
    ...(nextAt === undefined ? {} : { local: localText(Date.parse(nextAt), zone) }),
    spec: shortened(JSON.stringify(spec), SHOWN_CHARACTERS),
    ...(rest.trouble === undefined ? {} : { trouble: rest.trouble }),
    here: rest.conversation === here,
  };
}
