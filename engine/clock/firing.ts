import type { Label } from '../../contracts/effect-class.js';
import type { JsonValue } from '../../contracts/space.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { OUTBOX_COLUMNS, type OutboxRow } from '../../store/outbox.js';
import { json, sql } from '../../store/sql.js';
import type { AgentProfile, Engine } from '../deps.js';
import { statusEvent } from '../events.js';

/** One time that something came due and becomes a request of its user. */
export interface Firing {
  readonly origin: 'reminder' | 'trigger';
  readonly source: string;
  /** Names this time among all of its source: the same one twice is one request. */
  readonly occurrence: string;
  readonly outcome: 'fired' | 'missed';
  /** RFC 3339. */
  readonly dueAt: string;
  readonly isLate: boolean;
  readonly conversation: string;
  /** What the conversation shows as said. */
  readonly text: string;
  readonly agent: string;
  /** What the agent may use at most; null for whatever its profile has. */
  readonly skills: readonly string[] | null;
  readonly labels: readonly Label[];
  /** 1 to 5; background work is 4. */
  readonly priority: number;
  readonly budgetUsd?: string | undefined;
  /** How many notifications, one from another, led to it. */
  readonly hop?: number | undefined;
  /** What the agent is told besides. */
  readonly facts: JsonValue;
}

/** Name of the channel that nobody has written by. */
const CLOCK_CHANNEL = 'clock';

/**
 * Makes a request of each, in one statement with everything that belongs to it; `at` (RFC 3339) is when it is. One that was
 * made before is left as it is. `heldMs` is how long they wait before they start. Returns the id of the request of each source.
 */
export async function fire(
  tx: Tx,
  engine: Engine,
  user: string,
  at: string,
  firings: readonly Firing[],
  heldMs = 0,
): Promise<ReadonlyMap<string, string>> {
  if (firings.length === 0) return new Map();
  const rows = firings.map((firing) => rowOf(engine, at, firing));
  const sent = await tx.rows<OutboxRow & { source: string; request: string }>(sql`
    with f as materialized (
      select x.*, u.time_zone from users u, jsonb_to_recordset(${json(rows)}) as x(source text, occurrence text, outcome text, due timestamptz, late boolean, origin text, conversation text,
        key text, text text, request text, agent text, message text, label text, model text, instructions text, skills text[], labels text[], priority int, hop int, settings jsonb, facts jsonb)
      where u.id = ${user}),
    r as (
      insert into requests (id, user_id, conversation_id, agent_id, idempotency_key, origin, channel, status, settings, deadline_at, event_seq)
      select request, ${user}, conversation, agent, key, origin, ${CLOCK_CHANNEL}, 'queued', settings || jsonb_build_object('timeZone', time_zone),
        now() + make_interval(secs => ${engine.limits.deadlineSeconds}), 1 from f
      on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing returning id),
    made as materialized (select f.* from f join r on r.id = f.request),
    a as (
      insert into agents (id, user_id, request_id, label, model, instructions, skills, labels, status, path, hop)
      select agent, ${user}, request, label, model, instructions, skills, labels, 'idle', array[agent], hop from made),
    e as (insert into request_events (request_id, seq, user_id, type, data) select request, 1, ${user}, 'status', ${json(statusEvent('queued', []).data)} from made),
    m as (
      insert into messages (id, user_id, conversation_id, request_id, role, text, spoken) select message, ${user}, conversation, request, 'user', text, false from made),
    c as (update conversations set updated_at = now() where id in (select conversation from made)),
    o as (
      insert into occasions (source_id, occurrence, user_id, request_id, outcome, due_at, late, facts)
      select source, occurrence, ${user}, request, outcome, due, late, facts from made
      on conflict (source_id, occurrence) do update set request_id = excluded.request_id, outcome = excluded.outcome, late = excluded.late, facts = excluded.facts),
    b as (
      insert into outbox (workflow_id, kind, target, agents, priority, reason, claimed_until)
      select 'request:' || request, 'start', jsonb_build_object('user', ${user}::text, 'request', request, 'agent', agent), array[agent], priority, origin,
        case when ${heldMs} > 0 then now() + make_interval(secs => ${heldMs / 1000}) end from made
      returning ${OUTBOX_COLUMNS})
    select b.*, made.source, made.request from b join made on b."workflowId" = 'request:' || made.request`);
  if (heldMs === 0) for (const { source: _source, request: _request, ...row } of sent) tx.dispatch(row);
  return new Map(sent.map(({ source, request }) => [source, request]));
}

function rowOf(engine: Engine, at: string, firing: Firing) {
  const { source, occurrence, outcome, origin, conversation, text, labels, priority, facts } = firing;
  const name = Object.hasOwn(engine.agents, firing.agent) ? firing.agent : 'default';
  const profile = engine.agents[name] ?? engine.agents['default'];
  if (profile === undefined) throw new Error('the installation has no agent called default');
  const settings = {
    occurredAt: at,
    priority,
    budgetUsd: firing.budgetUsd ?? engine.limits.budgetUsd,
    agent: name,
  };
  return {
    source,
    occurrence,
    outcome,
    origin,
    conversation,
    text,
    labels,
    priority,
    facts,
    settings,
    due: firing.dueAt,
    late: firing.isLate,
    hop: firing.hop ?? 0,
    key: `${origin}:${source}:${occurrence}`,
    request: newId('req'),
    agent: newId('agt'),
    message: newId('msg'),
    label: name,
    model: engine.resolveModel(profile.model ?? engine.defaultModel) ?? engine.defaultModel,
    instructions: profile.instructions,
    skills: skillsOf(profile, firing.skills),
  };
}

/** No more than the turn had that made it, and no more than its agent has today. */
function skillsOf(profile: AgentProfile, cap: readonly string[] | null): string[] | null {
  if (cap === null) return profile.skills === undefined ? null : [...profile.skills];
  const today = profile.skills;
  return cap.filter((skill) => today === undefined || today.includes(skill));
}
