import type { AgentRef, Step } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { enqueue, type OutboxRow } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import type { HeldRequest } from '../rows.js';
import { refreshAtEnd } from './team-status.js';

/** How many agents that others spawned may work at once. */
export interface Admission {
  readonly perUser: number;
  readonly inAll: number;
}

/** Makes the limits of this installation those of the store; needs a system transaction. */
export async function setAdmission(tx: Tx, { perUser, inAll }: Admission): Promise<void> {
  await tx.run(sql`update admission set per_user = ${perUser}, in_all = ${inAll}`);
  await admit(tx);
}

/**
 * Lets agents that wait work as soon as this transaction ends: a place was given back, or somebody has queued. Last of
 * all, because whoever holds the lock of admission must not wait for anything else. `acting` names an agent whose loop
 * asks for its next step after this transaction: it need not be told.
 */
export function admitAtEnd(tx: Tx, acting?: string): void {
  tx.atEnd('admit', () => admit(tx, acting));
}

async function admit(tx: Tx, acting?: string): Promise<void> {
  for (const row of await tx.rows<OutboxRow>(sql`select * from retinue_admit(${acting ?? null})`)) tx.dispatch(row);
}

/**
 * What an agent really does next: one that was spawned works only while it has a place. It gives the place back while it
 * waits for anybody or anything, and asks for one when it can go on. The first agent of a request needs none.
 */
export async function takePlace(tx: Tx, ref: AgentRef, held: HeldRequest, step: Step): Promise<Step> {
  const { self } = held;
  if (self.ended_at !== null || held.ended_at !== null) return step;
  const isWork = step.kind === 'think' || (step.kind === 'calls' && step.calls.every((call) => call.mode === 'run'));
  const isFirst = self.parent === null;
  if (!isFirst && isWork && self.status !== 'running') {
    if (self.status !== 'queued') {
      await setStatus(tx, ref, 'queued');
      admitAtEnd(tx);
    }
    return {
      ...beside(step),
      kind: 'wait',
      until: held.deadline_at,
      waitingFor: 'slot',
      summary: 'waiting for a place',
    };
  }
  const rests = step.kind === 'wait' && (isFirst ? held.team && self.status === 'running' : self.status !== 'waiting');
  if (!rests) return step;
  await setStatus(tx, ref, 'waiting');
  if (held.waits.some((wait) => wait.status === 'pending')) refreshAtEnd(tx, ref);
  if (!isFirst) admitAtEnd(tx);
  return step;
}

function beside({ start, deadline }: Step): Pick<Step, 'start' | 'deadline'> {
  return { ...(start === undefined ? {} : { start }), ...(deadline === undefined ? {} : { deadline }) };
}

async function setStatus(tx: Tx, { agent }: AgentRef, status: 'waiting' | 'queued'): Promise<void> {
  await tx.run(sql`
    update agents set status = ${status}, queued_at = case when ${status} = 'queued' then now() else queued_at end where id = ${agent} and ended_at is null`);
}

/** Turns that an agent without a workflow of its own may take. */
const MOST_HOSTED_TURNS = 8;

/** An agent that turns out to need more goes on in a workflow of its own; undefined where it stays. */
export async function moveOut(tx: Tx, ref: AgentRef, { self }: HeldRequest): Promise<Step | undefined> {
  if (!self.hosted || self.parent === null || self.turns < MOST_HOSTED_TURNS || self.ended_at !== null)
    return undefined;
  await tx.run(
    sql`update agents set hosted_by = null, started_at = null, attempts = greatest(0, attempts - 1) where id = ${ref.agent}`,
  );
  await enqueue(tx, {
    kind: 'wake',
    target: { ...ref, agent: self.parent },
    reason: 'an agent needs a workflow of its own',
  });
  return { kind: 'done', status: 'moved', usd: 0, summary: 'goes on in a workflow of its own' };
}
