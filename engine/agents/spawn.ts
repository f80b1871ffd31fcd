import type { Label } from '../../contracts/effect-class.js';
import { type AgentGrant, type TooWide, tooWide } from '../../contracts/grant.js';
import { ProblemError } from '../../contracts/problem.js';
import type { SpawnWish } from '../../contracts/agent-access.js';
import type { SkillCaller } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { resolveInstructions } from '../../spaces/guidelines.js';
import type { Actor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import type { Spawning } from '../rows.js';
import { type Birth, bornAtEnd } from './births.js';
import { ALWAYS_HELD, type Holder } from './rights.js';

const LABEL_BYTES = 80;
const SUBAGENT_INSTRUCTIONS =
  'You work on one task for another agent and answer with its result. You know the task and what you were given for it, nothing else. Do what the task says, name your sources, say what is missing and why, and invent nothing. If you need more than you were given, ask for it with request_access.';

/**
 * Brings an agent into the world in the transaction of the call that spawns it: with its task, what it was given, and
 * nothing else. It is queued and works as soon as there is a place. Throws `ProblemError`: `forbidden` with every right
 * that its parent does not have, `invalid-body` for names that do not exist, `conflict` where a limit is reached.
 */
export async function spawnAgent(
  tx: Tx,
  engine: Engine,
  caller: SkillCaller,
  actor: Actor,
  holder: Holder,
  wish: SpawnWish,
): Promise<{ agent: string; label: string }> {
  refuseBeyondLimits(engine, holder);
  refuseUnknown(engine, wish);
  const model = modelOf(engine, holder, wish);
  const grant = grantOf(holder, wish, model);
  const wide = tooWide(holder.grant, grant).map((item) => named(item, wish));
  if (wide.length > 0) throw widerThanParent(wide);
  await requireSpaces(tx, actor, wish);
  const given = wish.instructions === undefined ? undefined : await resolveInstructions(tx, actor, wish.instructions);
  const fallback = await fallbackOf(tx, engine, actor, holder, wish);
  const isDiode =
    given?.ownWords !== false &&
    fallback?.other.instructions === undefined &&
    (await isDataDiode(tx, engine, holder, wish));
  const foreign = [...(await labelsOf(tx, actor, given)), ...(fallback?.labels ?? [])];
  const birth: Birth = {
    id: newId('agt'),
    wish,
    label: cutText((wish.label ?? wish.task.split('\n')[0] ?? '').trim() || 'subagent', LABEL_BYTES),
    model,
    instructions: given?.text ?? SUBAGENT_INSTRUCTIONS,
    instructionsRef: given?.ref,
    grant,
    labels: [...new Set([...holder.labels.filter((label) => !(isDiode && label === 'private')), ...foreign])],
    spawning: {
      onFailure: wish.onFailure ?? 'degrade',
      ...(fallback === undefined ? {} : { fallback: fallback.other }),
      ...(foreign.length === 0 ? {} : { labels: foreign }),
      ...(isDiode ? { isDiode } : {}),
    },
    isInline: !holder.hosted && isOneShot(engine, wish),
  };
  bornAtEnd(tx, holder, caller.callId, birth);
  return { agent: birth.id, label: birth.label };
}

function refuseBeyondLimits(engine: Engine, holder: Holder): void {
  const { grant, children, agents } = holder;
  if (grant.depth <= 0)
    throw new ProblemError(
      'conflict',
      'Agents may not be spawned any deeper than this. Do the work yourself and answer.',
    );
  if (children >= grant.maxChildren)
    throw new ProblemError(
      'conflict',
      `You have spawned ${children} agents, and that is the most there may be. Go on with their results, or do the rest yourself.`,
    );
  if (agents > engine.limits.agents)
    throw new ProblemError(
      'conflict',
      `This request has ${agents} agents, and that is the most there may be. Go on with what you have and tell the user what was left out.`,
    );
}

function refuseUnknown(engine: Engine, wish: SpawnWish): void {
  const errors = (wish.skills ?? []).flatMap((name, index) => {
    const facts = engine.skillFacts(name);
    if (facts === undefined) return [{ path: `skills.${index}`, message: `there is no skill called ${name}` }];
    return facts.facesUser
      ? [{ path: `skills.${index}`, message: `${name} is yours alone: subagents never talk to the user` }]
      : [];
  });
  if (errors.length > 0) throw new ProblemError('invalid-body', 'The agent was not spawned.', { errors });
}

/** Simple work goes to the cheaper model; whoever is to lead others thinks with the model of its parent. */
function modelOf(engine: Engine, holder: Holder, wish: SpawnWish): string {
  if (wish.model === undefined) {
    const leads = (wish.skills ?? []).some(
      (name) => engine.skillFacts(name)?.delegates === true && name !== 'message_agent',
    );
    return leads ? holder.model : (engine.resolveModel('fast') ?? holder.model);
  }
  const id = engine.resolveModel(wish.model);
  if (id !== undefined) return id;
  throw new ProblemError('invalid-body', 'The agent was not spawned.', {
    errors: [{ path: 'model', message: `there is no model ${wish.model}; use fast or smart` }],
  });
}

function grantOf(holder: Holder, wish: SpawnWish, model: string): AgentGrant {
  const given = wish.skills ?? [];
  return {
    spaces: wish.spaces ?? {},
    skills: [...new Set(given)].filter((name) => !ALWAYS_HELD.some((own) => own === name)),
    secrets: [...new Set(wish.secrets ?? [])].map(bareSecret),
    models: holder.grant.models === null ? null : [...new Set([...holder.grant.models, model])],
    hosts: wish.hosts === undefined ? holder.grant.hosts : [...new Set(wish.hosts)],
    budgetUsd: wish.budgetUsd ?? null,
    depth: holder.grant.depth - 1,
    maxChildren: holder.grant.maxChildren,
  };
}

/** `secret://NAME` and `NAME` are the same. */
export function bareSecret(reference: string): string {
  return reference.replace(/^secret:\/\//, '');
}

/** Paths as the model wrote them. */
function named({ path, message }: TooWide, wish: SpawnWish): TooWide {
  const [field, index] = path.split('.');
  const value = field === 'skills' ? wish.skills?.[Number(index)] : undefined;
  return { path, message: value === undefined ? message : `you do not have ${value}` };
}

function widerThanParent(errors: readonly TooWide[]): ProblemError {
  return new ProblemError(
    'forbidden',
    'The agent was not spawned: it would have had more than you have. Leave these out, or ask for them with request_access first.',
    { errors: errors.map(({ path, message }) => ({ path, message })) },
  );
}

/** Also the user must have what is given. */
async function requireSpaces(tx: Tx, actor: Actor, wish: SpawnWish): Promise<void> {
  const wanted = Object.entries(wish.spaces ?? {});
  if (wanted.length === 0) return;
  const held = await tx.rows<{ space_id: string; permission: string }>(sql`
    select g.space_id, g.permission from space_grants g join jsonb_each_text(${json(wish.spaces ?? {})}) as w(space, wanted) on w.space = g.space_id
    where g.principal = ${`user:${actor.user}`} and retinue_covers(g.permission, w.wanted) for share of g`);
  const missing = wanted.filter(([space]) => !held.some((grant) => grant.space_id === space));
  if (missing.length > 0)
    throw widerThanParent(
      missing.map(([space, permission]) => ({
        path: `spaces.${space}`,
        message: `you do not have ${permission} there`,
      })),
    );
}

async function fallbackOf(
  tx: Tx,
  engine: Engine,
  actor: Actor,
  holder: Holder,
  { fallback }: SpawnWish,
): Promise<{ other: NonNullable<Spawning['fallback']>; labels: Label[] } | undefined> {
  if (fallback === undefined) return undefined;
  const model = fallback.model === undefined ? undefined : modelOf(engine, holder, { task: '', model: fallback.model });
  const given =
    fallback.instructions === undefined ? undefined : await resolveInstructions(tx, actor, fallback.instructions);
  const other = {
    ...(model === undefined ? {} : { model }),
    ...(given === undefined ? {} : { instructions: given.text }),
  };
  return { other, labels: await labelsOf(tx, actor, given) };
}

/** An agent that reads nothing private and whose task is the user's own words may look outside freely. */
async function isDataDiode(tx: Tx, engine: Engine, holder: Holder, wish: SpawnWish): Promise<boolean> {
  if (!holder.labels.includes('private')) return false;
  const reads = (wish.skills ?? []).some((name) => engine.skillFacts(name)?.taints.includes('private') !== false);
  if (reads || Object.keys(wish.spaces ?? {}).length > 0 || (wish.secrets ?? []).length > 0) return false;
  const said = await tx.maybe(sql`
    select 1 from messages where request_id = ${holder.request} and role = 'user' and spoken and position(${wish.task} in text) > 0 limit 1`);
  return said !== undefined;
}

/** What instructions from an atom bring with them. */
async function labelsOf(
  tx: Tx,
  actor: Actor,
  given: Awaited<ReturnType<typeof resolveInstructions>> | undefined,
): Promise<Label[]> {
  if (given?.ref === undefined || given.ownWords) return [];
  const foreign = await tx.maybe(
    sql`select 1 from atoms where id = ${given.ref.atom} and (origin = 'untrusted' or not people <@ ${[actor.user]}::text[])`,
  );
  return foreign === undefined ? [] : ['untrusted'];
}

/** Its loop may run in the workflow of its parent: it only reads and works inside the house, and waits for nobody. */
function isOneShot(engine: Engine, wish: SpawnWish): boolean {
  if (wish.timeoutSeconds !== undefined) return false;
  return (wish.skills ?? []).every((name) => {
    const facts = engine.skillFacts(name);
    return facts !== undefined && !facts.delegates && (facts.effect === 'read' || facts.effect === 'internal');
  });
}
