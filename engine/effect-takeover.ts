import type { EffectInput } from '../contracts/step.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { closed, sendAgain } from './effect-outcomes.js';
import { ENTRY, ENTRY_TABLES, type EntryRow, type LedgerEntry, toEntry } from './ledger.js';
import { lockRequest } from './rows.js';

/** An entry whose attempt ended without anybody seeing how, taken over to find out. */
export type Takeover =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'probe'; readonly entry: LedgerEntry }
  /** Its question to the user has expired. */
  | { readonly kind: 'given-up' };

/**
 * Takes over an attempt that is over: it is fenced off, so that it can neither send nor settle any more. An attempt that
 * never started is fenced off too and may be made again; one whose lease still runs is left alone.
 */
export async function takeOver(engine: Engine, input: EffectInput): Promise<Takeover> {
  return engine.db.as(input.user, async (tx) => {
    await lockRequest(tx, input);
    const state = await tx.maybe<{ status: string; due: boolean; asked: boolean }>(sql`
      select status, due_at <= now() as due, exists (select from approvals q where q.about = effects.key) as asked
      from effects where key = ${input.key} and user_id = ${input.user} and fence = ${input.fence} and closed_at is null`);
    if (state === undefined) return { kind: 'nothing' };
    if (state.status === 'ready') {
      await sendAgain(tx, input, { message: null, delayMs: engine.effects.retryMs });
      return { kind: 'nothing' };
    }
    if (!state.due) return { kind: 'nothing' };
    if (state.asked) {
      // Its question has expired, or it would not be due.
      await tx.run(closed(input.key, 'unknown', 'Nobody could tell in time whether it happened.'));
      return { kind: 'given-up' };
    }
    const row = await tx.one<EntryRow>(sql`
      with claimed as (
        update effects set status = 'unknown', fence = fence + 1, probes = probes + 1,
          due_at = now() + make_interval(secs => ${engine.effects.leaseMs / 1000})
        where key = ${input.key} returning *)
      select ${ENTRY} from claimed e join ${ENTRY_TABLES} on a.id = e.key`);
    const entry = toEntry(input, row);
    return entry === undefined ? { kind: 'nothing' } : { kind: 'probe', entry };
  });
}

const LOOK_AGAIN_MS = 2_000;

/** It is still going on: looks again in a moment. */
export async function postpone(engine: Engine, input: EffectInput): Promise<void> {
  await lookAgainIn(engine, input, LOOK_AGAIN_MS);
}

/** Nothing can be said yet: looks again later. False when it was looked for often enough. */
export async function probeLater(engine: Engine, input: EffectInput, probes: number): Promise<boolean> {
  const delay = engine.effects.probeDelaysMs[probes];
  if (delay === undefined) return false;
  await lookAgainIn(engine, input, delay);
  return true;
}

async function lookAgainIn(engine: Engine, input: EffectInput, ms: number): Promise<void> {
  await engine.db.as(input.user, (tx) =>
    tx.run(sql`
      update effects set due_at = now() + make_interval(secs => ${ms / 1000})
      where key = ${input.key} and fence = ${input.fence} and closed_at is null`),
  );
}

/** At the start of the only process there is: whoever held a lease or was looking is dead. */
export async function releaseLeases(engine: Engine): Promise<void> {
  await engine.db.system((tx) =>
    tx.run(sql`
      update effects set due_at = now() where status in ('started', 'unknown') and closed_at is null
        and not exists (select from approvals q where q.about = effects.key)`),
  );
}
