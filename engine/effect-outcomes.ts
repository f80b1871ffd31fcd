import type { Label } from '../contracts/effect-class.js';
import type { SendFailure } from '../contracts/effect.js';
import type { Output } from '../contracts/request.js';
import type { Proposal, Sent } from '../contracts/skill.js';
import type { AgentRef, EffectInput } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { enqueue } from '../store/outbox.js';
import { type RawBuilder, json, sql } from '../store/sql.js';
import { labelsAdded } from './calls.js';
import { chargeEvent, chargeRow, effectStep, newCharge } from './charge-rows.js';
import type { Engine } from './deps.js';
import { resultOf } from './ending.js';
import { type NewEvent, type RequestChange, changeRequest, statusEvent } from './events.js';
import type { LedgerEntry } from './ledger.js';
import { openReservations, settled } from './reservations.js';
import { type RequestRow, type Reservation, lockRequest } from './rows.js';

export function closed(key: string, status: 'failed' | 'unknown', error: string): RawBuilder<unknown> {
  return sql`update effects set status = ${status}, error = ${error}, closed_at = now() where key = ${key} and closed_at is null`;
}

export function finishedEvent(
  ref: AgentRef & { readonly key: string },
  entry: { readonly call: string | null; readonly skill: string },
  outcome: 'done' | 'failed' | 'unknown',
): NewEvent {
  return {
    type: 'skill.finished',
    agent: ref.agent,
    data: { call: entry.call ?? ref.key, skill: entry.skill, outcome, effect: ref.key },
  };
}

export interface Success extends Sent {
  readonly taints: readonly Label[];
  /** USD as a decimal string, when the skill has a price. */
  readonly usd?: string;
}

/** Writes down that it happened. A fact: it counts whatever the entry said meanwhile. */
export async function recordSent(engine: Engine, input: EffectInput, entry: LedgerEntry, sent: Success): Promise<void> {
  await engine.db.as(input.user, (tx) => recordSentIn(tx, input, entry, sent));
}

/** As `recordSent`, in the caller's transaction. */
export async function recordSentIn(tx: Tx, input: EffectInput, entry: LedgerEntry, sent: Success): Promise<void> {
  const request = await lockRequest(tx, input);
  const known = await tx.maybe<{ question: string | null }>(sql`
    select (select q.id from approvals q where q.about = effects.key and q.status = 'pending') as question
    from effects where key = ${input.key} and user_id = ${input.user} and status <> 'done'`);
  if (known === undefined) return;
  const paid = await paymentFor(tx, input, entry.skill, sent.usd);
  // A statement of its own: the rows below may change the agent as well.
  if (sent.taints.length > 0) await tx.run(labelsAdded(input, sent.taints));
  const answered = known.question === null ? UNASKED : withdrawn(input, request, known.question);
  await changeRequest(
    tx,
    input,
    {
      ...answered.change,
      ...(entry.call === null ? {} : { result: resultWith(input.request, entry.call, sent.outputs) }),
    },
    [...paid.events, finishedEvent(input, entry, 'done'), ...answered.events],
    [...sentRows(input, entry, sent), ...paid.rows, ...answered.rows],
  );
  if (known.question !== null) await enqueue(tx, { kind: 'wake', target: refOf(input), reason: 'found out' });
}

/** The price of what was sent; an attempt whose reservation has ended already is paid for. */
async function paymentFor(
  tx: Tx,
  input: EffectInput,
  skill: string,
  usd: string | undefined,
): Promise<Pick<Answered, 'events' | 'rows'>> {
  if (usd === undefined) return UNASKED;
  const step = effectStep(input.key);
  const reserved = await reservedFor(tx, input);
  if (reserved.length === 0) return UNASKED;
  const facts = { kind: 'skill', name: skill, quantity: 1, unit: 'call', usd, step } as const;
  const charge = newCharge(input, facts);
  return {
    events: [chargeEvent(charge)],
    rows: [chargeRow(input.user, step, charge), ...settled(input.user, reserved, [usd])],
  };
}

interface Answered {
  readonly change: RequestChange;
  readonly events: readonly NewEvent[];
  readonly rows: readonly RawBuilder<unknown>[];
}

