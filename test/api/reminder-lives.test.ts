import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Reminder } from '../../contracts/reminder.js';
import { claimDue } from '../../engine/clock/due.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

type Body = Record<string, unknown>;
const post = (payload: Body, token?: string) =>
  api.call({ method: 'POST', url: '/v1/reminders', payload, ...(token === undefined ? {} : { token }) });
const patch = (id: string, payload: Body, token?: string) =>
  api.call({ method: 'PATCH', url: `/v1/reminders/${id}`, payload, ...(token === undefined ? {} : { token }) });
const cancel = (id: string, token?: string) =>
  api.call({ method: 'DELETE', url: `/v1/reminders/${id}`, ...(token === undefined ? {} : { token }) });
const read = async (id: string): Promise<Reminder> => (await api.call({ url: `/v1/reminders/${id}` })).json();
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

async function made(payload: Body): Promise<Reminder> {
  const answer = await post(payload);
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

async function changed(id: string, payload: Body): Promise<Reminder> {
  const answer = await patch(id, payload);
  expect([answer.statusCode, answer.body]).toEqual([200, expect.any(String)]);
  return answer.json();
}

/** Has the clock pass this moment; what is due by then becomes a request. */
async function passing(at: string): Promise<void> {
  await claimDue(api.engine, { user: api.owner.id, at });
}

async function lived<T>(until: string, during: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(until) });
  try {
    return await during();
  } finally {
    vi.useRealTimers();
  }
}

function problem(answer: { statusCode: number; json(): unknown }): { status: number; paths: string[]; detail: string } {
  const { errors = [], detail } = answer.json() as { errors?: { path: string }[]; detail: string };
  return { status: answer.statusCode, paths: [...new Set(errors.map(({ path }) => path))], detail };
}

