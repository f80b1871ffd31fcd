import { outsideSkill } from '../../contracts/skill.js';
import { localTime, toTimeRange } from '../shared/calendar-time.js';
import { foreignTaints, viewEvent } from '../shared/calendar-view.js';
import { MAX_ITEMS } from '../shared/limits.js';
import { firstItems, withNote } from '../shared/note.js';
import { eventRef } from '../shared/written-refs.js';
import { calendarListEventsManifest } from './manifest.js';

const MAX_DAYS = 366;

/** Reads the user's calendar. */
export const calendarListEvents = outsideSkill({
  manifest: calendarListEventsManifest,
  async run(input, { calendar, user, timeZone }) {
    const range = toTimeRange(input, timeZone, MAX_DAYS);
    const events = await calendar.list(user.id, {
      from: localTime(range.from, timeZone),
      to: localTime(range.to, timeZone),
    });
    const { items, note } = firstItems(events, MAX_ITEMS, 'ask for a shorter span');
    return {
      output: {
        route: calendar.route,
        timeZone,
        events: items.map((event) => viewEvent(event, timeZone)),
        ...withNote(note),
      },
      taints: foreignTaints(items),
      read: items.map(eventRef),
    };
  },
});
