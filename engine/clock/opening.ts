import type { Label } from '../../contracts/effect-class.js';
import type { AgentRef } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type Occasion, openReminder } from '../reminders/opening.js';
import { openTrigger } from '../triggers/opening.js';
import type { RequestRow } from '../rows.js';

/** Why the request was made, as its row says. */
export interface OccasionRow extends Occasion {
  /** What was told at the first turn, where there was one. */
  readonly opening: string | null;
}

/** What stands before the agent, and what the words carry with them. */
export interface Opening {
  readonly text: string;
  readonly labels: readonly Label[];
}

/**
 * What the agent of a request that nobody has written is told first: what came due, what was said about it then, and what
 * has changed since. Made once, at its first turn, in that turn's transaction, and written on the coordinator bus there.
 */
export async function openOccasion(
  tx: Tx,
  ref: AgentRef,
  request: Pick<RequestRow, 'settings'>,
  occasion: OccasionRow,
): Promise<Opening> {
  if (occasion.opening !== null) return { text: occasion.opening, labels: [] };
  const open = occasion.source_id.startsWith('rem_') ? openReminder : openTrigger;
  const opening = await open(tx, ref, request.settings.timeZone, occasion);
  await tx.run(sql`update occasions set opening = ${opening.text} where request_id = ${ref.request}`);
  return opening;
}
