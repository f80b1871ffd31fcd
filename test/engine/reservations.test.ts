import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { z } from 'zod';
import { ModelError } from '../../contracts/model.js';
import { outsideSkill, transactionSkill } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef, CallInput } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { reserveCall } from '../../engine/budget.js';
import { cancelRequest } from '../../engine/cancel.js';
import { turnStep } from '../../engine/charge-rows.js';
import { readEvents } from '../../engine/event-feed.js';
import { payloadHash } from '../../engine/payload-hash.js';
import { viewRequest } from '../../engine/requests.js';
import { approveBudget, BUDGET_REFUSED, MoneyHeld, reserve, settleAttempt } from '../../engine/reservations.js';
import { lockRequest } from '../../engine/rows.js';
import { getWallet, giveCredit } from '../../engine/wallet.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();
const ANSWER = reply([{ type: 'text', text: 'fine' }]);
const PRICED = {
  description: 'Costs something.',
  effect: 'internal',
  input: z.strictObject({}),
  output: z.json(),
  timeoutSeconds: 10,
  taints: [],
  summary: () => 'Costs something',
  priceUsd: '0.3',
} as const;

let kit: EngineKit;
let ben: string;
let ran: string[];
let work: () => Promise<void>;

beforeAll(async () => {
  kit = await openEngine([
    outsideSkill({
      manifest: { ...PRICED, name: 'dear_outside' },
      run: async () => {
        ran.push('dear_outside');
        await work();
        return { output: { ok: true } };
      },
    }),
    transactionSkill({
      manifest: { ...PRICED, name: 'dear_inside' },
      run: async () => {
        ran.push('dear_inside');
        await work();
        return { output: { ok: true } };
      },
    }),
  ]);
});
beforeEach(async () => {
  ran = [];
  work = async () => undefined;
  ben = await kit.person('Ben');
  kit.answer(() => ANSWER);
});
afterAll(() => kit.close());

const owner = () => ({ id: kit.owner, isOwner: true });
const credit = (usd: string) => giveCredit(kit.engine, owner(), { usd, user: ben });
const wallet = () => getWallet(kit.engine, ben);
const view = (ref: AgentRef) => viewRequest(kit.engine, ben, ref.request);
const think = (ref: AgentRef, turn = 1) => thinkTurn(kit.deps, { ...ref, turn }, signal);

async function ask(budgetUsd = '1'): Promise<AgentRef> {
  const { id } = await acceptRequest(kit.engine, ben, { body: { text: 'go', budgetUsd } });
  return { user: ben, request: id, agent: (await viewRequest(kit.engine, ben, id)).agent };
}

/** Accepts a request whose first turn calls this skill, and has that turn thought. */
async function calling(name: string, budgetUsd = '1'): Promise<AgentRef & { work: CallInput }> {
  const ref = await ask(budgetUsd);
  kit.answer(() => reply([{ type: 'tool_use', id: 'x', name, input: {} }], 'tool_use'));
  const step = await think(ref);
  const call = step.kind === 'calls' ? step.calls[0] : undefined;
  if (call === undefined) throw new Error(`no call but ${JSON.stringify(step)}`);
  return { ...ref, work: { ...ref, callId: call.callId, mode: 'run', quick: call.quick } };
}

interface Asked {
  id: string;
  title: string;
  payload: JsonValue;
  payload_hash: string;
  preview: { text: string; costUsd: string };
  days: number;
}

const approvals = (ref: AgentRef): Promise<Asked[]> =>
  kit.engine.db.as(ben, (tx) =>
    tx.rows<Asked>(sql`
      select id, title, payload, payload_hash, preview, extract(epoch from expires_at - created_at)::float8 / 86400 as days
      from approvals where request_id = ${ref.request} and effect = 'budget' and status = 'pending'`),
  );

const approve = (ref: AgentRef, payload: JsonValue, edited = payload) =>
  kit.engine.db.as(ben, async (tx) => {
    await lockRequest(tx, ref);
    await approveBudget(tx, { request_id: ref.request, payload }, edited);
  });

const model = (minUsd: string, wantUsd: string) => ({ kind: 'model', name: 'canned', minUsd, wantUsd }) as const;

const reserving = (ref: AgentRef, attempt: number, minUsd: string, wantUsd = minUsd) =>
  kit.engine.db.as(ref.user, async (tx) => {
    await lockRequest(tx, ref);
    return reserve(tx, ref, { step: turnStep(ref.agent, 1), attempt }, model(minUsd, wantUsd));
  });

