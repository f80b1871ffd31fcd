import { ProblemError } from '../../contracts/problem.js';
import type { OutsideContext, OutwardAction } from '../../contracts/skill.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { recipientsOf } from '../shared/calendar-attendees.js';
import { changedEvent, type EventFields, findEvent, holds } from '../shared/calendar-change.js';
import { eventDifference, foundEvent, preconditionOf } from '../shared/calendar-precondition.js';
import { type PreviewSheet, previewSheet, sayBusy, sayEvent, shownTitle } from '../shared/calendar-preview.js';
import { carryOut, sentEvent } from '../shared/calendar-send.js';
import { eventWords, otherEvents, slotDifference } from '../shared/calendar-slot.js';
import { foreignTaints } from '../shared/calendar-view.js';
import { whenLine } from '../shared/calendar-words.js';
import { type CalendarUpdateEventInput, fieldsOf } from './manifest.js';

const MOST_BUSY_SHOWN = 10;

/** Changes an event that other people are in, once the user has approved it and if it is still as they saw it. */
export const revision: OutwardAction<CalendarUpdateEventInput> = {
  // No `recipients`: the input does not name those who are in the event already, and no policy may speak for them.
  async prepare(input, context) {
    const found = await context.calendar.get(context.user.id, input.event);
    const fields = fieldsOf(input);
    const after = changedEvent(found.event, fields);
    if (holds(found.event, fields)) throw new ProblemError('conflict', 'The event is like this already.');
    await rehearse(context, input.event, fields, found.version);
    const others = isMoved(found.event, fields) ? await otherEvents(context, after, input.event) : undefined;
    return {
      title: `Change of an event with other people: ${shownTitle(found.event.title)}`,
      preview: {
        text: previewText(found.event, after, fields, others ?? [], context),
        recipients: recipientsOf([...found.event.attendees, ...after.attendees]),
        when: whenLine(after, context.timeZone),
      },
      precondition: {
        ...preconditionOf(found),
        ...(others === undefined ? {} : { busy: others.map(({ id }) => id) }),
      },
      taints: foreignTaints([found.event]),
    };
  },
  async difference(action, context) {
    const { event: id } = action.input;
    const approved = foundEvent(action);
    const changed = await eventDifference(context, id, approved);
    if (changed !== undefined || approved.busy === undefined) return changed;
    const { event } = await context.calendar.get(context.user.id, id);
    return slotDifference(context, changedEvent(event, fieldsOf(action.input)), id, approved.busy);
  },
  async send(action, context) {
    const { key, input } = action;
    const { calendar, user } = context;
    const { version } = foundEvent(action);
    const { event } = await carryOut(context, (beforeWrite) =>
      calendar.update(user.id, input.event, fieldsOf(input), version, beforeWrite),
    );
    return sentEvent(context, key, 'updated', event);
  },
  async probe(action, context) {
    const { key, input } = action;
    const found = await findEvent(context, input.event);
    if (found === undefined) return 'unsure';
    if (holds(found.event, fieldsOf(input))) return sentEvent(context, key, 'updated', found.event);
    return found.version === foundEvent(action).version ? 'absent' : 'unsure';
  },
};

class Rehearsed extends Error {}

/** Nobody is asked about a change that the calendar would refuse: it is tried up to its last step, which is never taken. */
async function rehearse(
  { calendar, user }: OutsideContext,
  id: string,
  fields: EventFields,
  version: string,
): Promise<void> {
  try {
    await calendar.update(user.id, id, fields, version, () => {
      throw new Rehearsed();
    });
  } catch (error) {
    if (!(error instanceof Rehearsed)) throw error;
  }
}

function isMoved(event: CalendarEvent, { start, end }: EventFields): boolean {
  return !holds(event, { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) });
}

function previewText(
  before: CalendarEvent,
  after: CalendarEvent,
  fields: EventFields,
  others: readonly CalendarEvent[],
  { calendar, timeZone }: OutsideContext,
): string {
  const sheet = previewSheet(timeZone);
  sheet.say('The event as it is:');
  sayEvent(sheet, before);
  sheet.say('');
  sheet.say('What changes:');
  sayChanges(sheet, before, after, fields);
  sayBusy(sheet, eventWords(others, timeZone, MOST_BUSY_SHOWN));
  sheet.say('');
  sheet.say(`Route: ${calendar.route}`);
  return sheet.text();
}

function sayChanges(sheet: PreviewSheet, before: CalendarEvent, after: CalendarEvent, fields: EventFields): void {
  const { title, start, end, timeZone, attendees, description } = fields;
  const steps = [
    ['before', before],
    ['after', after],
  ] as const;
  for (const [word, event] of steps) if (title !== undefined) sheet.line(`Title ${word}`, event.title);
  for (const [word, event] of steps)
    if (start !== undefined || end !== undefined || timeZone !== undefined) sheet.when(`When ${word}`, event);
  for (const [word, event] of steps) if (attendees !== undefined) sheet.people(`Attendees ${word}`, event.attendees);
  for (const [word, event] of steps)
    if (description !== undefined) sheet.block(`Description ${word}`, event.description ?? '(none)');
}
