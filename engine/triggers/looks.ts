import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { MailSummary } from '../../contracts/services.js';
import { shortened } from '../../contracts/text.js';
import type { LookInput } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { newMails } from './arrivals.js';
import { beginRequest } from './begin-request.js';
import {
  isCooling,
  lockTrigger,
  periodSeconds,
  TRIGGER_COLUMNS,
  type TriggerRow,
  type TriggerState,
} from './trigger-rows.js';
import { untouchedSince } from './untouched.js';
import { judge, type Sighting } from './watching.js';

/** What was seen outside. */
export type Outcome =
  | { readonly kind: 'watch'; readonly sighting: Sighting }
  | { readonly kind: 'mail'; readonly mails: readonly MailSummary[] }
  /** What is looked at lies in the store. */
  | { readonly kind: 'space' }
  /** Nothing was seen, by no fault of what is looked at. */
  | { readonly kind: 'trouble'; readonly trouble: string };

/** What the outcome of a look changes. */
interface Settled {
  readonly state: TriggerState;
  readonly labels: readonly Label[];
  readonly report?: string | undefined;
  readonly trouble?: string | undefined;
}

const LONGEST_TROUBLE = 500;

/** The trigger that wants this look; undefined where it does not any more, or a newer look has begun. */
export async function openLook(engine: Engine, { user, trigger, fence }: LookInput): Promise<TriggerRow | undefined> {
  const row = await engine.db.as(user, (tx) =>
    tx.maybe<TriggerRow>(sql`select ${TRIGGER_COLUMNS} from triggers where id = ${trigger} and user_id = ${user}`),
  );
  return row !== undefined && row.fence === fence && isOpen(row, fence) ? row : undefined;
}

/**
 * Stores what a look has come to, once, and makes a request where there is something to report; all in one transaction.
 * The outcome of a look that is older than the newest stored one, or than a change of the trigger, counts for nothing. A
 * slow look is not made void by the one that begins after it: else what answers slowly would never be judged.
 */
export async function settleLook(engine: Engine, input: LookInput, outcome: Outcome): Promise<void> {
  const { user, trigger, fence, at } = input;
  await engine.db.as(user, async (tx) => {
    const row = await lockTrigger(tx, user, trigger);
    if (row === undefined || !isOpen(row, fence)) return;
    const { state, labels, report, trouble } = await settled(tx, row, outcome, at);
    await tx.run(sql`
      update triggers set next_at = ${nextLook(row, at)}::timestamptz, state = ${json({ ...state, settled: fence })}, trouble = ${trouble === undefined ? null : shortened(trouble, LONGEST_TROUBLE)} where id = ${row.id}`);
    if (report !== undefined) await beginRequest(tx, engine, row, { occurrence: `look:${fence}`, at, report, labels });
  });
}

/** A period after this look, unless the next one is further away already. */
function nextLook(row: TriggerRow, at: string): string | null {
  if (row.kind !== 'watch' && row.kind !== 'mail' && row.kind !== 'space') return row.next_at;
  if (row.next_at === null) return null;
  const own = Date.parse(at) + periodSeconds(row.kind, row.spec) * 1000;
  return new Date(Math.max(own, Date.parse(row.next_at))).toISOString();
}

function isOpen({ enabled, state }: TriggerRow, fence: number): boolean {
  return enabled && fence > (state.settled ?? 0);
}

async function settled(tx: Tx, row: TriggerRow, outcome: Outcome, at: string): Promise<Settled> {
  const { state } = row;
  if (outcome.kind === 'watch' && row.kind === 'watch') {
    const { state: watch, ...rest } = judge(row.spec, state.watch ?? {}, outcome.sighting, isCooling(row, at));
    return { ...rest, state: { ...state, watch } };
  }
  if (outcome.kind === 'mail' && row.kind === 'mail') {
    const before = state.mail ?? { upto: row.created_at };
    const { state: mail, report } = newMails(before, outcome.mails, at, isCooling(row, at));
    return { report, labels: ['private', 'untrusted'], state: { ...state, mail } };
  }
  if (outcome.kind === 'space' && row.kind === 'space') return spaceSettled(tx, row, at);
  return { state, labels: [], trouble: outcome.kind === 'trouble' ? outcome.trouble : 'Nothing was looked at.' };
}

async function spaceSettled(tx: Tx, row: TriggerRow & { kind: 'space' }, at: string): Promise<Settled> {
  const { state, spec } = row;
  if (isCooling(row, at)) return { state, labels: [] };
  try {
    const found = await untouchedSince(tx, row.user_id, spec, state.untouched ?? { reported: {} }, at);
    return { ...found, state: { ...state, untouched: found.state } };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { state, labels: [], trouble: error.message };
  }
}
