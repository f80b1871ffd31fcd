import { SendError } from '../../contracts/effect.js';
import { ProblemError } from '../../contracts/problem.js';
import type { OutsideContext, SendContext, Sent } from '../../contracts/skill.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { viewEvent } from './calendar-view.js';

/**
 * Runs a write whose last check is `beforeSend`. What fails before that has not happened; what is no longer as it was
 * approved is `stale`, whenever it shows.
 */
export async function carryOut<T>(
  { beforeSend }: SendContext,
  write: (beforeWrite: () => void) => Promise<T>,
): Promise<T> {
  let reached = false;
  try {
    return await write(() => {
      reached = true;
      beforeSend();
    });
  } catch (error) {
    if (error instanceof ProblemError && (error.type === 'stale' || error.type === 'not-found')) {
      throw new SendError('stale', error.message, { cause: error });
    }
    if (reached || error instanceof SendError) throw error;
    const reason = error instanceof ProblemError ? error.message : 'The calendar could not be written.';
    throw new SendError('refused', reason, { cause: error });
  }
}

/** What an outward action on an event came to. */
export function sentEvent(
  { calendar, timeZone }: OutsideContext,
  key: string,
  status: 'invited' | 'updated',
  event: CalendarEvent,
): Sent {
  const { description, ...view } = viewEvent(event, timeZone);
  const described = description === undefined ? {} : { description };
  return {
    providerId: event.id,
    output: { status, route: calendar.route, ...view, ...described },
    outputs: [{ kind: 'event', title: event.title, ref: `effect:${key}` }],
  };
}
