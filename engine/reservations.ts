import { ProblemError } from '../contracts/problem.js';
import type { Charge } from '../contracts/request.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import { type BudgetPayload, BudgetPayloadSchema } from '../contracts/wallet.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { attemptStep, chargeEvent, chargeRow, newCharge, turnStep } from './charge-rows.js';
import type { Engine } from './deps.js';
import { changeRequest } from './events.js';
import { lockRequest, type Reservation, reservedColumn } from './rows.js';

/** What a step may cost, as decimal strings in USD: with less than `minUsd` it cannot run, more than `wantUsd` it never needs. */
export interface Wish {
  readonly kind: Charge['kind'];
  readonly name: string;
  readonly minUsd: string;
  readonly wantUsd: string;
}

/** Too little money, and which limit it is. Amounts are decimal strings in USD. */
export interface Shortage {
  readonly scope: 'request' | 'wallet';
  readonly spentUsd: string;
  readonly budgetUsd: string;
  /** Credit that is left, for scope `wallet`. */
  readonly balanceUsd: string;
  /** Lets the request go on for a few steps, in whole cents. */
  readonly extraUsd: string;
}

export type Reserved =
  /** `usd` lies between the two amounts of the wish. */
  | { readonly kind: 'reserved'; readonly usd: string }
  | { readonly kind: 'short'; readonly shortage: Shortage }
  /** The agent, or one above it, has used the share of the budget that it was given. */
  | { readonly kind: 'share'; readonly budgetUsd: string }
  /** There is enough, but other steps hold it at this moment. */
  | { readonly kind: 'held' };

/** Thrown while other steps hold the money that a step needs: it passes by itself and nothing was done. */
export class MoneyHeld extends ProblemError {
  constructor() {
    super('unavailable', 'Other steps hold the money for the moment; it is tried again by itself.');
  }
}

/** Steps at the upper bound that more budget is asked for. */
const STEPS_ASKED_FOR = 4;

interface ReservedRow {
  usd: string | null;
  budget_short: boolean;
  wallet_short: boolean;
  /** The budget of the agent whose share is used up. */
  share_short: string | null;
  spent: string;
  budget: string;
  balance: string;
  request_extra: string;
  wallet_extra: string;
}

/**
 * Sets money aside for one attempt of a step, in one statement, for a caller that holds the request's row. What was set
 * aside for this attempt before stays as it is, or is raised with `again`.
 *
 * A reservation is an upper bound of what one attempt may cost. It ends in one of four ways, each in the transaction that
 * says why: at the real price, with the turn or the result that is stored or with an answer that is of no use; released,
 * when the attempt cannot have cost anything; at the bound and marked as estimated, when nobody knows what it cost and
 * the next attempt of its step begins or its request ends. So what is charged is never below what was billed, and no
 * money stays reserved. An attempt whose reservation has ended before it comes back is paid for already.
 *
 * Locks: the request's row first, the wallet's after it.
 */
export async function reserve(
  tx: Tx,
  ref: AgentRef,
  place: { readonly step: string; readonly attempt: number; readonly again?: boolean },
  wish: Wish,
): Promise<Reserved> {
  const least = sql`${wish.minUsd}::numeric`;
  const few = sql`${STEPS_ASKED_FOR}::int * ${wish.wantUsd}::numeric`;
  const row = await tx.one<ReservedRow>(sql`
    with w as materialized (select balance_usd, reserved_usd from wallets where user_id = ${ref.user} for update),
    known as (select usd from reservations where step = ${place.step} and attempt = ${place.attempt} and not ${place.again === true}),
    facts as (
      select w.balance_usd as balance, w.balance_usd - w.reserved_usd as free, (r.settings->>'budgetUsd')::numeric as budget,
        (select coalesce(sum(usd), 0) from charges where request_id = r.id) as spent,
        (select coalesce(sum(usd), 0) from reservations where request_id = r.id) as held
      from w, requests r where r.id = ${ref.request}),
    shares as (
      select x.budget_usd, x.budget_usd - (select coalesce(sum(c.usd), 0) from charges c join agents d on d.id = c.agent_id where d.request_id = ${ref.request} and x.id = any(d.path)) as unspent,
        (select coalesce(sum(v.usd), 0) from reservations v join agents d on d.id = v.agent_id where d.request_id = ${ref.request} and x.id = any(d.path)) as held
      from agents me join agents x on x.id = any(me.path) and x.budget_usd is not null where me.id = ${ref.agent}),
    given as (
      select least(${wish.wantUsd}::numeric, budget - spent - held, free, (select min(unspent - held) from shares)) as usd from facts
      where least(budget - spent - held, free, (select min(unspent - held) from shares)) >= ${least} and not exists (select from known)),
    kept as (
      insert into reservations (step, attempt, user_id, request_id, agent_id, kind, name, usd)
      select ${place.step}, ${place.attempt}, ${ref.user}, ${ref.request}, ${ref.agent}, ${wish.kind}, ${wish.name}, usd from given
      on conflict (step, attempt) do update set usd = reservations.usd + excluded.usd),
    raised as (update wallets set reserved_usd = reserved_usd + given.usd from given where user_id = ${ref.user})
    select coalesce((select trim_scale(usd)::text from known), (select trim_scale(usd)::text from given)) as usd,
      (select trim_scale(budget_usd)::text from shares where unspent < ${least} order by unspent limit 1) as share_short, budget - spent < ${least} as budget_short, coalesce(balance < ${least}, false) as wallet_short,
      trim_scale(spent)::text as spent, trim_scale(budget)::text as budget, trim_scale(coalesce(balance, 0))::text as balance,
      (ceil(greatest(${few} - (budget - spent), 0.01) * 100) / 100)::numeric(20, 2)::text as request_extra,
      (ceil(greatest(${few} - coalesce(balance, 0), 0.01) * 100) / 100)::numeric(20, 2)::text as wallet_extra
    from facts`);
  if (row.usd !== null) return { kind: 'reserved', usd: row.usd };
  if (row.share_short !== null) return { kind: 'share', budgetUsd: row.share_short };
  if (!row.budget_short && !row.wallet_short) return { kind: 'held' };
  const scope = row.budget_short ? 'request' : 'wallet';
  const extraUsd = row.budget_short ? row.request_extra : row.wallet_extra;
  const { spent: spentUsd, budget: budgetUsd, balance: balanceUsd } = row;
  return { kind: 'short', shortage: { scope, spentUsd, budgetUsd, balanceUsd, extraUsd } };
}

