import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Reminder } from '../../contracts/reminder.js';
import type { Request } from '../../contracts/request.js';
import type { ApiClient } from '../helpers/api-client.js';
import {
  endEverything,
  eventually,
  freePort,
  newHome,
  type Product,
  removeHomes,
  spawnProduct,
  startProduct,
} from '../helpers/processes.js';
import { copyDatabase } from '../helpers/store.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import { expectHistoryWhole } from './crash-harness.js';
import { STOP_AT, stoppedAt } from './mail-harness.js';

const SHIFT_CLOCK = fileURLToPath(new URL('./fixtures/shift-clock.mjs', import.meta.url));
const HOUR_MS = 3_600_000;
/** From here on what was due is late. */
const LATE_MS = 31_000;
/** A claim that its worker never answered for is made again after half a minute. */
const PATIENCE_MS = 90_000;

/** One installation lives through all of this: each start finds what the one before has left. */
let home: string;
let port: number;
let model: AnthropicStandIn;
let reminders: Record<'kettle' | 'anchor' | 'lantern', Reminder>;

beforeAll(async () => {
  home = newHome();
  await copyDatabase(path.join(home, 'database'));
  port = await freePort();
  model = await startAnthropicStandIn({ script: () => ({ text: 'Reminded.' }), factsFrom: 'anywhere' });
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await endEverything();
});

afterAll(async () => {
  await removeHomes();
  model.assertClean();
  await model.close();
});

function options(more: Record<string, string> = {}, preload?: string) {
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key', ...more };
  return { home, port, env, ...(preload === undefined ? {} : { preload }) };
}

/** A process that ends itself at the moment. */
function toStopAt(moment: string) {
  const mark = path.join(path.dirname(home), moment.replace(' ', '-'));
  return { mark, options: options({ STOP_AT: moment, STOP_MARK: mark }, STOP_AT) };
}

function withClock(shiftMs: number) {
  return options({ CLOCK_SHIFT_MS: String(shiftMs) }, SHIFT_CLOCK);
}

async function remind(api: ApiClient, name: string, inMs: number): Promise<Reminder> {
  const dueAt = new Date(Date.now() + inMs).toISOString();
  const { status, body } = await api.post<Reminder>('/v1/reminders', { text: `look after the ${name}`, dueAt });
  expect([status, body]).toMatchObject([201, { status: 'pending', nextAt: dueAt }]);
  return body;
}

/** When the model was asked about it, by the clock of this process, which is right. */
function asked({ text }: Reminder): number[] {
  return model.calls.flatMap((call) => (JSON.stringify(call.body?.messages ?? []).includes(text) ? [call.at] : []));
}

async function requestsOf(api: ApiClient, { conversation }: Reminder): Promise<Request[]> {
  return (await api.get<{ items: Request[] }>(`/v1/requests?conversation=${conversation}`)).body.items;
}

/** It has become one request, not before its time, and that one has ended as any other. */
async function expectOnce({ api, output }: Product, reminder: Reminder, late: unknown): Promise<Request> {
  const [request] = await eventually(
    async () => {
      const found = await requestsOf(api, reminder);
      return found.length > 0 && found.every(({ endedAt }) => endedAt !== undefined) && found;
    },
    PATIENCE_MS,
    output,
  );
  expect(await requestsOf(api, reminder)).toHaveLength(1);
  expect(request).toMatchObject({ origin: 'reminder', status: 'completed', result: { text: 'Reminded.' } });
  const after = (await api.get<Reminder>(`/v1/reminders/${reminder.id}`)).body;
  expect(after).toMatchObject({ status: 'fired', late, request: request?.id, dueAt: reminder.dueAt });
  expect(Date.parse(after.firedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(reminder.dueAt));
  expect(asked(reminder).length).toBeGreaterThan(0);
  expect(Math.min(...asked(reminder))).toBeGreaterThanOrEqual(Date.parse(reminder.dueAt));
  await expectHistoryWhole(api, request as Request);
  return request as Request;
}

/** By how many hours the database's clock was wrong when the request was made. */
function hoursWrong({ createdAt }: Request, reminder: Reminder): number {
  return Math.round((Date.parse(createdAt) - (asked(reminder)[0] ?? 0)) / HOUR_MS);
}

describe('kill -9 around the second in which a reminder comes due', () => {
  it('when it was claimed and nothing of that was committed', async () => {
    const { mark, options: stopping } = toStopAt('before claimed');
    const product = await startProduct(stopping);
    const kettle = await remind(product.api, 'kettle', 3_000);
    await product.ended(PATIENCE_MS);
    expect(stoppedAt(mark)).toEqual({ moment: 'before claimed', pid: product.pid });
    reminders = { kettle, anchor: kettle, lantern: kettle };
  });

  it('when the claim was committed and its request not started, with the Temporal server', async () => {
    const { mark, options: stopping } = toStopAt('after claimed');
    const product = await spawnProduct(stopping);
    await product.ended(PATIENCE_MS);
    expect(stoppedAt(mark)).toEqual({ moment: 'after claimed', pid: product.pid });
    await product.killAll();
    expect(asked(reminders.kettle)).toEqual([]);
  });

  it('when the model was being asked, and before others came due', async () => {
    model.latencyMs = 120_000;
    const product = await startProduct(options());
    const { kettle } = reminders;
    await eventually(async () => asked(kettle).length > 0, PATIENCE_MS, product.output);
    const [anchor, lantern] = [
      await remind(product.api, 'anchor', 15_000),
      await remind(product.api, 'lantern', 90_000),
    ];
    await product.kill();
    expect(Date.now()).toBeLessThan(Date.parse(anchor.dueAt));
    reminders = { ...reminders, anchor, lantern };
    model.latencyMs = 0;
  });
});

describe('a worker whose clock is wrong goes by that of the server', () => {
  it('an hour ahead: what came due while nothing ran is late, what is still to come is not early [S3-06]', async () => {
    const { kettle, anchor, lantern } = reminders;
    await delay(Math.max(0, Date.parse(anchor.dueAt) + LATE_MS - Date.now()));
    const product = await startProduct(withClock(HOUR_MS));
    await expectOnce(product, kettle, expect.any(Boolean));
    expect(hoursWrong(await expectOnce(product, anchor, true), anchor)).toBe(1);
    expect(hoursWrong(await expectOnce(product, lantern, false), lantern)).toBe(1);
    await product.kill();
  });

  it('an hour behind: neither early nor an hour late [S3-29]', async () => {
    const product = await startProduct(withClock(-HOUR_MS));
    const compass = await remind(product.api, 'compass', 4_000);
    expect(hoursWrong(await expectOnce(product, compass, false), compass)).toBe(-1);
    for (const reminder of Object.values(reminders)) expect(await requestsOf(product.api, reminder)).toHaveLength(1);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });
});
