import { z } from 'zod';
import { outsideSkill } from '../../contracts/skill.js';
import { hasOthers, requireAlone } from '../shared/calendar-attendees.js';
import { findEvent } from '../shared/calendar-change.js';
import { foreignTaints, viewEvent } from '../shared/calendar-view.js';
import { calendarCancelEventManifest } from './manifest.js';
import { cancellation, cancelledTitle } from './outward.js';

const UndoSchema = z.strictObject({ removed: z.string() });

/** Removes an event: at once where nobody else is in it, once approved otherwise. Its undo puts back exactly that event. */
export const calendarCancelEvent = outsideSkill({
  manifest: calendarCancelEventManifest,
  async assess({ event: id }, { calendar, user }) {
    return hasOthers((await calendar.get(user.id, id)).event) ? 'outward' : 'internal';
  },
  async run(input, { calendar, user, callId, timeZone, abortSignal }) {
    abortSignal.throwIfAborted();
    const { event, version } = await calendar.get(user.id, input.event);
    requireAlone(event);
    const removed = await calendar.remove(user.id, input.event, version);
    return {
      output: { status: 'cancelled' as const, route: calendar.route, ...viewEvent(event, timeZone) },
      outputs: [{ kind: 'event', title: cancelledTitle(event.title), ref: `effect:${callId}` }],
      taints: foreignTaints([event]),
      ...(removed === null ? {} : { undo: { removed } }),
    };
  },
  // What an attempt took out that was not heard of is gone: the event is cancelled, and nothing can be taken back.
  async reconcile(input, context) {
    if ((await findEvent(context, input.event)) !== undefined) return undefined;
    return { output: { status: 'cancelled', route: context.calendar.route, id: input.event } };
  },
  async undo(undo, { calendar, user }) {
    await calendar.restore(user.id, UndoSchema.parse(undo).removed);
  },
  outward: cancellation,
});
