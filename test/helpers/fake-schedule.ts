import { ProblemError } from '../../contracts/problem.js';
import { NewReminderSchema, type Reminder, ReminderPatchSchema } from '../../contracts/reminder.js';
import type { Bound, ScheduleAccess } from '../../contracts/schedule-access.js';
import type { Label } from '../../contracts/effect-class.js';
import type { JsonValue } from '../../contracts/space.js';
import { NewTriggerSchema, type Trigger, TriggerPatchSchema } from '../../contracts/trigger.js';
import { durationMs } from '../../engine/clock/windows.js';
import { resolveWhen } from '../../engine/reminders/when.js';
import { localText } from '../../times/local-text.js';
import { nextOccurrence } from '../../times/occurrences.js';
import { wallTextAt } from '../../times/wall-clock.js';

/** Reminders and triggers in memory, with the real reading of times. */
export interface FakeSchedule extends ScheduleAccess {
  readonly reminderRows: Map<string, Reminder>;
  readonly triggerRows: Map<string, Trigger>;
  /** What binds whoever reads one of them, by its id. */
  readonly labels: Map<string, readonly Label[]>;
}

/** Whatever is wished for must have the shape that the API takes. */
export function fakeSchedule(spoken: { now: string; timeZone: string }, conversation: string): FakeSchedule {
  const now = Date.parse(spoken.now);
  const by = { now, timeZone: spoken.timeZone };
  const reminderRows = new Map<string, Reminder>();
  const triggerRows = new Map<string, Trigger>();
  const labels = new Map<string, readonly Label[]>();
  let made = 0;
  const bound = <T>(value: T, ids: readonly string[]): Bound<T> => ({
    kind: 'bound',
    value,
    labels: [...new Set(ids.flatMap((id) => labels.get(id) ?? []))],
  });
  const found = <T>(rows: ReadonlyMap<string, T>, id: string): T => {
    const row = rows.get(id);
    if (row === undefined) throw new ProblemError('not-found', `There is no ${id}.`);
    return row;
  };
  const waiting = (id: string): Reminder => {
    const row = found(reminderRows, id);
    if (row.status === 'cancelled') throw new ProblemError('conflict', 'The reminder is cancelled. Set a new one.');
    return row;
  };
  const keep = (row: Reminder): Reminder => {
    reminderRows.set(row.id, row);
    return row;
  };
  const keepTrigger = (trigger: Trigger): Trigger => {
    const { nextAt: _former, ...rest } = trigger;
    const nextAt = trigger.enabled ? firstTime(trigger, by) : undefined;
    const kept = { ...rest, ...(nextAt === undefined ? {} : { nextAt }) };
    triggerRows.set(kept.id, kept);
    return kept;
  };
  const nextId = (kind: string): string => {
    made += 1;
    return `${kind}_${made}`;
  };
  return {
    reminderRows,
    triggerRows,
    labels,
    async remind(wish) {
      const { text, context, ...when } = NewReminderSchema.parse(wish);
      const time = resolveWhen(when, by);
      if (time.kind === 'ask') return time;
      const dueAt = new Date(time.due).toISOString();
      return keep({
        id: nextId('rem'),
        text,
        dueAt,
        nextAt: dueAt,
        timeZone: time.zone,
        local: localText(time.due, time.zone),
        ...(time.recurrence === undefined ? {} : { recurrence: time.recurrence }),
        catchUp: when.catchUp ?? 'latest',
        conversation,
        context: { summary: context ?? '', refs: [] },
        status: 'pending',
        createdAt: new Date(now + made).toISOString(),
      });
    },
    async changeReminder(id, patch) {
      const row = waiting(id);
      const { snooze, text, status, ...when } = ReminderPatchSchema.parse(patch);
      const isMoved = snooze !== undefined || when.when !== undefined || when.dueAt !== undefined;
      const time =
        snooze === undefined && isMoved
          ? resolveWhen({ recurrence: row.recurrence, ...when }, by)
          : { kind: 'due' as const, due: Date.parse(row.dueAt) + durationMs(snooze ?? 'PT0S'), zone: row.timeZone };
      if (time.kind === 'ask') return time;
      const { nextAt: _former, ...rest } = row;
      const state = status ?? (isMoved ? 'pending' : row.status);
      const dueAt = new Date(time.due).toISOString();
      const changed = {
        ...rest,
        text: text ?? row.text,
        dueAt,
        timeZone: time.zone,
        local: localText(time.due, time.zone),
        status: state,
        ...(state === 'pending' ? { nextAt: dueAt } : {}),
      };
      return bound(keep(changed), [id]);
    },
    async cancelReminder(id) {
      const { nextAt: _former, ...row } = found(reminderRows, id);
      if (row.status === 'fired') throw new ProblemError('conflict', 'The reminder was delivered already.');
      return bound(keep({ ...row, status: 'cancelled' }), [id]);
    },
    async reminders() {
      const rows = [...reminderRows.values()].filter(({ status }) => status !== 'cancelled').toReversed();
      return bound(
        rows,
        rows.map(({ id }) => id),
      );
    },
    async plan(wish) {
      const { kind, spec, instructions, agent, enabled, ...rest } = NewTriggerSchema.parse(wish);
      const id = nextId('trg');
      return keepTrigger({
        ...rest,
        id,
        kind,
        spec: { ...spec },
        instructions,
        agent: agent ?? 'default',
        enabled: enabled ?? true,
        conversation,
        createdAt: new Date(now + made).toISOString(),
        links: { self: `/v1/triggers/${id}` },
      });
    },
    async changeTrigger(id, patch) {
      const row = found(triggerRows, id);
      const given = TriggerPatchSchema.parse(patch);
      const { kind, instructions } = row;
      if (given.spec !== undefined) NewTriggerSchema.parse({ kind, spec: given.spec, instructions });
      const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      return bound(keepTrigger({ ...row, ...present }), [id]);
    },
    async removeTrigger(id) {
      const row = found(triggerRows, id);
      triggerRows.delete(id);
      return bound(row, [id]);
    },
    async keep(id) {
      return JSON.parse(JSON.stringify(reminderRows.get(id) ?? found(triggerRows, id))) as JsonValue;
    },
    async putBack(id, kept) {
      if (reminderRows.has(id)) reminderRows.set(id, kept as unknown as Reminder);
      else triggerRows.set(id, kept as unknown as Trigger);
    },
    async triggers() {
      const rows = [...triggerRows.values()].toReversed();
      return bound(
        rows,
        rows.map(({ id }) => id),
      );
    },
  };
}

/** The next time of a schedule; anything else looks at once. */
function firstTime({ kind, spec }: Trigger, { now, timeZone }: { now: number; timeZone: string }): string | undefined {
  if (kind !== 'cron') return new Date(now).toISOString();
  const zone = typeof spec['timeZone'] === 'string' ? spec['timeZone'] : timeZone;
  const start = typeof spec['start'] === 'string' ? spec['start'] : wallTextAt(now, zone);
  const next = nextOccurrence({ rrule: String(spec['rrule']), start, zone }, now);
  if (next === undefined) throw new ProblemError('invalid-body', 'The rule never comes round.', { status: 422 });
  return new Date(next).toISOString();
}
