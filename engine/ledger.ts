import type { ApprovalEffect } from '../contracts/approval.js';
import type { Label } from '../contracts/effect-class.js';
import type { Proposal, SkillCaller } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef, EffectInput } from '../contracts/step.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { payloadHash, sha256 } from './payload-hash.js';
import type { RequestRow } from './rows.js';

/** An approved action as the ledger holds it. */
export interface LedgerEntry {
  readonly key: string;
  readonly fence: number;
  readonly status: 'ready' | 'started' | 'done' | 'failed' | 'unknown';
  readonly skill: string;
  readonly effect: ApprovalEffect;
  readonly decidedBy: string | null;
  /** The call that proposed it. */
  readonly call: string | null;
  readonly title: string;
  readonly payload: JsonValue;
  readonly preview: Proposal['preview'] & { readonly costUsd?: string };
  readonly frozen: string | null;
  readonly precondition: JsonValue | null;
  /** False when payload or bytes are not the ones that were approved. */
  readonly intact: boolean;
  readonly attempts: number;
  readonly probes: number;
  readonly caller: SkillCaller;
  readonly labels: readonly Label[];
  /** The agent may use no more than its own grants on spaces. */
  readonly confined: boolean;
  /** How many notifications, one from another, led to what the agent does. */
  readonly hop: number;
}

export interface EntryRow extends Omit<LedgerEntry, 'caller' | 'intact'> {
  payload_hash: string;
  approved_hash: string;
  frozen_sha256: string | null;
  conversation_id: string;
  settings: RequestRow['settings'];
  user_name: string;
}

export const ENTRY = sql`
  e.key, e.fence, e.status, e.skill, e.attempts, e.probes, e.payload_hash, a.payload_hash as approved_hash, a.effect, a.decided_by as "decidedBy", a.call_id as call, a.title, a.payload,
  a.preview, a.frozen, a.frozen_sha256, a.precondition, r.conversation_id, r.settings, u.name as user_name, g.labels, g.confined, g.hop`;

export const ENTRY_TABLES = sql`
  approvals a join requests r on r.id = a.request_id join users u on u.id = a.user_id join agents g on g.id = a.agent_id`;

/** The entry for this attempt, if it is still to be made. */
export async function readReady(engine: Engine, input: EffectInput): Promise<LedgerEntry | undefined> {
  return engine.db.as(input.user, async (tx) =>
    toEntry(
      input,
      await tx.maybe<EntryRow>(sql`
        select ${ENTRY} from effects e join ${ENTRY_TABLES} on a.id = e.key
        where e.key = ${input.key} and e.user_id = ${input.user} and e.fence = ${input.fence} and e.status = 'ready'`),
    ),
  );
}

export function toEntry(ref: AgentRef, row: EntryRow | undefined): LedgerEntry | undefined {
  if (row === undefined) return undefined;
  const { payload_hash, approved_hash, frozen_sha256, conversation_id, settings, user_name, ...entry } = row;
  return {
    ...entry,
    intact:
      payload_hash === approved_hash &&
      payloadHash(row.payload) === approved_hash &&
      (row.frozen === null ? frozen_sha256 === null : sha256(row.frozen) === frozen_sha256),
    caller: callerOf(ref, row.call ?? row.key, { conversation_id, settings, user_name }),
  };
}

/** What a person has let happen: the agent's wish and what became of it. */
export interface Lesson {
  readonly skill: string;
  /** The approval's id. */
  readonly key: string;
  readonly input: JsonValue;
  /** The input of the agent's call. */
  readonly proposed: JsonValue;
  /** The agent has read strangers' words. */
  readonly isUntrusted: boolean;
  /** When the person decided, RFC 3339. */
  readonly at: string;
  readonly caller: SkillCaller;
}

interface LessonRow extends Omit<Lesson, 'key' | 'caller'> {
  call: string;
  conversation_id: string;
  settings: RequestRow['settings'];
  user_name: string;
}

/** Undefined unless it has happened, for a call, and the user themselves have decided so; a policy teaches nothing. */
export async function readLesson(tx: Tx, ref: EffectInput): Promise<Lesson | undefined> {
  const row = await tx.maybe<LessonRow>(sql`
    select e.skill, a.payload as input, c.id as call, c.input as proposed, 'untrusted' = any(g.labels) as "isUntrusted", a.decided_at as at,
      r.conversation_id, r.settings, u.name as user_name
    from effects e join ${ENTRY_TABLES} on a.id = e.key join calls c on c.id = a.call_id
    where e.key = ${ref.key} and e.user_id = ${ref.user} and e.status = 'done' and a.status in ('approved', 'edited')
      and a.decided_by = ${`user:${ref.user}`}`);
  if (row === undefined) return undefined;
  const { call, conversation_id, settings, user_name, ...lesson } = row;
  return { ...lesson, key: ref.key, caller: callerOf(ref, call, { conversation_id, settings, user_name }) };
}

function callerOf(
  ref: AgentRef,
  callId: string,
  row: Pick<EntryRow, 'conversation_id' | 'settings' | 'user_name'>,
): SkillCaller {
  return {
    callId,
    requestId: ref.request,
    conversationId: row.conversation_id,
    agentId: ref.agent,
    user: { id: ref.user, name: row.user_name },
    timeZone: row.settings.timeZone,
    now: row.settings.occurredAt,
  };
}
