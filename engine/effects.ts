import type { EffectInput } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { askForBudget } from './budget.js';
import { effectStep } from './charge-rows.js';
import type { Engine } from './deps.js';
import { closed, finishedEvent, release, withoutDraft } from './effect-outcomes.js';
import { changeRequest } from './events.js';
import { ENTRY, ENTRY_TABLES, type EntryRow, type LedgerEntry, toEntry } from './ledger.js';
import { beginPaced, type Pace, withdrawPaced } from './pace.js';
import { pendingApprovals } from './parking.js';
import { MoneyHeld, reserve } from './reservations.js';
import { holdRequest, lockRequest } from './rows.js';
import { shareSpent } from './shares.js';

/**
 * Claims the attempt: from now on until the lease is over nobody else may touch the entry. Everything that has to hold
 * is checked on locked rows in the same statement: decision, hash, expiry, request, grant. Undefined when it must not be
 * sent; what can never be sent any more is closed with the reason.
 */
export async function startEffect(engine: Engine, input: EffectInput, by: Attempt): Promise<LedgerEntry | undefined> {
  return engine.db.as(input.user, (tx) => startEffectIn(tx, engine, input, by));
}

/** Who makes the attempt, and what it costs. */
export interface Attempt {
  /** Names the process. */
  readonly owner: string;
  /** USD as a decimal string, when the skill has a price. */
  readonly priceUsd: string | undefined;
  /** What the skill's calls have to keep; the entry stays ready until its turn has come. */
  readonly pace?: Pace | undefined;
}

/** As `startEffect`, in the caller's transaction. */
export async function startEffectIn(
  tx: Tx,
  engine: Engine,
  input: EffectInput,
  { owner, priceUsd, pace }: Attempt,
): Promise<LedgerEntry | undefined> {
  await lockRequest(tx, input);
  const row = await tx.maybe<EntryRow>(sql`
      with claimed as (
        update effects set status = 'started', attempts = attempts + 1, owner = ${owner}, started_at = now(),
          due_at = now() + make_interval(secs => ${engine.effects.leaseMs / 1000})
        where key = ${input.key} and fence = ${input.fence} and status = 'ready' and exists (
          select from approvals a join agents g on g.id = a.agent_id
          where a.id = effects.key and a.user_id = ${input.user} and a.status in ('approved', 'edited') and a.payload_hash = effects.payload_hash
            and a.expires_at > now() and coalesce(effects.skill = any(retinue_held(g.id, 'skill')), true))
          and (select r.ended_at is null from requests r where r.id = effects.request_id)
        returning *)
      select ${ENTRY} from claimed e join ${ENTRY_TABLES} on a.id = e.key`);
  if (row === undefined) await closeUnsendable(tx, input);
  else if (!(await isItsTurn(tx, engine, input, pace))) return undefined;
  else if (!(await isPaidFor(tx, engine, input, row, priceUsd))) {
    if (pace !== undefined) await withdrawPaced(tx, pace, { user: input.user, work: input.key });
    return undefined;
  }
  return toEntry(input, row);
}

/** An action waits for its turn no longer than this before it looks again: whoever was before it may have gone away. */
const LONGEST_TURN_MS = 300_000;

/** Otherwise the entry is as if nobody had claimed it, and due when it is to look again. */
async function isItsTurn(tx: Tx, engine: Engine, input: EffectInput, pace: Pace | undefined): Promise<boolean> {
  if (pace === undefined) return true;
  const waitMs = await beginPaced(tx, pace, {
    user: input.user,
    work: input.key,
    limitMs: engine.effects.leaseMs,
    longestWaitMs: LONGEST_TURN_MS,
  });
  if (waitMs !== undefined) await tx.run(unclaimed(input, waitMs));
  return waitMs === undefined;
}

function unclaimed({ key }: EffectInput, delayMs: number): RawBuilder<unknown> {
  return sql`
    update effects set status = 'ready', attempts = attempts - 1, owner = null, due_at = clock_timestamp() + make_interval(secs => ${delayMs / 1000}) where key = ${key}`;
}

/** Sets the price aside. Without the money nothing is sent until the user has agreed to spend more. Throws `MoneyHeld`. */
async function isPaidFor(
  tx: Tx,
  engine: Engine,
  input: EffectInput,
  entry: Pick<EntryRow, 'skill'>,
  priceUsd: string | undefined,
): Promise<boolean> {
  if (priceUsd === undefined || Number(priceUsd) === 0) return true;
  const wish = { kind: 'skill', name: entry.skill, minUsd: priceUsd, wantUsd: priceUsd } as const;
  const money = await reserve(tx, input, { step: effectStep(input.key), attempt: 1 }, wish);
  if (money.kind === 'held') throw new MoneyHeld();
  if (money.kind === 'reserved') return true;
  if (money.kind === 'share') {
    await closeAs(tx, input, { call: null, skill: entry.skill, reason: shareSpent(money.budgetUsd).message });
    return false;
  }
  const request = await holdRequest(tx, input);
  const question = { wish, shortage: money.shortage, others: pendingApprovals(request.waits) };
  await askForBudget(tx, engine, input, request, question, [unclaimed(input, 0)]);
  return false;
}

/** An entry that waits although nothing will ever let it be sent. */
async function closeUnsendable(tx: Tx, input: EffectInput): Promise<void> {
  const row = await tx.maybe<{ reason: string; call: string | null; skill: string }>(sql`
    select a.call_id as call, e.skill, case
        when r.ended_at is not null then 'The request had ended before it was sent.'
        when a.expires_at <= now() then 'The approval expired before it could be carried out.'
        when not coalesce(e.skill = any(retinue_held(g.id, 'skill')), true) then 'The agent may not use this skill any more.'
        else 'It does not match what was approved.' end as reason
    from effects e join approvals a on a.id = e.key join requests r on r.id = e.request_id join agents g on g.id = e.agent_id
    where e.key = ${input.key} and e.fence = ${input.fence} and e.status = 'ready'`);
  if (row !== undefined) await closeAs(tx, input, row);
}

async function closeAs(
  tx: Tx,
  input: EffectInput,
  row: { reason: string; call: string | null; skill: string },
): Promise<void> {
  await release(tx, input);
  const rows = [closed(input.key, 'failed', row.reason), ...withoutDraft(row.call, input.key)];
  await changeRequest(tx, input, {}, [finishedEvent(input, row, 'failed')], rows);
}
