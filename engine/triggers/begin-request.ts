import type { Label } from '../../contracts/effect-class.js';
import { shortened } from '../../contracts/text.js';
import { wellFormed } from '../../contracts/well-formed.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { fire } from '../clock/firing.js';
import type { Engine } from '../deps.js';
import type { TriggerRow } from './trigger-rows.js';

/** What set a trigger off. */
interface Cause {
  /** Names it among all of the trigger. */
  readonly occurrence: string;
  /** RFC 3339. */
  readonly at: string;
  /** What the agent is told of it. */
  readonly report: string;
  /** What the words of the report carry with them. */
  readonly labels: readonly Label[];
  /** How many notifications, one from another, led to it. */
  readonly hop?: number;
}

const LONGEST_REPORT = 8_000;

/**
 * Makes a request of what set the trigger off, under what binds the trigger, and writes down that it fired. Returns the
 * request's id; undefined where this occurrence has become one before. The caller holds the trigger.
 */
export async function beginRequest(tx: Tx, engine: Engine, row: TriggerRow, cause: Cause): Promise<string | undefined> {
  const { at, occurrence } = cause;
  const requests = await fire(tx, engine, row.user_id, at, [
    {
      origin: 'trigger',
      source: row.id,
      occurrence,
      outcome: 'fired',
      dueAt: at,
      isLate: false,
      conversation: row.conversation_id,
      text: row.instructions,
      agent: row.agent,
      skills: row.skills,
      labels: [...new Set([...row.labels, ...cause.labels])],
      priority: 4,
      budgetUsd: row.budget_usd ?? undefined,
      hop: cause.hop,
      facts: { report: shortened(wellFormed(cause.report), LONGEST_REPORT) },
    },
  ]);
  const request = requests.get(row.id);
  if (request === undefined) return undefined;
  await tx.run(sql`
    update triggers set last_fired_at = ${at}::timestamptz, last_request = ${request}, version = version + 1, updated_at = now() where id = ${row.id}`);
  return request;
}

const MOST_NAMED = 50;

/** The lines of a list, at most 50, with how many more there are. */
export function listed(lines: readonly string[]): string {
  const left = lines.length - MOST_NAMED;
  return [...lines.slice(0, MOST_NAMED), ...(left > 0 ? [`… and ${left} more`] : [])].join('\n');
}
