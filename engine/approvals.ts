import type { ApprovalEffect, ApprovalStatus } from '../contracts/approval.js';
import type { Label } from '../contracts/effect-class.js';
import type { Proposal } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import { refreshAtEnd } from './agents/team-status.js';
import type { CallRef } from './calls.js';
import { settleCall } from './calls.js';
import type { Engine } from './deps.js';
import { type NewEvent, statusEvent } from './events.js';
import { payloadHash, sha256 } from './payload-hash.js';
import { lockRequest } from './rows.js';

/** Made before the transaction, because what is proposed may carry it. */
export function newApprovalId(): string {
  return newId('apr');
}

export interface NewApproval {
  readonly id: string;
  readonly effect: ApprovalEffect;
  readonly skill: string;
  readonly payload: JsonValue;
  readonly proposal: Proposal;
  readonly costUsd?: string | undefined;
  readonly call?: string | undefined;
  readonly about?: string;
  readonly replaces?: string;
  /** Who has approved it already: a standing policy, or the person who wants it sent again. */
  readonly approvedBy?: string;
}

export const HOURS_TO_FIRST_NUDGE = 24;
const MOST_SOURCES = 100;

/** The statements that write an approval, and its entry in the ledger where it is approved already. */
export function approvalRows(engine: Engine, ref: AgentRef, approval: NewApproval): RawBuilder<unknown>[] {
  const { id, proposal } = approval;
  const { frozen } = proposal;
  const isApproved = approval.approvedBy !== undefined;
  const preview = { ...proposal.preview, ...(approval.costUsd === undefined ? {} : { costUsd: approval.costUsd }) };
  const hash = payloadHash(approval.payload);
  const insert = sql`
    insert into approvals (id, user_id, request_id, agent_id, call_id, effect, skill, title, payload, payload_hash, preview, frozen, frozen_type,
      frozen_sha256, precondition, derived_from, about, replaces, status, decided_by, decided_at, nudge_at, expires_at)
    values (${id}, ${ref.user}, ${ref.request}, ${ref.agent}, ${approval.call ?? null}, ${approval.effect}, ${approval.skill}, ${proposal.title},
      ${json(approval.payload)}, ${hash}, ${withNewRecipients(ref.user, preview)}, ${frozen?.text ?? null}, ${frozen?.mediaType ?? null},
      ${frozen === undefined ? null : sha256(frozen.text)}, ${proposal.precondition === undefined ? null : json(proposal.precondition)},
      ${sourcesOf(ref, approval.call)}, ${approval.about ?? null}, ${approval.replaces ?? null}, ${isApproved ? 'approved' : 'pending'},
      ${approval.approvedBy ?? null}, case when ${isApproved} then now() end, now() + make_interval(hours => ${HOURS_TO_FIRST_NUDGE}),
      ${expiryOf(engine, ref.request)})`;
  return isApproved ? [insert, effectRow(ref, id, approval.skill, hash)] : [insert];
}

/** No approval outlives the request that would carry it out. */
export function expiryOf(engine: Engine, request: string): RawBuilder<unknown> {
  return sql`least(now() + make_interval(secs => ${engine.limits.approvalDays * 86_400}),
    (select case when ended_at is null then deadline_at end from requests where id = ${request}))`;
}

/** A new entry of the ledger, ready to be sent. */
export function effectRow(ref: AgentRef, key: string, skill: string, hash: string): RawBuilder<unknown> {
  return sql`
    insert into effects (key, user_id, request_id, agent_id, skill, payload_hash, status)
    values (${key}, ${ref.user}, ${ref.request}, ${ref.agent}, ${skill}, ${hash}, 'ready')`;
}

/** The preview with those recipients named that nothing was ever sent to. */
export function withNewRecipients(user: string, preview: Proposal['preview']): RawBuilder<unknown> {
  return sql`${json(preview)} || jsonb_build_object('newRecipients', (
    select coalesce(jsonb_agg(r.address), '[]') from unnest(${[...preview.recipients]}::text[]) as r(address)
    where not exists (select from known_recipients k where k.user_id = ${user} and k.recipient = r.address)))`;
}

/** Everything the agent had read when it made the proposal, and whether it was the user's own; what was not comes first. */
function sourcesOf(ref: AgentRef, call: string | undefined): RawBuilder<unknown> {
  return sql`(
    select coalesce(jsonb_agg(jsonb_build_object('ref', s.ref, 'trusted', s.trusted)), '[]') from (
      select 'message:' || m.id as ref, m.spoken or not exists (select from agents a where a.id = ${ref.agent} and 'untrusted' = any(a.labels)) as trusted from messages m where m.request_id = ${ref.request} and m.role = 'user'
      union all select 'call:' || c.id, not 'untrusted' = any(c.taints) from calls c
        where c.agent_id = ${ref.agent} and c.status in ('done', 'undone') and c.id is distinct from ${call ?? null}
      union all select 'conversation:' || r.conversation_id, false from requests r join agents a on a.id = ${ref.agent}
        where r.id = ${ref.request} and 'untrusted' = any(a.labels)
          and not exists (select from calls c where c.agent_id = a.id and 'untrusted' = any(c.taints))
      order by trusted limit ${MOST_SOURCES}) s)`;
}

