import type { Approval, ApprovalStatus, Effect } from '../contracts/approval.js';
import type { Page } from '../contracts/space.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { sql } from '../store/sql.js';
import { APPROVAL_COLUMNS, type ApprovalRow } from './approvals.js';
import { noApproval } from './decisions.js';
import type { Engine } from './deps.js';
import { IS_SPOKEN } from './holds.js';

export interface ApprovalFilter {
  readonly status?: ApprovalStatus | undefined;
  readonly request?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface ShownRow extends ApprovalRow {
  contradictions: string[];
}

const MOST_CONTRADICTIONS = 20;
const CONTRADICTIONS = sql`case when approvals.status <> 'pending' or approvals.effect <> 'outward' then '{}' else array(
  select distinct h.text from holds h left join atoms a on a.id = h.task_id
  where h.request_id = approvals.request_id and h.released_at is null and coalesce(a.metadata->>'status', 'held') = 'held' and not ${IS_SPOKEN}
  order by 1 limit ${sql.lit(MOST_CONTRADICTIONS)}) end as contradictions`;

/** The user's approvals, newest first. */
export async function listApprovals(engine: Engine, user: string, filter: ApprovalFilter): Promise<Page<Approval>> {
  const after = readCursor(filter.cursor);
  const conditions = [
    sql`approvals.user_id = ${user}`,
    ...(filter.status === undefined ? [] : [ofStatus(filter.status)]),
    ...(filter.request === undefined ? [] : [sql`approvals.request_id = ${filter.request}`]),
    ...(after === undefined
      ? []
      : [sql`(approvals.created_at, approvals.id) < (${after.at}::timestamptz, ${after.id})`]),
  ];
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<ShownRow>(sql`
      select ${APPROVAL_COLUMNS}, ${CONTRADICTIONS} from approvals where ${sql.join(conditions, sql` and `)}
      order by approvals.created_at desc, approvals.id desc limit ${filter.limit + 1}`),
  );
  return pageCursor(rows, filter.limit, (row) => ({ at: row.created_at, id: row.id }), presentApproval);
}

/** What nobody has decided in time counts as expired, whether or not that was written down. */
function ofStatus(status: ApprovalStatus) {
  switch (status) {
    case 'pending':
      return sql`approvals.status = 'pending' and approvals.expires_at > now()`;
    case 'expired':
      return sql`(approvals.status = 'expired' or (approvals.status = 'pending' and approvals.expires_at <= now()))`;
    default:
      return sql`approvals.status = ${status}`;
  }
}

/** `not-found` when there is none or it is somebody else's. */
export async function viewApproval(engine: Engine, user: string, id: string): Promise<Approval> {
  const [approval] = await viewApprovals(engine, user, [id]);
  if (approval === undefined) throw noApproval(id);
  return approval;
}

/** The named ones that are the user's, in the given order. */
export async function viewApprovals(engine: Engine, user: string, ids: readonly string[]): Promise<Approval[]> {
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<ShownRow>(sql`
      select ${APPROVAL_COLUMNS}, ${CONTRADICTIONS} from approvals where approvals.id = any(${[...ids]}::text[]) and approvals.user_id = ${user}
      order by array_position(${[...ids]}::text[], approvals.id)`),
  );
  return rows.map(presentApproval);
}

function presentApproval(row: ShownRow): Approval {
  return {
    id: row.id,
    request: row.request_id,
    agent: row.agent_id,
    skill: row.skill,
    effect: row.effect,
    title: row.title,
    payload: row.payload,
    payloadHash: row.payload_hash,
    preview: presentPreview(row.preview, row.contradictions),
    derivedFrom: row.derived_from,
    status: row.status,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    ...(row.frozen === null
      ? {}
      : { rendered: { mediaType: row.frozen_type ?? '', sha256: row.frozen_sha256 ?? '', text: row.frozen } }),
    ...(row.about === null ? {} : { about: row.about }),
    ...(row.replaces === null ? {} : { replaces: row.replaces }),
  };
}

/** What a person should know before reading stands above the text. */
function presentPreview(preview: ApprovalRow['preview'], contradictions: readonly string[]): Approval['preview'] {
  const { newRecipients } = preview;
  const above = [
    ...contradictions.map((text) => `Contradicts an earlier agreement, not settled yet: ${text}`),
    ...(newRecipients.length === 0 ? [] : [`First time that anything goes to: ${newRecipients.join(', ')}`]),
  ];
  return {
    ...preview,
    recipients: [...preview.recipients],
    text: above.length === 0 ? preview.text : `${above.join('\n')}\n\n${preview.text}`,
    ...(contradictions.length === 0 ? {} : { contradictions: [...contradictions] }),
  };
}

interface EffectRow {
  key: string;
  request_id: string;
  skill: string;
  payload_hash: string;
  status: Effect['status'];
  provider_id: string | null;
  attempts: number;
  error: string | null;
  created_at: string;
  done_at: string | null;
}

const MOST_EFFECTS = 1_000;

/** The ledger of one request, in the order of the approvals. */
export async function listEffects(engine: Engine, user: string, request: string): Promise<Effect[]> {
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<EffectRow>(sql`
      select key, request_id, skill, payload_hash, status, provider_id, attempts, error, created_at, done_at from effects
      where request_id = ${request} and user_id = ${user} order by created_at, key limit ${MOST_EFFECTS}`),
  );
  return rows.map((row) => ({
    key: row.key,
    request: row.request_id,
    skill: row.skill,
    approval: row.key,
    payloadHash: row.payload_hash,
    status: row.status,
    ...(row.provider_id === null ? {} : { providerId: row.provider_id }),
    attempts: row.attempts,
    ...(row.error === null ? {} : { error: row.error }),
    createdAt: row.created_at,
    ...(row.done_at === null ? {} : { doneAt: row.done_at }),
  }));
}