/**
 * Takes reservations away, and what was really spent out of the wallet. Once a statement: PostgreSQL changes a row only
 * once in each, and all of this is one wallet's.
 */
export function settled(
  user: string,
  closed: readonly Pick<Reservation, 'step' | 'attempt' | 'usd'>[],
  spentUsd: readonly string[],
): RawBuilder<unknown>[] {
  if (closed.length === 0 && spentUsd.length === 0) return [];
  const keys = closed.map(({ step, attempt }) => ({ step, attempt }));
  return [
    sql`delete from reservations using jsonb_to_recordset(${json(keys)}) as k(step text, attempt int)
      where reservations.step = k.step and reservations.attempt = k.attempt`,
    sql`update wallets set balance_usd = balance_usd - ${sumOf(spentUsd)}, reserved_usd = reserved_usd - ${sumOf(closed.map(({ usd }) => usd))}
      where user_id = ${user}`,
  ];
}

/** As `settled`, for a call of a skill, whatever is reserved for it. */
export function settledCall(user: string, step: string, spentUsd: string): RawBuilder<unknown>[] {
  const mine = sql`from reservations where step = ${step}`;
  return [
    sql`delete ${mine}`,
    sql`update wallets set balance_usd = balance_usd - ${spentUsd}::numeric, reserved_usd = reserved_usd - (select coalesce(sum(usd), 0) ${mine})
      where user_id = ${user} and (${spentUsd}::numeric > 0 or exists (select ${mine}))`,
  ];
}

function sumOf(amounts: readonly string[]): RawBuilder<unknown> {
  return sql`(select coalesce(sum(a.usd::numeric), 0) from unnest(${[...amounts]}::text[]) as a(usd))`;
}

/** Charges reservations of one request at their bound, marked as estimated, for a caller that holds its row. */
export async function bookEstimated(
  tx: Tx,
  { user, request }: Pick<AgentRef, 'user' | 'request'>,
  open: readonly Reservation[],
): Promise<void> {
  if (open.length === 0) return;
  const charges = open
    .toSorted((a, b) => a.attempt - b.attempt)
    .map((row, index) => {
      const { step, attempt, kind, name, usd } = row;
      const facts = { kind, name, quantity: 1, unit: 'call', usd, estimated: true };
      const key = kind === 'model' ? attemptStep(step, attempt) : step;
      const charge = newCharge({ request, agent: row.agent }, { ...facts, step: key });
      return { charge, row: chargeRow(user, kind === 'model' ? freeKey(request, row, index) : key, charge) };
    });
  const spent = open.map(({ usd }) => usd);
  await changeRequest(
    tx,
    { user, request },
    {},
    charges.map(({ charge }) => chargeEvent(charge)),
    [...charges.map(({ row }) => row), ...settled(user, open, spent)],
  );
}

/** Attempts are counted anew after a model was parked, so their number may be taken. */
function freeKey(
  request: string,
  { step, attempt }: Pick<Reservation, 'step' | 'attempt'>,
  index = 0,
): RawBuilder<unknown> {
  return sql`${step}::text || '#' || greatest(${attempt}::int, ${index + 1}::int + coalesce((
    select max(nullif(split_part(c.step, '#', 2), '')::int) from charges c
    where c.request_id = ${request} and split_part(c.step, '#', 1) = ${step}), 0))`;
}

