import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calendarStarts } from '../../engine/day-start.js';
import { getWallet } from '../../engine/wallet.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { newRequest } from './progress.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const EMPTY = { balanceUsd: '0', reservedUsd: '0', spentUsd: { today: '0', month: '0', total: '0' }, unlimited: true };
const give = (payload: Record<string, unknown>, token?: string) =>
  api.call({ method: 'POST', url: '/v1/wallet/credits', payload, ...(token === undefined ? {} : { token }) });

describe('a wallet', () => {
  test('is everybody’s from birth, without a limit', async () => {
    const anna = await api.person('Anna');
    for (const token of [anna.token, api.owner.token]) {
      const answer = await api.call({ url: '/v1/wallet', token });
      expect([answer.statusCode, answer.json()]).toEqual([200, EMPTY]);
    }
    expect((await api.call({ url: '/v1/wallet', token: null })).statusCode).toBe(401);
  });

  test('is limited by the first credit to what was given, and grows with every further one', async () => {
    const anna = await api.person('Anna');
    const first = await give({ usd: '2.50', user: anna.id, note: 'for May' });
    expect([first.statusCode, first.json()]).toEqual([201, { ...EMPTY, balanceUsd: '2.5', unlimited: false }]);
    expect((await give({ usd: '0.000001', user: anna.id })).json()).toMatchObject({ balanceUsd: '2.500001' });
    expect((await api.call({ url: '/v1/wallet', token: anna.token })).json()).toMatchObject({ balanceUsd: '2.500001' });
    expect((await api.call({ url: '/v1/wallet' })).json()).toMatchObject({ unlimited: true });
    const rows = await api.store.db.system((tx) =>
      tx.rows(sql`select usd::text, note, given_by from credits where user_id = ${anna.id} order by usd desc`),
    );
    expect(rows).toEqual([
      { usd: '2.50', note: 'for May', given_by: `user:${api.owner.id}` },
      { usd: '0.000001', note: null, given_by: `user:${api.owner.id}` },
    ]);
  });

  test('is filled once for one key, however often that is sent', async () => {
    const anna = await api.person('Anna');
    const keyed = (payload: Record<string, unknown>) =>
      api.call({ method: 'POST', url: '/v1/wallet/credits', payload, headers: { 'idempotency-key': `k-${anna.id}` } });
    const answers = await Promise.all([1, 2, 3].map(() => keyed({ usd: '3', user: anna.id })));
    expect(answers.map((answer) => answer.statusCode)).toEqual([201, 201, 201]);
    expect((await api.call({ url: '/v1/wallet', token: anna.token })).json()).toMatchObject({ balanceUsd: '3' });
    const other = await keyed({ usd: '4', user: anna.id });
    expect([other.statusCode, other.json()]).toMatchObject([422, { type: '/problems/reused-key' }]);
    expect((await api.call({ url: '/v1/wallet', token: anna.token })).json()).toMatchObject({ balanceUsd: '3' });
  });

  test('is filled by the owner alone', async () => {
    const anna = await api.person('Anna');
    for (const payload of [{ usd: '1' }, { usd: '1', user: anna.id }, { usd: '1', user: api.owner.id }]) {
      const answer = await give(payload, anna.token);
      expect([answer.statusCode, answer.json()]).toMatchObject([403, { type: '/problems/forbidden' }]);
    }
    expect((await api.call({ url: '/v1/wallet', token: anna.token })).json()).toEqual(EMPTY);
    expect(
      (await api.call({ method: 'POST', url: '/v1/wallet/credits', payload: { usd: '1' }, token: null })).statusCode,
    ).toBe(401);
  });

  test.each([
    ['an amount that is none', { usd: 'much' }, 400, 'usd'],
    ['a number', { usd: 1 }, 400, 'usd'],
    ['less than nothing', { usd: '-1' }, 400, 'usd'],
    ['no amount', {}, 400, 'usd'],
    ['an unknown field', { usd: '1', to: 'me' }, 400, 'to'],
    ['an unknown user', { usd: '1', user: 'usr_unknown' }, 422, 'user'],
  ])('takes no credit with %s', async (_, payload, status, path) => {
    const answer = await give(payload);
    expect([answer.statusCode, answer.json()]).toMatchObject([status, { errors: [{ path }] }]);
  });

  test('tells what was spent today, this month and in all, by the clock of its user [S4-39]', async () => {
    const anna = await api.person('Anna');
    await api.call({ method: 'PATCH', url: '/v1/me', payload: { timeZone: 'Asia/Tokyo' }, token: anna.token });
    const { request, agent } = await newRequest(api.engine, anna.id, 'hello');
    const { day, month } = calendarStarts(new Date(), 'Asia/Tokyo');
    const before = (at: Date, ms: number) => new Date(at.getTime() - ms).toISOString();
    const at = [day.toISOString(), before(day, 1), month.toISOString(), before(month, 1)];
    await api.store.db.system(async (tx) => {
      for (const [index, time] of at.entries())
        await tx.run(sql`
          insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd, at)
          values (${`chg_${index}`}, ${anna.id}, ${request}, ${agent}, ${`turn:${agent}:${index}`}, 'model', 'm', 1, 'tokens', ${10 ** index}, ${time})`);
    });
    const isFirst = day.getTime() === month.getTime();
    expect(await getWallet(api.engine, anna.id)).toMatchObject({
      spentUsd: isFirst ? { today: '101', month: '101', total: '1111' } : { today: '1', month: '111', total: '1111' },
    });
    const charges = (await api.call({ url: '/v1/charges', token: anna.token })).json().items;
    expect(charges[0]).toMatchObject({ step: 'turn 0', estimated: false });
    const sums = await api.call({ url: `/v1/charges?groupBy=agent&from=${month.toISOString()}`, token: anna.token });
    expect(sums.json().items).toEqual([{ key: agent, usd: isFirst ? '101' : '111', count: isFirst ? 2 : 3 }]);
  });
});

describe('a day', () => {
  test.each([
    ['2026-07-01T21:59:59Z', 'Europe/Berlin', '2026-06-30T22:00:00.000Z', '2026-06-30T22:00:00.000Z'],
    ['2026-07-01T22:00:00Z', 'Europe/Berlin', '2026-07-01T22:00:00.000Z', '2026-06-30T22:00:00.000Z'],
    ['2026-03-29T12:00:00Z', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-02-28T23:00:00.000Z'],
    ['2026-10-25T12:00:00Z', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-09-30T22:00:00.000Z'],
    ['2026-11-01T03:00:00Z', 'America/New_York', '2026-10-31T04:00:00.000Z', '2026-10-01T04:00:00.000Z'],
    ['2026-05-05T05:05:05Z', 'Asia/Kathmandu', '2026-05-04T18:15:00.000Z', '2026-04-30T18:15:00.000Z'],
    ['2026-05-05T05:05:05Z', 'UTC', '2026-05-05T00:00:00.000Z', '2026-05-01T00:00:00.000Z'],
  ])('at %s in %s began at %s', (now, zone, day, month) => {
    const starts = calendarStarts(new Date(now), zone);
    expect([starts.day.toISOString(), starts.month.toISOString()]).toEqual([day, month]);
  });
});
