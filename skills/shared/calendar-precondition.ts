import { z } from 'zod';
import type { ApprovedAction, OutsideContext } from '../../contracts/skill.js';
import type { VersionedEvent } from '../../contracts/services.js';
import { findEvent } from './calendar-change.js';
import { shownTitle } from './calendar-preview.js';
import { whenLine } from './calendar-words.js';

const FoundSchema = z.object({
  title: z.string(),
  version: z.string(),
  /** Ids of the events that took place at the new time, for a change that moves. */
  busy: z.array(z.string()).optional(),
});

/** The event as it was when a change of it was proposed. */
export type FoundEvent = z.infer<typeof FoundSchema>;

/** What a proposal to change or cancel an event relies on. */
export function preconditionOf({ event, version }: VersionedEvent): { title: string; version: string } {
  return { title: event.title, version };
}

/** The event that an approved change relies on. */
export function foundEvent({ precondition }: Pick<ApprovedAction<unknown>, 'precondition'>): FoundEvent {
  return FoundSchema.parse(precondition);
}

/** One sentence when the event is not as it was when its change was proposed. */
export async function eventDifference(
  context: OutsideContext,
  id: string,
  { title, version }: FoundEvent,
): Promise<string | undefined> {
  const found = await findEvent(context, id);
  if (found === undefined) return `The event ${shownTitle(title)} is not in the calendar any more.`;
  if (found.version === version) return undefined;
  const now = `${shownTitle(found.event.title)}, ${whenLine(found.event, context.timeZone)}`;
  return `The event ${shownTitle(title)} was changed meanwhile and is now ${now}.`;
}
