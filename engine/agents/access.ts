import type { Label } from '../../contracts/effect-class.js';
import { tooWide } from '../../contracts/grant.js';
import { ProblemError } from '../../contracts/problem.js';
import type { AccessWish } from '../../contracts/agent-access.js';
import type { Permission } from '../../contracts/space.js';
import type { Actor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { json, sql } from '../../store/sql.js';
import { approvalRows, newApprovalId, requestedEvent } from '../approvals.js';
import type { Engine } from '../deps.js';
import { changeRequest } from '../events.js';
import { leaveNote, noAgent, writeToDm } from './notes.js';
import { type Holder, readHolder } from './rights.js';
import { bareSecret } from './spawn.js';
import { refreshAtEnd } from './team-status.js';

/** How long an access that was asked for lasts, where nobody says. */
const USUAL_MINUTES = 60;

/** One request for access, as its row has it. */
export interface AccessRequest {
  id: string;
  user_id: string;
  request_id: string;
  agent_id: string;
  coordinator_id: string;
  wants: Wants;
  reason: string;
  status: 'pending' | 'asked' | 'granted' | 'denied' | 'cancelled';
  minutes: number | null;
}

interface Wants {
  readonly spaces: Record<string, Permission>;
  readonly skills: string[];
  readonly secrets: string[];
  readonly hosts: string[];
}

function wantsOf(wish: AccessWish): Wants {
  return {
    spaces: { ...wish.spaces },
    skills: [...new Set(wish.skills ?? [])],
    secrets: [...new Set(wish.secrets ?? [])].map(bareSecret),
    hosts: [...new Set(wish.hosts ?? [])],
  };
}

function textOf({ spaces, skills, secrets, hosts }: Wants): string {
  const parts = [
    ...Object.entries(spaces).map(([space, permission]) => `${permission} on the space ${space}`),
    ...skills.map((skill) => `the skill ${skill}`),
    ...secrets.map((secret) => `the use of secret://${secret}`),
    ...hosts.map((host) => `the host ${host}`),
  ];
  return parts.join(', ');
}

/** Puts the request into the space that the agent shares with its coordinator, and tells the coordinator. */
export async function requestAccess(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  holder: Holder,
  wish: AccessWish,
  reason: string,
): Promise<{ id: string }> {
  if (holder.parent === null)
    throw new ProblemError(
      'conflict',
      'You have everything your user has. What that lacks, only the user can give: ask_user.',
    );
  const wants = wantsOf(wish);
  if (textOf(wants) === '')
    throw new ProblemError('invalid-body', 'Name what you need: spaces, skills, secrets or hosts.', {
      errors: [{ path: 'skills', message: 'spaces, skills, secrets or hosts is required' }],
    });
  const unknown = wants.skills.filter((name) => engine.skillFacts(name)?.facesUser !== false);
  if (unknown.length > 0)
    throw new ProblemError('invalid-body', `No subagent can have ${unknown.join(', ')}.`, {
      errors: [{ path: 'skills', message: `cannot be given: ${unknown.join(', ')}` }],
    });
  await refuseSpacesNobodyHas(tx, wants);
  const id = newId('acc');
  const text = `Access ${id} is asked for: ${textOf(wants)}. Reason: ${reason}`;
  const atom = await writeToDm(tx, actor, holder.dmSpace, { kind: 'request', text, about: { access: id } });
  await tx.run(sql`
    insert into access_requests (id, user_id, request_id, agent_id, coordinator_id, wants, reason, status, atom_id)
    values (${id}, ${holder.user}, ${holder.request}, ${holder.id}, ${holder.parent}, ${json(wants)}, ${reason}, 'pending', ${atom ?? null})`);
  const note = `The agent “${holder.label}” (${holder.id}) asks for access ${id}: ${textOf(wants)}. Reason: ${reason} Answer with answer_access.`;
  await leaveNote(
    tx,
    { user: holder.user, request: holder.request },
    { to: holder.parent, from: holder.id, kind: 'access', text: note, atom, labels: holder.labels },
  );
  return { id };
}

/** What the user does not have, nobody can give. */
async function refuseSpacesNobodyHas(tx: Tx, { spaces }: Wants): Promise<void> {
  if (Object.keys(spaces).length === 0) return;
  const lacking = await tx.rows<{ space: string }>(sql`select retinue_user_lacks(${json(spaces)}) as space`);
  if (lacking.length === 0) return;
  throw new ProblemError('invalid-body', 'Your user does not have that right either. Go on without it, and say so.', {
    errors: lacking.map(({ space }) => ({
      path: `spaces.${space.slice(0, 80)}`,
      message: 'is not there for your user, or with less permission',
    })),
  });
}

export interface AccessAnswer {
  readonly grant: boolean;
  readonly reason: string;
  readonly minutes?: number | undefined;
}

/**
 * The coordinator's answer. It gives no more than it has; what it lacks, and what would let an agent that has read
 * strangers' words reach both private content and the outside, a person decides. Throws `ProblemError`.
 */
export async function answerAccess(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  holder: Holder,
  id: string,
  answer: AccessAnswer,
): Promise<{ status: 'granted' | 'denied' | 'waiting'; approval?: string }> {
  const row = await tx.maybe<AccessRequest>(
    sql`select * from access_requests where id = ${id} and coordinator_id = ${holder.id} for update`,
  );
  if (row === undefined) throw new ProblemError('not-found', `Nobody asks you for the access ${id.slice(0, 80)}.`);
  if (row.status !== 'pending')
    throw new ProblemError(
      'conflict',
      `The access ${id} is ${row.status === 'asked' ? 'for a person to decide' : row.status} already.`,
    );
  const child = await readHolder(tx, engine, row.agent_id);
  if (child === undefined) throw noAgent(row.agent_id);
  if (!answer.grant) {
    await deny(tx, actor, row, child, { by: `agent:${holder.id}`, reason: answer.reason, labels: holder.labels });
    return { status: 'denied' };
  }
  const minutes = answer.minutes ?? USUAL_MINUTES;
  const lacking = tooWide(holder.grant, {
    ...child.grant,
    ...row.wants,
    budgetUsd: null,
    models: [],
    depth: -1,
    maxChildren: 0,
  });
  const danger = completesDanger(engine, child, row.wants);
  if (lacking.length === 0 && !danger) {
    await give(tx, actor, row, child, {
      by: `agent:${holder.id}`,
      reason: answer.reason,
      minutes,
      labels: holder.labels,
    });
    return { status: 'granted' };
  }
  const why = danger
    ? 'The agent has read words of strangers; with this it could also reach private content and the outside.'
    : `The agent that leads it does not have this itself (${lacking.map(({ path }) => path).join(', ')}).`;
  const approval = await askPerson(tx, engine, row, child, { why, reason: answer.reason, minutes });
  return { status: 'waiting', approval };
}

/** Words of strangers, private content and a way out: no two of the agent's make the third a small matter. */
function completesDanger(engine: Engine, child: Holder, wants: Wants): boolean {
  if (!child.labels.includes('untrusted')) return false;
  const skills = [...(child.grant.skills ?? []), ...wants.skills].map((name) => engine.skillFacts(name));
  const isPrivate =
    child.labels.includes('private') ||
    Object.keys(wants.spaces).length > 0 ||
    wants.secrets.length > 0 ||
    skills.some((facts) => facts?.taints.includes('private'));
  const reachesOut = skills.some((facts) => facts?.effect === 'outward' || facts?.effect === 'egress');
  return isPrivate && reachesOut;
}

async function askPerson(
  tx: Tx,
  engine: Engine,
  row: AccessRequest,
  child: Holder,
  { why, reason, minutes }: { why: string; reason: string; minutes: number },
): Promise<string> {
  const id = newApprovalId();
  const ref = { user: row.user_id, request: row.request_id, agent: row.agent_id };
  const title = `Access for the agent “${child.label}”: ${textOf(row.wants)}`;
  const text = [
    title,
    '',
    why,
    `It says: ${row.reason}`,
    `Its coordinator says: ${reason}`,
    `For ${minutes} minutes.`,
  ].join('\n');
  const approval = {
    id,
    effect: 'access',
    skill: 'request_access',
    payload: { access: row.id, agent: row.agent_id, wants: { ...row.wants }, minutes },
    proposal: { title, preview: { text, recipients: [] } },
  } as const;
  await changeRequest(
    tx,
    ref,
    {},
    [requestedEvent(ref, { id, title })],
    [
      ...approvalRows(engine, ref, approval),
      sql`update access_requests set status = 'asked', minutes = ${minutes} where id = ${row.id}`,
    ],
  );
  refreshAtEnd(tx, ref);
  return id;
}

/** Carries out what a person has decided about an access. */
export async function settleAccess(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  access: string,
  decided: { readonly isGiven: boolean; readonly reason: string },
): Promise<void> {
  const row = await tx.maybe<AccessRequest>(
    sql`select * from access_requests where id = ${access} and status = 'asked' for update`,
  );
  const child = row === undefined ? undefined : await readHolder(tx, engine, row.agent_id);
  if (row === undefined || child === undefined) return;
  const by = `user:${actor.user}`;
  if (decided.isGiven)
    await give(tx, actor, row, child, {
      by,
      reason: decided.reason,
      minutes: row.minutes ?? USUAL_MINUTES,
      labels: [],
    });
  else await deny(tx, actor, row, child, { by, reason: decided.reason, labels: [] });
}

/** Who has decided, and what their words carry with them. */
interface Verdict {
  readonly by: string;
  readonly reason: string;
  readonly labels: readonly Label[];
}

async function give(
  tx: Tx,
  actor: Actor,
  row: AccessRequest,
  child: Holder,
  { by, reason, minutes, labels }: Verdict & { readonly minutes: number },
): Promise<void> {
  const { wants } = row;
  const text = `Granted for ${minutes} minutes by ${by}: ${textOf(wants)}. Reason: ${reason}`;
  const atom = await writeToDm(tx, actor, child.dmSpace, { kind: 'grant', text, about: { access: row.id, by } });
  const names = [
    ...wants.skills.map((name) => ({ kind: 'skill', name })),
    ...wants.secrets.map((name) => ({ kind: 'secret', name })),
    // Whoever may reach every host needs none by name, and would have fewer than those below it.
    ...(child.grant.hosts === null ? [] : wants.hosts.map((name) => ({ kind: 'host', name }))),
  ];
  const expires = sql`now() + make_interval(mins => ${minutes})`;
  await tx.run(sql`
    insert into agent_grants (agent_id, user_id, kind, name, granted_by, reason, atom_id, expires_at)
    select ${child.id}, ${child.user}, n.kind, n.name, ${by}, ${reason}, ${atom ?? null}, least(${expires}, (
      select h.expires_at from agent_grants h where ${by} = 'agent:' || h.agent_id and h.kind = n.kind and h.name = n.name))
    from jsonb_to_recordset(${json(names)}) as n(kind text, name text)
    on conflict (agent_id, kind, name) do update set granted_by = excluded.granted_by, reason = excluded.reason, atom_id = excluded.atom_id,
      expires_at = excluded.expires_at
      where agent_grants.expires_at is not null and agent_grants.expires_at < excluded.expires_at`);
  const spaces = Object.entries(wants.spaces).map(([space, permission]) => ({
    agent: child.id,
    space,
    permission,
    reason,
    atom: atom ?? null,
  }));
  await tx.run(sql`
    select retinue_delegate((select coalesce(jsonb_agg(g.item || jsonb_build_object('expires', least(${expires}, (
        select h.expires_at from space_grants h where h.space_id = g.item->>'space' and h.principal = ${by})))), '[]')
      from jsonb_array_elements(${json(spaces)}) as g(item)), ${by})`);
  await close(tx, row, 'granted', by, reason);
  await tell(tx, row, child, 'granted', text, atom, labels);
}

async function deny(
  tx: Tx,
  actor: Actor,
  row: AccessRequest,
  child: Holder,
  { by, reason, labels }: Verdict,
): Promise<void> {
  const text = `Denied by ${by}: ${textOf(row.wants)}. Reason: ${reason}`;
  const atom = await writeToDm(tx, actor, child.dmSpace, { kind: 'denial', text, about: { access: row.id, by } });
  await close(tx, row, 'denied', by, reason);
  await tell(tx, row, child, 'denied', text, atom, labels);
}

async function close(
  tx: Tx,
  row: AccessRequest,
  status: 'granted' | 'denied',
  by: string,
  reason: string,
): Promise<void> {
  await tx.run(sql`
    update access_requests set status = ${status}, decided_by = ${by}, decided_at = now(), answer = ${reason} where id = ${row.id}`);
}

async function tell(
  tx: Tx,
  row: AccessRequest,
  child: Holder,
  kind: 'granted' | 'denied',
  text: string,
  atom: string | undefined,
  labels: readonly Label[],
): Promise<void> {
  if (child.hasEnded) return;
  const place = { user: row.user_id, request: row.request_id };
  await leaveNote(tx, place, { to: row.agent_id, from: row.coordinator_id, kind, text, atom, labels });
}

/** Takes rights back from an agent that this one has spawned, and from everybody who has them from there. */
export async function revokeAccess(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  holder: Holder,
  agent: string,
  wish: AccessWish,
  reason: string,
): Promise<{ taken: string[] }> {
  const child = await readHolder(tx, engine, agent);
  if (child?.parent !== holder.id) throw noAgent(agent);
  const wants = wantsOf(wish);
  const names = await tx.rows<{ name: string }>(sql`
    delete from agent_grants where agent_id = ${agent} and ((kind = 'skill' and name = any(${wants.skills}::text[]))
      or (kind = 'secret' and name = any(${wants.secrets}::text[])) or (kind = 'host' and name = any(${wants.hosts}::text[]))) returning name`);
  const taken = names.map(({ name }) => name);
  for (const space of Object.keys(wants.spaces)) {
    const { count } = await tx.one<{ count: number }>(sql`select retinue_recall(${agent}, ${space}) as count`);
    if (count > 0) taken.push(space);
  }
  if (taken.length === 0) throw new ProblemError('not-found', `The agent “${child.label}” has none of that.`);
  const text = `Taken back: ${taken.join(', ')}. Reason: ${reason}`;
  const atom = await writeToDm(tx, actor, child.dmSpace, { kind: 'revocation', text });
  if (!child.hasEnded)
    await leaveNote(
      tx,
      { user: holder.user, request: holder.request },
      { to: agent, from: holder.id, kind: 'revoked', text, atom, labels: holder.labels },
    );
  return { taken };
}
