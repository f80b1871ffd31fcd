import type { WaitingFor } from '../contracts/request.js';
import type { AgentRef, Step } from '../contracts/step.js';
import type { BudgetPayload } from '../contracts/wallet.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { expiryOf, HOURS_TO_FIRST_NUDGE, newApprovalId } from './approvals.js';
import { refreshAtEnd } from './agents/team-status.js';
import { type CallRef, settleCall } from './calls.js';
import { callStep } from './charge-rows.js';
import type { Engine } from './deps.js';
import { resultOf } from './ending.js';
import { changeRequest, type NewEvent, statusEvent } from './events.js';
import { payloadHash } from './payload-hash.js';
import { MoneyHeld, reserve, type Reserved, type Shortage, type Wish } from './reservations.js';
import { lockRequest, type RequestRow } from './rows.js';
import { shareSpent } from './shares.js';

interface Question {
  readonly wish: Wish;
  readonly shortage: Shortage;
  /** What else the request waits for a person for. */
  readonly others: readonly WaitingFor[];
}

/**
 * Asks the user whether a step may cost more than there is left, and lets the request wait for the answer; `also` belongs
 * to the same change. What is known so far becomes the result. While one such question is open no second one is asked.
 */
export async function askForBudget(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  request: Pick<RequestRow, 'status' | 'agent_id'>,
  question: Question,
  also: readonly RawBuilder<unknown>[],
): Promise<Step> {
  const known = await tx.one<{ pending: boolean; said: string | null; team: boolean }>(sql`
    select exists (select from approvals where request_id = ${ref.request} and effect = 'budget' and status = 'pending') as pending,
      exists (select from agents where request_id = ${ref.request} and parent_id is not null and ended_at is null) as team,
      (select string_agg(b.item->>'text', '' order by b.place) from turns t, jsonb_array_elements(t.content) with ordinality as b(item, place)
        where t.agent_id = ${ref.agent} and b.item->>'type' = 'text' group by t.number order by t.number desc limit 1) as said`);
  if (known.pending) {
    for (const statement of also) await tx.run(statement);
    return lookAgain();
  }
  const id = newApprovalId();
  const title = titleOf(question.shortage);
  const asked: NewEvent = { type: 'approval.requested', agent: ref.agent, data: { approval: id, title } };
  const rows = [...also, approvalRow(engine, ref, { id, title, question })];
  const isFirst = ref.agent === request.agent_id;
  const result = isFirst ? { result: resultOf(ref.request, known.said ?? undefined) } : {};
  // Others may be at work meanwhile.
  if (known.team || !isFirst) {
    await changeRequest(tx, ref, result, [asked], rows);
    refreshAtEnd(tx, ref);
    return lookAgain();
  }
  const waitingFor: WaitingFor[] = [...question.others, { kind: 'approval', id, text: title }];
  // Who is asked a question meanwhile answers that one too, in any order.
  const status = request.status === 'waiting_user' ? request.status : 'waiting_approval';
  await changeRequest(tx, ref, { status, waitingFor, ...result }, [asked, statusEvent(status, waitingFor)], rows);
  return lookAgain();
}

/** Looks at the rows again at once: what is under way goes on beside the question. */
function lookAgain(): Step {
  const until = new Date().toISOString();
  return { kind: 'wait', until, waitingFor: 'approval', summary: 'waiting for approval of more budget' };
}

function approvalRow(
  engine: Engine,
  ref: AgentRef,
  approval: { id: string; title: string; question: Question },
): RawBuilder<unknown> {
  const { wish, shortage } = approval.question;
  const { scope, spentUsd, budgetUsd, extraUsd } = shortage;
  const payload: BudgetPayload = { scope, neededUsd: wish.minUsd, spentUsd, budgetUsd, extraUsd };
  const preview = { text: previewOf(wish, shortage), recipients: [], costUsd: extraUsd, newRecipients: [] };
  return sql`
    insert into approvals (id, user_id, request_id, agent_id, effect, skill, title, payload, payload_hash, preview, status, nudge_at, expires_at)
    values (${approval.id}, ${ref.user}, ${ref.request}, ${ref.agent}, 'budget', ${wish.name}, ${approval.title}, ${json(payload)}, ${payloadHash(payload)},
      ${json(preview)}, 'pending', now() + make_interval(hours => ${HOURS_TO_FIRST_NUDGE}), ${expiryOf(engine, ref.request)})`;
}

