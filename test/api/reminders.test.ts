import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const { items } = z
  .object({
    items: z.array(
      z.object({
        request: z.string(),
        now: z.string(),
        timeZone: z.string(),
        expected: z.object({ dueUtc: z.string(), rrule: z.string().optional() }),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../data/reminders.json', import.meta.url), 'utf8')));

const preview = (payload: Record<string, unknown>, token?: string | null) =>
  api.call({ method: 'POST', url: '/v1/reminders/preview', payload, ...(token === undefined ? {} : { token }) });

test.each(items)('$request', async ({ request, now, timeZone, expected }) => {
  const answer = (await preview({ text: request, now, timeZone })).json();
  expect(Date.parse(answer.dueAt)).toBe(Date.parse(expected.dueUtc));
  expect(answer.recurrence).toBe(expected.rrule);
  expect(answer).not.toHaveProperty('question');
});

test('a time is that of the caller’s own zone where none is named, and of the named one where it is', async () => {
  const now = '2026-12-01T12:00:00Z';
  const text = 'remind me tomorrow at 9am to call Dana';
  expect((await preview({ text, now })).json()).toEqual({
    dueAt: '2026-12-02T08:00:00.000Z',
    timeZone: 'Europe/Berlin',
    local: '2026-12-02T09:00:00',
    text: 'call Dana',
  });
  expect((await preview({ text, now, timeZone: 'Asia/Tokyo' })).json()).toMatchObject({
    dueAt: '2026-12-02T00:00:00.000Z',
    timeZone: 'Asia/Tokyo',
  });
});

test('what is past, doubtful or no time is asked back, and nothing is made', async () => {
  const now = '2026-12-01T12:00:00Z';
  for (const text of ['remind me on 3 May 2021 to call Dana', 'remind me on 5/3 at nine', 'remind me to call Dana'])
    expect((await preview({ text, now })).json()).toEqual({
      dueAt: null,
      timeZone: 'Europe/Berlin',
      question: expect.stringMatching(/\?/),
    });
  expect(await api.store.db.system((tx) => tx.rows(sql`select id from requests`))).toEqual([]);
});

test.each([
  ['text', {}],
  ['text', { text: '' }],
  ['text', { text: 'x'.repeat(2_001) }],
  ['timeZone', { text: 'tomorrow', timeZone: 'Mars/Olympus' }],
  ['now', { text: 'tomorrow', now: 'yesterday' }],
  ['when', { text: 'tomorrow', when: 'now' }],
] as const)('a wrong %s is named', async (path, payload) => {
  const answer = await preview(payload);
  expect(answer.statusCode).toBe(400);
  const paths = (answer.json() as { errors: { path: string }[] }).errors.map((error) => error.path);
  expect(new Set(paths)).toEqual(new Set([path]));
});

test('nobody is told anything without signing in', async () => {
  expect((await preview({ text: 'tomorrow at nine' }, null)).statusCode).toBe(401);
});
