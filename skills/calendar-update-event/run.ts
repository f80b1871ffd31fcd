import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { type OutsideContext, outsideSkill } from '../../contracts/skill.js';
import { hasOthers, requireAlone } from '../shared/calendar-attendees.js';
import { changedEvent, findEvent, formerFields, holds, namedFields } from '../shared/calendar-change.js';
import { foreignTaints, viewEvent } from '../shared/calendar-view.js';
import { eventRef } from '../shared/written-refs.js';
import { calendarUpdateEventManifest, fieldsOf } from './manifest.js';
import { revision } from './outward.js';

const UndoSchema = z.strictObject({
  event: z.string(),
  /** The state that the change left the event in. */
  version: z.string(),
  former: z
    .strictObject({
      title: z.string(),
      start: z.string(),
      end: z.string(),
      timeZone: z.string(),
      attendees: z.array(z.string()),
      description: z.string(),
    })
    .partial(),
});

/** Changes an event: at once where nobody else is in it, once approved otherwise. Its undo loses nobody's later change. */
export const calendarUpdateEvent = outsideSkill({
  manifest: calendarUpdateEventManifest,
  classify: ({ attendees = [] }) => (hasOthers({ attendees }) ? 'outward' : 'internal'),
  async assess({ event: id, attendees = [] }, { calendar, user }) {
    const { event } = await calendar.get(user.id, id);
    return hasOthers(event) || hasOthers({ attendees }) ? 'outward' : 'internal';
  },
  async run(input, context) {
    context.abortSignal.throwIfAborted();
    const { calendar, user } = context;
    const fields = fieldsOf(input);
    const { event: before, version } = await calendar.get(user.id, input.event);
    requireAlone(before);
    requireAlone(changedEvent(before, fields));
    if (holds(before, fields)) return resultOf(context, 'unchanged', before);
    const after = await calendar.update(user.id, input.event, fields, version);
    const undo = { event: input.event, version: after.version, former: formerFields(before, fields) };
    return { ...resultOf(context, 'updated', after.event), undo };
  },
  // An attempt that wrote and was not heard of took the former values with it: nothing can be taken back then.
  async reconcile(input, context) {
    const found = await findEvent(context, input.event);
    const isDone = found !== undefined && !hasOthers(found.event) && holds(found.event, fieldsOf(input));
    return isDone ? resultOf(context, 'updated', found.event) : undefined;
  },
  async undo(undo, { calendar, user }) {
    const { event: id, version, former: stored } = UndoSchema.parse(undo);
    const former = namedFields(stored);
    const present = await calendar.get(user.id, id);
    if (present.version === version) await calendar.update(user.id, id, former, version);
    else if (!holds(present.event, former)) {
      throw new ProblemError('conflict', 'The event was changed since; undo would lose that change.');
    }
  },
  outward: revision,
});

function resultOf(
  { calendar, timeZone, callId }: OutsideContext,
  status: 'updated' | 'unchanged',
  event: CalendarEvent,
) {
  return {
    output: { status, route: calendar.route, ...viewEvent(event, timeZone) },
    outputs: [{ kind: 'event', title: event.title, ref: `effect:${callId}` }],
    taints: foreignTaints([event]),
    wrote: [eventRef(event)],
    read: [eventRef(event)],
  };
}
