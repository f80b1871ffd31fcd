import { ProblemError } from '../../contracts/problem.js';
import type { TriggerSpec, TriggerSpecs } from '../../contracts/trigger.js';
import { userActor } from '../../spaces/principal.js';
import { requirePermission } from '../../spaces/spaces.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { nextOccurrence, ruleProblem } from '../../times/occurrences.js';
import { wallTextAt } from '../../times/wall-clock.js';
import type { TriggerState } from './trigger-rows.js';

/** How a trigger starts out: its spec with everything it left open, when the clock looks at it, and what counts as seen. */
export interface Beginning {
  readonly spec: TriggerSpec['spec'];
  /** The next time of a schedule, RFC 3339. */
  readonly due: string | null;
  /** When the clock looks at it, RFC 3339; null where it never does. */
  readonly next: string | null;
  readonly state: TriggerState;
}

/**
 * `now` is in milliseconds since 1970. Throws `invalid-body` with the path of the field that cannot be meant.
 */
export async function beginTrigger(
  tx: Tx,
  user: string,
  { kind, spec }: TriggerSpec,
  { now, timeZone }: { readonly now: number; readonly timeZone: string },
): Promise<Beginning> {
  const at = new Date(now).toISOString();
  switch (kind) {
    case 'cron':
      return schedule(spec, now, timeZone);
    case 'webhook':
      return { spec, due: null, next: null, state: {} };
    case 'mail':
      return { spec, due: null, next: at, state: { mail: { upto: at } } };
    case 'watch':
      return { spec, due: null, next: at, state: {} };
    case 'space': {
      const seen_seq = await newestChange(tx, user, spec.space);
      const looks = spec.untouched !== undefined;
      return { spec, due: null, next: looks ? at : null, state: looks ? {} : { seen_seq } };
    }
  }
}

function schedule(given: TriggerSpecs['cron'], now: number, zone: string): Beginning {
  const timeZone = given.timeZone ?? zone;
  const start = given.start ?? `${wallTextAt(now, timeZone).slice(0, 16)}:00`;
  const recurrence = { rrule: given.rrule, start, zone: timeZone };
  const problem = ruleProblem(recurrence);
  if (problem !== undefined) throw wrong('spec.rrule', problem);
  const next = nextOccurrence(recurrence, now);
  if (next === undefined) throw wrong('spec.rrule', 'It has come round for the last time: change its end.');
  const due = new Date(next).toISOString();
  return { spec: { ...given, start, timeZone }, due, next: due, state: {} };
}

/** Only what happens from now on is reported. */
async function newestChange(tx: Tx, user: string, space: string): Promise<number> {
  try {
    await requirePermission(tx, userActor(user), space, 'read');
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    throw wrong('spec.space', `There is no space ${space} that you can read.`);
  }
  return (await tx.one<{ seq: number }>(sql`select event_seq as seq from spaces where id = ${space}`)).seq;
}

/** What has the right shape and no meaning here. */
export function wrong(path: string, message: string): ProblemError {
  return new ProblemError('invalid-body', message, { status: 422, errors: [{ path, message }] });
}
