import { ProblemError } from '../../contracts/problem.js';
import type { NewTrigger, Trigger, TriggerPatch } from '../../contracts/trigger.js';
import type { Tx } from '../../store/db.js';
import type { Maker } from '../reminders/make-reminder.js';

/** Makes a trigger. Throws `invalid-body` with the path of the field that cannot be meant. */
export async function makeTrigger(_tx: Tx, _maker: Maker, _wish: NewTrigger): Promise<Trigger> {
  throw new ProblemError('conflict', 'Triggers cannot be made yet.');
}

export async function changeTrigger(
  _tx: Tx,
  _user: string,
  id: string,
  _patch: TriggerPatch,
  _now: number,
): Promise<Trigger> {
  throw new ProblemError('not-found', `There is no trigger ${id.slice(0, 80)}.`);
}

export async function removeTrigger(_tx: Tx, _user: string, id: string): Promise<Trigger> {
  throw new ProblemError('not-found', `There is no trigger ${id.slice(0, 80)}.`);
}

export async function listTriggers(
  _tx: Tx,
  _user: string,
  _page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ items: Trigger[]; cursor?: string }> {
  return { items: [] };
}