const UNASKED: Answered = { change: {}, events: [], rows: [] };

/** What has come to light needs no answer any more; the request goes on when it waits for nothing else. */
function withdrawn(ref: AgentRef, request: RequestRow, question: string): Answered {
  const waitingFor = request.waiting_for.filter((item) => item.id !== question);
  const isOver = request.status === 'waiting_approval' && waitingFor.length === 0;
  const status = isOver ? 'running' : request.status;
  return {
    change: { status, waitingFor },
    events: request.ended_at === null ? [statusEvent(status, waitingFor)] : [],
    rows: [
      sql`update approvals set status = 'cancelled', decided_at = now(), decided_by = 'the service', reported_in_turn = 0,
          reason = 'It became known that it happened.' where id = ${question}`,
      ...(isOver ? [sql`update agents set status = 'running' where id = ${ref.agent} and ended_at is null`] : []),
    ],
  };
}

function refOf({ user, request, agent }: AgentRef): AgentRef {
  return { user, request, agent };
}

interface Answerable {
  readonly skill: string;
  readonly call: string | null;
  readonly title: string;
  readonly preview: Proposal['preview'];
  readonly price: string | null;
}

/** A person has seen that it happened; as good as an answer of the service, except that its id stays unknown. */
export async function recordArrived(tx: Tx, ref: AgentRef, key: string): Promise<void> {
  const input: EffectInput = { ...ref, key, fence: 0 };
  const entry = await tx.maybe<Answerable>(sql`
    select e.skill, a.call_id as call, a.title, a.preview, a.preview->>'costUsd' as price from effects e join approvals a on a.id = e.key
    where e.key = ${key} and e.closed_at is null`);
  if (entry === undefined) return;
  const outputs = [{ kind: 'sent', title: entry.title, ref: `effect:${key}` }];
  const paid = await paymentFor(tx, input, entry.skill, entry.price ?? undefined);
  await changeRequest(
    tx,
    ref,
    entry.call === null ? {} : { result: resultWith(ref.request, entry.call, outputs) },
    [...paid.events, finishedEvent(input, entry, 'done')],
    [
      sql`update effects set status = 'done', done_at = now(), closed_at = now() where key = ${key}`,
      ...reachedRows(ref.user, entry.preview),
      ...(entry.call === null
        ? []
        : [sql`update calls set outputs = ${json(outputs)} where id = ${entry.call} and status = 'done'`]),
      ...paid.rows,
    ],
  );
}

/** Nobody knows whether it happened, and that is left so. What it may have cost is charged when the request ends. */
export async function recordLeft(tx: Tx, ref: AgentRef, key: string): Promise<void> {
  const input: EffectInput = { ...ref, key, fence: 0 };
  const entry = await tx.maybe<Pick<Answerable, 'skill' | 'call'>>(sql`
    select e.skill, a.call_id as call from effects e join approvals a on a.id = e.key where e.key = ${key} and e.closed_at is null`);
  if (entry === undefined) return;
  const rows = [
    sql`update effects set status = 'unknown', closed_at = now() where key = ${key}`,
    ...withoutDraft(entry.call, key),
  ];
  await changeRequest(tx, ref, {}, [finishedEvent(input, entry, 'unknown')], rows);
}

function reachedRows(user: string, preview: Proposal['preview']): RawBuilder<unknown>[] {
  return [
    sql`insert into known_recipients (user_id, recipient) select ${user}, r.address
        from unnest(${[...preview.recipients]}::text[]) as r(address) on conflict do nothing`,
  ];
}

/** What was produced is shown with the request once it has a result; before, the call's row keeps it. */
export function resultWith(request: string, call: string, outputs: readonly Output[]): RawBuilder<unknown> {
  return sql`case when result is not null then ${resultOf(request, undefined, { call, outputs })} end`;
}

function sentRows(input: EffectInput, entry: LedgerEntry, sent: Success): RawBuilder<unknown>[] {
  return [
    sql`update effects set status = 'done', provider_id = ${sent.providerId}, output = ${json(sent.output)}, error = null,
        done_at = now(), closed_at = now() where key = ${input.key}`,
    ...reachedRows(input.user, entry.preview),
    ...(entry.call === null
      ? []
      : [sql`update calls set outputs = ${json(sent.outputs)} where id = ${entry.call} and status = 'done'`]),
  ];
}

