import type { Label } from '../contracts/effect-class.js';
import { type BatchDecision, type Decision, UNKNOWN_ANSWERS, type UnknownAnswer } from '../contracts/approval.js';
import { ProblemError } from '../contracts/problem.js';
import type { Proposal } from '../contracts/skill.js';
import type { AgentRef } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import {
  APPROVAL_COLUMNS,
  type ApprovalRow,
  approvalRows,
  effectRow,
  type NewApproval,
  newApprovalId,
  requestedEvent,
  withNewRecipients,
} from './approvals.js';
import { decideAccess } from './agents/access-decision.js';
import { type DecidedRow, type Deciding, missing, type Remade, settle, wrong } from './decision-settling.js';
import { recordArrived, recordLeft } from './effect-outcomes.js';
import type { Engine } from './deps.js';
import { endRequest } from './ending.js';
import { changeRequest } from './events.js';
import { payloadHash, sha256 } from './payload-hash.js';
import { askMeanwhile } from './parking.js';
import { approveBudget, BUDGET_REFUSED } from './reservations.js';
import { type HeldRequest, holdRequest } from './rows.js';

/**
 * A person's decision. The first one counts: `decided` when there was one already, `expired` after its time, `stale` when
 * the hash names another payload, `not-found` when it is not this user's. What is approved runs afterwards, once.
 */
export async function decide(engine: Engine, user: string, id: string, decision: Decision): Promise<void> {
  const remade = await remake(engine, user, id, decision);
  await engine.db.as(user, (tx) => decideIn(tx, engine, user, { id, decision, remade, path: '' }));
}

/** Several decisions, all or none of them. */
export async function decideBatch(engine: Engine, user: string, batch: BatchDecision): Promise<void> {
  const ids = batch.items.map((item) => item.id);
  const repeated = ids.findIndex((id, index) => ids.indexOf(id) !== index);
  if (repeated >= 0) throw wrong(`items.${repeated}.id`, 'is named twice');
  await engine.db.as(user, async (tx) => {
    // Requests are locked in one order, so that two batches cannot wait for each other.
    await tx.rows(sql`
      select r.id from requests r where r.id in (select request_id from approvals where id = any(${ids}::text[]) and user_id = ${user})
      order by r.id for update`);
    for (const [index, item] of batch.items.entries()) {
      const path = `items.${index}.`;
      if (item.decision === 'respond' && item.reason === 'send_again')
        throw wrong(`${path}reason`, 'send_again is decided one by one');
      await decideIn(tx, engine, user, { id: item.id, decision: item, remade: undefined, path });
    }
  });
}

async function readDecidable(tx: Tx, user: string, id: string, decision: Decision, path: string): Promise<DecidedRow> {
  const row = await tx.maybe<
    ApprovalRow & {
      labels: Label[];
      conversation_id: string;
      settings: { timeZone: string; occurredAt: string };
      name: string;
    }
  >(sql`
    select ${APPROVAL_COLUMNS}, a.labels, r.conversation_id, r.settings, u.name
    from approvals join agents a on a.id = approvals.agent_id join requests r on r.id = approvals.request_id join users u on u.id = approvals.user_id
    where approvals.id = ${id} and approvals.user_id = ${user}`);
  if (row === undefined) throw noApproval(id, path);
  refuseDecided(row, row.name, path);
  if (row.payload_hash !== decision.payloadHash)
    throw new ProblemError(
      'stale',
      'This payloadHash is not that of the approval as it is now. Read it again, then decide.',
      {
        errors: [{ path: `${path}payloadHash`, message: 'is not the hash of what waits for approval' }],
      },
    );
  const { conversation_id, settings, name, ...rest } = row;
  return {
    ...rest,
    caller: {
      callId: row.call_id ?? row.id,
      requestId: row.request_id,
      conversationId: conversation_id,
      agentId: row.agent_id,
      user: { id: user, name },
      timeZone: settings.timeZone,
      now: settings.occurredAt,
    },
  };
}

export function noApproval(id: string, path = ''): ProblemError {
  const detail = `There is no approval ${id.slice(0, 80)}.`;
  return new ProblemError('not-found', detail, path === '' ? {} : { errors: [{ path: `${path}id`, message: detail }] });
}

function refuseDecided(row: ApprovalRow, name: string, path: string): void {
  if (row.status === 'pending') return;
  const errors = [{ path: `${path}id`, message: `is ${row.status}` }];
  if (row.status === 'expired')
    throw new ProblemError(
      'expired',
      `This approval expired at ${row.expires_at}. Nothing was done; ask for it again.`,
      {
        errors,
      },
    );
  const who = row.decided_by?.startsWith('user:') === true ? name : (row.decided_by ?? 'the end of its request');
  throw new ProblemError('decided', `This was decided already: ${row.status} by ${who} at ${row.decided_at ?? '?'}.`, {
    errors,
  });
}

