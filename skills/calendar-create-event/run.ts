import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { type OutsideContext, outsideSkill } from '../../contracts/skill.js';
import { hasOthers } from '../shared/calendar-attendees.js';
import { findEvent } from '../shared/calendar-change.js';
import { viewEvent } from '../shared/calendar-view.js';
import { eventIdOfCall } from '../shared/event-id.js';
import { eventRef } from '../shared/written-refs.js';
import { calendarCreateEventManifest } from './manifest.js';
import { invitation, newEvent } from './outward.js';

const UndoSchema = z.strictObject({ event: z.string() });

/**
 * Makes an event: at once for the user alone, once approved for other people too. Its id comes from the call or the
 * approval, so that a repeated run finds the event that exists already.
 */
export const calendarCreateEvent = outsideSkill({
  manifest: calendarCreateEventManifest,
  classify: (input) => (hasOthers(input) ? 'outward' : 'internal'),
  async run(input, context) {
    context.abortSignal.throwIfAborted();
    if (hasOthers(input)) throw new ProblemError('forbidden', 'Other people are invited by approval only.');
    const { calendar, user, callId } = context;
    return resultOf(context, await calendar.create(user.id, eventIdOfCall(callId), newEvent(input)));
  },
  async reconcile(input, context) {
    const made = await findEvent(context, eventIdOfCall(context.callId));
    return made === undefined ? undefined : resultOf(context, made.event);
  },
  async undo(undo, context) {
    const { event: id } = UndoSchema.parse(undo);
    const found = await findEvent(context, id);
    if (found === undefined) return;
    if (hasOthers(found.event)) {
      throw new ProblemError(
        'conflict',
        'Other people were invited since; calendar_cancel_event can cancel the event.',
      );
    }
    await context.calendar.remove(context.user.id, id, found.version);
  },
  outward: invitation,
});

function resultOf({ calendar, timeZone, callId }: OutsideContext, event: CalendarEvent) {
  return {
    output: { route: calendar.route, ...viewEvent(event, timeZone) },
    outputs: [{ kind: 'event', title: event.title, ref: `effect:${callId}` }],
    wrote: [eventRef(event)],
    undo: { event: event.id },
  };
}
