import type { OutsideContext, OutwardAction, Sent } from '../../contracts/skill.js';
import type { CalendarEvent } from '../../contracts/services.js';
import type { JsonValue } from '../../contracts/space.js';
import { recipientsOf } from '../shared/calendar-attendees.js';
import { findEvent } from '../shared/calendar-change.js';
import { eventDifference, foundEvent, preconditionOf } from '../shared/calendar-precondition.js';
import { previewSheet, sayEvent, shownTitle } from '../shared/calendar-preview.js';
import { carryOut } from '../shared/calendar-send.js';
import { foreignTaints } from '../shared/calendar-view.js';
import { whenLine } from '../shared/calendar-words.js';
import type { CalendarCancelEventInput } from './manifest.js';

/** Cancels an event that other people are in, once the user has approved it and if it is still as they saw it. */
export const cancellation: OutwardAction<CalendarCancelEventInput> = {
  // No `recipients`: the input does not name those who are in the event already, and no policy may speak for them.
  async prepare(input, context) {
    const found = await context.calendar.get(context.user.id, input.event);
    return {
      title: `Cancellation of an event with other people: ${shownTitle(found.event.title)}`,
      preview: {
        text: previewText(found.event, input, context),
        recipients: recipientsOf(found.event.attendees),
        when: whenLine(found.event, context.timeZone),
      },
      precondition: preconditionOf(found),
      taints: foreignTaints([found.event]),
    };
  },
  difference: (action, context) => eventDifference(context, action.input.event, foundEvent(action)),
  async send(action, context) {
    const { calendar, user } = context;
    const { event: id } = action.input;
    const { version, title } = foundEvent(action);
    await carryOut(context, async (beforeWrite) => {
      await calendar.get(user.id, id);
      await calendar.remove(user.id, id, version, beforeWrite);
    });
    return cancelled(context, action.key, id, title);
  },
  async probe(action, context) {
    const { version, title } = foundEvent(action);
    const { event: id } = action.input;
    const found = await findEvent(context, id);
    if (found === undefined) return cancelled(context, action.key, id, title);
    return found.version === version ? 'absent' : 'unsure';
  },
};

/** How a cancelled event is called among the results of a request. */
export function cancelledTitle(title: string): string {
  return `Cancelled: ${title}`;
}

function cancelled({ calendar }: OutsideContext, key: string, id: string, title: string): Sent {
  const output: JsonValue = { status: 'cancelled', route: calendar.route, id, title };
  return {
    providerId: id,
    output,
    outputs: [{ kind: 'event', title: cancelledTitle(title), ref: `effect:${key}` }],
  };
}

function previewText(
  event: CalendarEvent,
  { note }: CalendarCancelEventInput,
  { calendar, timeZone }: OutsideContext,
): string {
  const sheet = previewSheet(timeZone);
  sheet.say('This event is removed:');
  sayEvent(sheet, event);
  sheet.say('');
  if (note !== undefined && note.trim() !== '') sheet.block('Reason, which the calendar does not pass on', note);
  sheet.say(`Route: ${calendar.route}`);
  return sheet.text();
}
