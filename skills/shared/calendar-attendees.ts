import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { addressProblem } from './mail-schema.js';

/** Control and invisible characters, line ends and every blank but the usual one. */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Other people in an event: plain ASCII addresses, or names, which nobody can be reached by. */
export const AttendeesSchema = z
  .array(
    CleanTextSchema.min(1).max(320).refine(isAttendee, {
      error: 'must be a plain e-mail address such as dana@example.com, or a name on one line without @',
    }),
  )
  .max(100);

/** For the model, beside every list of attendees. */
export const ATTENDEES_HINT =
  'Plain e-mail addresses of the other people, found with contacts_search and never guessed; leave the user out.';

/** Whether this is an address that invitations can go to. */
export function isAddress(attendee: string): boolean {
  return addressProblem(attendee.toLowerCase()) === undefined;
}

/** In the form that policies compare, each once. Names stay in: a policy that does not know them relaxes nothing. */
export function recipientsOf(attendees: readonly string[]): string[] {
  return [...new Set(attendees.map((attendee) => attendee.toLowerCase()))];
}

/** Whether other people see what happens to the event. */
export function hasOthers({ attendees }: Pick<CalendarEvent, 'attendees'>): boolean {
  return attendees.length > 0;
}

/** The last look before an event is changed without asking; throws `ProblemError` `stale` where others would see it. */
export function requireAlone(event: Pick<CalendarEvent, 'attendees'>): void {
  if (!hasOthers(event)) return;
  throw new ProblemError(
    'stale',
    'Other people are in the event by now, so nothing was changed; call the skill again.',
  );
}

function isAttendee(text: string): boolean {
  if (text.includes('@')) return isAddress(text);
  return text === text.trim() && !UNSEEN.test(text.replaceAll(' ', ''));
}