describe('setting money aside', () => {
  test('takes what is wanted, or what is left of the budget when that is enough', async () => {
    const ref = await ask('1');
    expect(await reserving(ref, 1, '0.1', '0.8')).toEqual({ kind: 'reserved', usd: '0.8' });
    expect(await reserving(ref, 2, '0.1', '0.8')).toEqual({ kind: 'reserved', usd: '0.2' });
    expect(await wallet()).toMatchObject({ reservedUsd: '1', unlimited: true });
  });

  test('is short where the budget is used, and waits where other steps hold it', async () => {
    const ref = await ask('1');
    expect(await reserving(ref, 1, '1.5', '2')).toMatchObject({
      kind: 'short',
      shortage: { scope: 'request', budgetUsd: '1', spentUsd: '0', extraUsd: '7.00' },
    });
    await reserving(ref, 1, '0.9');
    expect(await reserving(ref, 2, '0.5')).toEqual({ kind: 'held' });
    expect(await wallet()).toMatchObject({ reservedUsd: '0.9' });
  });

  test('never goes beyond the credit of a wallet', async () => {
    await credit('0.5');
    const ref = await ask('10');
    expect(await reserving(ref, 1, '0.6')).toMatchObject({
      kind: 'short',
      shortage: { scope: 'wallet', balanceUsd: '0.5', extraUsd: '1.90' },
    });
    expect(await reserving(ref, 1, '0.1', '0.7')).toEqual({ kind: 'reserved', usd: '0.5' });
    expect(await reserving(ref, 2, '0.1')).toEqual({ kind: 'held' });
    expect(await wallet()).toMatchObject({ balanceUsd: '0.5', reservedUsd: '0.5', unlimited: false });
  });

  test('for the same attempt again changes nothing', async () => {
    const ref = await ask();
    await reserving(ref, 1, '0.3');
    expect(await reserving(ref, 1, '0.3')).toEqual({ kind: 'reserved', usd: '0.3' });
    expect(await wallet()).toMatchObject({ reservedUsd: '0.3' });
  });

  test('of many requests at the same time never adds up to more than the wallet has', async () => {
    await credit('1');
    const refs = await Promise.all(Array.from({ length: 20 }, () => ask('1')));
    const outcomes = await Promise.all(refs.map((ref) => reserving(ref, 1, '0.07', '0.09')));
    const given = outcomes.flatMap((outcome) => (outcome.kind === 'reserved' ? [Number(outcome.usd)] : []));
    expect(given.reduce((sum, usd) => sum + usd, 0)).toBeCloseTo(0.99, 10);
    expect(given).toHaveLength(11);
    expect(outcomes.filter((outcome) => outcome.kind === 'held')).toHaveLength(9);
    expect(await wallet()).toMatchObject({ balanceUsd: '1', reservedUsd: '0.99' });
  });

  test('of many steps of one request at the same time never adds up to more than its budget', async () => {
    const ref = await ask('0.5');
    await Promise.all(Array.from({ length: 10 }, (_, index) => reserving(ref, index + 1, '0.12')));
    expect(await wallet()).toMatchObject({ reservedUsd: '0.48' });
  });
});