describe('a reminder that is set', () => {
  test('for a moment stands there in full, in a conversation of its own', async () => {
    const dueAt = inMs(DAY);
    const reminder = await made({ text: 'review the Q3 report\nall of it', dueAt });
    expect(reminder).toEqual({
      id: expect.stringMatching(/^rem_/),
      text: 'review the Q3 report\nall of it',
      dueAt,
      timeZone: 'Europe/Berlin',
      local: expect.stringMatching(/\(Europe\/Berlin\)$/),
      catchUp: 'latest',
      conversation: expect.stringMatching(/^cnv_/),
      context: { summary: '', refs: [] },
      status: 'pending',
      nextAt: dueAt,
      createdAt: expect.any(String),
    });
    expect(await read(reminder.id)).toEqual(reminder);
    const conversation = await api.call({ url: `/v1/conversations/${reminder.conversation}` });
    expect(conversation.json()).toMatchObject({ title: 'review the Q3 report' });
  });

  test('in words is due by the clock of its user, or by the one that is named', async () => {
    const spoken = { text: 'review the Q3 report', when: 'tomorrow at 9am' };
    const [own, other] = await lived('2026-12-01T12:00:00Z', async () => [
      await made(spoken),
      await made({ ...spoken, timeZone: 'Asia/Tokyo' }),
    ]);
    expect(own).toMatchObject({
      dueAt: '2026-12-02T08:00:00.000Z',
      local: 'Wed 2 Dec 2026, 09:00 (Europe/Berlin)',
      timeZone: 'Europe/Berlin',
    });
    expect(other).toMatchObject({ dueAt: '2026-12-02T00:00:00.000Z', timeZone: 'Asia/Tokyo' });
  });

  test('keeps everything that was said of it', async () => {
    const { conversation } = await made({ text: 'first', dueAt: inMs(DAY) });
    const given = {
      text: 'water the plants',
      recurrence: 'FREQ=WEEKLY;BYDAY=MO',
      timeZone: 'America/New_York',
      catchUp: 'all',
      catchUpWindow: 'P2D',
      overlap: 'queue',
      conversation,
      context: 'The ones on the balcony.',
    } as const;
    const { context, ...rest } = given;
    const reminder = await made(given);
    expect(reminder).toMatchObject({ ...rest, context: { summary: context, refs: [] } });
    expect(new Date(reminder.dueAt).getTime()).toBeGreaterThan(Date.now());
    expect(reminder.local).toMatch(/^Mon .*\(America\/New_York\)$/);
  });

  test.each([
    ['on 5/3 at nine', /\?$/],
    ['on 3 May 2021 at 9', /\?/],
    ['some time', /\?/],
  ])('is not set while “%s” leaves a doubt: the question comes back', async (when, question) => {
    const before = (await api.call({ url: '/v1/reminders' })).json();
    const answer = await post({ text: 'call Dana', when });
    expect(problem(answer)).toEqual({ status: 422, paths: ['when'], detail: expect.stringMatching(question) });
    expect((await api.call({ url: '/v1/reminders' })).json()).toEqual(before);
  });

  test.each([
    ['dueAt', 'a time that has passed', { text: 'x', dueAt: '2020-01-01T00:00:00Z' }],
    ['dueAt', 'no time beside the text', { text: 'tomorrow at nine, call Dana' }],
    ['when', 'two times', { text: 'x', dueAt: '2090-01-01T00:00:00Z', when: 'tomorrow at 9' }],
    ['recurrence', 'a rule that is none', { text: 'x', recurrence: 'FREQ=SOMETIMES' }],
    ['recurrence', 'a rule that never comes round', { text: 'x', recurrence: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' }],
    ['recurrence', 'a rule that is over', { text: 'x', recurrence: 'FREQ=DAILY;UNTIL=20200101T000000Z' }],
    ['conversation', 'no conversation', { text: 'x', dueAt: '2090-01-01T00:00:00Z', conversation: 'cnv_none' }],
  ])('means something: %s is named for %s', async (path, _what, payload) => {
    expect(problem(await post(payload))).toMatchObject({ status: 422, paths: [path] });
  });

  test('stays out of the conversations of others', async () => {
    const eve = await api.person('Eve');
    const mine = await made({ text: 'mine', dueAt: inMs(DAY) });
    const answer = await post({ text: 'x', dueAt: inMs(DAY), conversation: mine.conversation }, eve.token);
    expect(problem(answer)).toMatchObject({ status: 422, paths: ['conversation'] });
  });

  test.each([
    ['text', { dueAt: '2090-01-01T00:00:00Z' }],
    ['text', { text: ' \n', dueAt: '2090-01-01T00:00:00Z' }],
    ['text', { text: 'x'.repeat(4_001), dueAt: '2090-01-01T00:00:00Z' }],
    ['dueAt', { text: 'x', dueAt: 'tomorrow' }],
    ['dueAt', { text: 'x', dueAt: '2090-01-01T00:00:00' }],
    ['when', { text: 'x', when: '' }],
    ['timeZone', { text: 'x', when: 'tomorrow', timeZone: 'Mars/Olympus' }],
    ['catchUp', { text: 'x', when: 'tomorrow', catchUp: 'some' }],
    ['catchUpWindow', { text: 'x', when: 'tomorrow', catchUpWindow: 'P1M' }],
    ['overlap', { text: 'x', when: 'tomorrow', overlap: 'both' }],
    ['conversation', { text: 'x', when: 'tomorrow', conversation: '../1' }],
    ['status', { text: 'x', when: 'tomorrow', status: 'fired' }],
    ['agent', { text: 'x', when: 'tomorrow', agent: 'narrow' }],
    ['labels', { text: 'x', when: 'tomorrow', labels: [] }],
  ])('has the right shape: a wrong %s is named', async (path, payload) => {
    expect(problem(await post(payload))).toMatchObject({ status: 400, paths: [path] });
  });
});

describe('reminders', () => {
  test('are listed newest first, in pages, by their status and by their conversation', async () => {
    const { token } = await api.person('Lena');
    const list = async (query: string) => {
      const page: { items: Reminder[]; cursor?: string } = (
        await api.call({ url: `/v1/reminders?${query}`, token })
      ).json();
      return { texts: page.items.map(({ text }) => text), cursor: page.cursor ?? '' };
    };
    const own: Reminder[] = [];
    for (const text of ['one', 'two', 'three'])
      own.push((await post({ text, dueAt: inMs(DAY) }, token)).json() as Reminder);
    await cancel(own[0]?.id ?? '', token);
    await patch(own[1]?.id ?? '', { status: 'paused' }, token);
    expect((await list('')).texts).toEqual(['three', 'two', 'one']);
    const first = await list('limit=2');
    expect(first.texts).toEqual(['three', 'two']);
    expect(await list(`limit=2&cursor=${first.cursor}`)).toEqual({ texts: ['one'], cursor: '' });
    expect((await list('status=pending')).texts).toEqual(['three']);
    expect((await list('status=paused')).texts).toEqual(['two']);
    expect((await list('status=cancelled')).texts).toEqual(['one']);
    expect((await list(`conversation=${own[1]?.conversation}`)).texts).toEqual(['two']);
  });

  test.each([
    ['status', 'status=late'],
    ['limit', 'limit=0'],
    ['cursor', 'cursor=made-up'],
    ['user', 'user=usr_1'],
  ])('a wrong %s of a list is named', async (path, query) => {
    expect(problem(await api.call({ url: `/v1/reminders?${query}` }))).toMatchObject({ status: 400, paths: [path] });
  });

  test('of somebody else are not there', async () => {
    const { id } = await made({ text: 'mine', dueAt: inMs(DAY) });
    const eve = await api.person('Eve');
    for (const answer of [
      await api.call({ url: `/v1/reminders/${id}`, token: eve.token }),
      await patch(id, { snooze: 'PT1H' }, eve.token),
      await cancel(id, eve.token),
      await cancel('rem_none'),
    ])
      expect(problem(answer)).toEqual({ status: 404, paths: [], detail: expect.stringMatching(/no reminder/) });
    expect((await api.call({ url: '/v1/reminders', token: eve.token })).json()).toEqual({ items: [] });
    expect(await read(id)).toMatchObject({ status: 'pending' });
  });
});

describe('snoozing', () => {
  test('moves one that waits from its time, and one that was delivered from now', async () => {
    const dueAt = inMs(HOUR);
    const { id } = await made({ text: 'stretch', dueAt });
    const later = new Date(Date.parse(dueAt) + 15 * 60_000).toISOString();
    expect(await changed(id, { snooze: 'PT15M' })).toMatchObject({ dueAt: later, nextAt: later, status: 'pending' });
    await passing(later);
    expect(await read(id)).toMatchObject({ status: 'fired', late: false, firedAt: later });
    const [before, again] = [Date.now(), await changed(id, { snooze: 'P1DT1H' })];
    expect(again.status).toBe('pending');
    expect(Date.parse(again.dueAt)).toBeGreaterThanOrEqual(before + DAY + HOUR);
    expect(Date.parse(again.dueAt)).toBeLessThanOrEqual(Date.now() + DAY + HOUR);
  });

  test('a delivery of a recurring one leaves its own times alone, however often', async () => {
    const start = '2030-03-04T09:00:00Z';
    const { id } = await made({ text: 'stand-up', dueAt: start, recurrence: 'FREQ=DAILY' });
    await passing('2030-03-04T09:00:01Z');
    await lived('2030-03-04T09:05:00.000Z', async () => {
      const snoozed = await changed(id, { snooze: 'PT15M' });
      expect(snoozed).toMatchObject({ dueAt: '2030-03-05T09:00:00.000Z', nextAt: '2030-03-04T09:20:00.000Z' });
      expect(await changed(id, { snooze: 'PT15M' })).toMatchObject({
        dueAt: '2030-03-05T09:00:00.000Z',
        nextAt: '2030-03-04T09:35:00.000Z',
      });
    });
    await passing('2030-03-04T09:35:00Z');
    expect(await read(id)).toMatchObject({ status: 'pending', nextAt: '2030-03-05T09:00:00.000Z' });
  });

  test('the next time of a recurring one moves that time alone, also twice', async () => {
    const { id } = await made({ text: 'pills', dueAt: '2031-03-04T09:00:00Z', recurrence: 'FREQ=DAILY' });
    for (const nextAt of ['2031-03-04T10:00:00.000Z', '2031-03-04T11:00:00.000Z'])
      expect(await changed(id, { snooze: 'PT1H' })).toMatchObject({ dueAt: '2031-03-05T09:00:00.000Z', nextAt });
  });

  test.each([
    [400, 'snooze', { snooze: '15 minutes' }],
    [400, 'snooze', { snooze: 'P1M' }],
    [400, 'snooze', { snooze: '-PT5M' }],
    [422, 'snooze', { snooze: 'PT5M', when: 'tomorrow at 9' }],
    [400, 'conversation', { conversation: 'cnv_1' }],
    [400, 'status', { status: 'fired' }],
    [422, 'dueAt', { dueAt: '2020-01-01T00:00:00Z' }],
    [422, 'recurrence', { recurrence: 'FREQ=NEVER' }],
    [422, 'when', { when: 'on 5/3 at nine' }],
  ])('and changing says with %d what is wrong with %s', async (status, path, payload) => {
    const reminder = await made({ text: 'x', dueAt: inMs(DAY) });
    expect(problem(await patch(reminder.id, payload))).toMatchObject({ status, paths: [path] });
    expect(await read(reminder.id)).toEqual(reminder);
  });

  test('ends before the times that no calendar has', async () => {
    const { id } = await made({ text: 'x', dueAt: '9999-06-01T00:00:00Z' });
    expect(problem(await patch(id, { snooze: 'P99999W' }))).toMatchObject({ status: 422, paths: ['snooze'] });
  });
});

describe('a change', () => {
  test('of text, time, words and recurrence is what counts from then on', async () => {
    const { id } = await made({ text: 'call Dana', dueAt: inMs(DAY) });
    expect(await changed(id, { text: 'call Dana back' })).toMatchObject({ text: 'call Dana back', status: 'pending' });
    const dueAt = inMs(2 * DAY);
    expect(await changed(id, { dueAt })).toMatchObject({ dueAt, nextAt: dueAt });
    await lived('2026-12-01T12:00:00Z', async () => {
      expect(await changed(id, { when: 'tomorrow at 9am' })).toMatchObject({ dueAt: '2026-12-02T08:00:00.000Z' });
      expect(await changed(id, { recurrence: 'FREQ=WEEKLY;BYDAY=FR' })).toMatchObject({
        dueAt: '2026-12-04T08:00:00.000Z',
        recurrence: 'FREQ=WEEKLY;BYDAY=FR',
      });
      const elsewhere = await changed(id, { timeZone: 'America/New_York' });
      expect(elsewhere).toMatchObject({ dueAt: '2026-12-04T14:00:00.000Z', timeZone: 'America/New_York' });
      expect(elsewhere.local).toBe('Fri 4 Dec 2026, 09:00 (America/New_York)');
      const once = await changed(id, {
        when: 'in 20 minutes',
        catchUp: 'skip',
        catchUpWindow: 'PT1H',
        overlap: 'skip',
      });
      expect(once).toMatchObject({ nextAt: '2026-12-01T12:20:00.000Z', catchUp: 'skip', catchUpWindow: 'PT1H' });
      expect(once).not.toHaveProperty('recurrence');
    });
  });

  test('to a time of day keeps the rule of what still comes round; with a day it is for that day alone', async () => {
    const daily = { text: 'pills', dueAt: '2036-03-04T08:00:00Z', recurrence: 'FREQ=DAILY;INTERVAL=2' };
    const [{ id }, over] = [await made(daily), await made({ ...daily, recurrence: 'FREQ=DAILY;COUNT=1' })];
    await passing('2036-03-04T08:00:00Z');
    await lived('2036-03-04T12:00:00Z', async () => {
      const moved = { recurrence: daily.recurrence, dueAt: '2036-03-06T09:00:00.000Z', status: 'pending' };
      expect(await changed(id, { when: 'at 10am' })).toMatchObject(moved);
      for (const [one, when] of [[id, 'tomorrow at 11am'] as const, [over.id, 'at 11am'] as const])
        expect((await changed(one, { when })).recurrence).toBeUndefined();
    });
  });

  test('of the clock passes the moment that was given by', async () => {
    const dueAt = inMs(DAY);
    const { id } = await made({ text: 'call', dueAt });
    expect(await changed(id, { timeZone: 'Asia/Tokyo' })).toMatchObject({
      dueAt,
      local: expect.stringMatching(/\(Asia\/Tokyo\)$/),
    });
  });

  test('gives a delivered one a new time; without one there is nothing to change', async () => {
    const { id } = await made({ text: 'call', dueAt: inMs(HOUR) });
    await passing(inMs(HOUR));
    expect(problem(await patch(id, { text: 'too late' }))).toMatchObject({ status: 409 });
    const dueAt = inMs(DAY);
    expect(await changed(id, { text: 'in time', dueAt })).toMatchObject({ text: 'in time', status: 'pending', dueAt });
  });
});

describe('a pause', () => {
  test('holds a reminder back until it goes on with what is still to come', async () => {
    const { id } = await made({ text: 'pills', dueAt: '2032-03-04T09:00:00Z', recurrence: 'FREQ=DAILY' });
    const paused = await changed(id, { status: 'paused' });
    expect(paused.status).toBe('paused');
    expect(paused).not.toHaveProperty('nextAt');
    await passing('2032-03-06T12:00:00Z');
    expect(await read(id)).toEqual(paused);
    await lived('2032-03-06T12:00:00Z', async () => {
      expect(await changed(id, { status: 'pending' })).toMatchObject({
        status: 'pending',
        nextAt: '2032-03-07T09:00:00.000Z',
      });
    });
    const { rows } = await rowsOf(id);
    expect(rows).toEqual([]);
  });

  test('forgets a snooze that passed meanwhile, and keeps one that is still to come', async () => {
    const { id } = await made({ text: 'pills', dueAt: '2033-03-04T09:00:00Z', recurrence: 'FREQ=DAILY' });
    await changed(id, { snooze: 'PT30M' });
    await changed(id, { status: 'paused' });
    await lived('2033-03-04T09:10:00Z', async () => {
      expect(await changed(id, { status: 'pending' })).toMatchObject({ nextAt: '2033-03-04T09:30:00.000Z' });
      await changed(id, { status: 'paused' });
    });
    await lived('2033-03-04T12:00:00Z', async () => {
      expect(await changed(id, { status: 'pending' })).toMatchObject({ nextAt: '2033-03-05T09:00:00.000Z' });
    });
  });

  test('over the only time asks for another', async () => {
    const { id } = await made({ text: 'call', dueAt: '2034-03-04T09:00:00Z' });
    await changed(id, { status: 'paused' });
    await lived('2034-03-05T09:00:00Z', async () => {
      expect(problem(await patch(id, { status: 'pending' }))).toMatchObject({ status: 409 });
      expect(await changed(id, { status: 'pending', when: 'tomorrow at 9' })).toMatchObject({ status: 'pending' });
    });
  });
});

/** Times at which it came due. */
async function rowsOf(id: string): Promise<{ rows: { outcome: string }[] }> {
  return {
    rows: await api.store.db.system((tx) =>
      tx.rows<{ outcome: string }>(sql`select outcome from occasions where source_id = ${id} order by due_at`),
    ),
  };
}

describe('cancelling', () => {
  test('is answered with what was cancelled, is harmless twice, and nothing is delivered after it', async () => {
    const { id } = await made({ text: 'call', dueAt: inMs(HOUR) });
    const answer = await cancel(id);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id, status: 'cancelled' });
    expect(answer.json()).not.toHaveProperty('nextAt');
    expect((await cancel(id)).json()).toEqual(answer.json());
    await passing(inMs(DAY));
    expect((await rowsOf(id)).rows).toEqual([]);
    expect(problem(await patch(id, { snooze: 'PT1H' }))).toMatchObject({ status: 409 });
  });

  test('comes too late for one that was delivered, and ends a recurring one that was', async () => {
    const once = await made({ text: 'call', dueAt: '2035-03-04T09:00:00Z' });
    const again = await made({ text: 'pills', dueAt: '2035-03-04T09:00:00Z', recurrence: 'FREQ=DAILY' });
    await passing('2035-03-04T09:00:00Z');
    expect(problem(await cancel(once.id))).toMatchObject({
      status: 409,
      detail: expect.stringMatching(/delivered already/),
    });
    expect((await cancel(again.id)).json()).toMatchObject({ status: 'cancelled' });
    await passing('2035-03-06T09:00:00Z');
    expect((await rowsOf(again.id)).rows).toEqual([{ outcome: 'fired' }]);
  });
});
