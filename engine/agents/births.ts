import type { Label } from '../../contracts/effect-class.js';
import type { AgentGrant } from '../../contracts/grant.js';
import type { SpawnWish } from '../../contracts/agent-access.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { json, sql } from '../../store/sql.js';
import { appendEvents, changeRequest, type NewEvent } from '../events.js';
import type { Spawning } from '../rows.js';
import { admitAtEnd } from './admission.js';
import { spawnedEvent } from './agent-ending.js';
import { queuePosition } from './queue.js';
import type { Holder } from './rights.js';

const DM_ABOUT =
  'Between an agent and the one that spawned it: requests for access, what came of them, messages. Payload {text}; metadata kind: request, grant, denial, revocation or message.';

/** An agent that is about to be written down. */
export interface Birth {
  readonly id: string;
  readonly wish: SpawnWish;
  readonly label: string;
  readonly model: string;
  readonly instructions: string;
  readonly instructionsRef: { readonly atom: string; readonly version: number } | undefined;
  readonly grant: AgentGrant;
  readonly labels: readonly Label[];
  readonly spawning: Spawning;
  readonly isInline: boolean;
}

type Newborn = Birth & { readonly call: string; readonly dm: string };

/** Those that one transaction brings into the world, with the agent that spawns them. */
const NURSERIES = new WeakMap<Tx, { readonly holder: Holder; readonly born: Newborn[] }>();

/** The agent that has spawned others in this transaction already, with those counted; undefined where it has not. */
export function spawning(tx: Tx, agent: string): Holder | undefined {
  const known = NURSERIES.get(tx);
  if (known?.holder.id !== agent) return undefined;
  const { holder, born } = known;
  return { ...holder, children: holder.children + born.length, agents: holder.agents + born.length };
}

/** Writes the agent down at the end of the transaction, together with the others that are spawned in it. */
export function bornAtEnd(tx: Tx, holder: Holder, call: string, birth: Birth): void {
  const known = NURSERIES.get(tx) ?? { holder, born: [] };
  NURSERIES.set(tx, known);
  known.born.push({ ...birth, call, dm: newId('spc') });
  tx.atEnd('born', () => writeDown(tx, known.holder, known.born));
  admitAtEnd(tx, holder.id);
  tx.atEnd('queued', () => tellQueued(tx, known.holder, known.born));
}

/** An event for each that has to wait for a place, with its number in the queue. */
async function tellQueued(tx: Tx, holder: Holder, born: readonly Newborn[]): Promise<void> {
  const waiting = await tx.rows<{ id: string; label: string; position: number }>(sql`
    select a.id, a.label, ${queuePosition(sql`a`)} as position from agents a
    where a.id = any(${born.map(({ id }) => id)}::text[]) and a.status = 'queued' order by position`);
  const events = waiting.map(
    ({ id, label, position }): NewEvent => ({ type: 'agent.queued', agent: id, data: { agent: id, label, position } }),
  );
  await appendEvents(tx, holder.request, holder.user, events);
}

async function writeDown(tx: Tx, holder: Holder, born: readonly Newborn[]): Promise<void> {
  const by = `agent:${holder.id}`;
  await changeRequest(
    tx,
    { user: holder.user, request: holder.request },
    {},
    born.map(({ id, label }) => spawnedEvent(id, label, holder.id)),
    [agentRows(holder, born)],
  );
  const names = born.flatMap(namesOf);
  // Statements of their own, because what is given is checked against the agents that stand there by then.
  if (names.length > 0)
    await tx.run(sql`
      insert into agent_grants (agent_id, user_id, kind, name, granted_by, expires_at)
      select n.agent, ${holder.user}, n.kind, n.name, ${by}, h.expires_at from jsonb_to_recordset(${json(names)}) as n(agent text, kind text, name text)
        left join agent_grants h on h.agent_id = ${holder.id} and h.kind = n.kind and h.name = n.name`);
  const rooms = born.map(({ dm, id, label }) => ({ space: dm, agent: id, title: `DM ${label}` }));
  await tx.run(sql`select retinue_open_dms(${json(rooms)}, ${DM_ABOUT})`);
  const spaces = born.flatMap(({ id, grant }) =>
    Object.entries(grant.spaces ?? {}).map(([space, permission]) => ({ agent: id, space, permission })),
  );
  if (spaces.length > 0)
    await tx.run(sql`
      select retinue_delegate((select jsonb_agg(g.item || jsonb_build_object('expires', h.expires_at)) from jsonb_array_elements(${json(spaces)}) as g(item)
        left join space_grants h on h.space_id = g.item->>'space' and h.principal = ${by}), ${by})`);
}

function namesOf({ id, grant }: Newborn): { agent: string; kind: string; name: string }[] {
  const kinds = { skill: grant.skills, secret: grant.secrets, host: grant.hosts, model: grant.models };
  return Object.entries(kinds).flatMap(([kind, names]) => (names ?? []).map((name) => ({ agent: id, kind, name })));
}

function agentRows(holder: Holder, born: readonly Newborn[]) {
  const rows = born.map(({ id, wish, grant, ...birth }) => ({
    id,
    label: birth.label,
    model: birth.model,
    instructions: birth.instructions,
    instructions_ref: birth.instructionsRef ?? null,
    labels: birth.labels,
    task: wish.task,
    path: [...holder.path, id],
    hosted_by: birth.isInline ? holder.id : null,
    spawned_by: birth.call,
    spawning: birth.spawning,
    priority: wish.priority ?? holder.priority,
    timeout_seconds: wish.timeoutSeconds ?? null,
    budget_usd: wish.budgetUsd ?? null,
    most_depth: grant.depth,
    most_children: grant.maxChildren,
    hosts: grant.hosts,
    dm_space: birth.dm,
  }));
  return sql`
    insert into agents (id, user_id, request_id, parent_id, label, model, instructions, instructions_ref, skills, labels, status, confined, task, depth, path, hosted_by,
      spawned_by, spawning, priority, queued_at, timeout_seconds, budget_usd, most_depth, most_children, hosts, dm_space, hop)
    select b.id, ${holder.user}, ${holder.request}, ${holder.id}, b.label, b.model, b.instructions, nullif(b.instructions_ref, 'null'), '{}', b.labels, 'queued', true, b.task,
      ${holder.depth + 1}, b.path, b.hosted_by, b.spawned_by, b.spawning, b.priority, now(), b.timeout_seconds, b.budget_usd, b.most_depth, b.most_children, b.hosts, b.dm_space, ${holder.hop}
    from jsonb_to_recordset(${json(rows)}) as b(id text, label text, model text, instructions text, instructions_ref jsonb, labels text[], task text, path text[], hosted_by text,
      spawned_by text, spawning jsonb, priority int, timeout_seconds int, budget_usd numeric, most_depth int, most_children int, hosts text[], dm_space text)`;
}
