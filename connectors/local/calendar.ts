import type { CalendarConnector } from '../../contracts/services.js';
import {
  type Change,
  insertEvent,
  noEvent,
  removeEvent,
  requireEvent,
  restoreEvent,
  updateEvent,
} from './calendar-change.js';
import { changeCalendarFile, readCalendarFile } from './calendar-file.js';
import { listEvents } from './calendar-read.js';
import type { IcsDocument } from './calendar-text.js';
import { parseInstant } from './calendar-time.js';
import { eventBlock } from './calendar-write.js';
import { createQueues } from './queues.js';
import { userFolder } from './user-folder.js';

/**
 * The stand-in for a calendar service: one iCalendar file a user, `<root>/<user>/calendar.ics`, that any calendar program
 * can open and edit. Our events are inserted into and cut out of its text, so everything else in it stays as it is, byte for
 * byte. Writes are atomic and exclude each other within and between processes; a damaged file is refused with a
 * `ProblemError` `conflict` and never written. `create` and `update` take RFC 3339 times with offset, or dates (the end is
 * exclusive); `update` refuses events that repeat with `conflict`, and an empty description takes it away. A file tells
 * nobody: people who are invited learn nothing of it.
 */
export function createLocalCalendar({ root }: { root: string }): CalendarConnector {
  const inTurn = createQueues();
  const change = <T>(user: string, edit: (document: IcsDocument) => Change<T>, beforeWrite?: () => void): Promise<T> =>
    inTurn(user, () => changeCalendarFile(userFolder(root, user), edit, beforeWrite));

  return {
    route: 'the local calendar file (Google Calendar is not connected, so nobody is sent a mail about it)',

    async list(user, range) {
      const span = { from: parseInstant(range.from, 'from'), to: parseInstant(range.to, 'to') };
      const document = await readCalendarFile(userFolder(root, user));
      return document === null ? [] : listEvents(document, span);
    },

    async get(user, id) {
      const document = await readCalendarFile(userFolder(root, user));
      if (document === null) throw noEvent(id);
      const { event, version } = requireEvent(document, id);
      return { event, version };
    },

    async create(user, id, event, beforeWrite) {
      const block = eventBlock(id, event, new Date());
      return change(user, (document) => insertEvent(document, id, block), beforeWrite);
    },

    async update(user, id, patch, ifVersion, beforeWrite) {
      return change(user, (document) => updateEvent(document, id, patch, ifVersion), beforeWrite);
    },

    async remove(user, id, ifVersion, beforeWrite) {
      return change(user, (document) => removeEvent(document, id, ifVersion), beforeWrite);
    },

    async restore(user, removed) {
      await change(user, (document) => restoreEvent(document, removed));
    },
  };
}
