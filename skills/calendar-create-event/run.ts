import { z } from 'zod';
import { type CalendarEvent, type NewCalendarEvent, type OutsideContext, outsideSkill } from '../../contracts/skill.js';
import { localTime, startOf } from '../shared/calendar-time.js';
import { viewEvent } from '../shared/calendar-view.js';
import { type CalendarCreateEventInput, calendarCreateEventManifest } from './manifest.js';

const UndoSchema = z.strictObject({ event: z.string() });

/** Makes an event. Its id comes from the call, so that a repeated run finds the event that exists already. */
export const calendarCreateEvent = outsideSkill({
  manifest: calendarCreateEventManifest,
  classify: ({ attendees }) => (attendees.length === 0 ? 'internal' : 'outward'),
  async run(input, context) {
    context.abortSignal.throwIfAborted();
    const { calendar, user, callId } = context;
    return resultOf(input, context, await calendar.create(user.id, eventIdOf(callId), newEvent(input)));
  },
  async reconcile(input, context) {
    const { calendar, user, callId } = context;
    const range = { from: timeOf(input.start, input.timeZone), to: timeOf(input.end, input.timeZone) };
    const made = (await calendar.list(user.id, range)).find((event) => event.id === eventIdOf(callId));
    return made === undefined ? undefined : resultOf(input, context, made);
  },
  async undo(undo, { calendar, user }) {
    await calendar.remove(user.id, UndoSchema.parse(undo).event);
  },
});

function resultOf(
  input: CalendarCreateEventInput,
  { calendar, timeZone, callId }: OutsideContext,
  event: CalendarEvent,
) {
  return {
    output: { route: calendar.route, ...viewEvent(event, timeZone) },
    outputs: [{ kind: 'event', title: event.title, ref: `effect:${callId}` }],
    // Removing an event tells everybody who was invited, so only the user's own can be taken back by itself.
    ...(input.attendees.length === 0 ? { undo: { event: event.id } } : {}),
  };
}

function timeOf(value: string, timeZone: string): string {
  return localTime(startOf(value, timeZone), timeZone);
}

function newEvent({ description, ...event }: CalendarCreateEventInput): NewCalendarEvent {
  return { ...event, ...(description === undefined ? {} : { description }) };
}

/** Letters a to v and digits only, as Google Calendar demands of ids that callers choose. */
function eventIdOf(callId: string): string {
  const bytes = new TextEncoder().encode(callId);
  return `ret${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
