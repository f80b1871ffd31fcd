import type { NewReminder, Reminder, ReminderPatch } from './reminder.js';
import type { NewTrigger, Trigger, TriggerPatch } from './trigger.js';

/** What has to be asked before anything is set or changed. */
export interface AskBack {
  readonly kind: 'ask';
  readonly question: string;
}

/** Reminders and triggers of the user, as the acting agent may set and change them. Throws `ProblemError` with what to do instead. */
export interface ScheduleAccess {
  /** In the request's own conversation; what binds the agent binds what it sets. */
  remind(wish: NewReminder): Promise<Reminder | AskBack>;
  changeReminder(id: string, patch: ReminderPatch): Promise<Reminder | AskBack>;
  cancelReminder(id: string): Promise<Reminder>;
  /** What waits, is paused or was missed, newest first, at most 100. */
  reminders(): Promise<Reminder[]>;
  plan(wish: NewTrigger): Promise<Trigger>;
  changeTrigger(id: string, patch: TriggerPatch): Promise<Trigger>;
  removeTrigger(id: string): Promise<Trigger>;
  /** Newest first, at most 100. */
  triggers(): Promise<Trigger[]>;
}
