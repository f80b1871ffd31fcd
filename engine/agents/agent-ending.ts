import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef, Step } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { wakeAgents } from '../../store/outbox.js';
import { newId } from '../../store/new-id.js';
import { json, type RawBuilder, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { changeRequest, type NewEvent } from '../events.js';
import { bookEstimated } from '../reservations.js';
import { type AgentOutcome, type HeldRequest, holdRequest, type WaitRow } from '../rows.js';
import { voidedOf } from '../voided.js';
import { admitAtEnd } from './admission.js';
import { succeed } from './heirs.js';
import { refreshAtEnd } from './team-status.js';

export interface AgentEnding {
  readonly outcome: AgentOutcome;
  /** What it said last. */
  readonly text?: string;
  readonly error?: { readonly type: string; readonly message: string };
  /** Turns it has now, when its last one is stored in the same statement. */
  readonly turns?: number;
  /** USD of its last turn, where its charge is written in the same statement. */
  readonly lastUsd?: string;
  /** It is stopped from outside: its own loop does not learn of it from the step that is returned. */
  readonly isStopped?: true;
}

/**
 * Ends an agent that another one spawned, with all it has spawned itself, for a caller that holds the request's row: its
 * answer goes to whoever waits for it, once, or else is noted to the agent that spawned it; its place and its money are
 * free. One that failed may be followed by another with the same task (see `heirs.ts`), and then nobody is told yet.
 */
export async function endAgent(
  tx: Tx,
  engine: Engine,
  ref: AgentRef,
  held: HeldRequest,
  ending: AgentEnding,
  before: readonly NewEvent[] = [],
  also: readonly RawBuilder<unknown>[] = [],
): Promise<Step> {
  const below = held.live === 0 ? [] : await endBelow(tx, ref);
  const gone = [ref.agent, ...below];
  if (held.reserved.length > 0)
    await bookEstimated(
      tx,
      ref,
      held.reserved.filter(
        (row) => gone.includes(row.agent) && !(ending.outcome === 'completed' && row.agent === ref.agent),
      ),
    );
  const heir = ending.outcome === 'failed' ? await succeed(tx, engine, ref, held, ending.error) : undefined;
  const told = heir === undefined ? await tell(tx, ref, held, ending) : NOBODY;
  await changeRequest(
    tx,
    ref,
    {},
    [
      ...before,
      finishedEvent(ref.agent, held.self.label, ending.outcome),
      ...(heir === undefined ? [] : [spawnedEvent(heir, held.self.label, held.self.parent ?? '')]),
      ...told.events,
    ],
    [...also, endedRow(ref, ending), ...(ending.outcome === 'completed' ? [] : openEnds([ref.agent])), ...told.rows],
  );
  const step = doneStep(held.waits, ending.outcome);
  // The workflow that runs its loop learns of it from the step.
  const host = held.self.hosted && ending.isStopped !== true && step.kind === 'done' ? held.self.parent : undefined;
  const elsewhere = told.woken.filter((id) => id !== host);
  if (elsewhere.length > 0)
    await wakeAgents(tx, ref, sql`select unnest(${elsewhere}::text[])`, 'an agent has finished');
  if (held.status !== 'running' || told.isAsking || held.waiting_for.length > 0) refreshAtEnd(tx, ref);
  admitAtEnd(tx);
  return elsewhere.length < told.woken.length && step.kind === 'done' ? { ...step, rouses: true } : step;
}

function doneStep(waits: readonly WaitRow[], outcome: AgentOutcome): Step {
  // What was begun outside is seen to its end.
  if (waits.some((wait) => wait.ledger?.open === true))
    return { kind: 'wait', until: new Date().toISOString(), waitingFor: 'approval', summary: outcome };
  return { kind: 'done', status: outcome, usd: 0, summary: outcome };
}

/** Ends an agent whose own time is over; undefined where it is not. */
export async function endOverdue(tx: Tx, engine: Engine, ref: AgentRef, held: HeldRequest): Promise<Step | undefined> {
  const { parent, ended_at, deadline_at } = held.self;
  if (parent === null || ended_at !== null || held.ended_at !== null || deadline_at === null) return undefined;
  if (Date.parse(deadline_at) > Date.now()) return undefined;
  const message = 'It did not finish in the time it was given and was stopped, with everything it had started.';
  return endAgent(tx, engine, ref, held, { outcome: 'timed_out', error: { type: 'timeout', message } });
}

/** Ends one agent of a request from outside, where it is still there. */
export async function stopAgent(tx: Tx, engine: Engine, ref: AgentRef, ending: AgentEnding): Promise<boolean> {
  const held = await holdRequest(tx, ref);
  if (held.ended_at !== null || held.self.parent === null) return false;
  await wakeAgents(tx, ref, sql`select ${ref.agent}::text`, ending.outcome);
  await endAgent(tx, engine, ref, held, { ...ending, isStopped: true });
  return true;
}

/** Ends everything below an agent and wakes it, so that it stops. Returns their ids. */
async function endBelow(tx: Tx, ref: AgentRef): Promise<string[]> {
  const below = await tx.rows<{ id: string; label: string }>(sql`
    select id, label from agents where request_id = ${ref.request} and ${ref.agent} = any(path) and id <> ${ref.agent} and ended_at is null`);
  const ids = below.map(({ id }) => id);
  // Others may wait for their answers.
  const disappointed = sql`child = any(${ids}::text[]) and status = 'delegated' and not agent_id = any(${[ref.agent, ...ids]}::text[])`;
  await wakeAgents(
    tx,
    ref,
    sql`select unnest(${ids}::text[]) union select agent_id from calls where ${disappointed}`,
    'stopped',
  );
  await changeRequest(
    tx,
    ref,
    {},
    below.map(({ id, label }) => finishedEvent(id, label, 'cancelled')),
    [
      sql`update agents set status = 'ended', outcome = 'cancelled', ended_at = now() where id = any(${ids}::text[])`,
      ...openEnds(ids),
      sql`update calls set status = 'failed', error = 'The agent was stopped before it had answered.', ended_at = now() where ${disappointed}`,
    ],
  );
  return ids;
}

/** What agents leave open when they end before they are done. */
function openEnds(agents: readonly string[]): RawBuilder<unknown>[] {
  const ids = sql`any(${[...agents]}::text[])`;
  return [
    ...voidedOf(sql`agent_id = ${ids}`, 'The agent has ended.'),
    sql`update calls set status = 'cancelled', ended_at = now() where agent_id = ${ids} and status in ('pending', 'waiting', 'delegated')`,
    sql`update access_requests set status = 'cancelled', decided_at = now() where agent_id = ${ids} and status in ('pending', 'asked')`,
  ];
}

function endedRow(ref: AgentRef, { outcome, text, error, turns }: AgentEnding): RawBuilder<unknown> {
  return sql`
    update agents set status = 'ended', outcome = ${outcome}, result = ${text ?? null}, error = ${error === undefined ? null : json(error)},
      turns = coalesce(${turns ?? null}, turns), attempts = 0, ended_at = now() where id = ${ref.agent}`;
}

export function spawnedEvent(agent: string, label: string, parent: string): NewEvent {
  return { type: 'agent.spawned', agent, data: { agent, label, parent } };
}

export function finishedEvent(agent: string, label: string, outcome: AgentOutcome): NewEvent {
  return { type: 'agent.finished', agent, data: { agent, label, outcome } };
}

interface Told {
  readonly rows: readonly RawBuilder<unknown>[];
  readonly events: readonly NewEvent[];
  /** Agents that can go on now. */
  readonly woken: readonly string[];
  /** The user is asked what is to become of it. */
  readonly isAsking: boolean;
}

const NOBODY: Told = { rows: [], events: [], woken: [], isAsking: false };

/** The answer goes to the calls that wait for it; whoever else was promised it is left a note. */
async function tell(tx: Tx, ref: AgentRef, held: HeldRequest, ending: AgentEnding): Promise<Told> {
  const answered = answers(ref, held, ending);
  const left = await noted(tx, ref, held, ending);
  // The parent may rest until the last of its agents has ended.
  const waits = held.self.waiters.some(({ agent }) => agent === held.self.parent);
  const parent = held.self.parent === null || waits ? [] : [held.self.parent];
  return {
    rows: [...answered.rows, ...left.rows],
    events: answered.events,
    woken: [...new Set([...answered.woken, ...left.woken, ...parent])],
    isAsking: answered.isAsking,
  };
}

function answers(ref: AgentRef, held: HeldRequest, ending: AgentEnding): Told {
  const { waiters } = held.self;
  if (waiters.length === 0) return NOBODY;
  const isAsking =
    ending.outcome !== 'completed' && ending.outcome !== 'cancelled' && held.self.spawning.onFailure === 'ask';
  const woken = [...new Set(waiters.filter(({ others }) => others === 0).map(({ agent }) => agent))];
  if (isAsking) return { rows: [askedRow(ref, held, ending)], events: [], woken, isAsking };
  const outcome = ending.outcome === 'completed' ? 'done' : 'failed';
  const events = waiters.map(
    ({ call, agent, skill }): NewEvent => ({ type: 'skill.finished', agent, data: { call, skill, outcome } }),
  );
  const isGood = outcome === 'done';
  return {
    rows: [
      sql`
        update calls set status = ${outcome}, output = ${isGood ? answerOf(ref, held, ending) : null}, error = ${isGood ? null : failureText(held, ending)},
          taints = (select labels from agents where id = ${ref.agent}), ended_at = now()
        where child = ${ref.agent} and status = 'delegated'`,
      sql`
        update agents set labels = (select coalesce(array_agg(distinct l order by l), '{}') from unnest(agents.labels || c.labels) as l)
        from agents c where c.id = ${ref.agent} and agents.id = any(${waiters.map(({ agent }) => agent)}::text[])`,
    ],
    events,
    woken,
    isAsking,
  };
}

/** As the model of whoever waited for it is told. */
function answerOf(
  ref: AgentRef,
  held: HeldRequest,
  { text, outcome, lastUsd = '0' }: AgentEnding,
): RawBuilder<unknown> {
  const told: JsonValue = { agent: ref.agent, label: held.self.label, status: outcome, text: text ?? '' };
  return sql`${json(told)} || jsonb_build_object('outputs', (
      select coalesce(jsonb_agg(o.item order by c.turn, c.position), '[]') from calls c, jsonb_array_elements(c.outputs) as o(item) where c.agent_id = ${ref.agent} and c.status = 'done'),
    'costUsd', (select trim_scale(coalesce(sum(usd), 0) + ${lastUsd}::numeric)::text from charges where request_id = ${ref.request} and agent_id = ${ref.agent}))`;
}

function failureText(held: HeldRequest, { outcome, error, text }: AgentEnding): string {
  const why = error?.message ?? (outcome === 'cancelled' ? 'It was stopped.' : 'It gave no reason.');
  const found = text === undefined || text.trim() === '' ? '' : ` What it said last: ${text}`;
  return `The agent “${held.self.label}” ${outcome === 'timed_out' ? 'ran out of time' : outcome === 'cancelled' ? 'was stopped' : 'failed'}. ${why}${found} Go on with what you have, and say what is missing and why.`;
}

/** The calls that wait for it become a question to the user. */
function askedRow(ref: AgentRef, held: HeldRequest, ending: AgentEnding): RawBuilder<unknown> {
  const question = `${failureText(held, ending).replace(/ Go on with what you have.*$/s, '')} Shall I go on without it, or try it again?`;
  const told: JsonValue = { agent: ref.agent, label: held.self.label, status: ending.outcome, question };
  return sql`update calls set status = 'waiting', output = ${json(told)} where child = ${ref.agent} and status = 'delegated'`;
}

/**
 * A note to the agent that spawned it, unless that one has had its answer already and somebody else has asked again; and
 * to whoever has stopped waiting for it. Those whose calls it answers need none.
 */
async function noted(
  tx: Tx,
  ref: AgentRef,
  held: HeldRequest,
  ending: AgentEnding,
): Promise<Pick<Told, 'rows' | 'woken'>> {
  const { waiters, spawning, parent } = held.self;
  const asker = spawning.reportTo;
  const answered = new Set(waiters.map(({ agent }) => agent));
  const others = [asker, parent].filter((id) => id !== undefined && id !== null);
  if (others.every((id) => answered.has(id))) return NOBODY;
  const live = await tx.rows<{ id: string }>(
    sql`select id from agents where id = any(${others}::text[]) and ended_at is null`,
  );
  const isAskedAgain = spawning.reopened === true && (answered.size > 0 || live.some(({ id }) => id === asker));
  const targets = live.filter(({ id }) => !answered.has(id) && (id === asker || !isAskedAgain));
  const head = `The agent “${held.self.label}” (${ref.agent}) has finished.`;
  const text = ending.outcome === 'completed' ? `${head}\n${ending.text ?? ''}` : failureText(held, ending);
  return {
    rows: targets.map(
      ({ id }) => sql`
        insert into agent_notes (id, user_id, request_id, agent_id, from_agent, kind, text, labels)
        select ${newId('not')}, ${ref.user}, ${ref.request}, ${id}, ${ref.agent}, 'report', ${text}, labels from agents where id = ${ref.agent}`,
    ),
    woken: targets.map(({ id }) => id),
  };
}