export interface Failure {
  readonly failure: Exclude<SendFailure, 'stale'>;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Labels that the message puts on the agent that is told of it. */
  readonly taints?: readonly Label[];
}

/**
 * Writes down that an attempt failed, unless another attempt has taken over. What surely did not happen is tried again,
 * at most three times; what may have happened is looked into before anything else is done.
 */
export async function recordFailure(engine: Engine, input: EffectInput, failure: Failure): Promise<void> {
  await engine.db.as(input.user, async (tx) => {
    await lockRequest(tx, input);
    const entry = await tx.maybe<FailingRow>(sql`
      select e.status, e.attempts, e.skill, a.call_id as call from effects e join approvals a on a.id = e.key
      where e.key = ${input.key} and e.user_id = ${input.user} and e.fence = ${input.fence} and e.closed_at is null`);
    if (entry === undefined) return;
    const { failure: kind, message } = failure;
    if (kind === 'ambiguous') {
      await tx.run(
        sql`update effects set status = 'unknown', error = ${message}, due_at = now() + make_interval(secs => ${
          (engine.effects.probeDelaysMs[0] ?? 0) / 1000
        }) where key = ${input.key}`,
      );
      return;
    }
    // One that failed before its claim counts too, or it would be made for ever.
    const attempts = entry.attempts + (entry.status === 'ready' ? 1 : 0);
    await release(tx, input);
    if (kind === 'refused' && attempts < MOST_ATTEMPTS) {
      const delayMs = failure.retryAfterMs ?? engine.effects.retryMs * 2 ** (attempts - 1);
      await sendAgain(tx, input, { message, attempts, delayMs });
      return;
    }
    const labels = failure.taints === undefined ? [] : [labelsAdded(input, failure.taints)];
    const rows = [closed(input.key, 'failed', message), ...withoutDraft(entry.call, input.key), ...labels];
    await changeRequest(tx, input, {}, [finishedEvent(input, entry, 'failed')], rows);
  });
}

/** What surely did nothing costs nothing. */
export async function release(tx: Tx, input: EffectInput): Promise<void> {
  for (const statement of settled(input.user, await reservedFor(tx, input), [])) await tx.run(statement);
}

/** A draft that will not be sent is no result any more. */
export function withoutDraft(call: string | null, approval: string): RawBuilder<unknown>[] {
  if (call === null) return [];
  return [sql`update calls set outputs = '[]' where id = ${call} and outputs->0->>'ref' = ${`approval:${approval}`}`];
}

/** What is set aside for an action. */
async function reservedFor(tx: Tx, input: EffectInput): Promise<Reservation[]> {
  const step = effectStep(input.key);
  return (await openReservations(tx, input.request)).filter((row) => row.step === step);
}

interface FailingRow {
  readonly status: LedgerEntry['status'];
  readonly attempts: number;
  readonly skill: string;
  readonly call: string | null;
}

/** Attempts of one effect, as long as each is known to have done nothing. */
export const MOST_ATTEMPTS = 3;

const LONGEST_RETRY_MS = 3_600_000;

interface Retry {
  readonly message: string | null;
  /** Attempts so far; as many as before when omitted. */
  readonly attempts?: number;
  readonly delayMs: number;
}

export async function sendAgain(tx: Tx, input: EffectInput, { message, attempts, delayMs }: Retry): Promise<void> {
  await tx.run(sql`
    update effects set status = 'ready', fence = fence + 1, error = ${message}, attempts = coalesce(${attempts ?? null}, attempts),
      due_at = now() + make_interval(secs => ${Math.min(LONGEST_RETRY_MS, delayMs) / 1000})
    where key = ${input.key} and fence = ${input.fence} and closed_at is null`);
}

/** The attempt surely did nothing: it is made again, or given up when it was made often enough. */
export async function recordAbsent(engine: Engine, input: EffectInput): Promise<void> {
  await recordFailure(engine, input, {
    failure: 'refused',
    message: 'An attempt was interrupted before it did anything.',
  });
}
