import { createHash } from 'node:crypto';
import { ProblemError } from '../contracts/problem.js';
import type { NewRequest, Request } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { isUniqueViolation } from '../store/errors.js';
import { newId } from '../store/new-id.js';
import { enqueue } from '../store/outbox.js';
import { json, sql } from '../store/sql.js';
import type { AgentProfile, Engine } from './deps.js';
import { statusEvent } from './events.js';
import { type IncomingFile, insertFiles, type PreparedFiles, prepareFiles, requireFiles } from './files.js';
import type { RequestSettings } from './rows.js';

export interface Inbound {
  readonly body: NewRequest;
  /** Files that came beside the body (multipart). */
  readonly files?: readonly IncomingFile[];
  readonly idempotencyKey?: string | undefined;
  readonly origin?: Request['origin'];
  /** The channel it came by; none for what no person sent. */
  readonly channel?: string;
}

export interface Accepted {
  readonly id: string;
  /** False when the same message was accepted before. */
  readonly fresh: boolean;
}

/**
 * Takes a message in: one transaction writes the request, its first message, its agent and the command to start the
 * workflow. The same idempotency key gives the same request, with another body `reused-key`.
 */
export async function acceptRequest(engine: Engine, user: string, inbound: Inbound): Promise<Accepted> {
  const bodyHash = hashOf(inbound);
  const known = await findAccepted(engine, user, inbound.idempotencyKey, bodyHash);
  if (known !== undefined) return known;
  const profile = checkBody(engine, inbound);
  const { conversation, attachments, forwarded } = inbound.body;
  const files = await prepareFiles(engine, { attachments, files: inbound.files, forwarded }, async (named) => {
    if (conversation !== undefined || named.length > 0)
      await engine.db.as(user, (tx) => requireNamed(tx, user, conversation, named));
  });
  try {
    return await engine.db.as(user, (tx) => insertRequest(tx, engine, { user, inbound, bodyHash, files, ...profile }));
  } catch (error) {
    if (!isUniqueViolation(error, 'requests_idempotency')) throw error;
    const winner = await findAccepted(engine, user, inbound.idempotencyKey, bodyHash);
    if (winner === undefined) throw error;
    return winner;
  }
}

function hashOf(inbound: Inbound): string {
  const hash = createHash('sha256').update(JSON.stringify(inbound.body));
  for (const file of inbound.files ?? []) hash.update(`\n${file.name ?? ''}\n${file.mediaType}\n`).update(file.bytes);
  return hash.digest('hex');
}

async function findAccepted(
  engine: Engine,
  user: string,
  key: string | undefined,
  bodyHash: string,
): Promise<Accepted | undefined> {
  if (key === undefined) return undefined;
  const row = await engine.db.as(user, (tx) =>
    tx.maybe<{ id: string; body_hash: string }>(
      sql`select id, body_hash from requests where user_id = ${user} and idempotency_key = ${key}`,
    ),
  );
  if (row === undefined) return undefined;
  if (row.body_hash !== bodyHash) {
    throw new ProblemError(
      'reused-key',
      'This Idempotency-Key was used with another body. Use a new key for a new message.',
      {
        errors: [{ path: 'Idempotency-Key', message: 'was used with another body' }],
      },
    );
  }
  return { id: row.id, fresh: false };
}

function checkBody(engine: Engine, inbound: Inbound): { profile: AgentProfile; model: string } {
  const { body } = inbound;
  if (body.text === undefined && (body.attachments ?? []).length === 0 && (inbound.files ?? []).length === 0) {
    throw new ProblemError('invalid-body', 'A request needs text or an attachment.', {
      errors: [{ path: 'text', message: 'text or attachments is required' }],
    });
  }
  const name = body.agent ?? 'default';
  const profile = Object.hasOwn(engine.agents, name) ? engine.agents[name] : undefined;
  if (profile === undefined) throw unknownName('agent', name, Object.keys(engine.agents));
  const wanted = body.model ?? profile.model ?? engine.defaultModel;
  const model = engine.resolveModel(wanted);
  if (model === undefined) throw unknownName('model', wanted, ['fast', 'smart']);
  return { profile, model };
}