/** Everything that takes looks outside happens here, before the transaction. */
async function remake(engine: Engine, user: string, id: string, decision: Decision): Promise<Remade | undefined> {
  if (decision.decision !== 'edit' && decision.reason !== 'send_again') return undefined;
  const row = await engine.db.as(user, (tx) => readDecidable(tx, user, id, decision, ''));
  if (decision.decision === 'edit' && row.effect !== 'budget' && row.effect !== 'unknown' && row.effect !== 'access') {
    if (decision.payload === undefined) throw missing('payload', 'is required with edit');
    return { key: row.id, ...(await engine.proposer.propose(row.caller, row.skill, row.id, decision.payload)) };
  }
  if (row.effect === 'unknown' && decision.reason === 'send_again') {
    const key = newApprovalId();
    return { key, ...(await engine.proposer.propose(row.caller, row.skill, key, row.payload)) };
  }
  return undefined;
}

async function decideIn(tx: Tx, engine: Engine, user: string, deciding: Deciding): Promise<void> {
  const place = await tx.maybe<{ request_id: string; agent_id: string }>(
    sql`select request_id, agent_id from approvals where id = ${deciding.id} and user_id = ${user}`,
  );
  if (place === undefined) throw noApproval(deciding.id, deciding.path);
  const ref: AgentRef = { user, request: place.request_id, agent: place.agent_id };
  const request = await holdRequest(tx, ref);
  const row = await readDecidable(tx, user, deciding.id, deciding.decision, deciding.path);
  switch (row.effect) {
    case 'outward':
    case 'destructive':
    case 'egress':
      return decideAction(tx, engine, ref, request, row, deciding);
    case 'budget':
      return decideBudget(tx, ref, request, row, deciding);
    case 'unknown':
      return decideUnknown(tx, engine, ref, request, row, deciding);
    case 'access':
      return decideAccess(tx, engine, ref, request, row, deciding);
  }
}

async function decideAction(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  request: HeldRequest,
  row: DecidedRow,
  { decision, remade, path }: Deciding,
): Promise<void> {
  const { decision: kind, reason } = decision;
  if (kind !== 'edit' && decision.payload !== undefined) throw wrong(`${path}payload`, 'goes with edit only');
  if (kind === 'respond' && (reason ?? '').trim() === '') throw missing(`${path}reason`, 'is required with respond');
  const isGiven = kind === 'approve' || kind === 'edit';
  if (request.ended_at !== null) throw new ProblemError('conflict', `The request has ended (${request.status}).`);
  if (decision.remember !== undefined) refuseToRemember(engine, row, isGiven, path);
  const hash = remade === undefined ? row.payload_hash : payloadHash(remade.payload);
  const recipients = remade?.proposal.preview.recipients ?? row.preview.recipients;
  const status = kind === 'approve' ? 'approved' : kind === 'edit' ? 'edited' : 'rejected';
  await settle(tx, ref, request, row, { status, reason }, [
    ...(remade === undefined ? [] : [editedRow(ref.user, row.id, remade)]),
    ...(isGiven
      ? [effectRow(ref, row.id, row.skill, hash)]
      : [sql`update calls set outputs = '[]' where id = ${row.call_id}`]),
    ...(decision.remember === undefined ? [] : [policyRows(ref.user, row.skill, recipients)]),
  ]);
}

/** A standing rule made from what a stranger's words have led to would be the stranger's rule. */
function refuseToRemember(engine: Engine, row: DecidedRow, isGiven: boolean, path: string): void {
  if (!isGiven) throw wrong(`${path}remember`, 'goes with approve or edit only');
  if (row.effect !== 'outward' || !engine.proposer.isRelaxable(row.skill))
    throw wrong(`${path}remember`, 'this skill has no recipients that can be allowed beforehand');
  if (row.labels.includes('untrusted'))
    throw wrong(
      `${path}remember`,
      "the agent has read other people's words, so this cannot become a rule; decide without remember",
    );
}

function editedRow(user: string, id: string, { payload, proposal }: Remade): RawBuilder<unknown> {
  const { frozen } = proposal;
  return sql`
    update approvals set payload = ${json(payload)}, payload_hash = ${payloadHash(payload)}, title = ${proposal.title},
      preview = jsonb_strip_nulls(jsonb_build_object('costUsd', preview->'costUsd')) || ${withNewRecipients(user, proposal.preview)}, frozen = ${frozen?.text ?? null}, frozen_type = ${frozen?.mediaType ?? null},
      frozen_sha256 = ${frozen === undefined ? null : sha256(frozen.text)},
      precondition = ${proposal.precondition === undefined ? null : json(proposal.precondition)}
    where id = ${id}`;
}

