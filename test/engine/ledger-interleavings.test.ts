import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import { ProblemError } from '../../contracts/problem.js';
import type { EffectInput } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { sql } from '../../store/sql.js';
import { seededRandom } from '../helpers/seeded.js';
import { ALL_FAULTS, type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';
import { anotherProcess, approvalsOf, ask, follow, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const SEED = 7_121_121;
const STORIES = 60;
const MOST_ACTS = 14;

interface State {
  readonly approval: string;
  readonly decided: string | null;
  readonly at: string | null;
  readonly fence: number | null;
  readonly effect: string | null;
  readonly closed: string | null;
}

const ACTS = ['send', 'send', 'settle', 'settle', 'due', 'approve', 'approve', 'reject', 'edit', 'cancel'] as const;
type Act = (typeof ACTS)[number];

describe('any order of what can happen to one call', () => {
  let kit: EngineKit;
  let provider: OutsideProvider;
  beforeAll(async () => {
    provider = await startProvider({ seed: SEED, identified: true, weights: ALL_FAULTS });
    kit = await openEngine([postSkill({ name: 'post', provider, answerMs: 60 }).skill], {
      leaseMs: 60_000,
      sendMs: 60_000,
    });
  });
  afterAll(async () => {
    await kit.close();
    await provider.close();
  });

  const stateOf = (id: string): Promise<State> =>
    kit.engine.db.as(kit.owner, (tx) =>
      tx.one<State>(sql`
        select a.status as approval, a.decided_by as decided, a.decided_at as at, e.fence, e.status as effect, e.closed_at as closed
        from approvals a left join effects e on e.key = a.id where a.id = ${id}`),
    );

  /** What was decided stays decided, what is closed stays closed, fences only grow, and nothing happens twice. */
  function brokenRules(before: State, after: State, executions: number): string[] {
    const isDecided = before.decided !== null;
    const isSame = after.approval === before.approval && after.decided === before.decided && after.at === before.at;
    const isClosed = before.closed !== null;
    const isStill = after.closed !== null && (after.effect === before.effect || after.effect === 'done');
    return [
      ...(isDecided && !isSame ? ['a decision was changed'] : []),
      ...(isClosed && !isStill ? ['a closed entry was opened'] : []),
      ...((after.fence ?? 0) < (before.fence ?? 0) ? ['a fence went back'] : []),
      ...(executions > 1 ? ['it was sent twice'] : []),
    ];
  }

  test(`never sends twice, never decides twice and never opens again what is closed (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    let sent = 0;
    for (let story = 0; story < STORIES; story += 1) sent += await tell(`story ${story}`, random);
    expect(sent).toBeGreaterThan(STORIES / 4);
  }, 300_000);

  async function tell(label: string, random: () => number): Promise<number> {
    const { ref, approval } = await ask(kit, 'post', { to: ['dana@example.com'], text: label });
    const processes = [kit, anotherProcess(kit)];
    const told: string[] = [];
    let state = await stateOf(approval.id);
    const perform = async (act: Act, process: number, lag: number): Promise<void> => {
      const { deps } = processes[process] ?? kit;
      const work: EffectInput = { ...ref, key: approval.id, fence: Math.max(1, (state.fence ?? 1) - lag) };
      switch (act) {
        case 'send':
          return sendEffect(deps, work);
        case 'settle':
          return settleEffect(deps, work);
        case 'due':
          await kit.engine.db.system((tx) =>
            tx.run(sql`update effects set due_at = now() where key = ${approval.id} and closed_at is null`),
          );
          return;
        case 'edit':
          return say(kit, ref, approval, 'edit', { payload: { to: ['eve@example.com'], text: label } });
        case 'cancel':
          return cancelRequest(kit.engine, ref.user, ref.request);
        default:
          return say(kit, ref, approval, act);
      }
    };
    const acts = 2 + Math.floor(random() * MOST_ACTS);
    for (let number = 0; number < acts; number += 1) {
      const together = Array.from({ length: random() < 0.3 ? 2 : 1 }, () => {
        const act = ACTS[Math.floor(random() * ACTS.length)] ?? 'settle';
        // Most stories should get somewhere before they are cancelled.
        const tame = act === 'cancel' && random() < 0.7 ? 'settle' : act;
        return { act: tame, process: Math.floor(random() * 2), lag: random() < 0.2 ? 1 : 0 };
      });
      told.push(together.map(({ act, process, lag }) => `${act}@${process}-${lag}`).join('+'));
      await Promise.all(together.map(({ act, process, lag }) => perform(act, process, lag).catch(allowRefusal)));
      const after = await stateOf(approval.id);
      expect([told.join(' '), brokenRules(state, after, provider.executions(label))]).toEqual([told.join(' '), []]);
      state = after;
    }
    return conclude(label, ref, told);
  }

  async function conclude(label: string, ref: EffectInputRef, told: readonly string[]): Promise<number> {
    const [approval] = await approvalsOf(kit, ref);
    if (approval?.status === 'pending') await say(kit, ref, approval, 'reject');
    await kit.engine.db.system((tx) =>
      tx.run(sql`update effects set due_at = now() where request_id = ${ref.request} and closed_at is null`),
    );
    const step = await follow(kit, ref);
    const end = await stateOf(approval?.id ?? '');
    const wasGiven = end.approval === 'approved' || end.approval === 'edited';
    const outcome = { step: step.kind, hasEntry: end.effect !== null, executions: provider.executions(label) };
    const expected = { step: 'done', hasEntry: wasGiven, executions: end.effect === 'done' ? 1 : 0 };
    expect([told.join(' '), outcome]).toEqual([told.join(' '), expected]);
    return provider.executions(label);
  }
});

type EffectInputRef = Pick<EffectInput, 'user' | 'request' | 'agent'>;

/** People and late steps are refused; nothing may break. */
function allowRefusal(error: unknown): void {
  if (!(error instanceof ProblemError) || !['decided', 'conflict', 'expired'].includes(error.type)) throw error;
}
