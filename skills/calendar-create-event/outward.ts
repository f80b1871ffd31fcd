import { z } from 'zod';
import type { OutwardAction, ProposalContext } from '../../contracts/skill.js';
import type { NewCalendarEvent } from '../../contracts/services.js';
import { recipientsOf } from '../shared/calendar-attendees.js';
import { findEvent, holds } from '../shared/calendar-change.js';
import { previewSheet, sayBusy, sayEvent } from '../shared/calendar-preview.js';
import { carryOut, sentEvent } from '../shared/calendar-send.js';
import { eventWords, otherEvents, slotDifference } from '../shared/calendar-slot.js';
import { startOf } from '../shared/calendar-time.js';
import { whenLine } from '../shared/calendar-words.js';
import { eventIdOfKey } from '../shared/event-id.js';
import { visibleLine } from '../shared/visible-text.js';
import type { CalendarCreateEventInput } from './manifest.js';

const MOST_BUSY_SHOWN = 10;
const MOST_IN_TITLE = 3;
/** Ids of the events that took place at the time when the proposal was made. */
const SlotSchema = z.strictObject({ busy: z.array(z.string()) });

/** Invites other people once the user has approved it, unless something came between in their calendar. */
export const invitation: OutwardAction<CalendarCreateEventInput> = {
  recipients: ({ attendees }) => recipientsOf(attendees),
  async prepare(input, context) {
    const others = await otherEvents(context, input, await eventIdOfKey(context.key));
    return {
      title: `Invitation to ${inShort(input.attendees)}: ${visibleLine(input.title)}`,
      preview: {
        text: previewText(input, context, eventWords(others, context.timeZone, MOST_BUSY_SHOWN)),
        recipients: recipientsOf(input.attendees),
        when: whenLine(input, context.timeZone),
      },
      precondition: { busy: others.map(({ id }) => id) },
    };
  },
  async difference({ key, input, precondition }, context) {
    return slotDifference(context, input, await eventIdOfKey(key), SlotSchema.parse(precondition).busy);
  },
  async send({ key, input }, context) {
    const id = await eventIdOfKey(key);
    const { calendar, user } = context;
    const made = await carryOut(context, (beforeWrite) => calendar.create(user.id, id, newEvent(input), beforeWrite));
    return sentEvent(context, key, 'invited', made);
  },
  async probe({ key, input }, context) {
    const found = await findEvent(context, await eventIdOfKey(key));
    if (found === undefined) return 'absent';
    const asApproved = holds(found.event, { ...newEvent(input), description: input.description ?? '' });
    return asApproved ? sentEvent(context, key, 'invited', found.event) : 'unsure';
  },
};

/** The event that an input describes. */
export function newEvent({ description, ...event }: CalendarCreateEventInput): NewCalendarEvent {
  return { ...event, ...(description === undefined ? {} : { description }) };
}

function previewText(input: CalendarCreateEventInput, context: ProposalContext, busy: readonly string[]): string {
  const sheet = previewSheet(context.timeZone);
  sayEvent(sheet, newEvent(input));
  if (Date.parse(context.at) > startOf(input.start, input.timeZone).epochMilliseconds)
    sheet.say('It begins in the past.');
  sayBusy(sheet, busy);
  sheet.say(`Route: ${context.calendar.route}`);
  return sheet.text();
}

function inShort(attendees: readonly string[]): string {
  const hidden = attendees.length - MOST_IN_TITLE;
  return `${attendees.slice(0, MOST_IN_TITLE).join(', ')}${hidden > 0 ? ` and ${hidden} more` : ''}`;
}
