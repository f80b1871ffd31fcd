import { ProblemError } from '../../contracts/problem.js';
import type { Bound, ScheduleAccess } from '../../contracts/schedule-access.js';
import { type SkillCaller, type SkillResult, transactionSkill } from '../../contracts/skill.js';
import type { Trigger, TriggerPatch } from '../../contracts/trigger.js';
import type { ScheduleAnswer, Scheduled } from '../shared/schedule-schema.js';
import { type WorkTimes, workTimes } from '../shared/schedule-times.js';
import { asked, reminderAnswer, triggerAnswer } from '../shared/schedule-view.js';
import { type ChangeReminderInput, changeReminderManifest } from './manifest.js';

type Answer = SkillResult<ScheduleAnswer>;
type Spoken = Pick<SkillCaller, 'now' | 'timeZone'>;

/** Changes a reminder, a schedule or a watch; what is read of it carries its labels on. */
export const changeReminder = transactionSkill({
  manifest: changeReminderManifest,
  async run(input, { schedule, now, timeZone }) {
    if (input.id.startsWith('rem_')) return ofReminder(input, schedule);
    if (input.id.startsWith('trg_')) return ofTrigger(input, schedule, { now, timeZone });
    throw new ProblemError('not-found', `There is no reminder or schedule ${input.id}. Look with list_reminders.`);
  },
});

async function ofReminder(input: ChangeReminderInput, schedule: ScheduleAccess): Promise<Answer> {
  const { id, action = 'change', instructions, spec, ...patch } = input;
  if (spec !== undefined) throw new ProblemError('invalid-body', 'A reminder has no spec: give when or dueAt.');
  const text = patch.text ?? instructions;
  const changed =
    action === 'cancel'
      ? await schedule.cancelReminder(id)
      : await schedule.changeReminder(id, {
          ...patch,
          ...(text === undefined ? {} : { text }),
          ...(action === 'change' ? {} : { status: action === 'pause' ? 'paused' : 'pending' }),
        });
  if (changed.kind === 'ask') return { output: asked(changed) };
  return { output: reminderAnswer(changed.value, DONE[action]), taints: changed.labels };
}

const DONE = { change: 'changed', cancel: 'cancelled', pause: 'paused', resume: 'changed' } as const;

async function ofTrigger(input: ChangeReminderInput, schedule: ScheduleAccess, spoken: Spoken): Promise<Answer> {
  const { id, action = 'change' } = input;
  if (action === 'cancel') return triggerResult(await schedule.removeTrigger(id), 'cancelled', spoken.timeZone);
  if (action !== 'change') {
    const changed = await schedule.changeTrigger(id, { enabled: action === 'resume' });
    return triggerResult(changed, DONE[action], spoken.timeZone);
  }
  const times = await newTimes(input, schedule, spoken);
  if (times?.kind === 'ask') return { output: asked(times) };
  const changed = await schedule.changeTrigger(id, patchOf(input, times));
  return triggerResult(changed, 'changed', times?.zone ?? spoken.timeZone);
}

function triggerResult({ value, labels }: Bound<Trigger>, status: Scheduled['status'], zone: string): Answer {
  return { output: triggerAnswer(value, status, zone), taints: labels };
}

/** The times of a schedule after the change; undefined where they stay. */
async function newTimes(input: ChangeReminderInput, schedule: ScheduleAccess, spoken: Spoken) {
  const { id, when, dueAt, recurrence, timeZone, snooze, spec } = input;
  if (snooze !== undefined)
    throw new ProblemError('invalid-body', 'A schedule is not snoozed: pause it, or give it another time.');
  if ([when, dueAt, recurrence, timeZone].every((given) => given === undefined)) return undefined;
  if (spec !== undefined) throw new ProblemError('invalid-body', 'Give another time, or a spec, not both.');
  const former = (await schedule.triggers()).value.find((trigger) => trigger.id === id);
  if (former?.kind !== 'cron')
    throw new ProblemError('conflict', `${id} is no schedule with times of its own: change its spec instead.`);
  return withFormer(former.spec, workTimesOf(former.spec, input, spoken));
}

/** A new zone alone, or a new rule, leaves the rest as it was. */
function workTimesOf(
  former: Trigger['spec'],
  { when, dueAt, recurrence, timeZone }: ChangeReminderInput,
  spoken: Spoken,
) {
  const zone = timeZone ?? textOf(former['timeZone']);
  const isNew = when !== undefined || dueAt !== undefined;
  const rule = recurrence ?? (isNew ? undefined : textOf(former['rrule']));
  const times = workTimes({ when, dueAt, recurrence: rule, timeZone: zone }, spoken);
  const start = textOf(former['start']);
  if (times.kind === 'ask' || isNew || start === undefined) return times;
  return { ...times, spec: { ...times.spec, start } };
}

function withFormer<T>(former: Trigger['spec'], times: T | WorkTimes): T | WorkTimes {
  if (!isTimes(times)) return times;
  const { start: _start, ...kept } = former;
  return { ...times, spec: { ...kept, ...times.spec } };
}

function isTimes<T>(times: T | WorkTimes): times is WorkTimes {
  return typeof times === 'object' && times !== null && 'spec' in times;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function patchOf({ text, instructions, spec }: ChangeReminderInput, times: WorkTimes | undefined): TriggerPatch {
  const words = instructions ?? text;
  const changed = times?.spec ?? spec;
  return {
    ...(words === undefined ? {} : { instructions: words }),
    ...(changed === undefined ? {} : { spec: { ...changed } }),
  };
}
