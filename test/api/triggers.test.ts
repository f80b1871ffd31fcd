import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiHarness, openApi } from './harness.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi({ publicUrl: 'https://house.example/' });
});
afterAll(() => api.close());

const CRON = { kind: 'cron', spec: { rrule: 'FREQ=DAILY;BYHOUR=6;BYMINUTE=0' }, instructions: 'Write the briefing.' };
const WATCH = {
  kind: 'watch',
  spec: { url: 'https://shop.example/', condition: { kind: 'down' } },
  instructions: 'Say so.',
};
const post = (payload: object, token?: string) =>
  api.call({ method: 'POST', url: '/v1/triggers', payload, ...(token === undefined ? {} : { token }) });
const patch = (id: string, payload: object) => api.call({ method: 'PATCH', url: `/v1/triggers/${id}`, payload });
const get = (id: string, token?: string) =>
  api.call({ url: `/v1/triggers/${id}`, ...(token === undefined ? {} : { token }) });

describe('a trigger', () => {
  test('is made, seen, changed and removed, with whole links', async () => {
    const answer = await post({ ...CRON, budgetUsd: '0.5', cooldownSeconds: 60, agent: 'narrow' });
    expect(answer.statusCode).toBe(201);
    const made = answer.json();
    expect(made).toMatchObject({
      kind: 'cron',
      spec: { rrule: CRON.spec.rrule, timeZone: 'Europe/Berlin' },
      agent: 'narrow',
      budgetUsd: '0.5',
      cooldownSeconds: 60,
      enabled: true,
      nextAt: expect.stringMatching(/:00:00\.000Z$/),
      links: { self: `https://house.example/v1/triggers/${made.id}` },
    });
    expect(made).not.toHaveProperty('secret');
    expect((await get(made.id)).json()).toEqual(made);
    expect((await api.call({ url: '/v1/triggers' })).json()).toEqual({ items: [made] });
    const changed = (await patch(made.id, { enabled: false, instructions: 'Write it short.' })).json();
    expect(changed).toMatchObject({ enabled: false, instructions: 'Write it short.', links: made.links });
    expect(changed).not.toHaveProperty('nextAt');
    const removed = await api.call({ method: 'DELETE', url: `/v1/triggers/${made.id}` });
    expect([removed.statusCode, removed.json()]).toEqual([200, { id: made.id, deleted: true }]);
    expect((await get(made.id)).statusCode).toBe(404);
  });

  test('that looks at something has a next look, and takes a new period', async () => {
    const made = (await post(WATCH)).json();
    expect(made.spec).toEqual(WATCH.spec);
    expect(made.nextAt).toEqual(expect.any(String));
    expect((await patch(made.id, { spec: { ...WATCH.spec, everySeconds: 5 } })).json().spec.everySeconds).toBe(5);
  });

  test('of another person is not there', async () => {
    const { id } = (await post(WATCH)).json();
    const gus = await api.person('Gus');
    expect((await get(id, gus.token)).statusCode).toBe(404);
    expect((await api.call({ url: '/v1/triggers', token: gus.token })).json()).toEqual({ items: [] });
    for (const method of ['PATCH', 'DELETE'] as const)
      expect((await api.call({ method, url: `/v1/triggers/${id}`, payload: {}, token: gus.token })).statusCode).toBe(
        404,
      );
    expect((await get(id)).statusCode).toBe(200);
  });
});

describe('what is not right is named with its path', () => {
  test.each([
    [{ ...CRON, spec: { rrule: 'every day' } }, 422, 'spec.rrule'],
    [{ ...CRON, agent: 'nobody' }, 422, 'agent'],
    [{ ...CRON, conversation: 'cnv_none' }, 422, 'conversation'],
    [{ kind: 'space', spec: { space: 'spc_none' }, instructions: 'x' }, 422, 'spec.space'],
    [{ ...CRON, kind: 'moon' }, 400, 'kind'],
    [{ ...CRON, instructions: ' ' }, 400, 'instructions'],
    [{ ...CRON, budgetUsd: 1 }, 400, 'budgetUsd'],
    [{ ...CRON, spec: { ...CRON.spec, timeZone: 'Mars/Base' } }, 400, 'spec.timeZone'],
    [{ ...WATCH, spec: { ...WATCH.spec, url: 'file:///etc/passwd' } }, 400, 'spec.url'],
    [{ ...WATCH, spec: { ...WATCH.spec, everySeconds: 1 } }, 400, 'spec.everySeconds'],
    [{ kind: 'webhook', spec: { secret: 'mine' }, instructions: 'x' }, 400, 'spec.secret'],
  ])('%j', async (payload, status, path) => {
    const answer = await post(payload);
    expect([answer.statusCode, answer.json().errors?.map((error: { path: string }) => error.path)]).toEqual([
      status,
      [path],
    ]);
  });

  test('also in a change, which then changes nothing', async () => {
    const made = (await post(WATCH)).json();
    for (const [payload, status, path] of [
      [{ spec: { url: 'https://shop.example/', condition: { kind: 'under' } } }, 400, 'spec.condition.kind'],
      [{ spec: { rrule: 'FREQ=DAILY' } }, 400, 'spec.url'],
      [{ agent: 'nobody' }, 422, 'agent'],
    ] as const) {
      const answer = await patch(made.id, payload);
      expect(answer.statusCode).toBe(status);
      expect(answer.json().errors.map((error: { path: string }) => error.path)).toContain(path);
    }
    expect((await get(made.id)).json()).toEqual(made);
    expect((await patch('trg_none', {})).statusCode).toBe(404);
  });
});
