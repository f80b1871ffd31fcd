import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { outsideSkill } from '../../contracts/skill.js';
import type { CallInput, Step } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { readEvents } from '../../engine/event-feed.js';
import { viewRequest } from '../../engine/requests.js';
import { getWallet } from '../../engine/wallet.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();
let kit: EngineKit;
let effects = 0;

beforeAll(async () => {
  const slow = outsideSkill({
    manifest: {
      name: 'slow_effect',
      description: 'Slow.',
      effect: 'internal',
      input: z.strictObject({}),
      output: z.strictObject({}),
      timeoutSeconds: 10,
      taints: [],
      priceUsd: '0.01',
      summary: () => 'Slow',
    },
    run: async () => {
      effects += 1;
      await delay(50);
      return { output: {} };
    },
  });
  kit = await openEngine([slow]);
});
afterAll(() => kit.close());

function callsIn(step: Step): CallInput[] {
  return step.kind === 'calls'
    ? step.calls.map((call) => ({
        user: kit.owner,
        request: '',
        agent: '',
        callId: call.callId,
        mode: call.mode,
        quick: call.quick,
      }))
    : [];
}

describe('a step that is done twice at the same time', () => {
  test('stores one turn, one charge and one set of calls', async () => {
    const ref = await kit.accept('go');
    kit.answer(async () => {
      await delay(50);
      return reply([{ type: 'tool_use', id: 'x', name: 'tasks_create', input: { title: 'once' } }], 'tool_use');
    });
    const steps = await Promise.all([1, 2, 3].map(() => thinkTurn(kit.deps, { ...ref, turn: 1 }, signal)));
    expect(steps[1]).toEqual(steps[0]);
    expect(steps[2]).toEqual(steps[0]);
    const view = await viewRequest(kit.engine, kit.owner, ref.request);
    // Every attempt may have been billed; those whose answer was not the one that counts are charged at their bound.
    expect(view.cost.charges.filter((charge) => !charge.estimated)).toMatchObject([{ kind: 'model', step: 'turn 1' }]);
    expect(view.cost).toMatchObject({ totalUsd: '0.03', charges: { length: 4 } });
    expect(await getWallet(kit.engine, kit.owner)).toMatchObject({ reservedUsd: '0' });
    const counts = await kit.engine.db.as(kit.owner, (tx) =>
      tx.one<{ turns: number; calls: number }>(
        sql`select (select count(*)::int from turns where request_id = ${ref.request}) as turns, (select count(*)::int from calls where request_id = ${ref.request}) as calls`,
      ),
    );
    expect(counts).toEqual({ turns: 1, calls: 1 });
  });

  test('of a turn that is stored already asks no model', async () => {
    const ref = await kit.accept('go');
    kit.answer(() => reply([{ type: 'text', text: 'the answer' }]));
    const first = await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal);
    const before = kit.asked.length;
    expect(await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(first).toMatchObject({ kind: 'done', status: 'completed' });
    expect(kit.asked).toHaveLength(before);
  });

  test.each([
    ['in the store', 'tasks_create', { title: 'only one' }],
    ['outside', 'slow_effect', {}],
  ])('of a call %s keeps one outcome, one charge and one event', async (_, name, input) => {
    const ref = await kit.accept('go');
    kit.answer(() => reply([{ type: 'tool_use', id: 'x', name, input }], 'tool_use'));
    const [call] = callsIn(await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal));
    if (call === undefined) throw new Error('no call');
    const work = { ...call, ...ref };
    await Promise.all([1, 2, 3].map(() => runSkillCall(kit.deps, work, 1, signal)));
    const before = effects;
    await runSkillCall(kit.deps, work, 1, signal);
    expect(effects).toBe(before);
    const rows = await kit.engine.db.as(kit.owner, (tx) =>
      tx.one<{ done: number; atoms: number; charges: number }>(sql`
        select (select count(*)::int from calls where id = ${call.callId} and status = 'done') as done,
          (select count(*)::int from atom_versions where call_id = ${call.callId}) as atoms,
          (select count(*)::int from charges where step = ${`call:${call.callId}`}) as charges`),
    );
    expect(rows).toEqual(
      name === 'tasks_create' ? { done: 1, atoms: 1, charges: 0 } : { done: 1, atoms: 0, charges: 1 },
    );
    const events = await readEvents(kit.engine, kit.owner, ref.request, 0, 100);
    expect(events.filter((event) => event.type === 'skill.finished')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'skill.started')).toHaveLength(1);
  });

  test('after the request was cancelled stores nothing', async () => {
    const ref = await kit.accept('go');
    kit.answer(async () => {
      await cancelRequest(kit.engine, kit.owner, ref.request);
      return reply([{ type: 'text', text: 'too late' }]);
    });
    expect(await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal)).toMatchObject({ kind: 'done', status: 'cancelled' });
    const view = await viewRequest(kit.engine, kit.owner, ref.request);
    expect(view).toMatchObject({
      status: 'cancelled',
      result: { text: '' },
      cost: { totalUsd: '0.01', charges: [{ estimated: true }] },
    });
  });
});
