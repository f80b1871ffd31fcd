import type { Label } from './effect-class.js';
import type { NewReminder, Reminder, ReminderPatch } from './reminder.js';
import type { JsonValue } from './space.js';
import type { NewTrigger, Trigger, TriggerPatch } from './trigger.js';

/** What has to be asked before anything is set or changed. */
export interface AskBack {
  readonly kind: 'ask';
  readonly question: string;
}

/** Something that was read, with what binds whoever reads it: its words may be those of an agent that has read a stranger's. */
export interface Bound<T> {
  readonly kind: 'bound';
  readonly value: T;
  readonly labels: readonly Label[];
}

/**
 * Reminders and triggers of the user, as the acting agent may set and change them: what binds the agent binds what it
 * sets, and what it puts its words into. Throws `ProblemError` with what to do instead.
 */
export interface ScheduleAccess {
  /** In the request's own conversation. */
  remind(wish: NewReminder): Promise<Reminder | AskBack>;
  changeReminder(id: string, patch: ReminderPatch): Promise<Bound<Reminder> | AskBack>;
  cancelReminder(id: string): Promise<Bound<Reminder>>;
  /** What waits, is paused, was missed, or was delivered in the last day; newest first, at most 100. */
  reminders(): Promise<Bound<Reminder[]>>;
  plan(wish: NewTrigger): Promise<Trigger>;
  changeTrigger(id: string, patch: TriggerPatch): Promise<Bound<Trigger>>;
  removeTrigger(id: string): Promise<Bound<Trigger>>;
  /** How one of either is now, for `putBack`. */
  keep(id: string): Promise<JsonValue>;
  /** Makes it what it was; `conflict` for a reminder that was delivered since. */
  putBack(id: string, kept: JsonValue): Promise<void>;
  /** Newest first, at most 100. */
  triggers(): Promise<Bound<Trigger[]>>;
}
