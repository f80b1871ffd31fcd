import type { OutsideContext } from '../../contracts/skill.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { shownTitle } from './calendar-preview.js';
import { localTime, startOf } from './calendar-time.js';
import { type EventTimes, localWords } from './calendar-words.js';

const MOST_NAMED = 3;

/** What else takes place at this time; `own` is the event that it is looked up for. */
export async function otherEvents(
  { calendar, user }: Pick<OutsideContext, 'calendar' | 'user'>,
  { start, end, timeZone }: EventTimes,
  own: string,
): Promise<CalendarEvent[]> {
  const range = {
    from: localTime(startOf(start, timeZone), timeZone),
    to: localTime(startOf(end, timeZone), timeZone),
  };
  return (await calendar.list(user.id, range)).filter(({ id }) => id !== own);
}

/** One sentence that names what takes place now and did not when the slot was `busy` only with these events. */
export async function slotDifference(
  context: OutsideContext,
  times: EventTimes,
  own: string,
  busy: readonly string[],
): Promise<string | undefined> {
  const added = (await otherEvents(context, times, own)).filter(({ id }) => !busy.includes(id));
  if (added.length === 0) return undefined;
  const named = eventWords(added, context.timeZone, MOST_NAMED).join(' and ');
  return `The time is no longer as free as it was: ${named} ${added.length === 1 ? 'is' : 'are'} in the calendar now.`;
}

/** At most `most` events by title and local time, and how many there are besides. */
export function eventWords(events: readonly CalendarEvent[], readerZone: string, most: number): string[] {
  const named = events.slice(0, most).map((event) => `${shownTitle(event.title)} on ${localWords(event, readerZone)}`);
  const hidden = events.length - named.length;
  return [...named, ...(hidden > 0 ? [`${hidden} more`] : [])];
}
