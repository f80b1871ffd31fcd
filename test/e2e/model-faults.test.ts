import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { priceOf } from '../../models/prices.js';
import { stringsIn } from '../stand-ins/anthropic-body.js';
import type { Fault, FaultName, RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import type { RequestView } from '../helpers/world.js';
import { openStage, type Stage } from './stage.js';

const TASK: ScriptTurn = { text: 'noting it', calls: [{ name: 'tasks_create', input: { title: 'only once' } }] };
const DONE: ScriptTurn = { text: 'It is noted, as you said.' };

/** What the endpoint bills for calls whose whole answer went out, at list price. */
function bill(calls: readonly RecordedCall[]): number {
  return calls.reduce(
    (sum, { usage, body, at }) =>
      sum + (usage === undefined || body === undefined ? 0 : Number(priceOf(body.model, usage, new Date(at)).usd)),
    0,
  );
}

function sumOf(charges: RequestView['cost']['charges']): number {
  return charges.reduce((sum, { usd }) => sum + Number(usd), 0);
}

describe('a fault of the model', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({
      file: { models: { idleSeconds: 4, parkedSeconds: 1, contextTokens: 10_000, fallback: ['claude-haiku-5-5'] } },
    });
  });
  afterEach(() => {
    const unused = stage.model.faults.splice(0);
    if (unused.length > 0) throw new Error(`faults that never happened: ${JSON.stringify(unused)}`);
    stage.assertClean();
  });
  afterAll(() => stage.close());

  async function finish(
    turns: readonly ScriptTurn[],
    ...faults: Fault[]
  ): Promise<{ view: RequestView; asked: RecordedCall[] }> {
    stage.model.pushFaults(...faults);
    const view = await stage.finish(turns);
    return { view, asked: stage.asked(view.id) };
  }

  const PASSING: FaultName[] = [
    '529',
    '500',
    '503',
    '504',
    '408',
    '429',
    'reset',
    'hang',
    'stall',
    'truncate',
    'end-early',
    'no-message-stop',
    'null-stop-reason',
    'cut-tool-json',
    'bad-event',
    'sse-error',
  ];

  /** The endpoint refused before it answered: nobody bills that. */
  const FREE: readonly FaultName[] = ['529', '500', '503', '429'];
  /** The useless answer came to its end, so that its price is known. */
  const COUNTED: readonly FaultName[] = ['null-stop-reason', 'cut-tool-json'];

  test.each(PASSING)('that passes (%s) loses no turn, runs nothing of a part and is paid for once', async (fault) => {
    const { view, asked } = await finish([TASK, DONE], fault);
    expect(view).toMatchObject({ status: 'completed', waitingFor: [], result: { text: DONE.text } });
    expect(asked).toHaveLength(3);
    expect(asked[1]?.body?.messages).toEqual(asked[0]?.body?.messages);
    expect(await stage.callsOf(view.id)).toMatchObject([{ skill: 'tasks_create', status: 'done' }]);
    expect((await stage.turnsOf(view.id)).map((turn) => turn.attempt)).toEqual([2, 1]);
    const lost = view.cost.charges.filter((charge) => charge.step.includes('attempt'));
    expect(lost.map(({ step, estimated }) => ({ step, estimated }))).toEqual(
      FREE.includes(fault) ? [] : [{ step: 'turn 1, attempt 1', estimated: !COUNTED.includes(fault) }],
    );
    const answered = view.cost.charges.filter((charge) => !lost.includes(charge));
    expect(answered.map(({ step, estimated }) => ({ step, estimated }))).toEqual([
      { step: 'turn 1', estimated: false },
      { step: 'turn 2', estimated: false },
    ]);
    expect(sumOf(answered)).toBeCloseTo(bill(asked.slice(1)), 10);
    const [charged, billed] = [sumOf(view.cost.charges), bill(asked)];
    expect(charged).toBeGreaterThanOrEqual(billed - 1e-12);
    expect(COUNTED.includes(fault) ? charged : 0).toBeCloseTo(COUNTED.includes(fault) ? billed : 0, 10);
  });

  test.each<FaultName>(['drip', 'linger', 'unknown-event', 'unknown-block'])(
    'that is none (%s) changes nothing',
    async (fault) => {
      const { view, asked } = await finish([TASK, DONE], fault === 'drip' ? { kind: 'drip', everyMs: 2 } : fault);
      expect(view).toMatchObject({ status: 'completed', result: { text: DONE.text } });
      expect(asked).toHaveLength(2);
      expect(Number(view.cost.totalUsd)).toBeCloseTo(bill(asked), 10);
    },
  );

  test('that asks for time is waited for at least that long, and the user sees why', async () => {
    stage.model.pushFaults({ kind: '429', retryAfter: 3 });
    const request = await stage.play([DONE]);
    const waiting = await stage.world.until(request, (view) => view.waitingFor.length > 0);
    expect(waiting).toMatchObject({
      status: 'running',
      waitingFor: [{ kind: 'model', text: expect.stringContaining('rate limited') }],
    });
    const view = await stage.world.ended(request);
    expect(view).toMatchObject({ status: 'completed', waitingFor: [], result: { text: DONE.text } });
    const [first, second] = stage.asked(request);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(await stage.turnsOf(request)).toHaveLength(1);
  });

  test('that goes on (overload) is met with the fallback model', async () => {
    const { view, asked } = await finish([DONE], '529', '529', 'sse-error');
    expect(view).toMatchObject({ status: 'completed', result: { text: DONE.text } });
    expect(asked.map((call) => call.body?.model)).toEqual([
      ...Array.from({ length: 3 }, () => 'claude-sonnet-5-5'),
      'claude-haiku-5-5',
    ]);
    expect(view.cost.charges).toMatchObject([
      { name: 'claude-sonnet-5-5', step: 'turn 1, attempt 3', estimated: true },
      { name: 'claude-haiku-5-5', step: 'turn 1', estimated: false },
    ]);
    expect(sumOf(view.cost.charges.slice(1))).toBeCloseTo(bill(asked.slice(-1)), 10);
  });

  test('that is a refusal is shown to the user and not asked again', async () => {
    const { view, asked } = await finish([TASK, DONE], 'ok', 'refusal');
    expect(view).toMatchObject({
      status: 'failed',
      error: { type: 'refusal', message: expect.stringContaining('declined') },
      result: { outputs: [{ title: 'only once' }] },
    });
    expect(asked).toHaveLength(2);
    expect(Number(view.cost.totalUsd)).toBeCloseTo(bill(asked), 10);
  });

  test('that is an empty answer is asked once more, and both are paid for', async () => {
    const { view, asked } = await finish([DONE], 'empty');
    expect(view).toMatchObject({ status: 'completed', result: { text: DONE.text } });
    expect(asked).toHaveLength(2);
    expect(Number(view.cost.totalUsd)).toBeCloseTo(bill(asked), 10);
  });

  test('that is a second empty answer ends the request with a plain sentence, even after other faults', async () => {
    const { view, asked } = await finish([DONE], '529', 'empty', 'empty');
    expect(view).toMatchObject({
      status: 'failed',
      error: { type: 'empty-answer', message: expect.stringContaining('twice') },
    });
    expect(asked).toHaveLength(3);
  });

  test('that cuts the text at the output limit keeps the text and says that it ends there', async () => {
    const { view, asked } = await finish([DONE], 'max_tokens');
    expect(view.status).toBe('completed');
    expect(view.result?.text).toMatch(
      /^It is noted,[^]*\(The answer ends here: the model reached its output limit\.\)$/,
    );
    expect(asked).toHaveLength(1);
  });

  test('that cuts a tool call at the output limit runs nothing of it and is asked again with more room', async () => {
    const { view, asked } = await finish([TASK, DONE], 'max-tokens-in-tool');
    expect(view.status).toBe('completed');
    expect(asked.map((call) => call.body?.max_tokens)).toEqual([8_192, 16_384, 8_192]);
    expect(Number(view.cost.totalUsd)).toBeCloseTo(bill(asked), 10);
    expect(await stage.callsOf(view.id)).toMatchObject([{ status: 'done' }]);
  });

  test('that is a pause is resumed with what was said so far', async () => {
    const { view, asked } = await finish([{ text: 'The first half.' }, { text: 'The second half.' }], 'pause_turn');
    expect(view).toMatchObject({ status: 'completed', result: { text: 'The second half.' } });
    expect(stringsIn(asked[1]?.body?.messages).join('\n')).toContain('The first half.');
    expect(view.cost.charges).toHaveLength(2);
  });

  test.each<FaultName>(['context-window', 'context-window-in-tool', 'prompt-too-long', '413'])(
    'that is a full context (%s) leaves out the oldest results and answers',
    async (fault) => {
      stage.outside('big', async () => ({ text: 'abcdefgh'.repeat(1_500) }));
      const big = (note: string): ScriptTurn => ({ calls: [{ name: 'probe', input: { name: 'big', note } }] });
      const { view, asked } = await finish([big('one'), big('two'), DONE], 'ok', 'ok', fault);
      expect(view).toMatchObject({ status: 'completed', result: { text: DONE.text } });
      expect(asked).toHaveLength(4);
      const [before, after] = [asked[2], asked[3]].map((call) => stringsIn(call?.body?.messages).join('\n'));
      expect(before).not.toContain('left out to save room');
      expect(after?.match(/The result of probe was left out to save room/g)).toHaveLength(1);
      expect(after?.match(/abcdefghabcdefgh/)).not.toBeNull();
      expect(after).toContain('case ');
      expect(asked[3]?.body?.system).toEqual(asked[2]?.body?.system);
    },
  );

  test('that is a context which stays full ends the request with what to do', async () => {
    const { view } = await finish([DONE], ...Array.from({ length: 5 }, () => 'context-window' as const));
    expect(view).toMatchObject({
      status: 'failed',
      error: { type: 'too-large', message: expect.stringContaining('shorter') },
    });
  });

  test.each<FaultName>(['401', '402', '403', 'spend-limit'])(
    'that a person must mend (%s) parks the request, and it goes on afterwards',
    async (fault) => {
      stage.model.pushFaults(fault, fault);
      const request = await stage.play([TASK, DONE]);
      const parked = await stage.world.until(request, (view) => view.waitingFor.length > 0);
      const todo =
        fault === '401' || fault === '403' ? 'check ANTHROPIC_API_KEY' : "check the account's credit and limits";
      expect(parked).toMatchObject({
        status: 'running',
        waitingFor: [{ kind: 'model', text: expect.stringContaining(todo) }],
      });
      expect(parked.endedAt).toBeUndefined();
      const view = await stage.world.ended(request);
      expect(view).toMatchObject({ status: 'completed', waitingFor: [], result: { text: DONE.text } });
      expect(stage.asked(request)).toHaveLength(4);
      expect((await stage.turnsOf(request)).map((turn) => turn.attempt)).toEqual([1, 1]);
    },
  );

  test.each<FaultName>(['400', '404', 'html'])(
    'that repeating cannot mend (%s) ends the request at once with the reason',
    async (fault) => {
      const { view, asked } = await finish([DONE], fault);
      expect(view).toMatchObject({ status: 'failed', error: { type: 'model-refused-input' } });
      expect(view.error?.message.length).toBeGreaterThan(20);
      expect(asked).toHaveLength(1);
    },
  );
});
