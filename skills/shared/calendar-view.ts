import { Temporal } from 'temporal-polyfill';
import type { Label } from '../../contracts/effect-class.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { cutText } from '../../contracts/text.js';
import { hasOthers } from './calendar-attendees.js';
import type { CalendarEventView } from './calendar-schema.js';
import { isDate, localTime } from './calendar-time.js';
import { isOwnEventId } from './event-id.js';

const TITLE_BYTES = 300;
const DESCRIPTION_BYTES = 300;
const MAX_ATTENDEES = 30;

/** An event for the model: times in the request's zone, long texts and long lists of people shortened. */
export function viewEvent(event: CalendarEvent, timeZone: string): CalendarEventView {
  const { attendees, description } = event;
  const hidden = attendees.length - MAX_ATTENDEES;
  return {
    id: event.id,
    title: cutText(event.title, TITLE_BYTES),
    start: inZone(event.start, timeZone),
    end: inZone(event.end, timeZone),
    timeZone: event.timeZone,
    attendees: hidden > 0 ? [...attendees.slice(0, MAX_ATTENDEES), `… and ${hidden} more`] : [...attendees],
    ...(description === undefined ? {} : { description: cutText(description, DESCRIPTION_BYTES) }),
  };
}

/** What events put on the agent that reads them: the words of other people are not to be trusted. */
export function foreignTaints(events: readonly CalendarEvent[]): Label[] {
  return events.some((event) => hasOthers(event) || !isOwnEventId(event.id)) ? ['untrusted'] : [];
}

function inZone(value: string, timeZone: string): string {
  return isDate(value) ? value : localTime(Temporal.Instant.from(value), timeZone);
}