export function requestedEvent(ref: AgentRef, approval: { id: string; title: string }): NewEvent {
  return { type: 'approval.requested', agent: ref.agent, data: { approval: approval.id, title: approval.title } };
}

/** What decides whether a person has to be asked at all; read in the transaction that stores the proposal. */
export interface ProposalFacts {
  readonly labels: readonly Label[];
  /** Recipients that a policy of the user covers for this skill. */
  readonly covered: readonly string[];
}

/**
 * Stores a call's proposal and answers the call at once, so that the agent can go on. `mayRun` is the gate: where a
 * standing policy covers the call, its approval is written as given. Nothing happens when the call is not open any more.
 */
export async function storeProposal(
  engine: Engine,
  ref: CallRef,
  approval: NewApproval,
  mayRun: (facts: ProposalFacts) => boolean,
): Promise<void> {
  await engine.db.as(ref.user, async (tx) => {
    const request = await lockRequest(tx, ref);
    const facts = await tx.maybe<ProposalFacts>(sql`
      select a.labels, (select coalesce(array_agg(p.recipient), '{}') from policies p where p.user_id = ${ref.user} and p.skill = c.skill) as covered
      from calls c join agents a on a.id = c.agent_id where c.id = ${ref.callId} and c.status = 'pending'`);
    if (facts === undefined || request.ended_at !== null) return;
    const isCovered = mayRun(facts);
    const row = { ...approval, ...(isCovered ? { approvedBy: 'policy' } : {}) };
    const outcome = {
      output: isCovered ? coveredAnswer(row.id) : waitingAnswer(row.id),
      outputs: [{ kind: 'draft', title: row.proposal.title, ref: `approval:${row.id}` }],
      taints: row.proposal.taints ?? [],
    };
    const isWaiting = request.status === 'waiting_user' && !isCovered;
    const waitingFor = [...request.waiting_for, { kind: 'approval' as const, id: row.id, text: row.proposal.title }];
    await settleCall(
      tx,
      ref,
      row.skill,
      outcome,
      [
        ...(isCovered ? [] : [requestedEvent(ref, { id: row.id, title: row.proposal.title })]),
        ...(isWaiting ? [statusEvent(request.status, waitingFor)] : []),
      ],
      isWaiting ? { waitingFor } : {},
      approvalRows(engine, ref, row),
    );
    if (request.agent_id !== ref.agent) refreshAtEnd(tx, ref);
  });
}

function waitingAnswer(approval: string): JsonValue {
  return {
    status: 'waiting_approval',
    approval,
    note: 'Nothing has been done yet: the user sees it in full and decides. You will be told the outcome. Do not repeat the call; go on with what else there is to do, or end your turn with a summary.',
  };
}

function coveredAnswer(approval: string): JsonValue {
  return {
    status: 'approved',
    approval,
    note: 'The user has approved such calls beforehand; it is being carried out and you will be told the outcome. Do not repeat the call.',
  };
}

/** Writes down that the time of these approvals is over; what they asked for does not happen. */
export async function expireOverdue(tx: Tx, ref: AgentRef): Promise<void> {
  await tx.run(sql`
    update access_requests set status = 'denied', answer = 'Nobody has decided in time.', decided_at = now() where agent_id = ${ref.agent} and status = 'asked' and id in (
      select a.payload->>'access' from approvals a where a.agent_id = ${ref.agent} and a.effect = 'access' and a.status = 'pending' and a.expires_at <= now())`);
  await tx.run(sql`
    update calls set outputs = '[]' where request_id = ${ref.request} and outputs->0->>'ref' in (
      select 'approval:' || a.id from approvals a
      where a.request_id = ${ref.request} and a.agent_id = ${ref.agent} and a.status = 'pending' and a.expires_at <= now())`);
  await tx.run(sql`
    update approvals set status = 'expired', decided_at = now(), reported_in_turn = case when effect in ('budget', 'unknown') then 0 end
    where request_id = ${ref.request} and agent_id = ${ref.agent} and status = 'pending' and expires_at <= now()`);
}

/** One approval as the API shows it. */
export interface ApprovalRow {
  id: string;
  request_id: string;
  agent_id: string;
  call_id: string | null;
  effect: ApprovalEffect;
  skill: string;
  title: string;
  payload: JsonValue;
  payload_hash: string;
  preview: Proposal['preview'] & { newRecipients: string[]; costUsd?: string };
  frozen: string | null;
  frozen_type: string | null;
  frozen_sha256: string | null;
  precondition: JsonValue | null;
  derived_from: { ref: string; trusted: boolean }[];
  about: string | null;
  replaces: string | null;
  status: ApprovalStatus;
  decided_by: string | null;
  decided_at: string | null;
  reason: string | null;
  created_at: string;
  expires_at: string;
}

export const APPROVAL_COLUMNS = sql`
  approvals.id, approvals.request_id, approvals.agent_id, approvals.call_id, approvals.effect, approvals.skill, approvals.title, approvals.payload,
  approvals.payload_hash, approvals.preview, approvals.frozen, approvals.frozen_type, approvals.frozen_sha256, approvals.precondition,
  approvals.derived_from, approvals.about, approvals.replaces, approvals.decided_by, approvals.decided_at, approvals.reason, approvals.created_at,
  approvals.expires_at, case when approvals.status = 'pending' and approvals.expires_at <= now() then 'expired' else approvals.status end as status`;
