import type { Reminder } from '../../contracts/reminder.js';
import type { AskBack } from '../../contracts/schedule-access.js';
import { shortened } from '../../contracts/text.js';
import type { Trigger } from '../../contracts/trigger.js';
import { localText } from '../../times/local-text.js';
import type { ScheduleAnswer, Scheduled } from './schedule-schema.js';

/** Words of a reminder or a task that a result repeats. */
export const SHOWN_CHARACTERS = 400;

export function asked({ question }: AskBack): ScheduleAnswer {
  return { status: 'ask', question };
}

/** A reminder as it stands after a call, with a sentence about its time. */
export function reminderAnswer(reminder: Reminder, status: Scheduled['status']): Scheduled {
  const { id, local, timeZone, recurrence, dueAt, nextAt } = reminder;
  return {
    status,
    id,
    ...(status === 'set' ? {} : { text: shortened(reminder.text, SHOWN_CHARACTERS) }),
    local,
    timeZone,
    dueAt: nextAt ?? dueAt,
    ...(recurrence === undefined ? {} : { recurrence }),
    say: sentence(status, nextAt === undefined ? undefined : local, recurrence),
  };
}

/** A trigger as it stands after a call; times are shown on the clock of `zone`. */
export function triggerAnswer(trigger: Trigger, status: Scheduled['status'], zone: string): Scheduled {
  const { id, kind, nextAt, instructions } = trigger;
  const local = kind === 'cron' && nextAt !== undefined ? localText(Date.parse(nextAt), zone) : undefined;
  const rule = kind === 'cron' ? ruleOf(trigger) : undefined;
  return {
    status,
    id,
    ...(status === 'set' ? {} : { text: shortened(instructions, SHOWN_CHARACTERS) }),
    ...(local === undefined ? {} : { local, timeZone: zone }),
    ...(nextAt === undefined || kind !== 'cron' ? {} : { dueAt: nextAt }),
    ...(rule === undefined ? {} : { recurrence: rule }),
    say: kind === 'cron' ? sentence(status, local, rule) : WATCHING[status],
  };
}

/** The rule of a schedule that comes round more than once. */
function ruleOf({ spec }: Trigger): string | undefined {
  const { rrule } = spec;
  return typeof rrule !== 'string' || rrule === ONCE ? undefined : rrule;
}

/** The rule of a schedule that happens a single time. */
export const ONCE = 'FREQ=DAILY;COUNT=1';

const WATCHING = {
  set: 'Set: it begins to look now.',
  changed: 'Changed.',
  paused: 'Paused until it is resumed.',
  cancelled: 'Cancelled.',
} as const;

function sentence(status: Scheduled['status'], local: string | undefined, recurrence: string | undefined): string {
  if (status === 'cancelled') return 'Cancelled: it does not happen any more.';
  if (status === 'paused') return 'Paused until it is resumed.';
  const verb = status === 'set' ? 'Set' : 'Changed: it is set';
  if (local === undefined) return `${verb}, and nothing is due.`;
  return `${verb} for ${local}${recurrence === undefined ? '' : `, and again by the rule ${recurrence}`}.`;
}