/** Every reservation of a request that is still open, for a caller that holds its row. */
export async function openReservations(tx: Tx, request: string): Promise<Reservation[]> {
  return (await tx.one<{ reserved: Reservation[] }>(sql`select ${reservedColumn(request)} as reserved`)).reserved;
}

/** What a call of the model really cost although nothing came of it. */
export interface Spent extends Pick<Charge, 'name' | 'quantity' | 'usd'> {}

/**
 * Ends the reservation of an attempt that came to nothing: at the given price, or released when it cost nothing.
 * Changes nothing when the reservation has ended already.
 */
export async function settleAttempt(
  engine: Engine,
  ref: AgentRef,
  place: { readonly turn: number; readonly attempt: number },
  spent: Spent | undefined,
): Promise<void> {
  const step = turnStep(ref.agent, place.turn);
  await engine.db.as(ref.user, async (tx) => {
    await lockRequest(tx, ref);
    const open = await openReservations(tx, ref.request);
    const own = open.filter((row) => row.step === step && row.attempt === place.attempt);
    if (own.length === 0) return;
    if (spent === undefined) {
      for (const statement of settled(ref.user, own, [])) await tx.run(statement);
      return;
    }
    const key = attemptStep(step, place.attempt);
    const charge = newCharge(ref, { ...spent, kind: 'model', unit: 'tokens', step: key });
    await changeRequest(
      tx,
      ref,
      {},
      [chargeEvent(charge)],
      [
        chargeRow(ref.user, freeKey(ref.request, { step, attempt: place.attempt }), charge),
        ...settled(ref.user, own, [spent.usd]),
      ],
    );
  });
}

/** Sets money aside for asking the model a second time within one attempt. False when there is not enough at this moment. */
export async function reserveAgain(
  engine: Engine,
  ref: AgentRef,
  place: { readonly turn: number; readonly attempt: number },
  wish: Wish,
): Promise<boolean> {
  return engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    if (request.ended_at !== null) return false;
    const step = turnStep(ref.agent, place.turn);
    const whole = { ...wish, minUsd: wish.wantUsd };
    return (await reserve(tx, ref, { step, attempt: place.attempt, again: true }, whole)).kind === 'reserved';
  });
}

/** How a request ends whose further budget was refused or not given in time. */
export const BUDGET_REFUSED = {
  type: 'budget',
  message:
    'The request has used its budget, and going on was not approved. What was found so far is kept; send it again with a higher budgetUsd to go on.',
} as const;

/** What of an approval's row is needed to carry it out. */
interface BudgetApproval {
  readonly request_id: string;
  /** As it was asked. */
  readonly payload: JsonValue;
}

/**
 * Carries out an approved question for more budget, in the transaction of the decision, which holds the request's row.
 * `payload` is what was approved; where it was edited only `extraUsd` may differ. Throws `conflict` while the wallet
 * still has too little.
 */
export async function approveBudget(tx: Tx, approval: BudgetApproval, payload: JsonValue): Promise<void> {
  const budget = checkedPayload(approval.payload, payload);
  if (budget.scope === 'wallet') return requireCredit(tx, approval.request_id, budget.neededUsd);
  await tx.run(sql`
    update requests set settings = settings || jsonb_build_object('budgetUsd',
      trim_scale((settings->>'budgetUsd')::numeric + ${budget.extraUsd}::numeric)::text)
    where id = ${approval.request_id}`);
}

function checkedPayload(asked: JsonValue, approved: JsonValue): BudgetPayload {
  const original = BudgetPayloadSchema.parse(asked);
  const parsed = BudgetPayloadSchema.safeParse(approved);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({
      path: ['payload', ...path.map(String)].join('.'),
      message,
    }));
    throw new ProblemError('invalid-body', 'The payload is not one of a question for more budget.', {
      status: 422,
      errors,
    });
  }
  const fixed = ['scope', 'neededUsd', 'spentUsd', 'budgetUsd'] as const;
  const changed = fixed.filter((field) => parsed.data[field] !== original[field]);
  if (changed.length > 0) {
    const errors = changed.map((field) => ({
      path: `payload.${field}`,
      message: 'cannot be changed; only extraUsd can',
    }));
    throw new ProblemError('invalid-body', 'Only extraUsd may be edited.', { status: 422, errors });
  }
  return parsed.data;
}

async function requireCredit(tx: Tx, request: string, neededUsd: string): Promise<void> {
  const wallet = await tx.one<{ balance: string | null; enough: boolean }>(sql`
    select trim_scale(w.balance_usd)::text as balance, coalesce(w.balance_usd >= ${neededUsd}::numeric, true) as enough
    from requests r join wallets w on w.user_id = r.user_id where r.id = ${request}`);
  if (wallet.enough) return;
  throw new ProblemError(
    'conflict',
    `The wallet has $${wallet.balance ?? '0'} and $${neededUsd} is needed: give it credit with POST /v1/wallet/credits, then approve again.`,
  );
}
