import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decide } from '../../engine/decisions.js';
import { getWallet, giveCredit } from '../../engine/wallet.js';
import { priceOf } from '../../models/prices.js';
import { sql } from '../../store/sql.js';
import { forbidOverspending } from '../helpers/never-overspent.js';
import type { RequestView } from '../helpers/world.js';
import type { FaultName, RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import { openStage, type Stage } from './stage.js';

const TASK: ScriptTurn = { text: 'noting it', calls: [{ name: 'tasks_create', input: { title: 'only once' } }] };
const DONE: ScriptTurn = { text: 'It is noted.' };
const LONG_MS = 120_000;

/** What the endpoint bills, at list price. */
function bill(calls: readonly RecordedCall[]): number {
  return calls.reduce(
    (sum, { usage, body, at }) =>
      sum + (usage === undefined || body === undefined ? 0 : Number(priceOf(body.model, usage, new Date(at)).usd)),
    0,
  );
}

type Charges = RequestView['cost']['charges'];
const sumOf = (charges: Charges): number => charges.reduce((sum, { usd }) => sum + Number(usd), 0);

describe('one wallet under many requests', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage({ file: { models: { maxOutputTokens: 2_048, idleSeconds: 5 } } });
    await forbidOverspending(stage.world.serving.installation.engine.db);
  });
  afterEach(async () => {
    stage.model.faults.splice(0);
    await stage.close();
  });

  const engine = () => stage.world.serving.installation.engine;
  const wallet = () => getWallet(engine(), stage.world.owner);
  const credit = (usd: string) => giveCredit(engine(), { id: stage.world.owner, isOwner: true }, { usd });
  const playAll = (count: number) =>
    Promise.all(Array.from({ length: count }, () => stage.play([TASK, DONE], { budgetUsd: '5' })));

  test('is never overspent, and what is charged is the bill and nothing below it [S0-18]', {
    timeout: 2 * LONG_MS,
  }, async () => {
    const faults: FaultName[] = ['truncate', 'reset', '529', 'sse-error', 'cut-tool-json', 'hang', '500', 'end-early'];
    stage.model.pushFaults(...faults.flatMap((fault) => ['ok' as const, 'ok' as const, fault]));
    stage.model.latencyMs = 30;
    await credit('3');
    const requests = await playAll(50);
    const views = await Promise.all(requests.map((request) => stage.world.ended(request, LONG_MS)));
    expect(views.map((view) => view.status)).toEqual(views.map(() => 'completed'));
    const charges = views.flatMap((view) => view.cost.charges);
    const estimates = charges.filter((charge) => charge.estimated);
    const exact = charges.filter((charge) => !charge.estimated);
    const counted = stage.model.calls.filter(({ fault }) => fault === 'ok' || fault === 'cut-tool-json');
    expect(sumOf(exact)).toBeCloseTo(bill(counted), 9);
    expect(sumOf(charges)).toBeGreaterThanOrEqual(bill(stage.model.calls));
    // Broken off, dropped, silent: what those cost nobody knows; a status is no bill.
    expect(estimates.length).toBeGreaterThanOrEqual(5);
    for (const view of views) expect(Number(view.cost.totalUsd)).toBeCloseTo(sumOf(view.cost.charges), 10);
    const after = await wallet();
    expect(after.reservedUsd).toBe('0');
    expect(3 - Number(after.balanceUsd)).toBeCloseTo(sumOf(charges), 9);
    expect(Number(after.spentUsd.total)).toBeCloseTo(sumOf(charges), 9);
  });

  test('that runs out asks the user, and goes on when there is credit and it is approved', {
    timeout: 2 * LONG_MS,
  }, async () => {
    await credit('0.2');
    const requests = await playAll(20);
    const stopped = await Promise.all(
      requests.map((request) =>
        stage.world.until(request, ({ status }) => status === 'waiting_approval' || status === 'completed', LONG_MS),
      ),
    );
    const waiting = stopped.filter((view) => view.status === 'waiting_approval');
    expect(waiting.length).toBeGreaterThan(5);
    expect(Number((await wallet()).spentUsd.total)).toBeLessThanOrEqual(0.2);
    expect(waiting[0]?.waitingFor).toMatchObject([
      { kind: 'approval', text: expect.stringMatching(/^Continue\? The wallet needs about \$\d+\.\d\d more\.$/) },
    ]);
    await credit('5');
    await Promise.all(waiting.map((view) => approve(view)));
    for (const view of waiting)
      expect(await stage.world.ended(view.id, LONG_MS)).toMatchObject({ status: 'completed', waitingFor: [] });
    expect((await wallet()).reservedUsd).toBe('0');
  });

  async function approve(view: RequestView): Promise<void> {
    const id = view.waitingFor[0]?.id ?? '';
    const { hash } = await engine().db.as(stage.world.owner, (tx) =>
      tx.one<{ hash: string }>(sql`select payload_hash as hash from approvals where id = ${id}`),
    );
    await decide(engine(), stage.world.owner, id, { decision: 'approve', payloadHash: hash });
  }
});

describe('a budget', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ file: { models: { maxOutputTokens: 8_192 } } });
  });
  afterAll(() => stage.close());

  async function decided(view: RequestView, decision: 'approve' | 'reject'): Promise<RequestView> {
    const { engine } = stage.world.serving.installation;
    const id = view.waitingFor[0]?.id ?? '';
    const { hash } = await engine.db.as(stage.world.owner, (tx) =>
      tx.one<{ hash: string }>(sql`select payload_hash as hash from approvals where id = ${id}`),
    );
    await decide(engine, stage.world.owner, id, { decision, payloadHash: hash });
    return stage.world.ended(view.id);
  }

  const dear: ScriptTurn = { ...TASK, usage: { inputTokens: 0, outputTokens: 8_000, cacheReadTokens: 0 } };
  const runDry = async (): Promise<RequestView> => {
    const request = await stage.play([dear, DONE], { budgetUsd: '0.12' });
    return stage.world.until(request, ({ status }) => status === 'waiting_approval');
  };

  test('that is used up is asked for, and the request goes on from where it stopped when it is approved', async () => {
    const view = await runDry();
    expect(view).toMatchObject({
      cost: { totalUsd: '0.08' },
      result: { text: TASK.text, outputs: [{ title: 'only once' }] },
      waitingFor: [{ kind: 'approval', text: expect.stringMatching(/^Continue for about \$0\.\d\d\?$/) }],
    });
    const end = await decided(view, 'approve');
    expect(end).toMatchObject({ status: 'completed', result: { text: DONE.text } });
    expect(stage.asked(view.id)).toHaveLength(2);
    expect(await stage.callsOf(view.id)).toHaveLength(1);
  });

  test('that is refused ends the request and keeps what it found', async () => {
    const end = await decided(await runDry(), 'reject');
    expect(end).toMatchObject({
      status: 'failed',
      error: { type: 'budget' },
      result: { text: TASK.text, outputs: [{ title: 'only once' }] },
    });
  });

  test('that is nearly used up leaves less room for the answer', async () => {
    const view = await stage.finish([DONE], { budgetUsd: '0.09' });
    expect(view.status).toBe('completed');
    const room = Number(stage.asked(view.id)[0]?.body?.max_tokens);
    expect(room).toBeGreaterThanOrEqual(1_024);
    expect(room).toBeLessThan(8_192);
  });
});