function unknownName(path: string, name: string, known: readonly string[]): ProblemError {
  return new ProblemError('invalid-body', `There is no ${path} called ${name}.`, {
    status: 422,
    errors: [{ path, message: `must be one of ${known.join(', ')}` }],
  });
}

interface NewRows {
  readonly user: string;
  readonly inbound: Inbound;
  readonly bodyHash: string;
  readonly files: PreparedFiles;
  readonly profile: AgentProfile;
  readonly model: string;
}

async function insertRequest(tx: Tx, engine: Engine, rows: NewRows): Promise<Accepted> {
  const { user, inbound, profile } = rows;
  const id = newId('req');
  const agent = newId('agt');
  await requireNamed(tx, user, inbound.body.conversation, rows.files.known);
  const settings = settingsOf(engine, inbound.body);
  const text = inbound.body.text ?? '';
  const conversation = inbound.body.conversation ?? newId('cnv');
  const command = {
    kind: 'start',
    target: { user, request: id, agent },
    reason: 'new request',
    priority: settings.priority,
  } as const;
  await enqueue(tx, command, [
    sql`insert into conversations (id, user_id, title) values (${conversation}, ${user}, ${titleOf(text)})
      on conflict (id) do update set updated_at = now()`,
    sql`insert into requests (id, user_id, conversation_id, agent_id, idempotency_key, body_hash, origin, channel, status, settings, deadline_at, event_seq)
      select ${id}, ${user}, ${conversation}, ${agent}, ${inbound.idempotencyKey ?? null}, ${rows.bodyHash}, ${inbound.origin ?? 'user'}, ${inbound.channel ?? null}, 'queued',
        ${json(settings)} || jsonb_build_object('timeZone', coalesce(${inbound.body.timeZone ?? null}::text, u.time_zone)),
        now() + make_interval(secs => ${engine.limits.deadlineSeconds}), 1 from users u where u.id = ${user}`,
    sql`insert into agents (id, user_id, request_id, label, model, instructions, skills, status, path)
      values (${agent}, ${user}, ${id}, ${settings.agent}, ${rows.model}, ${profile.instructions}, ${profile.skills ?? null}, 'idle', ${[agent]})`,
    sql`insert into request_events (request_id, seq, user_id, type, data) values (${id}, 1, ${user}, 'status', ${json(statusEvent('queued', []).data)})`,
    sql`insert into messages (id, user_id, conversation_id, request_id, role, text, files, forwarded)
      values (${newId('msg')}, ${user}, ${conversation}, ${id}, 'user', ${text}, ${rows.files.ids}, ${rows.files.forwarded})`,
    ...(rows.files.rows.length === 0 ? [] : [insertFiles(user, rows.files.rows)]),
  ]);
  return { id, fresh: true };
}

/** What a body names must be the user's own. */
async function requireNamed(
  tx: Tx,
  user: string,
  conversation: string | undefined,
  files: PreparedFiles['known'],
): Promise<void> {
  if (conversation !== undefined) await requireConversation(tx, user, conversation);
  await requireFiles(tx, user, files);
}

async function requireConversation(tx: Tx, user: string, conversation: string): Promise<void> {
  const known = await tx.maybe(sql`select 1 from conversations where id = ${conversation} and user_id = ${user}`);
  if (known !== undefined) return;
  throw new ProblemError('not-found', `There is no conversation ${conversation}.`, {
    status: 422,
    errors: [{ path: 'conversation', message: 'there is no conversation with this id' }],
  });
}

/** Everything but the time zone, which is the user's own unless the message names one. */
function settingsOf(engine: Engine, body: NewRequest): Omit<RequestSettings, 'timeZone'> {
  return {
    occurredAt: body.occurredAt ?? new Date().toISOString(),
    priority: body.priority ?? 3,
    budgetUsd: body.budgetUsd ?? engine.limits.budgetUsd,
    agent: body.agent ?? 'default',
    ...(body.deliverTo === undefined ? {} : { deliverTo: body.deliverTo }),
  };
}

function titleOf(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length > 80 ? `${line.slice(0, 79).toWellFormed()}…` : line || 'Attachment';
}