function titleOf({ scope, extraUsd }: Shortage): string {
  return scope === 'request'
    ? `Continue for about $${extraUsd}?`
    : `Continue? The wallet needs about $${extraUsd} more.`;
}

function previewOf(wish: Wish, shortage: Shortage): string {
  const { spentUsd, budgetUsd, balanceUsd, extraUsd } = shortage;
  const next = `The next step (${wish.name}) needs at least ${dollars(wish.minUsd)} and costs at most ${dollars(wish.wantUsd)}.`;
  if (shortage.scope === 'request')
    return `This request has spent ${dollars(spentUsd)} of its budget of ${dollars(budgetUsd)}. ${next} Approving raises the budget by ${dollars(extraUsd)}. What was found so far is kept either way.`;
  return `The wallet has ${dollars(balanceUsd)} left; this request has spent ${dollars(spentUsd)}. ${next} Give the wallet about ${dollars(extraUsd)} of credit, then approve. What was found so far is kept either way.`;
}

/** For people: cents, and two digits more where cents would say nothing. */
function dollars(usd: string): string {
  const amount = Number(usd);
  return `$${amount > 0 && amount < 0.1 ? amount.toFixed(4) : amount.toFixed(2)}`;
}

/**
 * Sets the price of a call aside in the transaction that also runs it. False when there is not enough: the user is asked,
 * and the call stays as if it had not begun. Throws `MoneyHeld`.
 */
export async function reserveCall(
  tx: Tx,
  engine: Engine,
  ref: CallRef,
  skill: string,
  priceUsd: string | undefined,
): Promise<boolean> {
  const reserved = await reserveOrAsk(tx, engine, ref, skill, priceUsd, unbegun(ref, 0));
  if (reserved === 'held') throw new MoneyHeld();
  return reserved === 'reserved';
}

/**
 * Sets the price of a begun call aside before it runs outside. False when it is not to run now: the user is asked for
 * more budget, or it is settled already. Throws `MoneyHeld`.
 */
export async function payForCall(
  engine: Engine,
  ref: CallRef,
  skill: string,
  priceUsd: string | undefined,
): Promise<boolean> {
  if (priceUsd === undefined) return true;
  const reserved = await engine.db.as(ref.user, async (tx) => {
    await lockRequest(tx, ref);
    if ((await tx.maybe(sql`select from calls where id = ${ref.callId} and status = 'pending'`)) === undefined)
      return 'short';
    const told = unbegun(ref, 1);
    const outcome = await reserveOrAsk(tx, engine, ref, skill, priceUsd, told);
    if (outcome === 'held') await tx.run(told);
    return outcome;
  });
  if (reserved === 'held') throw new MoneyHeld();
  return reserved === 'reserved';
}

async function reserveOrAsk(
  tx: Tx,
  engine: Engine,
  ref: CallRef,
  skill: string,
  priceUsd: string | undefined,
  otherwise: RawBuilder<unknown>,
): Promise<Reserved['kind']> {
  if (priceUsd === undefined || Number(priceUsd) === 0) return 'reserved';
  const wish: Wish = { kind: 'skill', name: skill, minUsd: priceUsd, wantUsd: priceUsd };
  const money = await reserve(tx, ref, { step: callStep(ref.callId), attempt: 1 }, wish);
  if (money.kind === 'share') {
    await settleCall(tx, ref, skill, { error: `${skill} was not run. ${shareSpent(money.budgetUsd).message}` }, []);
    return 'short';
  }
  if (money.kind !== 'short') return money.kind;
  const request = await lockRequest(tx, ref);
  const others = request.waiting_for.filter((item) => item.kind === 'approval' || item.kind === 'user');
  await askForBudget(tx, engine, ref, request, { wish, shortage: money.shortage, others }, [otherwise]);
  return 'short';
}

/** An attempt in which nothing ran does not count; one that was told of as started stays so. */
function unbegun(ref: CallRef, least: 0 | 1): RawBuilder<unknown> {
  return sql`
    update calls set attempts = greatest(${least}, attempts - 1), started_at = case when attempts > 1 or ${least} = 1 then started_at end
    where id = ${ref.callId} and status = 'pending'`;
}
