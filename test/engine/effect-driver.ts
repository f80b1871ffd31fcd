import { setTimeout as delay } from 'node:timers/promises';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import type { ActivityDeps } from '../../activities/deps.js';
import { InFlight } from '../../activities/in-flight.js';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import type { Approval, Decision, Effect } from '../../contracts/approval.js';
import type { ModelReply, ModelRequest } from '../../contracts/model.js';
import type { AgentRef, CallStep, EffectInput, EffectStep, Step } from '../../contracts/step.js';
import { listApprovals, listEffects } from '../../engine/approval-views.js';
import { decide } from '../../engine/decisions.js';
import type { EffectTimes, Engine } from '../../engine/deps.js';
import { nextStep } from '../../engine/steps.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, reply } from './engine-kit.js';

/** One process that works on a store. */
export interface Acting {
  readonly engine: Engine;
  readonly deps: ActivityDeps;
}

export interface FollowOptions {
  /** Stands in for the plain activity, for attempts that end badly. */
  readonly send?: (deps: ActivityDeps, input: EffectInput) => Promise<void>;
}

const MOST_STEPS = 500;
/** What comes due sooner than this is waited for; anything later is left to a person. */
const PATIENCE_MS = 30_000;
const MOST_ATTEMPTS = 5;

/** Does what the rows say is next, as the workflow does, until the request ends or somebody has to decide. */
export async function follow(acting: Acting, ref: AgentRef, options: FollowOptions = {}): Promise<Step> {
  let step = await nextStep(acting.engine, ref);
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    switch (step.kind) {
      case 'done':
        return step;
      case 'wait': {
        const left = Date.parse(step.until) - Date.now();
        if (left > PATIENCE_MS) return step;
        await delay(Math.max(0, left) + 2);
        step = await nextStep(acting.engine, ref);
        break;
      }
      case 'think':
        step = await thinkTurn(acting.deps, { ...ref, turn: step.turn }, unstopped());
        break;
      case 'calls':
        await Promise.all(step.calls.map((call) => runCall(acting, ref, call)));
        step = await nextStep(acting.engine, ref);
        break;
      case 'effects':
        await Promise.all(step.effects.map((effect) => carryOut(acting, ref, effect, options)));
        step = await nextStep(acting.engine, ref);
    }
  }
  throw new Error(`${ref.request} does not come to rest: ${JSON.stringify(step)}`);
}

function unstopped(): AbortSignal {
  return new AbortController().signal;
}

