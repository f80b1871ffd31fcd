import { destinationOf, gate } from '../../contracts/gate.js';
import { ProblemError } from '../../contracts/problem.js';
import type { TriggerSpec } from '../../contracts/trigger.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { Maker } from '../reminders/make-reminder.js';

const MOST_MESSAGES = 200;

/**
 * Whether an agent may have an address looked at: the looks come from this house, so what holds for reading a page at
 * once holds for reading it later. Throws `forbidden` for an address that could carry something private away.
 */
export async function requireOpenAddress(
  tx: Tx,
  { kind, spec }: TriggerSpec,
  { labels, request }: Pick<Maker, 'labels' | 'request'>,
): Promise<void> {
  if (kind !== 'watch' || gate({ effect: 'egress', labels }) === 'run') return;
  const typed = await tx.rows<{ text: string }>(sql`
    select text from messages where request_id = ${request ?? null} and role = 'user' and spoken order by seq desc limit ${MOST_MESSAGES}`);
  const places = { typed: typed.map(({ text }) => text), found: [], allows: () => false };
  if (gate({ effect: 'egress', labels, destination: destinationOf([spec.url], places) }) === 'run') return;
  throw new ProblemError(
    'forbidden',
    'After seeing private things an agent may only have addresses watched that the user has typed in this request. Ask the user for the whole address.',
  );
}