describe('a turn', () => {
  test('gives back what it did not need and takes its real price out of the wallet', async () => {
    await credit('1');
    const ref = await ask();
    kit.answer(async () => {
      expect(await wallet()).toMatchObject({ balanceUsd: '1', reservedUsd: '0.01' });
      return ANSWER;
    });
    expect(await think(ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await wallet()).toEqual({
      balanceUsd: '0.999',
      reservedUsd: '0',
      spentUsd: { today: '0.001', month: '0.001', total: '0.001' },
      unlimited: false,
    });
    expect((await view(ref)).cost).toMatchObject({
      totalUsd: '0.001',
      charges: [{ kind: 'model', step: 'turn 1', estimated: false, usd: '0.001' }],
    });
  });

  test.each([
    ['refused before an answer', new ModelError('overloaded', 'x'), []],
    ['useless but counted', new ModelError('cut_off', 'x', { usage: ANSWER.usage }), [['0.001', false]]],
    ['broken off', new ModelError('cut_off', 'x'), [['0.01', true]]],
  ])('whose first attempt is %s pays for what it may have cost', async (_, error, lost) => {
    await credit('1');
    const ref = await ask();
    kit.answer(() => Promise.reject(error));
    await expect(think(ref)).rejects.toThrow('Model.');
    kit.answer(() => ANSWER);
    await think(ref);
    const { cost } = await view(ref);
    expect(cost.charges.map(({ step, usd, estimated }) => [step, usd, estimated])).toEqual([
      ...lost.map((charge) => ['turn 1, attempt 1', ...charge]),
      ['turn 1', '0.001', false],
    ]);
    expect(await wallet()).toMatchObject({ reservedUsd: '0', balanceUsd: (1 - Number(cost.totalUsd)).toFixed(3) });
    const events = await readEvents(kit.engine, ben, ref.request, 0, 100);
    expect(events.filter(({ type }) => type === 'charge')).toHaveLength(cost.charges.length);
  });

  test('that is under way when its request is cancelled is paid at its bound, once', async () => {
    await credit('1');
    const ref = await ask();
    kit.answer(async () => {
      await cancelRequest(kit.engine, ben, ref.request);
      return ANSWER;
    });
    await think(ref);
    expect((await view(ref)).cost).toMatchObject({ totalUsd: '0.01', charges: [{ estimated: true }] });
    expect(await wallet()).toMatchObject({ balanceUsd: '0.99', reservedUsd: '0' });
    const events = await readEvents(kit.engine, ben, ref.request, 0, 100);
    expect(events.at(-1)?.type).toBe('done');
  });

  test('whose attempts are counted anew books every lost one', async () => {
    const ref = await ask();
    for (let round = 0; round < 3; round += 1) {
      kit.answer(() => Promise.reject(new ModelError('cut_off', 'x')));
      await expect(think(ref)).rejects.toThrow('Model.');
      await kit.engine.db.as(ben, (tx) => tx.run(sql`update agents set attempts = 0 where id = ${ref.agent}`));
    }
    kit.answer(() => ANSWER);
    await think(ref);
    const charges = (await view(ref)).cost.charges;
    expect(charges.map(({ step }) => step)).toEqual([
      'turn 1, attempt 1',
      'turn 1, attempt 2',
      'turn 1, attempt 3',
      'turn 1',
    ]);
    expect(await wallet()).toMatchObject({ reservedUsd: '0', spentUsd: { total: '0.031' } });
  });

  test('that is settled twice is paid once', async () => {
    await credit('1');
    const ref = await ask();
    await reserving(ref, 1, '0.5');
    const spent = { name: 'canned', quantity: 15, usd: '0.2' };
    await Promise.all([1, 2].map(() => settleAttempt(kit.engine, ref, { turn: 1, attempt: 1 }, spent)));
    expect(await wallet()).toMatchObject({ balanceUsd: '0.8', reservedUsd: '0' });
  });
});

describe('over budget', () => {
  test('the user is asked once, in plain words, and the request waits with what is known so far', async () => {
    const ref = await calling('dear_inside', '0.305');
    await runSkillCall(kit.deps, ref.work, 1, signal);
    kit.answer(() => ANSWER);
    expect(await think(ref, 2)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    expect(await think(ref, 2)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    const [approval, ...more] = await approvals(ref);
    expect(more).toEqual([]);
    expect(approval).toMatchObject({
      title: 'Continue for about $0.04?',
      payload: { scope: 'request', neededUsd: '0.01', spentUsd: '0.301', budgetUsd: '0.305', extraUsd: '0.04' },
      preview: { costUsd: '0.04', text: expect.stringContaining('has spent $0.30 of its budget') },
    });
    // No approval outlives its request, which has an hour here.
    expect(approval?.days).toBeCloseTo(1 / 24, 3);
    expect(approval?.payload_hash).toBe(payloadHash(approval?.payload ?? null));
    expect(await view(ref)).toMatchObject({
      status: 'waiting_approval',
      waitingFor: [{ kind: 'approval', id: approval?.id, text: approval?.title }],
      result: { text: '' },
    });
    const events = await readEvents(kit.engine, ben, ref.request, 0, 100);
    expect(events.slice(-2)).toMatchObject([
      { type: 'approval.requested', data: { approval: approval?.id, title: approval?.title } },
      { type: 'status', data: { status: 'waiting_approval' } },
    ]);
    expect(await wallet()).toMatchObject({ reservedUsd: '0' });
  });

  test('an approval raises the budget, by another amount when it was edited, and nothing else of it', async () => {
    const ref = await ask('0.001');
    await think(ref);
    const [approval] = await approvals(ref);
    const payload = approval?.payload as Record<string, JsonValue>;
    for (const wrong of [{ ...payload, budgetUsd: '9' }, { ...payload, extraUsd: '0' }, { ...payload, more: 1 }, null])
      await expect(approve(ref, payload, wrong)).rejects.toMatchObject({ type: 'invalid-body', status: 422 });
    await approve(ref, payload, { ...payload, extraUsd: '0.5' });
    expect((await view(ref)).agents[0]?.budgetUsd).toBe('0.501');
  });

  test('a question that nobody answers in time ends the request, and what it did stays', async () => {
    const ref = await calling('dear_inside', '0.305');
    await runSkillCall(kit.deps, ref.work, 1, signal);
    await think(ref, 2);
    await kit.engine.db.as(ben, (tx) =>
      tx.run(sql`update approvals set expires_at = now() where request_id = ${ref.request}`),
    );
    expect(await think(ref, 2)).toMatchObject({ kind: 'done', status: 'failed' });
    expect(await view(ref)).toMatchObject({ error: BUDGET_REFUSED, cost: { totalUsd: '0.301' }, waitingFor: [] });
    const [row] = await kit.engine.db.as(ben, (tx) =>
      tx.rows<{ status: string }>(sql`select status from approvals where request_id = ${ref.request}`),
    );
    expect(row?.status).toBe('expired');
  });

  test('an approval about the wallet is refused until there is credit', async () => {
    await credit('0.001');
    const ref = await ask();
    expect(await think(ref)).toMatchObject({ kind: 'wait' });
    const [approval] = await approvals(ref);
    expect(approval).toMatchObject({
      title: 'Continue? The wallet needs about $0.04 more.',
      payload: { scope: 'wallet', neededUsd: '0.01' },
    });
    const payload = approval?.payload ?? null;
    await expect(approve(ref, payload)).rejects.toMatchObject({
      type: 'conflict',
      message:
        'The wallet has $0.001 and $0.01 is needed: give it credit with POST /v1/wallet/credits, then approve again.',
    });
    await credit('0.04');
    await approve(ref, payload);
  });
});

describe.each(['dear_inside', 'dear_outside'])('a priced skill (%s)', (name) => {
  test('is paid for when it has run, and its money is set aside while it runs', async () => {
    await credit('1');
    const ref = await calling(name);
    const meanwhile: string[] = [];
    // Inside a transaction nothing else can look.
    if (name === 'dear_outside') work = async () => void meanwhile.push((await wallet()).reservedUsd);
    await runSkillCall(kit.deps, ref.work, 1, signal);
    expect(ran).toEqual([name]);
    expect(meanwhile).toEqual(name === 'dear_outside' ? ['0.3'] : []);
    expect(await wallet()).toMatchObject({ balanceUsd: '0.699', reservedUsd: '0' });
    expect((await view(ref)).cost.charges.at(-1)).toMatchObject({
      kind: 'skill',
      step: `call ${ref.work.callId}`,
      usd: '0.3',
      estimated: false,
    });
  });

  test('that fails costs nothing', async () => {
    await credit('1');
    const ref = await calling(name);
    work = () => Promise.reject(new Error('broken'));
    for (let attempt = 1; attempt < 4; attempt += 1)
      await expect(runSkillCall(kit.deps, ref.work, attempt, signal)).rejects.toThrow();
    await runSkillCall(kit.deps, ref.work, 4, signal);
    expect(await wallet()).toMatchObject({ balanceUsd: '0.999', reservedUsd: '0' });
  });

  test('does not run without the money for it, and runs once it is approved', async () => {
    const ref = await calling(name, '0.2');
    await runSkillCall(kit.deps, ref.work, 1, signal);
    expect(ran).toEqual([]);
    expect(await think(ref, 2)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    const [approval] = await approvals(ref);
    expect(approval).toMatchObject({ payload: { scope: 'request', neededUsd: '0.3' } });
    await runSkillCall(kit.deps, ref.work, 2, signal);
    expect(await approvals(ref)).toHaveLength(1);
    await approve(ref, approval?.payload ?? null);
    await runSkillCall(kit.deps, ref.work, 1, signal);
    expect(ran).toEqual([name]);
    expect((await view(ref)).cost.totalUsd).toBe('0.301');
  });

  test('waits for money that other steps hold', async () => {
    await credit('0.5');
    const ref = await calling(name);
    const other = await ask();
    await reserving(other, 1, '0.3');
    await expect(runSkillCall(kit.deps, ref.work, 1, signal)).rejects.toThrow(MoneyHeld);
    expect(ran).toEqual([]);
    await settleAttempt(kit.engine, other, { turn: 1, attempt: 1 }, undefined);
    await runSkillCall(kit.deps, ref.work, 2, signal);
    expect(ran).toEqual([name]);
  });
});

test('a price of 0 needs no money', async () => {
  const ref = await calling('dear_inside', '0.02');
  const free = kit.engine.db.as(ben, (tx) => reserveCall(tx, kit.engine, ref.work, 'x', '0.00'));
  expect(await free).toBe(true);
});