async function runCall(acting: Acting, ref: AgentRef, call: CallStep): Promise<void> {
  const { callId, mode, quick } = call;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runSkillCall(acting.deps, { ...ref, callId, mode, quick }, attempt, unstopped());
    } catch (error) {
      if (attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

async function carryOut(acting: Acting, ref: AgentRef, effect: EffectStep, options: FollowOptions): Promise<void> {
  const work: EffectInput = { ...ref, key: effect.key, fence: effect.fence };
  if (effect.mode === 'send') {
    try {
      return await (options.send ?? sendEffect)(acting.deps, work);
    } catch {
      // The ledger is asked what it knows.
    }
  }
  await settleEffect(acting.deps, work);
}

export interface CannedCall {
  readonly name: string;
  readonly input: unknown;
}

const ORDER = 'ORDER ';

/** A model that makes exactly the calls its user names, and then says that it is done. */
export function obedient(request: ModelRequest): ModelReply {
  const place = request.messages.findLastIndex((message) => orderIn(message) !== undefined);
  const order = request.messages[place] === undefined ? undefined : orderIn(request.messages[place]);
  const hasSpoken = request.messages.slice(place).some((message) => message.role === 'assistant');
  if (order === undefined || hasSpoken) return reply([{ type: 'text', text: 'Noted.' }]);
  const calls = JSON.parse(order) as CannedCall[];
  return reply(
    calls.map(({ name, input }, index) => ({ type: 'tool_use', id: `use_${index}`, name, input })),
    'tool_use',
  );
}

function orderIn(message: ModelRequest['messages'][number]): string | undefined {
  if (message.role !== 'user') return undefined;
  const [line] = message.content.flatMap((block) =>
    block.type === 'text' ? block.text.split('\n').filter((text) => text.startsWith(ORDER)) : [],
  );
  return line?.slice(ORDER.length);
}

/** Has the agent make these calls; returns what is asked then, oldest first. */
export async function order(
  kit: EngineKit,
  calls: readonly CannedCall[],
  user = kit.owner,
): Promise<{ ref: AgentRef; step: Step; approvals: Approval[] }> {
  kit.answer(obedient);
  const ref = await kit.accept(`${ORDER}${JSON.stringify(calls)}`, user);
  const step = await follow(kit, ref);
  return { ref, step, approvals: await approvalsOf(kit, ref) };
}

/** As `order`, for one call that must be asked about. */
export async function ask(
  kit: EngineKit,
  name: string,
  input: unknown,
  user = kit.owner,
): Promise<{ ref: AgentRef; approval: Approval }> {
  const { ref, approvals } = await order(kit, [{ name, input }], user);
  const [approval, ...more] = approvals;
  if (approval === undefined || more.length > 0) throw new Error(`${name} led to ${approvals.length} approvals`);
  return { ref, approval };
}

/** As `ask`, approved and ready to be sent; nothing was sent yet. */
export async function askAndApprove(
  kit: EngineKit,
  name: string,
  input: unknown,
): Promise<{ ref: AgentRef; approval: Approval; work: EffectInput }> {
  const { ref, approval } = await ask(kit, name, input);
  await say(kit, ref, approval, 'approve');
  return { ref, approval, work: await currentWork(kit, ref, approval.id) };
}

/** The user decides what they have seen. */
export function say(
  { engine }: Pick<Acting, 'engine'>,
  ref: Pick<AgentRef, 'user'>,
  approval: Approval,
  decision: Decision['decision'],
  more: Partial<Decision> = {},
): Promise<void> {
  return decide(engine, ref.user, approval.id, { decision, payloadHash: approval.payloadHash, ...more });
}

/** All approvals of a request, oldest first. */
export async function approvalsOf({ engine }: Pick<Acting, 'engine'>, ref: AgentRef): Promise<Approval[]> {
  return (await listApprovals(engine, ref.user, { request: ref.request, limit: 100 })).items.toReversed();
}

export function ledgerOf({ engine }: Pick<Acting, 'engine'>, ref: AgentRef): Promise<Effect[]> {
  return listEffects(engine, ref.user, ref.request);
}

/** Input of an activity about this entry as it stands now. */
export async function currentWork(
  { engine }: Pick<Acting, 'engine'>,
  ref: AgentRef,
  key: string,
): Promise<EffectInput> {
  const { fence } = await engine.db.as(ref.user, (tx) =>
    tx.one<{ fence: number }>(sql`select fence from effects where key = ${key}`),
  );
  return { ...ref, key, fence };
}

/** Changes rows behind the back of everybody. */
export async function meddle({ engine }: Pick<Acting, 'engine'>, statement: ReturnType<typeof sql>): Promise<void> {
  const changed = await engine.db.system((tx) => tx.run(statement));
  if (changed === 0) throw new Error('nothing was changed');
}

/** Lets what waits for its time be due now. */
export function makeDue(acting: Pick<Acting, 'engine'>, key: string): Promise<void> {
  return meddle(acting, sql`update effects set due_at = now() - interval '1 second' where key = ${key}`);
}

/** A second process on the same store, with times of its own where they are given. */
export function anotherProcess({ engine, deps }: Acting, times: Partial<EffectTimes> = {}): Acting {
  const other: Engine = { ...engine, effects: { ...engine.effects, ...times } };
  return { engine: other, deps: { ...deps, engine: other, bootId: 'boot_other', inFlight: new InFlight() } };
}