function policyRows(user: string, skill: string, recipients: readonly string[]): RawBuilder<unknown> {
  const rows = recipients.map((recipient) => ({ id: newId('pol'), recipient }));
  return sql`
    insert into policies (id, user_id, skill, recipient)
    select p.id, ${user}, ${skill}, p.recipient from jsonb_to_recordset(${json(rows)}) as p(id text, recipient text)
    on conflict on constraint policies_once do nothing`;
}

async function decideBudget(
  tx: Tx,
  ref: AgentRef,
  request: HeldRequest,
  row: DecidedRow,
  { decision, path }: Deciding,
): Promise<void> {
  const { decision: kind, reason } = decision;
  if (kind === 'respond') throw wrong(`${path}decision`, 'answer with approve, edit or reject');
  if (decision.remember !== undefined) throw wrong(`${path}remember`, 'there is no recipient to remember');
  if (kind === 'edit' && decision.payload === undefined) throw missing(`${path}payload`, 'is required with edit');
  if (kind !== 'edit' && decision.payload !== undefined) throw wrong(`${path}payload`, 'goes with edit only');
  if (kind === 'reject') {
    await settle(tx, ref, request, row, { status: 'rejected', reason }, []);
    await endRequest(tx, ref, { status: 'failed', error: BUDGET_REFUSED, usd: request.usd });
    return;
  }
  const payload = decision.payload ?? row.payload;
  await approveBudget(tx, row, payload);
  const edited =
    kind === 'edit'
      ? [
          sql`update approvals set payload = ${json(payload)}, payload_hash = ${payloadHash(payload)} where id = ${row.id}`,
        ]
      : [];
  await settle(tx, ref, request, row, { status: kind === 'edit' ? 'edited' : 'approved', reason }, edited);
}

async function decideUnknown(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  request: HeldRequest,
  row: DecidedRow,
  { decision, remade, path }: Deciding,
): Promise<void> {
  const answer = decision.reason;
  if (decision.decision !== 'respond') throw wrong(`${path}decision`, 'answer this with respond');
  if (!isAnswer(answer)) throw wrong(`${path}reason`, `must be one of ${UNKNOWN_ANSWERS.join(', ')}`);
  if (decision.remember !== undefined || decision.payload !== undefined)
    throw wrong(`${path}decision`, 'respond takes a reason only');
  if (answer === 'send_again' && request.ended_at !== null)
    throw new ProblemError(
      'conflict',
      'The request has ended, so nothing can be sent for it. Answer arrived or leave.',
    );
  const about = row.about ?? row.id;
  await settle(tx, ref, request, row, { status: answer === 'leave' ? 'rejected' : 'approved', reason: answer }, []);
  if (answer === 'arrived') await recordArrived(tx, ref, about);
  else await recordLeft(tx, ref, about);
  if (remade !== undefined) await storeAgain(tx, engine, ref, row, remade);
}

/** Sending again is a new approval: given already where it is what the user has just seen, asked for where it is not. */
async function storeAgain(tx: Tx, engine: Engine, ref: AgentRef, row: DecidedRow, remade: Remade): Promise<void> {
  const shown = await tx.one<ApprovalRow>(
    sql`select ${APPROVAL_COLUMNS} from approvals where approvals.id = ${row.about}`,
  );
  const { proposal } = remade;
  const again: NewApproval = {
    id: remade.key,
    effect: shown.effect,
    skill: row.skill,
    payload: remade.payload,
    proposal,
    costUsd: shown.preview.costUsd,
    call: row.call_id ?? undefined,
    replaces: shown.id,
  };
  if (isSame(shown, proposal)) {
    const rows = approvalRows(engine, ref, { ...again, approvedBy: `user:${ref.user}` });
    await changeRequest(tx, ref, {}, [], rows);
    return;
  }
  const asked = { id: again.id, title: proposal.title };
  await askMeanwhile(tx, ref, asked, [requestedEvent(ref, asked)], approvalRows(engine, ref, again));
}

/** Whether a proposal says and relies on the same as one that was shown; ids and times of the making do not count. */
function isSame(shown: ApprovalRow, proposal: Proposal): boolean {
  const { text, recipients, when = null } = proposal.preview;
  const now = { title: proposal.title, text, recipients: [...recipients], when, on: proposal.precondition ?? null };
  const { preview, title, precondition } = shown;
  const then = {
    title,
    text: preview.text,
    recipients: [...preview.recipients],
    when: preview.when ?? null,
    on: precondition,
  };
  return payloadHash(now) === payloadHash(then);
}

function isAnswer(text: string | undefined): text is UnknownAnswer {
  return UNKNOWN_ANSWERS.some((answer) => answer === text);
}
