import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { Bound, ScheduleAccess } from '../../contracts/schedule-access.js';
import { type SkillCaller, type SkillResult, transactionSkill } from '../../contracts/skill.js';
import type { Trigger, TriggerPatch } from '../../contracts/trigger.js';
import { atOtherTimeOfDay } from '../../times/other-time-of-day.js';
import { resolveTime } from '../../times/resolve-time.js';
import type { ScheduleAnswer, Scheduled } from '../shared/schedule-schema.js';
import { type WorkTimes, workTimes } from '../shared/schedule-times.js';
import { asked, ONCE, reminderAnswer, triggerAnswer } from '../shared/schedule-view.js';
import { type ChangeReminderInput, changeReminderManifest } from './manifest.js';

type Answer = SkillResult<ScheduleAnswer>;
type Spoken = Pick<SkillCaller, 'now' | 'timeZone'>;

const UndoSchema = z.strictObject({ id: z.string(), kept: z.json() });

/** Changes a reminder, a schedule or a watch; what is read of it carries its labels on. */
export const changeReminder = transactionSkill({
  manifest: changeReminderManifest,
  async run(input, { schedule, now, timeZone }) {
    const { id } = input;
    if (!/^(?:rem|trg)_/.test(id))
      throw new ProblemError('not-found', `There is no reminder or schedule ${id}. Look with list_reminders.`);
    const kept = await schedule.keep(id);
    const done = id.startsWith('rem_')
      ? await ofReminder(input, schedule)
      : await ofTrigger(input, schedule, { now, timeZone });
    return done.output.status === 'ask' ? done : { ...done, undo: { id, kept } };
  },
  async undo(undo, { schedule }) {
    const { id, kept } = UndoSchema.parse(undo);
    await schedule.putBack(id, kept);
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
  // What an agent switches off can be switched on again; only a person removes it.
  if (action === 'cancel')
    return triggerResult(await schedule.changeTrigger(id, { enabled: false }), 'cancelled', spoken.timeZone);
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

/** A new zone alone, a new rule, or a time of day without a day leaves the rest as it was. */
function workTimesOf(
  former: Trigger['spec'],
  { when, dueAt, recurrence, timeZone }: ChangeReminderInput,
  spoken: Spoken,
) {
  const zone = timeZone ?? textOf(former['timeZone']);
  if (when !== undefined && dueAt === undefined && recurrence === undefined) {
    const moved = movedInDay(when, former, { now: Date.parse(spoken.now), timeZone: zone ?? spoken.timeZone });
    if (moved !== undefined) return moved;
  }
  const isNew = when !== undefined || dueAt !== undefined;
  const rule = recurrence ?? (isNew ? undefined : textOf(former['rrule']));
  const times = workTimes({ when, dueAt, recurrence: rule, timeZone: zone }, spoken);
  const start = textOf(former['start']);
  if (times.kind === 'ask' || isNew || start === undefined) return times;
  return { ...times, spec: { ...times.spec, start } };
}

/** A schedule that comes round, at another time of day; undefined for words that say more than that. */
function movedInDay(
  words: string,
  former: Trigger['spec'],
  spoken: { now: number; timeZone: string },
): WorkTimes | undefined {
  const [rrule, start, zone] = [textOf(former['rrule']), textOf(former['start']), textOf(former['timeZone'])];
  if (rrule === undefined || rrule === ONCE || start === undefined || zone === undefined) return undefined;
  const meant = resolveTime(words, spoken);
  if (meant.kind !== 'at' || !meant.isTimeOfDay) return undefined;
  const moved = atOtherTimeOfDay({ rrule, start, zone }, meant);
  return { kind: 'times', spec: { rrule: moved.rrule, start: moved.start, timeZone: moved.zone }, zone: moved.zone };
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
