import type { ActivityDeps } from '../../activities/deps.js';
import { sendEffect } from '../../activities/effects.js';
import type { Approval, Effect } from '../../contracts/approval.js';
import { ProblemError } from '../../contracts/problem.js';
import type { AgentRef, EffectInput } from '../../contracts/step.js';
import type { Db } from '../../store/db.js';
import { chanceFor } from '../helpers/seeded.js';
import type { OutsideProvider } from '../stand-ins/provider.js';
import { approvalsOf, follow, ledgerOf, order, say } from './effect-driver.js';
import type { EngineKit } from './engine-kit.js';

export interface Load {
  readonly kit: EngineKit;
  readonly skill: string;
  readonly provider: OutsideProvider;
  readonly calls: number;
  readonly callsARequest: number;
  readonly requestsAtOnce: number;
  readonly seed: number;
  /** How likely it is that a process dies somewhere in an attempt. */
  readonly deaths: number;
}

/** What became of one call that was approved. */
export interface LoadedCall {
  readonly ref: AgentRef;
  readonly label: string;
  readonly effect: Effect;
  /** What a person is asked about it. */
  readonly questions: readonly Approval[];
}

/** Has many calls proposed, approves all of them and follows each request until it ends or waits for a person. */
export async function runLoad(load: Load): Promise<LoadedCall[]> {
  const found: LoadedCall[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < load.calls) {
      const first = next;
      next += load.callsARequest;
      found.push(...(await runOne(load, first, Math.min(load.calls, next))));
    }
  };
  await Promise.all(Array.from({ length: load.requestsAtOnce }, worker));
  return found;
}

async function runOne(load: Load, first: number, end: number): Promise<LoadedCall[]> {
  const { kit, skill } = load;
  const labels = Array.from({ length: end - first }, (_, index) => `message ${first + index}`);
  const calls = labels.map((text) => ({ name: skill, input: { to: ['dana@example.com'], text } }));
  const { ref, approvals } = await order(kit, calls);
  for (const approval of approvals) await say(kit, ref, approval, 'approve');
  await follow(kit, ref, { send: mortal(load, approvals) });
  return readCalls(kit, ref);
}

async function readCalls(kit: EngineKit, ref: AgentRef): Promise<LoadedCall[]> {
  const [approvals, effects] = [await approvalsOf(kit, ref), await ledgerOf(kit, ref)];
  return effects.map((effect) => ({
    ref,
    label: labelOf(approvals.find(({ id }) => id === effect.key)),
    effect,
    questions: approvals.filter(({ about }) => about === effect.key),
  }));
}

function labelOf(approval: Approval | undefined): string {
  if (approval === undefined) throw new Error('an entry without its approval');
  return (approval.payload as { text: string }).text;
}

/** Answers every open question as somebody who looked at the other side, and follows the requests to their end. */
export async function answerTruthfully(load: Load, calls: readonly LoadedCall[]): Promise<LoadedCall[]> {
  const refs = new Map(
    calls.flatMap(({ ref, questions }) => (questions.length > 0 ? [[ref.request, ref] as const] : [])),
  );
  const answered: LoadedCall[] = [];
  const waiting = [...refs.values()];
  const worker = async (): Promise<void> => {
    for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
      await answerAll(load, ref);
      answered.push(...(await readCalls(load.kit, ref)));
    }
  };
  await Promise.all(Array.from({ length: load.requestsAtOnce }, worker));
  return answered;
}

async function answerAll(load: Load, ref: AgentRef): Promise<void> {
  const { kit, provider } = load;
  for (;;) {
    const open = (await approvalsOf(kit, ref)).filter(
      ({ effect, status }) => effect === 'unknown' && status === 'pending',
    );
    if (open.length === 0) return;
    for (const question of open) {
      const reason = provider.executions(labelOf(question)) > 0 ? 'arrived' : 'send_again';
      await say(kit, ref, question, 'respond', { reason });
    }
    await follow(kit, ref, { send: mortal(load, await approvalsOf(kit, ref)) });
  }
}

/** An attempt whose process may die at any of its transactions, before or after the commit. */
function mortal({ seed, deaths }: Load, approvals: readonly Approval[]) {
  return (deps: ActivityDeps, input: EffectInput): Promise<void> => {
    const place = approvals.findIndex(({ id }) => id === input.key);
    const name = `${labelOf(approvals[place])} ${place} ${input.fence}`;
    if (chanceFor(seed, name) >= deaths) return sendEffect(deps, input);
    const moment = Math.floor(chanceFor(seed, `${name} when`) * 6);
    const db = dying(deps.engine.db, 1 + Math.floor(moment / 2), moment % 2 === 1);
    return sendEffect({ ...deps, engine: { ...deps.engine, db } }, input);
  };
}

/** The store goes away at its nth transaction, before it or right after its commit, and stays away. */
export function dying(db: Db, nth: number, afterCommit: boolean): Db {
  let count = 0;
  return {
    ...db,
    as: async (user, work) => {
      count += 1;
      if (count > nth || (count === nth && !afterCommit)) throw away();
      const result = await db.as(user, work);
      if (count === nth) throw away();
      return result;
    },
  };
}

function away(): ProblemError {
  return new ProblemError('unavailable', 'The store is away.');
}
